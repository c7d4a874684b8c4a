"""Tunnels of every kind: what goes around a packet, byte for byte as scapy writes it, and what comes out at the other end."""

import pytest
from scapy.contrib.geneve import GENEVE
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.l2 import Ether

from kubenet_course.linux.namespace.device import Device, Geneve, Ipip, Vxlan, WireGuard, ifaddr
from kubenet_course.linux.namespace.fib import Route
from kubenet_course.linux.namespace.netns import NeighbourEntry, netns
from kubenet_course.linux.namespace.overhead import overhead, room
from kubenet_course.linux.packet.address import prefix
from kubenet_course.linux.packet.packet import length, ping
from kubenet_course.linux.packet.wire import frame_bytes, packet_bytes
from kubenet_course.linux.verdicts import verdict
from kubenet_course.linux.walk import send

NODES = {1: "192.168.1.11", 2: "192.168.1.12"}
PODS = {1: "10.244.1.10", 2: "10.244.2.10"}
MAC = {number: f"02:00:0e:{number:02x}:00:00" for number in NODES}
INNER = {number: f"02:00:0f:{number:02x}:00:00" for number in NODES}


def node(number: int, kind: str, tunnel, mac: str = ""):
    """A node on a wire with the other one, and a tunnel to it through which the other's pods are reached."""
    other = 3 - number
    eth0 = Device("eth0", "veth", MAC[number], (ifaddr(f"{NODES[number]}/24"),), peer=(f"node-{other}", "eth0"))
    tun0 = Device("tun0", kind, mac, (ifaddr(f"{PODS[number]}/32"),), mtu=room(1500, (kind, 4)), tunnel=tunnel)
    route = Route(prefix(f"{PODS[other]}/32"), "tun0", NODES[other] if kind == "ipip" else "")
    known = (NeighbourEntry(PODS[other], "tun0", INNER[other]),) if mac else ()
    return netns(f"node-{number}", (eth0, tun0), routes=(route,), neighbours=known)


def world(kind: str, make, framed: bool = False):
    return {f"node-{n}": node(n, kind, make(n), INNER[n] if framed else "") for n in NODES}


IPIP = world("ipip", lambda number: Ipip(NODES[number]))
GENEVE_WORLD = world("geneve", lambda number: Geneve(7, NODES[3 - number], NODES[number]), framed=True)
QUESTION = ping(PODS[1], PODS[2], 7, 1, b"0123456789", df=True)


def carried(trace):
    """The first IP packet's frame on the wire between the nodes."""
    return trace.frame("node-1", "eth0")


def test_a_packet_in_a_packet_is_what_scapy_writes():
    frame = carried(send(IPIP, QUESTION, "node-1"))
    inner = IP(src=PODS[1], dst=PODS[2], id=0, flags="DF", ttl=64) / ICMP(id=7, seq=1) / b"0123456789"
    outer = IP(src=NODES[1], dst=NODES[2], id=frame.payload.id, flags="DF", ttl=64, proto=4)
    assert frame_bytes(frame) == bytes(Ether(src=MAC[1], dst=MAC[2], type=0x0800) / outer / inner)


def test_a_frame_in_geneve_is_what_scapy_writes():
    frame = carried(send(GENEVE_WORLD, QUESTION, "node-1"))
    inner = Ether(src=INNER[1], dst=INNER[2], type=0x0800) / IP(src=PODS[1], dst=PODS[2], id=0, flags="DF", ttl=64)
    inner = inner / ICMP(id=7, seq=1) / b"0123456789"
    outer = IP(src=NODES[1], dst=NODES[2], id=frame.payload.id, ttl=64, flags=0) / UDP(
        sport=40000, dport=6081, chksum=0
    )
    whole = Ether(src=MAC[1], dst=MAC[2], type=0x0800) / outer / GENEVE(vni=7, proto=0x6558) / inner
    assert frame_bytes(frame) == bytes(whole)


@pytest.mark.parametrize("story, there", [("IP in IP", IPIP), ("GENEVE", GENEVE_WORLD)])
def test_what_goes_in_comes_out_and_is_answered(story, there):
    trace = send(there, QUESTION, "node-1", waits=True)
    assert verdict(trace).delivered_to == "node-2"
    assert (trace.steps[-1].namespace, trace.steps[-1].end) == ("node-1", "local")


def test_who_is_nobody_s_tunnel_end_answers_that_it_knows_no_such_protocol():
    there = IPIP | {"node-2": netns("node-2", (IPIP["node-2"].devices["eth0"],))}
    trace = send(there, QUESTION, "node-1")
    told = [step.skb.packet for step in trace.steps if step.stage == "local_deliver"][-1]
    assert (told.flow.dport, told.payload.packet.flow.proto) == (3 << 8 | 2, "ipencap")


@pytest.mark.parametrize("tunnel, of, bytes_more", [
    (Vxlan(1, NODES[1], "eth0"), 4, 50), (Vxlan(1, NODES[1], "eth0"), 6, 70), (Geneve(7, NODES[2]), 4, 50),
    (Ipip(NODES[1]), 4, 20), (WireGuard(NODES[2]), 4, 60), (WireGuard(NODES[2]), 6, 80),
])  # fmt: skip
def test_each_kind_costs_what_its_specification_says(tunnel, of, bytes_more):
    assert overhead(type(tunnel), of) == bytes_more


@pytest.mark.parametrize("payload, sealed", [(0, 32), (4, 32), (5, 48)])
def test_wireguard_fills_up_to_sixteen_bytes_and_shows_nothing(payload, sealed):
    there = world("wireguard", lambda number: WireGuard(NODES[3 - number]))
    packet = carried(send(there, ping(PODS[1], PODS[2], payload=bytes(payload)), "node-1")).payload
    assert (packet.flow.dport, packet_bytes(packet)[28:32]) == (51820, b"\4\0\0\0")
    assert packet_bytes(packet)[44:] == bytes(sealed + 16)
    assert length(packet) == 20 + 8 + 16 + sealed + 16
