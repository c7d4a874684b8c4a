"""Schedulers that keep what is asked for under one address at one server, as caches like it (ip_vs_lblc.c, ip_vs_lblcr.c).

All that asks one ClusterIP asks for one address: so all of it stays at one server until that has more connections than its
weight says, and another has less than half of its own. Addresses that nobody asks for any more are not forgotten (DEV-37).
"""

from collections.abc import Mapping

from ...packet.address import Address
from .loads import Asked, Chosen, Loads, least, overhead

Place = tuple[Address, int]
Cached = Mapping[Address, tuple[Place, ...]]  # by the address that is asked for: its servers, the newest first


def places(servers: Loads) -> list[Place]:
    return [(load.server.address, load.server.port) for load in servers]


def overloaded(servers: Loads, at: int) -> bool:
    """Whether a server has more active connections than its weight, while another has less than half of its own."""
    if servers[at].active <= servers[at].weight:
        return False
    return any(load.active * 2 < load.weight for load in servers)


def _usable(servers: Loads, cached: tuple[Place, ...]) -> list[int]:
    """Where the cached servers stand that are still there and take something new."""
    known = {place: at for at, place in enumerate(places(servers))}
    return [known[place] for place in cached if place in known and servers[known[place]].weight > 0]


def lblc(servers: Loads, asked: Asked, memory: Cached) -> Chosen:
    """The address' server; a new one, the least loaded for its weight, where that is overloaded or gone."""
    kept = _usable(servers, memory.get(asked.dst, ()))
    if kept and not overloaded(servers, kept[0]):
        return kept[0], memory
    at = least(servers, overhead)
    return at, memory if at is None else {**memory, asked.dst: (places(servers)[at],)}


def lblcr(servers: Loads, asked: Asked, memory: Cached) -> Chosen:
    """The same with several servers for an address (replication): the least loaded of them; one more where that is overloaded."""
    cached = memory.get(asked.dst, ())
    kept = _usable(servers, cached)
    if kept:
        mine = least([servers[at] for at in kept], overhead)
        at = kept[mine or 0]
        if not overloaded(servers, at):
            return at, memory
    fresh = least(servers, overhead)
    if fresh is None:
        return None, memory
    place = places(servers)[fresh]
    return fresh, {**memory, asked.dst: cached if place in cached else (place, *cached)}
