"""A question to a cluster as a scenario: its namespaces under names that `ip netns` takes, and the one packet."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec.structs import replace

from ...errors import BadInput
from ...kube.model.cluster import Cluster
from ...kube.questions.ask import asker, outsiders, question
from ...linux.namespace.device import Device
from ...linux.namespace.netns import Netns
from ...linux.packet.address import family
from .packets import Sending
from .scenario import Scenario


def plain(name: str) -> str:
    """`pod/default/web-1` as `pod.default.web-1`: a namespace's name is a file's name."""
    return name.replace("/", ".").replace(":", "-")


def renamed(world: Mapping[str, Netns], name_of: Callable[[str], str] = plain) -> dict[str, Netns]:
    """All namespaces of a world under other names, the far ends of their cables too. Lazy tables are written out."""
    if any(ns.virtual_servers for ns in world.values()):
        right = "write mode: iptables or nftables; kubenet trace follows IPVS without a kernel"
        raise BadInput("KubeProxyConfiguration: mode", "the lab builds no IPVS, which many kernels lack", right)
    return {name_of(name): _renamed(ns, name_of) for name, ns in world.items()}


def _renamed(ns: Netns, name_of: Callable[[str], str]) -> Netns:
    devices = {name: _device(device, name_of) for name, device in ns.devices.items()}
    routes, neighbours, fdb = tuple(ns.routes), tuple(ns.neighbours), tuple(ns.fdb)
    return replace(ns, name=name_of(ns.name), devices=devices, routes=routes, neighbours=neighbours, fdb=fdb)


def _device(device: Device, name_of: Callable[[str], str]) -> Device:
    return replace(device, peer=(name_of(device.peer[0]), device.peer[1])) if device.peer else device


def scenario(cluster: Cluster, who: str, where: str, sport: int = 40000) -> Scenario:
    """The scenario in which `who` sends one packet to `where`, raw: it has no socket for the answer."""
    world = cluster.world(outsiders(who))
    at, packet = asker(world, who), question(cluster, where, sport)
    ns = world[at]
    row = ns.fib.lookup(packet.flow.dst)
    source = ns.fib.source(row, packet.flow.dst) or family(packet.flow.dst).any
    packet = replace(packet, flow=replace(packet.flow, src=source))
    return Scenario(f"{who} to {where}", "", renamed(world), (Sending(plain(at), packet),))
