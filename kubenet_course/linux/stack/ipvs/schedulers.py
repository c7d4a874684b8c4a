"""How IPVS chooses a real server: each scheduler as the kernel computes it, in integers.

A scheduler is a pair of functions. `start(servers)` makes its memory; `choose(servers, asked, memory)` answers with the
place of the chosen server (None where none may be chosen) and the memory for the next connection. `servers` stand in
the kernel's order: who was added last stands first (list_add_rcu in ip_vs_ctl.c). A server of weight 0 gets nothing new.
When servers come or go the memory follows by `changed`. Each node keeps a memory of its own and knows only its own
connections. The file of each scheduler in net/netfilter/ipvs/ is named with it.
"""

from collections.abc import Callable
from functools import reduce
from math import gcd
from typing import Any, NamedTuple

from .hashing import MH_PRIME, fold, hash_32, mh_table, mh_value
from .loads import Asked, Chosen, Loads, expected, least, overhead
from .locality import Cached, lblc, lblcr

BUCKETS = 256  # of dh and sh: 1 << IP_VS_{DH,SH}_TAB_BITS
BITS = 8


# -- in turn ------------------------------------------------------------------------------------------------------------


def rr(servers: Loads, asked: Asked, last: int) -> Chosen:
    """The next one behind the last, once around (ip_vs_rr.c). Before the first connection the last is -1, the head."""
    count = len(servers)
    for step in range(1, count + 1):
        at = (last + step) % count
        if servers[at].weight > 0:
            return at, at
    return None, last


def rr_changed(before: Loads, after: Loads, last: int) -> int:
    """The last one's new place; where it is gone, that of the one before it."""
    places = {load.server.address + str(load.server.port): at for at, load in enumerate(after)}
    for load in reversed(before[: last + 1]):
        at = places.get(load.server.address + str(load.server.port))
        if at is not None:
            return at
    return -1


class Mark(NamedTuple):
    """What wrr remembers: the last one's place, the weight that is now required, the highest, and the step."""

    last: int
    required: int
    highest: int
    step: int


def wrr_start(servers: Loads) -> Mark:
    """The step is what all weights can be divided by; so that the lowest pass requires 1, the highest is lowered."""
    weights = [load.weight for load in servers if load.weight > 0]
    step = reduce(gcd, weights, 0) or 1
    highest = max(weights, default=0) - (step - 1)
    return Mark(-1, highest, highest, step)


def wrr(servers: Loads, asked: Asked, mark: Mark) -> Chosen:
    """Rounds with a falling demand: first only the heaviest, at last everybody (ip_vs_wrr.c). 4, 3, 2: AABABCABC."""
    last, required, highest, step = mark
    if highest <= 0:
        return None, mark
    while True:
        for at in range(last + 1, len(servers)):
            if servers[at].weight >= required:
                return at, Mark(at, required, highest, step)
        last, required = -1, required - step
        required = required if required > 0 else highest


def wrr_changed(before: Loads, after: Loads, mark: Mark) -> Mark:
    """A new round begins at the head; its demand is kept as far as it fits the new steps."""
    fresh = wrr_start(after)
    if mark.required > fresh.highest or not mark.required:
        return fresh
    kept = mark.required if fresh.step == 1 else mark.required // fresh.step * fresh.step + 1
    return fresh._replace(required=kept)


# -- by what each has to do ---------------------------------------------------------------------------------------------


def lc(servers: Loads, asked: Asked, memory: None) -> Chosen:
    """The least connections, whatever the weights (ip_vs_lc.c)."""
    usable = [at for at, load in enumerate(servers) if load.weight > 0]
    return min(usable, key=lambda at: overhead(servers[at]), default=None), None


def wlc(servers: Loads, asked: Asked, memory: None) -> Chosen:
    """The least connections for its weight (ip_vs_wlc.c)."""
    return least(servers, overhead), None


def sed(servers: Loads, asked: Asked, memory: None) -> Chosen:
    """The shortest expected delay: the least connections for its weight, this one counted (ip_vs_sed.c)."""
    return least(servers, expected), None


def nq(servers: Loads, asked: Asked, memory: None) -> Chosen:
    """Never queue: the first idle one, however slow; where none is idle, as sed (ip_vs_nq.c)."""
    for at, load in enumerate(servers):
        if load.weight > 0 and not load.active:
            return at, None
    return least(servers, expected), None


# -- by a hash ------------------------------------------------------------------------------------------------------------


def dh_start(servers: Loads) -> tuple[int, ...]:
    """256 buckets, given to the servers in turn, their weights aside."""
    return tuple(at % len(servers) for at in range(BUCKETS)) if servers else ()


def dh(servers: Loads, asked: Asked, buckets: tuple[int, ...]) -> Chosen:
    """One server for each address that is asked for (ip_vs_dh.c). Of one ClusterIP, one server has everything."""
    return _of(servers, buckets, hash_32(fold(asked.dst), BITS)), buckets


def sh_start(servers: Loads) -> tuple[int, ...]:
    """256 buckets, given in turn, as many at once as the weight says, but one at least."""
    round_of = [at for at, load in enumerate(servers) for _ in range(max(1, load.weight))]
    return tuple(round_of[at % len(round_of)] for at in range(BUCKETS)) if servers else ()


def sh(servers: Loads, asked: Asked, buckets: tuple[int, ...]) -> Chosen:
    """One server for each client (ip_vs_sh.c)."""
    return _of(servers, buckets, hash_32(fold(asked.src) + asked.sport, BITS)), buckets


def mh_start(servers: Loads) -> tuple[int, ...]:
    """Maglev's table: every server asks in turn for the place that it likes best of those that are left."""
    return mh_table([(one.server.address, one.server.port, one.lasting or one.weight) for one in servers])


def mh(servers: Loads, asked: Asked, table: tuple[int, ...]) -> Chosen:
    """One server for each client; when one server goes, few clients of the others are moved (ip_vs_mh.c)."""
    return _of(servers, table, mh_value(fold(asked.src) + asked.sport) % MH_PRIME), table


def _of(servers: Loads, buckets: tuple[int, ...], at: int) -> int | None:
    """The bucket's server; None where it takes nothing new, for these schedulers look no further unless told to."""
    if not buckets:
        return None
    chosen = buckets[at]
    return chosen if servers[chosen].weight > 0 else None


class Scheduler(NamedTuple):
    """A scheduler's three functions."""

    start: Callable[[Loads], Any]
    choose: Callable[[Loads, Asked, Any], Chosen]
    changed: Callable[[Loads, Loads, Any], Any]


def _none(servers: Loads) -> None:
    return None


def _keeps_nothing(before: Loads, after: Loads, memory: None) -> None:
    return None


def _nothing_cached(servers: Loads) -> Cached:
    return {}


def _keeps(before: Loads, after: Loads, memory: Cached) -> Cached:
    return memory


def _head(servers: Loads) -> int:
    return -1


def _anew(start: Callable[[Loads], Any]) -> Callable[[Loads, Loads, Any], Any]:
    return lambda before, after, memory: start(after)


SCHEDULERS = {
    "rr": Scheduler(_head, rr, rr_changed),
    "wrr": Scheduler(wrr_start, wrr, wrr_changed),
    "lc": Scheduler(_none, lc, _keeps_nothing),
    "wlc": Scheduler(_none, wlc, _keeps_nothing),
    "sed": Scheduler(_none, sed, _keeps_nothing),
    "nq": Scheduler(_none, nq, _keeps_nothing),
    "lblc": Scheduler(_nothing_cached, lblc, _keeps),
    "lblcr": Scheduler(_nothing_cached, lblcr, _keeps),
    "dh": Scheduler(dh_start, dh, _anew(dh_start)),
    "sh": Scheduler(sh_start, sh, _anew(sh_start)),
    "mh": Scheduler(mh_start, mh, _anew(mh_start)),
}
