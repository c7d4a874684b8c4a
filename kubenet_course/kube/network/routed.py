"""Pods without a bridge: a cable each, a route to each address. So Calico, Cilium and the cloud providers' plugins wire them.

A pod sends everything to 169.254.1.1 (in IPv6 to its cable's other end), whose MAC it knows beforehand: that of the cable's end
on the node. Check it against Calico's and amazon-vpc-cni-k8s' documentation of "ip route" and "ip neigh" inside a pod.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ...linux.namespace.device import Device, link_local
from ...linux.namespace.fib import Route
from ...linux.namespace.netns import NeighbourEntry
from ...linux.packet.address import Address, Mac, family, prefix
from ..api.objects import Pod
from ..model import names
from ..model.node_plan import Machine
from ..model.pod_plan import Placed
from .backends import METRIC

NEXT_HOP = "169.254.1.1"
ANY = {4: prefix("0.0.0.0/0"), 6: prefix("::/0")}


def _end_mac(ips: tuple[Address, ...]) -> Mac:
    return names.mac(names.POD_HOST_END, ips[0]) if ips else ""


def pod_tables(key: tuple[str, str], ips: tuple[Address, ...]) -> tuple[tuple[NeighbourEntry, ...], tuple[Route, ...]]:
    """A pod's fixed neighbours and its routes."""
    mac = _end_mac(ips)
    hops = {4: NEXT_HOP, 6: link_local(mac).address if mac else ""}
    near, rows = [], []
    for of in sorted({family(ip).number for ip in ips}):
        near.append(NeighbourEntry(hops[of], "eth0", mac))
        if of == 4:
            rows.append(Route(prefix(NEXT_HOP), "eth0"))
        rows.append(Route(ANY[of], "eth0", hops[of], metric=METRIC[of]))
    return tuple(near), tuple(rows)


def host_end(key: tuple[str, str], mtu: int, ips: tuple[Address, ...]) -> Device:
    """The node's end of a pod's cable: on no bridge, and without an IPv4 address."""
    mac = _end_mac(ips)
    own = (link_local(mac),) if any(family(ip).number == 6 for ip in ips) else ()
    return Device(names.host_end(*key), "veth", mac, own, mtu=mtu, peer=(names.pod_namespace(*key), "eth0"))


def routes(placed: Placed, machines: Mapping[str, Machine], own: str) -> Iterator[Route]:
    """A node's way to every pod outside the nodes' blocks: its own by their cables, the others by their nodes."""
    for pod in placed.on[own]:
        if not pod.spec.host_network and not pod.is_pending and not placed.is_bridged(pod):
            yield from _by_cable(pod, placed.addresses(pod))
    for name, ips in placed.strangers.items():
        for ip in ips if name != own else ():
            of = family(ip).number
            if of in machines[name].ips:
                yield Route(prefix(ip), "eth0", machines[name].ips[of], metric=METRIC[of])


def _by_cable(pod: Pod, ips: tuple[Address, ...]) -> Iterator[Route]:
    for ip in ips:
        yield Route(prefix(ip), names.host_end(*pod.key), metric=METRIC[family(ip).number])
