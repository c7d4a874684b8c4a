"""The way between nodes: routes to every other node's block, by the LAN or through VXLAN tunnels.

Rows are made when a table is looked at; the one row for an address is found without making the others.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from ...linux.namespace.device import Device, IfAddr, Vxlan, link_local
from ...linux.namespace.fib import Route
from ...linux.namespace.netns import FdbEntry, NeighbourEntry
from ...linux.namespace.overhead import overhead
from ..model import names
from ..model.node_plan import Machine
from . import flannel

METRIC = {4: 0, 6: 1024}  # of a route that says none (IP6_RT_PRIO_USER)


def mtu(backend: str, families: Sequence[int]) -> int:
    """The longest packet that crosses unbroken: pods are told so from the start."""
    return 1500 - max(overhead("vxlan", of) for of in families) if backend == "vxlan" else 1500


class Rows(Sequence):
    """A table's rows, made when they are first looked at."""

    def __init__(self, count: int, make: Any):
        self._count, self._make = count, make

    @cached_property
    def rows(self) -> tuple:
        return tuple(self._make())

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, at):
        return self.rows[at]

    def __iter__(self) -> Iterator:
        return iter(self.rows)


def tunnel_end(machine: Machine, of: int) -> tuple[str, str]:
    """The tunnel device's own address, which is the block's first, and its MAC."""
    ip = machine.blocks[of].first
    return ip, flannel.vtep_mac(machine.node, of, names.mac(names.TUNNEL, ip))


def underlay(machine: Machine, of: int) -> str:
    """The address by which other nodes reach a node: flannel's public IP, else its own."""
    return flannel.public_ip(machine.node, of) or machine.ips[of]


def tunnels(machine: Machine, backend: str) -> list[Device]:
    """flannel.1, and flannel-v6.1 for IPv6: one device a family, each in tunnel packets of its own family."""
    if backend != "vxlan":
        return []
    found = []
    for of, block in machine.blocks.items():
        ip, mac = tunnel_end(machine, of)
        end = Vxlan(flannel.vni(machine.node), underlay(machine, of), "eth0")
        own: tuple[IfAddr, ...] = (IfAddr(ip, block.family.bits),)
        if of == 6:
            own += (link_local(mac),)
        found.append(Device(names.TUNNELS[of], "vxlan", mac, own, mtu=1500 - overhead("vxlan", of), tunnel=end))
    return found


def route(machine: Machine, of: int, backend: str) -> Route:
    """How all other nodes reach a node's block."""
    block = machine.blocks[of]
    if backend == "vxlan":
        return Route(block, names.TUNNELS[of], block.first, metric=METRIC[of], onlink=True)
    return Route(block, "eth0", machine.ips[of], metric=METRIC[of])


def others(machines: Mapping[str, Machine], own: str) -> Iterator[tuple[Machine, int]]:
    """Every other node with each family in which it has a block and can be reached."""
    for name, machine in machines.items():
        if name != own:
            for of in machine.blocks:
                if of in machine.ips:
                    yield machine, of


def routes(machines: Mapping[str, Machine], own: str, backend: str) -> Iterator[Route]:
    """A node's ways to the others' blocks. In a cloud the provider's table has them, and a node knows its default route alone."""
    return (route(machine, of, backend) for machine, of in others(machines, own) if backend != "cloud")


def neighbours(machines: Mapping[str, Machine], own: str, backend: str) -> Iterator[NeighbourEntry]:
    """The far ends of the tunnels, as flanneld writes them: permanent, nobody is asked."""
    if backend == "vxlan":
        for machine, of in others(machines, own):
            ip, mac = tunnel_end(machine, of)
            yield NeighbourEntry(ip, names.TUNNELS[of], mac)


def fdb(machines: Mapping[str, Machine], own: str, backend: str) -> Iterator[FdbEntry]:
    """Which node each far end's MAC is on."""
    if backend == "vxlan":
        for machine, of in others(machines, own):
            yield FdbEntry(tunnel_end(machine, of)[1], names.TUNNELS[of], underlay(machine, of))
