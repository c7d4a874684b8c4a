"""Small clusters as thin manifests: Nodes, Pods and Services that say no more than an exercise needs.

All the rest is what `kube` makes of them. The addresses are the course's: pods of node n in 10.244.n.0/24 and fd00:10:244:n::/64,
nodes 192.168.1.(10+n) and fd00:192:168:1::(10+n).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from ...kube.manifest.read import read_text
from ...kube.model.cluster import Cluster
from ...kube.model.world import World
from ...lab.scenario.of_cluster import renamed
from ...linux.namespace.netns import NeighbourEntry, Netns
from ...linux.packet.address import Address, Mac

OUTSIDE = {4: "203.0.113.5", 6: "2001:db8::5"}
BLOCKS = {4: "10.244.{}.0/24", 6: "fd00:10:244:{}::/64"}
FLANNEL = "flannel.alpha.coreos.com/backend-type"

Item = dict[str, Any]


def pod_address(node: int, number: int, of: int = 4) -> Address:
    """The address of a node's pod; the first has number 0."""
    return f"10.244.{node}.{10 + number}" if of == 4 else f"fd00:10:244:{node}::{10 + number}"


def node_address(node: int, of: int = 4) -> Address:
    return f"192.168.1.{10 + node}" if of == 4 else f"fd00:192:168:1::{10 + node}"


def node(number: int, of: int = 4, backend: str = "host-gw") -> Item:
    """The Node `node-NUMBER`, with its block and its address."""
    meta = {"name": f"node-{number}", "annotations": {FLANNEL: backend}}
    status = {"addresses": [{"type": "InternalIP", "address": node_address(number, of)}]}
    return {"kind": "Node", "metadata": meta, "spec": {"podCIDR": BLOCKS[of].format(number)}, "status": status}


def pod(name: str, on: int, app: str = "", port: int = 0, ip: Address = "", on_host: bool = False) -> Item:
    """A Pod on the node of a number, whose program listens on `port`, if it listens. Without `ip` it gets the next address."""
    ports = [{"containerPort": port}] if port else []
    spec = {"nodeName": f"node-{on}", "hostNetwork": on_host, "containers": [{"name": name, "ports": ports}]}
    made: Item = {"kind": "Pod", "metadata": {"name": name, "labels": {"app": app} if app else {}}, "spec": spec}
    return made | ({"status": {"podIPs": [{"ip": ip}]}} if ip else {})


def service(name: str, **spec: Any) -> Item:
    """A Service; `spec` are the fields of its spec."""
    return {"kind": "Service", "metadata": {"name": name}, "spec": spec}


def built(items: Iterable[Item]) -> Cluster:
    """The cluster that kube's controllers make of such objects."""
    whole = {"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", **item} for item in items]}
    return Cluster(read_text(json.dumps(whole)))


def small_world(
    pods: Mapping[int, Sequence[str]],
    listens: Mapping[str, int] = {},
    services: Sequence[Item] = (),
    warm: bool = False,
) -> dict[str, Netns]:
    """The kernels of pods by node number, each pod under its bare name: nodes, pods, the LAN, the router.

    `listens` are TCP ports by pod, which is also the value of its label `app`. Nodes have rules only where there are Services,
    as before kube-proxy's first. `warm`: whoever sends to another on its link knows the MAC address already.
    """
    items = [node(number) for number in pods]
    for number, names in pods.items():
        ips = {name: pod_address(number, place) for place, name in enumerate(names)}
        items += [pod(name, number, name, listens.get(name, 0), ip) for name, ip in ips.items()]
    cluster = built([*items, *services])
    world = renamed(World(cluster, ()), lambda name: name.rpartition("/")[2])
    if not services:
        world |= {name: replace(world[name], rules={}) for name in cluster.machines}
    return _acquainted(world) if warm else world


def _acquainted(world: Mapping[str, Netns]) -> dict[str, Netns]:
    """The same kernels when each has asked for the MAC addresses of those that it sends to."""
    machines = world.values()
    macs = {own.address: one.mac for ns in machines for one in ns.devices.values() for own in one.addresses}
    return {name: replace(ns, neighbours=(*ns.neighbours, *_known(ns, macs))) for name, ns in world.items()}


def _known(ns: Netns, macs: Mapping[Address, Mac]) -> Iterator[NeighbourEntry]:
    """A router sends to everybody on its links, another machine to its gateways."""
    gateways = {row.via for row in ns.routes}
    for ip, mac in macs.items():
        row = ns.fib.lookup(ip)
        if row.type == "unicast" and not row.via and (ip in gateways or ns.sysctls.get("net.ipv4.ip_forward")):
            yield NeighbourEntry(ip, row.dev, mac)
