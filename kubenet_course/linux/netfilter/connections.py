"""The table of connections that conntrack keeps (nf_conntrack_hash in net/netfilter/nf_conntrack_core.c)."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..namespace.skb import Connection
from ..packet.packet import Flow


@dataclass(slots=True)
class Connections:
    """The connections that one kernel remembers, each under both of its flows.

    `sources` holds, by protocol, source and port, the first flows of connections of which the nat table was asked.
    """

    by_flow: dict[Flow, Connection] = field(default_factory=dict)
    sources: dict[tuple, list[Flow]] = field(default_factory=dict)

    def lookup(self, flow: Flow, now: int) -> Connection | None:
        """The connection that has this flow in one of its directions; one whose time is over is forgotten now."""
        known = self.by_flow.get(flow)
        if known is not None and known.expires <= now:
            self.forget(known)
            return None
        return known

    def update(self, known: Connection) -> None:
        """Remembers a confirmed connection as it now is, under both of its flows."""
        if known.confirmed:
            table = self.by_flow
            if known.original not in table and (known.snat_done or known.dnat_done):
                flow = known.original
                self.sources.setdefault((flow.proto, flow.src, flow.sport), []).append(flow)
            table[known.original] = table[known.reply] = known

    def forget(self, known: Connection) -> None:
        """The connection is gone, and with it its translation."""
        flow = known.original
        self.by_flow.pop(known.original, None)
        self.by_flow.pop(known.reply, None)
        same = self.sources.get((flow.proto, flow.src, flow.sport), [])
        if flow in same:
            same.remove(flow)
