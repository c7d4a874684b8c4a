"""The lab in which kube-proxy 1.36.2 was recorded, rebuilt: its machines, and on node1 the very rules that kube-proxy left there.

`data/reference/kube-proxy-1.36.2/README.md` describes the lab. podA and podB are cabled to node1 without a bridge; each further
node has one pod. Rules were recorded on node1 only, so the other nodes here have none. A switch called lan joins the nodes and a
router, which is also the stranger 203.0.113.5.
"""

from __future__ import annotations

import re
from pathlib import Path

from ...data import data
from ...kube.model import names
from ...lab.scenario.scenario import QUIET
from ...linux.namespace.device import Device, ifaddr
from ...linux.namespace.netns import FdbEntry, NeighbourEntry, Netns, netns
from ...linux.netfilter.iptables.save import read
from ...linux.packet.address import Address
from ...shell import rows

PODS = {"podA": (1, 10), "podB": (1, 11), "podC": (2, 10), "podD": (3, 10)}
PORT = 8080
ROUTER, OUTSIDE = "192.168.60.1", "203.0.113.5"
GATEWAY = {"net.ipv4.ip_forward": 1, "net.ipv4.conf.all.route_localnet": 1}


def dump(name: str) -> Path:
    """What `iptables-save` printed on node1 for one of the recorded clusters, like `12_dual_stack`."""
    return data(f"reference/kube-proxy-1.36.2/{name}/iptables.iptables-save.txt")


def recorded(name: str, nodes: int = 2, gone: str = "") -> dict[str, Netns]:
    """The machines of the lab, with the rules of a recorded cluster on node1; without the pod `gone`, and without its rules."""
    pods = {pod: place for pod, place in PODS.items() if place[0] <= nodes and pod != gone}
    text = without(dump(name).read_text(), "10.244.{}.{}".format(*PODS[gone])) if gone else dump(name).read_text()
    rules = read(text, dump(name).name).rules
    world = {pod: _pod(pod, *place) for pod, place in pods.items()}
    world |= {f"node{number}": _node(number, nodes, pods, rules) for number in range(1, nodes + 1)}
    ports = ["router", *(f"node{number}" for number in range(1, nodes + 1))]
    switch = [Device("br0", "bridge", names.mac(names.SWITCH, ROUTER))]
    switch += [
        Device(port, "veth", names.mac(names.NODE_LINK, _address(at)), peer=(port, "eth0"), master="br0")
        for at, port in enumerate(ports)
    ]
    heard = [FdbEntry(names.mac(names.GATEWAY, ROUTER), "router")]
    heard += [FdbEntry(names.mac(names.NODE, _address(number)), f"node{number}") for number in range(1, nodes + 1)]
    silent = {**QUIET, "net.bridge.bridge-nf-call-iptables": 0, "net.bridge.bridge-nf-call-ip6tables": 0}
    return world | {"lan": netns("lan", tuple(switch), fdb=tuple(heard), sysctls=silent), "router": _router(nodes)}


def without(text: str, ip: str) -> str:
    """A dump after an endpoint has gone that was one of two: without its chain, and without the draw between the two."""
    chains = set(re.findall(rf"-A (KUBE-SEP-\S+) -s {re.escape(ip)}/32", text))
    lines = [line for line in text.splitlines() if not any(chain in line for chain in chains)]
    return re.sub(r" -m statistic --mode random --probability 0\.50000000000", "", "\n".join([*lines, ""]))


def _address(number: int) -> Address:
    """The address of a node; number 0 stands for the router."""
    return f"192.168.60.{10 + number}" if number else ROUTER


def _pod(name: str, node: int, host: int) -> Netns:
    own = (ifaddr(f"10.244.{node}.{host}/32"),)
    eth0 = Device(
        "eth0", "veth", names.mac(names.POD, f"10.244.{node}.{host}"), own, peer=(f"node{node}", f"veth{name[-1]}")
    )
    near = (NeighbourEntry(f"10.244.{node}.1", "eth0", names.mac(names.POD_HOST_END, f"10.244.{node}.{host}")),)
    ways = (rows.route(f"0.0.0.0/0 via 10.244.{node}.1 dev eth0 onlink"),)
    listens = (rows.socket(f"tcp 0.0.0.0:{PORT} {name}"),)
    return netns(name, (eth0,), routes=ways, neighbours=near, sysctls=QUIET, sockets=listens)


def _node(number: int, nodes: int, pods: dict[str, tuple[int, int]], rules: object) -> Netns:
    own = {name: host for name, (node, host) in pods.items() if node == number}
    block, mac = ifaddr(f"{_address(number)}/24"), names.mac(names.NODE, _address(number))
    eth0 = Device("eth0", "veth", mac, (block,), peer=("lan", f"node{number}"))
    cables = [
        Device(
            f"veth{name[-1]}",
            "veth",
            names.mac(names.POD_HOST_END, f"10.244.{number}.{host}"),
            (ifaddr(f"10.244.{number}.1/32"),),
            peer=(name, "eth0"),
        )
        for name, host in own.items()
    ]
    others = [other for other in range(1, nodes + 1) if other != number]
    ways = [f"10.244.{number}.{host}/32 dev veth{name[-1]}" for name, host in own.items()]
    ways += [f"10.244.{other}.0/24 via {_address(other)} dev eth0" for other in others]
    ways += [f"0.0.0.0/0 via {ROUTER} dev eth0"]
    near = [
        NeighbourEntry(f"10.244.{number}.{host}", f"veth{name[-1]}", names.mac(names.POD, f"10.244.{number}.{host}"))
        for name, host in own.items()
    ]
    near += [NeighbourEntry(_address(other), "eth0", names.mac(names.NODE, _address(other))) for other in others]
    near += [NeighbourEntry(ROUTER, "eth0", names.mac(names.GATEWAY, ROUTER))]
    return netns(
        f"node{number}", (eth0, *cables), routes=tuple(map(rows.route, ways)), neighbours=tuple(near),
        sysctls={**QUIET, **GATEWAY}, rules={4: rules} if number == 1 else {},
    )  # fmt: skip


def _router(nodes: int) -> Netns:
    own = (ifaddr(f"{ROUTER}/24"), ifaddr(f"{OUTSIDE}/32"))
    eth0 = Device("eth0", "veth", names.mac(names.GATEWAY, ROUTER), own, peer=("lan", "router"))
    near = tuple(
        NeighbourEntry(_address(node), "eth0", names.mac(names.NODE, _address(node))) for node in range(1, nodes + 1)
    )
    return netns("router", (eth0,), neighbours=near, sysctls=QUIET)
