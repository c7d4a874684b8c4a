"""Real servers as schedulers see them, and what each has to do for its weight."""

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from ...packet.address import Address
from .servers import RealServer


class Load(Struct, frozen=True, gc=False):
    """A real server as a scheduler sees it: its weight, and the connections that this node has with it.

    `lasting`: its latest weight that was not 0, where that is another; mh keeps its place in the table by it.
    """

    server: RealServer
    active: int = 0
    inactive: int = 0
    lasting: int = 0

    @property
    def weight(self) -> int:
        return self.server.weight


class Asked(Struct, frozen=True, gc=False):
    """Who asks whom. `sport` is 0 unless the virtual server's flags say that the port counts (sh-port, mh-port)."""

    src: Address
    dst: Address
    sport: int = 0


Loads = Sequence[Load]
Chosen = tuple[int | None, Any]


def overhead(load: Load) -> int:
    """An active connection counts as 256 inactive ones (ip_vs_dest_conn_overhead in include/net/ip_vs.h)."""
    return (load.active << 8) + load.inactive


def expected(load: Load) -> int:
    """The connections that it would have with this one; inactive ones are not counted."""
    return load.active + 1


def least(servers: Loads, cost: Callable[[Load], int]) -> int | None:
    """The lowest cost for its weight; among equals who stands first. Multiplied crosswise, for the kernel divides not."""
    best, best_cost, best_weight = None, 0, 0
    for at, load in enumerate(servers):
        weight = load.server.weight
        if weight > 0:
            its = cost(load)
            if best is None or best_cost * weight > its * best_weight:
                best, best_cost, best_weight = at, its, weight
    return best
