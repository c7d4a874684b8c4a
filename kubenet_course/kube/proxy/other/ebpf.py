"""Services by eBPF programs, Cilium's way: a few maps that programs look up, no rule that any program could list.

A pod's own connections are translated when it calls connect(): the kernel never sees a packet for the ClusterIP, conntrack
knows of no translation, and a packet costs nothing more. What comes from outside is translated where it enters the node, in
the driver (XDP) or at the device (tc). `iptables-save` shows none of it. Written from Cilium's bpf/bpf_sock.c, bpf/lib/lb.h,
pkg/loadbalancer and pkg/maglev as of 1.18; no program of it has checked this (DEV-39).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cached_property

from msgspec import Struct

from ....linux.packet.address import Address, number
from ....linux.stack.ipvs.hashing import hsiphash
from ..node import NodeFacts
from ..service_port import ServicePort
from ..services import Services
from ..topology import reach

TABLE = 16381  # places in a Service's Maglev table (--bpf-lb-maglev-table-size)
CLUSTER_IP, NODE_PORT, EXTERNAL_IP, BALANCER = "ClusterIP", "NodePort", "ExternalIPs", "LoadBalancer"


class Backend(Struct, frozen=True):
    """A row of the backends' map: every endpoint once, whichever Services it serves."""

    id: int
    address: Address
    port: int

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


class Frontend(Struct, frozen=True):
    """A row of the Services' map under (address, port, protocol), with the ids of its backends in their slots from 1 on.

    There are two scopes: `slots` for what comes from outside, `inner` for connections that begin in the cluster. They differ
    where only the traffic from outside has to stay on its node (externalTrafficPolicy Local).
    """

    service: str
    kind: str
    address: Address
    port: int
    protocol: str
    slots: tuple[int, ...]
    inner: tuple[int, ...]
    affinity: int = 0

    @property
    def key(self) -> tuple[Address, int, str]:
        return self.address, self.port, self.protocol


class Maps(Struct, frozen=True, dict=True):
    """All that the programs of one node look up in one family."""

    frontends: dict[tuple[Address, int, str], Frontend]
    backends: dict[int, Backend]
    own: frozenset[Address]  # the node's addresses, on which NodePorts answer

    @cached_property
    def tables(self) -> dict[tuple[Address, int, str], tuple[int, ...]]:
        """The Maglev tables that were asked for."""
        return {}


def maps(services: Services, node: NodeFacts) -> Maps:
    """The maps of one node. Traffic policies decide which backends a row has, as kube-proxy's do which rules there are."""
    ids: dict[tuple[Address, int], int] = {}
    rows: dict[tuple[Address, int, str], Frontend] = {}
    for index, port in enumerate(services.ports):
        seen = reach(services.endpoints(index), port, node.name, node.zone)
        inside = seen.local if port.internal_local else seen.cluster
        outside = seen.local if port.external_local else seen.cluster
        for kind, ip, number_, ends in _entrances(port, node, services, inside, outside):
            scopes = (ends, inside if kind == CLUSTER_IP else seen.cluster)
            slots, inner = (
                tuple(ids.setdefault((one.address, one.port), len(ids) + 1) for one in scope) for scope in scopes
            )
            row = Frontend(port.text, kind, ip, number_, port.protocol, slots, inner, port.sticky)
            rows[row.key] = row
    backends = {at: Backend(at, *where) for where, at in ids.items()}
    return Maps(rows, backends, frozenset(node.addresses(services.family)))


def _entrances(port: ServicePort, node: NodeFacts, services: Services, inside: Sequence, outside: Sequence):
    yield CLUSTER_IP, port.cluster_ip, port.port.port, inside
    for ip in port.external_ips:
        yield EXTERNAL_IP, ip, port.port.port, outside
    for ip in port.vips:
        yield BALANCER, ip, port.port.port, outside
    for ip in node.addresses(services.family) if port.port.node_port else ():
        yield NODE_PORT, ip, port.port.node_port, outside


def at_connect(found: Maps, to: Address, port: int, protocol: str, draw: int) -> Backend | Frontend | None:
    """What connect() does with an address: the backend that it puts in its place, by lot (`draw`); None: the address stays.

    A frontend without backends is given back itself: the call fails with EHOSTUNREACH, before any packet is sent.
    """
    row = found.frontends.get((to, port, protocol))
    if row is None:
        return None
    return found.backends[row.inner[draw % len(row.inner)]] if row.inner else row


def at_device(
    found: Maps, src: Address, sport: int, to: Address, port: int, protocol: str
) -> Backend | Frontend | None:
    """What the program at the device does with a packet from outside: by Maglev, every node would choose the same backend."""
    row = found.frontends.get((to, port, protocol))
    if row is None or not row.slots:
        return row
    if row.key not in found.tables:
        found.tables[row.key] = maglev([found.backends[at] for at in row.slots])
    place = hsiphash((number(src) ^ number(to) ^ sport << 16 ^ port) & 0xFFFFFFFF) % TABLE
    return found.backends[row.slots[found.tables[row.key][place]]]


def maglev(backends: Sequence[Backend], size: int = TABLE) -> tuple[int, ...]:
    """Place -> backend: in turn each takes the place that it likes best of those left (Eisenbud et al., NSDI 2016).

    Cilium makes the likings of murmur3 and a seed; here it is another hash, so that places differ, shares do not.
    """
    likes = []
    for one in backends:
        value = (number(one.address) ^ one.port << 16) & 0xFFFFFFFF
        likes.append([hsiphash(value) % size, hsiphash(value, (7, 11)) % (size - 1) + 1])
    table, left = [-1] * size, size
    while left and likes:
        for at, like in enumerate(likes):
            while table[like[0]] >= 0:
                like[0] = (like[0] + like[1]) % size
            table[like[0]] = at
            left -= 1
            if not left:
                break
    return tuple(table)


def shares(table: Sequence[int]) -> Counter:
    """How many places each backend has."""
    return Counter(table)


def listed(found: Maps) -> str:
    """A line for each frontend, as `cilium-dbg service list` has them."""
    rows = []
    for number_, row in enumerate(found.frontends.values(), 1):
        where = f"[{row.address}]:{row.port}" if ":" in row.address else f"{row.address}:{row.port}"
        ends = [f"{slot} => {found.backends[at]}" for slot, at in enumerate(row.slots, 1)]
        rows.append(f"{number_:<4} {where}/{row.protocol.upper():<4} {row.kind:<12} {', '.join(ends)}".rstrip())
    return "".join(f"{row}\n" for row in rows)
