"""One workload, one scheduler, many nodes: which pod gets what, and how long the clients wait.

Each node chooses by itself and knows only its own connections, as IPVS does. A pod works on one request at a time; what
comes meanwhile waits in its queue, and the network takes no time (DEV-40). All times are whole milliseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from ...errors import BadInput
from ...linux.stack.ipvs.loads import Asked, Load
from ...linux.stack.ipvs.schedulers import SCHEDULERS
from ...linux.stack.ipvs.servers import RealServer
from .workload import CLIENTS, Connection, Draws, connections

RANDOM = "random"
WAYS = {
    RANDOM: "one drawn for each connection: iptables and nftables modes",
    "rr": "round robin: the next in the list",
    "lc": "least connection: who has the fewest open ones",
    "dh": "destination hashing: by the address that is asked",
    "sh": "source hashing: by the client's address",
    "sed": "shortest expected delay: the fewest open ones for its weight",
    "nq": "never queue: the first idle one, otherwise as sed",
}
PODS = {  # how fast each pod works; 4 is usual. A pod of speed 0 answers at once, with an error
    "alike": (4, 4, 4, 4),
    "unequal": (2, 6, 2, 6),
    "slow": (4, 1, 4, 4),
    "broken": (4, 0, 4, 4),
}
PODS_SAID = {
    "alike": "four alike",
    "unequal": "two are three times as fast as the others",
    "slow": "one works at a quarter of the speed",
    "broken": "one answers at once, with an error",
}
MOST_NODES = CLIENTS
USUAL, FAILS = 4, 1  # speed; ms until an error is there
SERVICE = "10.96.1.1"


class Spread(Struct, frozen=True):
    """What came of it. `got`: connections of each pod; `served`: its requests; `waits`: ms of each request, sorted."""

    scheduler: str
    got: tuple[int, ...]
    served: tuple[int, ...]
    errors: int
    waits: tuple[int, ...]

    @property
    def typical(self) -> int:
        """Half of all requests were answered faster."""
        return self.waits[len(self.waits) // 2]

    @property
    def slowest(self) -> int:
        """Nineteen of twenty requests were answered faster."""
        return self.waits[len(self.waits) * 19 // 20]

    @property
    def most(self) -> int:
        """The largest share of connections that a pod got, in per cent."""
        return round_half_up(100 * max(self.got), sum(self.got))


def round_half_up(part: int, whole: int) -> int:
    return (2 * part + whole) // (2 * whole)


class Node:
    """What one node remembers: its scheduler's memory, and when each of its connections ends (-1: it stays open)."""

    def __init__(self, scheduler: str, servers: Sequence[RealServer]):
        self.servers, self.ends = servers, [list[int]() for _ in servers]
        self.rule = SCHEDULERS[scheduler]
        self.memory: Any = self.rule.start(self.loads(0))

    def loads(self, now: int) -> list[Load]:
        active = [sum(end < 0 or end > now for end in ends) for ends in self.ends]
        return [
            Load(server, open_, len(ends) - open_)
            for server, ends, open_ in zip(self.servers, self.ends, active, strict=True)
        ]

    def choose(self, now: int, client: str) -> int:
        chosen, self.memory = self.rule.choose(self.loads(now), Asked(client, SERVICE), self.memory)
        assert chosen is not None  # every weight is 1
        return chosen


def client_addresses(seed: int) -> tuple[str, ...]:
    draws = Draws(seed + 2)
    return tuple(f"10.244.{1 + client}.{2 + draws.below(250)}" for client in range(CLIENTS))


def servers_of(count: int) -> tuple[RealServer, ...]:
    """In the order of the kernel's list. kube-proxy gives every pod the weight 1."""
    return tuple(RealServer(f"10.244.9.{10 + number}", 8080) for number in range(count))


def spread(scheduler: str, workload: str = "short", pods: str = "alike", nodes: int = 1, seed: int = 1) -> Spread:
    """Raises BadInput for a scheduler, a workload or pods that there are not, and for too many nodes."""
    for name, said, known in (("scheduler", scheduler, WAYS), ("pods", pods, PODS)):
        if said not in known:
            raise BadInput(name, f"{said!r} is none", f"choose {' or '.join(known)}")
    if not 1 <= nodes <= MOST_NODES:
        raise BadInput("nodes", f"{nodes} is out of range", f"choose 1 to {MOST_NODES}")
    return carried_out(scheduler, connections(workload, seed), PODS[pods], nodes, seed)


def carried_out(
    scheduler: str, asked: Sequence[Connection], speeds: Sequence[int], nodes: int = 1, seed: int = 1
) -> Spread:
    """Client number c asks from node c modulo `nodes`. A connection is given to a pod once, by its first request."""
    draws, servers, addresses = Draws(seed + 1), servers_of(len(speeds)), client_addresses(seed)
    each = [Node(scheduler, servers) for _ in range(nodes)] if scheduler != RANDOM else []
    requests = sorted((at, number, work) for number, one in enumerate(asked) for at, work in one.requests)
    chosen: dict[int, int] = {}
    free, got, served = ([0] * len(speeds) for _ in range(3))
    waits, errors = [], 0
    for at, number, work in requests:
        one, is_first, node = asked[number], number not in chosen, None
        if is_first:
            node = each[one.client % nodes] if each else None
            chosen[number] = node.choose(at, addresses[one.client]) if node else draws.below(len(speeds))
        pod = chosen[number]
        if speeds[pod]:
            free[pod] = end = max(at, free[pod]) + work * USUAL // speeds[pod]
        else:
            end, errors = at + FAILS, errors + 1
        if is_first:
            got[pod] += 1
            if node:
                node.ends[pod].append(-1 if one.stays else end)
        served[pod] += 1
        waits.append(end - at)
    return Spread(scheduler, tuple(got), tuple(served), errors, tuple(sorted(waits)))
