"""The kernels of a cluster and of all that a Layout puts around it. Each is made when it is first looked up.

Another cluster's namespaces have its name in front: `west/node-1`, `west/pod/default/web-1`, `west/lan`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

from msgspec.structs import replace

from ...errors import BadInput
from ...linux.namespace.netns import Netns
from ...linux.packet.address import Address
from ..api.layout import LayoutSpec
from ..model import names
from ..model.lan import Lan
from ..model.node_plan import Machine
from ..model.world import World
from .machines import egress, router
from .plan import BORDER, INTERNET, Leg, Plan


class WiderWorld(World):
    """A World in which the cluster stands as its Layout says."""

    def __init__(
        self, cluster: Any, spec: LayoutSpec, named: Iterable[Address] = (), led: Mapping[Address, Address] = {}
    ):
        self.plan = Plan(cluster, spec, named, led)
        super().__init__(cluster, (), led)
        self.lan = self.plan.legs[0].lan
        strangers = [ip for ip in self.plan.named if ip not in self.plan.homes]
        if strangers:
            right = f"name a host in {', '.join([*(one.name for one in spec.networks), 'an internet'])}"
            raise BadInput("from", f"no network of the Layout holds {strangers[0]}", right)

    def led_to(self, led: Mapping[Address, Address]) -> World:
        """The plan leads differently as a whole."""
        return WiderWorld(self.cluster, self.plan.spec, self.plan.named, led)

    @cached_property
    def beside(self) -> dict[str, World]:
        """The other clusters' own worlds, as each would stand alone."""
        return {leg.name: Beside(leg) for leg in self.plan.legs if leg.name}

    def lan_of(self, node: str) -> Lan:
        return next((leg.lan for leg in self.plan.legs if not leg.name and node in leg.lan.machines), self.lan)

    def _node(self, machine: Machine) -> Netns:
        """Its ways to nodes on another LAN lead over the router, which knows every block."""
        ns = super()._node(machine)
        if self.plan.spec.egress_gateways or self.plan.spec.second_interfaces:
            ns = egress.routed(self.cluster, machine.name, ns)
        if sum(not leg.name for leg in self.plan.legs) == 1:
            return ns
        own = self.lan_of(machine.name).ranges.values()
        near = (row for row in ns.routes if row.dev != "eth0" or any(row.via in block for block in own))
        return replace(ns, routes=tuple(near))

    def __iter__(self) -> Iterator[str]:
        yield from (name for name in super().__iter__() if name != names.LAN)
        yield from (f"{leg.prefixed}{leg.lan.name}" for leg in self.plan.legs)
        for name, other in self.beside.items():
            yield from (f"{name}/{one}" for one in other if one not in (names.LAN, names.ROUTER))
        yield from (BORDER, INTERNET) if self.plan.internet else ()
        yield from map(names.host_namespace, self.plan.homes)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    @cached_property
    def mtu(self) -> int:
        """What pods are told: the network between the nodes, less what a tunnel takes."""
        return super().mtu - self._less

    @property
    def _less(self) -> int:
        """By how many bytes the network between the nodes is narrower than usual."""
        return 1500 - self.plan.spec.mtu

    def _make(self, name: str) -> Netns:
        ns = self._built(name)
        between = {leg.lan.router_dev for leg in self.plan.legs if not leg.name}
        lans = {leg.lan.name for leg in self.plan.legs if not leg.name}
        if not self._less or (name not in self.cluster.machines and name not in lans and name != names.ROUTER):
            return ns
        narrow = {
            key: replace(dev, mtu=dev.mtu - self._less)
            for key, dev in ns.devices.items()
            if name in lans or (key in between if name == names.ROUTER else key == "eth0" or dev.tunnel)
        }
        return replace(ns, devices={**ns.devices, **narrow})

    def _built(self, name: str) -> Netns:
        if name == names.ROUTER:
            return router.router(self.plan)
        if self.plan.internet and name in (BORDER, INTERNET):
            return router.border(self.plan) if name == BORDER else router.internet(self.plan)
        head, _, rest = name.partition("/")
        if head == "host" and rest in self.plan.homes:
            return router.host(self.plan, rest)
        if head in self.beside:
            return prefixed(self.beside[head][rest], head)
        for leg in self.plan.legs:
            if not leg.name and name == leg.lan.name:
                return leg.lan.switch()
        return super()._make(name)


class Beside(World):
    """Another cluster's world. Its router is the one that all clusters share."""

    def __init__(self, leg: Leg):
        super().__init__(leg.cluster, ())
        self.lan = leg.lan


def prefixed(ns: Netns, name: str) -> Netns:
    """A namespace of another cluster under a name that tells whose it is."""
    devices = {
        key: replace(device, peer=(_far(device.peer[0], name), device.peer[1])) if device.peer else device
        for key, device in ns.devices.items()
    }
    return replace(ns, name=f"{name}/{ns.name}", devices=devices)


def _far(other: str, name: str) -> str:
    return other if other == names.ROUTER else f"{name}/{other}"
