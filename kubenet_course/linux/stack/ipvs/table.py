"""The connections that IPVS keeps on one machine, and whose turn it is (ip_vs_conn.c). No machine knows of another's.

IPVS has a table of its own beside conntrack's. A connection is found by its first packet's flow, and by the answers that
its server sends. A template stands for a client that is to keep its server (persistence).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any

from msgspec import Struct

from ...namespace.memory import SECOND
from ...packet.address import Address
from ...packet.packet import Flow, endpoint
from .servers import RealServer
from .states import ACTIVE

Service = tuple[Address, int, str]  # VirtualServer.key
LONGER = 60 * SECOND  # for which a template is kept on while connections still hang on it (expire_later)


class Kept(Struct, frozen=True):
    """A connection (struct ip_vs_conn): its first packet's flow, its server, and how far it has come.

    `control` is the client's template, where there is one. `expires` in nanoseconds of the simulated clock.
    """

    client: Flow
    server: RealServer
    state: str = "NONE"
    expires: int = 0
    control: tuple | None = None

    @property
    def service(self) -> Service:
        return self.client.dst, self.client.dport, self.client.proto.upper()

    @property
    def answers(self) -> Flow:
        """The flow that its server's answers have, unless the source was masqueraded on the way."""
        return Flow(self.client.proto, self.server.address, self.server.port, self.client.src, self.client.sport)

    @property
    def virtual(self) -> str:
        """The address and port that the client asked."""
        return endpoint(self.client.dst, self.client.dport)

    def __str__(self) -> str:
        return f"{self.client} at {self.server} {self.state}"


@dataclass(slots=True)
class Template:
    """A client's server: until when, and the connections that hang on it."""

    server: RealServer
    until: int
    holds: set[Flow] = field(default_factory=set)


@dataclass(slots=True)
class Turn:
    """Where a virtual server's scheduler stands: the servers that it knows, and its own memory."""

    reals: tuple[RealServer, ...]
    loads: list[Any]
    memory: Any


@dataclass(slots=True)
class IpvsTable:
    """All that one kernel's IPVS remembers. `active` and `inactive` count connections by virtual and real server."""

    by_client: dict[Flow, Kept] = field(default_factory=dict)
    by_server: dict[Flow, Kept] = field(default_factory=dict)
    templates: dict[tuple, Template] = field(default_factory=dict)
    turns: dict[Service, Turn] = field(default_factory=dict)
    active: Counter = field(default_factory=Counter)
    inactive: Counter = field(default_factory=Counter)
    lasting: dict[tuple, int] = field(
        default_factory=dict
    )  # by virtual and real server: its latest weight that was not 0
    due: list[tuple[int, int, Flow]] = field(default_factory=list)
    noted: int = 0

    def _count(self, kept: Kept, by: int) -> None:
        counted = self.active if kept.state in ACTIVE else self.inactive
        counted[kept.service, kept.server.address, kept.server.port] += by

    def keep(self, kept: Kept) -> None:
        """Takes a connection up, or remembers it as it now is."""
        before = self.by_client.get(kept.client)
        if before is not None:
            self._count(before, -1)
        self._count(kept, 1)
        self.by_client[kept.client] = self.by_server[kept.answers] = kept
        if before is None or kept.expires < before.expires:
            self.noted += 1
            heappush(self.due, (kept.expires, self.noted, kept.client))
        if kept.control in self.templates:
            self.templates[kept.control].holds.add(kept.client)

    def forget(self, kept: Kept, at: int) -> None:
        """The connection ends at a moment; its template lasts at least until then, in steps of a minute."""
        if self.by_client.pop(kept.client, None) is None:
            return
        self._count(kept, -1)
        if self.by_server.get(kept.answers) == kept:
            del self.by_server[kept.answers]
        template = self.templates.get(kept.control) if kept.control else None
        if template is not None:
            template.holds.discard(kept.client)
            while template.until < at:
                template.until += LONGER

    def over(self, now: int) -> list[Kept]:
        """Forgets the connections whose time is over, and says which those were."""
        found = []
        while self.due and self.due[0][0] <= now:
            _, number, client = heappop(self.due)
            kept = self.by_client.get(client)
            if kept is None:
                continue
            if kept.expires > now:
                heappush(self.due, (kept.expires, number, client))
            else:
                self.forget(kept, kept.expires)
                found.append(kept)
        return found

    def template(self, key: tuple, now: int) -> Template | None:
        """A client's template, if its time is not over: that does not end while a connection hangs on it."""
        found = self.templates.get(key)
        if found is None or found.until > now or found.holds:
            return found
        del self.templates[key]
        return None
