"""Which server a new connection gets (ip_vs_schedule and ip_vs_sched_persist in ip_vs_core.c)."""

from __future__ import annotations

from ...namespace.kernel import Kernel
from ...namespace.memory import SECOND
from ...netfilter.connections import Connections
from ...packet.packet import Flow
from .loads import Asked, Load
from .schedulers import SCHEDULERS
from .servers import PERSISTENT, SCHED_2, RealServer, VirtualServer
from .table import IpvsTable, Kept, Template, Turn

NEW = 3 * SECOND  # the time of a connection before its first packet has moved it (ip_vs_conn_new)


def loads(table: IpvsTable, virtual: VirtualServer) -> list[Load]:
    """The servers as the scheduler sees them: who was added last stands first (list_add_rcu in __ip_vs_update_dest)."""
    found = []
    for real in reversed(virtual.reals):
        place = (virtual.key, real.address, real.port)
        if real.weight:
            table.lasting[place] = real.weight
        lasting = table.lasting.get(place, 0)
        found.append(Load(real, table.active[place], table.inactive[place], 0 if lasting == real.weight else lasting))
    return found


def scheduled(kernel: Kernel, virtual: VirtualServer, flow: Flow) -> RealServer | None:
    """The server that the scheduler names; None where none takes anything new. Its memory moves on."""
    table, scheduler = kernel.remembers[IpvsTable], SCHEDULERS[virtual.scheduler]
    now = loads(table, virtual)
    turn = table.turns.get(virtual.key)
    asked = Asked(flow.src, flow.dst, flow.sport if virtual.flags & SCHED_2 else 0)
    if turn is None:
        memory, now = _begun(kernel, virtual, now, asked)
    else:
        memory = turn.memory if turn.reals == virtual.reals else scheduler.changed(turn.loads, now, turn.memory)
    at, memory = scheduler.choose(now, asked, memory)
    table.turns[virtual.key] = Turn(virtual.reals, now, memory)
    return None if at is None else now[at].server


def _begun(kernel: Kernel, virtual: VirtualServer, now: list[Load], asked: Asked):
    """A scheduler's memory where this machine has served nobody yet, as far as was told. Connections that came before, of which
    nobody told, have moved it on; who wants every outcome lets any number of them have come (DEV-38)."""
    scheduler = SCHEDULERS[virtual.scheduler]
    memory, usable = scheduler.start(now), [load for load in now if load.weight > 0]
    if len(usable) < 2 or virtual.scheduler in ("sh", "dh", "mh"):
        return memory, now
    question, seen = ("ipvs", kernel.ns.name, virtual.key), list(now)
    for _ in range(kernel.choices.came_before(question, len(usable))):
        at, memory = scheduler.choose(seen, asked, memory)
        if at is not None:
            seen[at] = Load(seen[at].server, seen[at].active + 1, seen[at].inactive, seen[at].lasting)
    return memory, seen


def opened(kernel: Kernel, virtual: VirtualServer, flow: Flow) -> Kept | None:
    """A new connection to a virtual server, with a client's own server where it is to keep one; None where nobody takes it."""
    table, now = kernel.remembers[IpvsTable], kernel.now
    if not virtual.flags & PERSISTENT:
        server = scheduled(kernel, virtual, flow)
        return None if server is None else Kept(flow, server, expires=now + NEW)
    key = (flow.proto, flow.src, flow.dst, flow.dport)
    template = table.template(key, now)
    if template is None or not _serves(kernel, virtual, template.server):
        server = scheduled(kernel, virtual, flow)
        if server is None:
            return None
        template = table.templates[key] = Template(server, 0)
    template.until = now + virtual.timeout * SECOND
    return Kept(flow, template.server, expires=now + NEW, control=key)


def _serves(kernel: Kernel, virtual: VirtualServer, server: RealServer) -> bool:
    """Whether a client stays with its server (ip_vs_check_template): not when that is gone, nor, if so switched, when it
    takes nothing new."""
    weight = weight_of(virtual, server)
    return weight > 0 or (weight == 0 and not kernel.ns.sysctl("net.ipv4.vs.expire_quiescent_template"))


def weight_of(virtual: VirtualServer | None, server: RealServer) -> int:
    """A server's weight as it now is; -1 where it is gone."""
    place = (server.address, server.port)
    reals = virtual.reals if virtual else ()
    return next((real.weight for real in reals if (real.address, real.port) == place), -1)


def grown_old(kernel: Kernel) -> None:
    """What has outlived its time is forgotten, and conntrack's entry with it (ip_vs_conn_expire)."""
    for kept in kernel.remembers[IpvsTable].over(kernel.now):
        drop_conntrack(kernel, kept)


def drop_conntrack(kernel: Kernel, kept: Kept) -> None:
    if kernel.ns.sysctl("net.ipv4.vs.conntrack"):
        connections = kernel.remembers[Connections]
        known = connections.lookup(kept.client, kernel.now)
        if known is not None:
            connections.forget(known)
