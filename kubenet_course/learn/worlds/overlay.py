"""Two nodes, a pod on each, and a VXLAN between them, as one would type it; and a program that answers in the second pod."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from ...linux.conversation import Conversation, converse
from ...linux.namespace.netns import Netns, Socket
from ...linux.netfilter.iptables.save import read as rules_of
from ...linux.packet.address import Mac
from ...shell.console import Console

CLIENT, WEB = "10.244.1.10", "10.244.2.10"
NODES = {1: "192.168.1.11", 2: "192.168.1.12"}
PORT, REQUEST = 443, b"GET /report HTTP/1.0\r\n\r\n"
NO_ICMP = "-A OUTPUT -p icmp -j DROP"  # what people add to nodes to make them safer
CLAMP = "-A FORWARD -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu"


def tunnel_mac(number: int) -> Mac:
    """The MAC address of a node's tunnel device."""
    return f"02:00:0a:f4:{number:02x}:00"


def node(number: int, pod: str, mtu: int = 1500) -> str:
    """The lines that make a node, as one types them on node-1: its pod, its tunnel, three entries about the other node."""
    other = 3 - number
    ip, bridge, run = _typed_for(number)
    made = f"{pod} mtu {mtu}"
    cable = f"link add veth-{pod} mtu {mtu} type veth peer name eth0 netns {made}"
    return f"""ip netns add {pod}
{ip} {cable}
ip -n {pod} addr add 10.244.{number}.10/24 dev eth0
ip -n {pod} link set eth0 up
{ip} addr add 10.244.{number}.1/24 dev veth-{pod}
{ip} link set veth-{pod} up
ip -n {pod} route add default via 10.244.{number}.1
{ip} link add flannel.1 address {tunnel_mac(number)} type vxlan id 1 local {NODES[number]} dev eth0 dstport 8472 \
srcport 40000 40001 nolearning noudpcsum
{ip} addr add 10.244.{number}.0/32 dev flannel.1
{ip} link set flannel.1 up
{ip} route add 10.244.{other}.0/24 via 10.244.{other}.0 dev flannel.1 onlink
{ip} neigh replace 10.244.{other}.0 lladdr {tunnel_mac(other)} dev flannel.1 nud permanent
{bridge} fdb append {tunnel_mac(other)} dev flannel.1 dst {NODES[other]} self permanent
{run}sysctl -w net.ipv4.ip_forward=1
"""


def _typed_for(number: int) -> tuple[str, str, str]:
    """How `ip`, `bridge` and other commands begin for a node, on node-1."""
    return ("ip", "bridge", "") if number == 1 else ("ip -n node-2", "bridge -n node-2", "ip netns exec node-2 ")


LAN = f"""ip netns add node-2
ip link add eth0 type veth peer name eth0 netns node-2
ip addr add {NODES[1]}/24 dev eth0
ip -n node-2 addr add {NODES[2]}/24 dev eth0
ip link set eth0 up
ip -n node-2 link set eth0 up
"""


def overlay(mtu: int = 1450) -> str:
    """The whole network as commands; `mtu` is what the pods' cables are told."""
    return LAN + node(1, "client", mtu) + node(2, "web", mtu)


def hardened(text: str) -> str:
    """The same network after somebody has told both nodes to send no ICMP."""
    return text + "".join(f"{_typed_for(number)[2]}iptables {NO_ICMP}\n" for number in (1, 2))


def tunnelled(mtu: int = 1450, icmp: bool = True, clamped: bool = False) -> dict[str, Netns]:
    """The network as a world: with pods that believe in `mtu`, nodes that send ICMP or not, and perhaps clamp segment sizes."""
    console = Console("node-1")
    answer = console(overlay(mtu))
    if answer.refused:
        raise ValueError(str(answer.done[-1]))
    lines = ["*filter", *([] if icmp else [NO_ICMP]), "COMMIT"]
    lines += ["*mangle", CLAMP, "COMMIT"] if clamped else []
    rules = {4: rules_of("\n".join([*lines, ""])).rules}
    return {name: replace(ns, rules=rules) if name.startswith("node") else ns for name, ns in console.world.items()}


def fetch(world: Mapping[str, Netns], size: int = 20_000, seconds: float = 30) -> Conversation:
    """`client` asks `web` for a page of so many bytes."""
    listens = {"web": replace(world["web"], sockets=(Socket("tcp", "0.0.0.0", PORT, "web"),))}
    programs = {"web": lambda state, said, now: (state, bytes(size), True)}
    return converse({**world, **listens}, "client", WEB, PORT, REQUEST, programs, seconds=seconds)
