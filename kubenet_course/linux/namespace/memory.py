"""What kernels remember between packets. A named object that you pass; leave it out and you get a fresh one."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from ..packet.address import Address, Mac
from ..packet.packet import Flow
from .netns import FdbEntry, NeighbourEntry
from .skb import Connection, Skb

SECOND = 1_000_000_000  # nanoseconds, the clock's unit


@dataclass(slots=True)
class Remembered:
    """What the kernel of one namespace has learned so far."""

    connections: dict[Flow, Connection] = field(default_factory=dict)  # each under both of its flows
    packets: Counter = field(
        default_factory=Counter
    )  # (family, table, chain, number from 1; 0 is the policy) -> packets
    bytes: Counter = field(default_factory=Counter)
    accounts: Counter = field(default_factory=Counter)  # nfacct objects and nth counters, by name
    recent: dict[str, dict[Address, list[int]]] = field(default_factory=dict)  # list -> address -> when it was seen
    sources: dict[tuple, list[Flow]] = field(default_factory=dict)  # (proto, src, sport) -> whose source was bound
    open: dict[Flow, int] = field(
        default_factory=dict
    )  # what programs wait for: flow as it will arrive -> its ack number
    buckets: dict[tuple, tuple[int, int]] = field(default_factory=dict)  # limit: (when, credit)
    heard: dict[tuple[str, Mac], FdbEntry] = field(default_factory=dict)  # (bridge, MAC)
    neighbours: dict[tuple[str, Address], NeighbourEntry] = field(default_factory=dict)  # (device, address)
    headers: set[tuple[str, Address]] = field(
        default_factory=set
    )  # neighbours whose frame header is kept ready (hh_cache)
    asked: dict[tuple[str, Address], tuple[int, int]] = field(
        default_factory=dict
    )  # neighbours that nobody has named yet: when the link was last asked, and how often by now
    half_open: dict[Flow, Any] = field(default_factory=dict)  # SYNs that were answered: stack.tcp.Request
    says: dict[Flow, Any] = field(default_factory=dict)  # what programs will say once their connections are open
    states: dict[Flow, Any] = field(default_factory=dict)  # what programs that listen remember of each connection
    waiting: dict[tuple[str, Address], list[Skb]] = field(default_factory=dict)  # packets that wait for a MAC


@dataclass(slots=True)
class Memory:
    """All that the kernels of a network remember, and the clock (integer nanoseconds)."""

    now: int = 0
    namespaces: dict[str, Remembered] = field(default_factory=dict)

    def of(self, namespace: str) -> Remembered:
        """What one namespace's kernel remembers."""
        if namespace not in self.namespaces:
            self.namespaces[namespace] = Remembered()
        return self.namespaces[namespace]

    def wait(self, seconds: float) -> Memory:
        """Lets time pass. What ages by the clock is looked at when it is next asked for."""
        self.now += int(seconds * SECOND)
        return self
