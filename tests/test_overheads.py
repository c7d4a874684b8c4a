"""MTU arithmetic against probing, and the frames of every tunnel: their bytes by the specifications, and as tshark reads them."""

import json
import shutil
import subprocess
from random import Random

import pytest
from fragment_worlds import FORWARDS, between, pod, row_of_machines, tunnel_node
from test_tunnels import MAC, NODES, PODS

from kubenet_course.lab.comparison import compare
from kubenet_course.lab.real.run import missing, run
from kubenet_course.lab.scenario.scenario import read
from kubenet_course.linux.namespace.device import Device, Geneve, Ipip, Vxlan, WireGuard, ifaddr
from kubenet_course.linux.namespace.fib import Route
from kubenet_course.linux.namespace.netns import FdbEntry, NeighbourEntry, netns
from kubenet_course.linux.namespace.overhead import overhead, payload, room
from kubenet_course.linux.packet.address import prefix
from kubenet_course.linux.packet.packet import Fragment, Frame, Packet, frame_length, ping
from kubenet_course.linux.packet.wire import frame_bytes, frame_from
from kubenet_course.linux.verdicts import verdict
from kubenet_course.linux.walk import ask
from kubenet_course.views.story.pcap import pcapng

NODES6 = {1: "fd00:192::11", 2: "fd00:192::12"}
PODS6 = {1: "fd00:10:1::10", 2: "fd00:10:2::10"}
SECOND = {1: "10.99.0.1", 2: "10.99.0.2"}  # the nodes' addresses inside of a first tunnel
TUNNEL_MAC = {number: f"02:00:0f:{number:02x}:00:00" for number in NODES}


def made(kind: str, number: int, ends: dict[int, str]):
    """One node's end of a tunnel between two addresses."""
    own, far = ends[number], ends[3 - number]
    if kind == "vxlan":
        return Vxlan(7, own, "")
    return {"geneve": Geneve(7, far, own), "ipip": Ipip(own, far), "wireguard": WireGuard(far)}[kind]


def node(number: int, stack: tuple, mtus: tuple[int, ...], inner: int):
    """A node with tunnels in each other, the outermost first; pods' addresses of family `inner` lead into the last."""
    other, underlay = 3 - number, {4: NODES, 6: NODES6}[stack[0][1] if stack else inner]
    own = (ifaddr(f"{NODES[number]}/24"), ifaddr(f"{NODES6[number]}/64"))
    pods = PODS if inner == 4 else PODS6
    devices = [Device("eth0", "veth", MAC[number], own, peer=(f"node-{other}", "eth0"))]
    routes, known, fdb = [], [], []
    ends = underlay
    for level, ((kind, _), mtu) in enumerate(zip(stack, mtus, strict=True)):
        last = level == len(stack) - 1
        address = pods[number] if last else SECOND[number]
        framed = kind in ("vxlan", "geneve")
        mac, name = TUNNEL_MAC[number] if framed else "", f"tun{level}"
        block = ifaddr(f"{address}/{128 if ':' in address else 32}")
        devices.append(Device(name, kind, mac, (block,), mtu, tunnel=made(kind, number, ends)))
        far = pods[other] if last else SECOND[other]
        routes.append(Route(prefix(f"{far}/{128 if ':' in far else 32}"), name))
        if framed:
            known.append(NeighbourEntry(far, name, TUNNEL_MAC[other]))
            fdb.append(FdbEntry(TUNNEL_MAC[other], name, ends[other]))
        ends = SECOND
    if not stack:
        devices[0] = Device("eth0", "veth", MAC[number], (*own, ifaddr(f"{pods[number]}/{24 if inner == 4 else 64}")),
                            peer=(f"node-{other}", "eth0"))  # fmt: skip
        routes.append(Route(prefix(f"{pods[other]}/{32 if inner == 4 else 128}"), "eth0"))
    return netns(f"node-{number}", tuple(devices), routes=tuple(routes), neighbours=tuple(known), fdb=tuple(fdb))


def probed(stack: tuple, inner: int, mtus: tuple[int, ...]) -> int:
    """The largest payload of a ping that may not be cut and is answered without any frame on the wire being a piece."""
    world = {f"node-{number}": node(number, stack, mtus, inner) for number in NODES}
    pods = PODS if inner == 4 else PODS6

    def passes(size: int) -> bool:
        trace = ask(world, ping(pods[1], pods[2], payload=bytes(size)), "node-1", discovers="do")
        if verdict(trace).name != "delivered":
            return False
        wire = [row[3] for row in trace.frames if row[1] == "eth0"]
        return not any(isinstance(getattr(frame.payload, "payload", None), Fragment) for frame in wire)

    low, high = 0, 9000
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if passes(middle) else (low, middle - 1)
    return low


ONE = [(), *(((kind, of),) for kind in ("vxlan", "geneve", "wireguard") for of in (4, 6)), (("ipip", 4),)]
NESTED = [
    (("wireguard", 4), ("vxlan", 4)), (("wireguard", 6), ("vxlan", 4)), (("vxlan", 4), ("vxlan", 4)),
    (("geneve", 6), ("vxlan", 4)), (("ipip", 4), ("geneve", 4)), (("wireguard", 4), ("ipip", 4)),
]  # fmt: skip


PROBED = [
    (s, of) for s in (*ONE, *NESTED) for of in (4, 6) if of == 4 or not s or s[-1][0] != "ipip"
]  # IPv4 alone in IPv4


@pytest.mark.parametrize("stack, inner", PROBED, ids=str)
def test_the_largest_payload_that_passes_is_the_one_that_arithmetic_says(stack, inner):
    """First with devices that know what is left for them, then with devices that know nothing. WireGuard fills up: not it."""
    said = payload(room(1500, *stack), inner)
    mtus = tuple(room(1500, *stack[: level + 1]) for level in range(len(stack)))
    assert probed(stack, inner, mtus) == said
    if not any(kind == "wireguard" for kind, _ in stack):
        assert probed(stack, inner, (9000,) * len(stack)) == said


def on_the_wire(stack: tuple, size: int = 56) -> Frame:
    """The frame on the wire between the nodes, with everything in it."""
    mtus = tuple(room(1500, *stack[: level + 1]) for level in range(len(stack)))
    world = {f"node-{number}": node(number, stack, mtus, 4) for number in NODES}
    trace = ask(world, ping(PODS[1], PODS[2], 7, 1, bytes(size)), "node-1")
    return max((row[3] for row in trace.frames if row[:3] == ("node-1", "eth0", "out")), key=frame_length)


@pytest.mark.parametrize("stack", [*ONE[1:], *NESTED], ids=str)
def test_a_full_packet_fills_the_wire(stack):
    """WireGuard's blocks: what is sealed is filled up, but not beyond the device's MTU."""
    assert frame_length(on_the_wire(stack, payload(room(1500, *stack)))) == 14 + 1500


# What stands in front of the inner packet, by the pictures in the specifications; the outer addresses are those of NODES.
UDP_AT, INNER = 14 + 20, bytes.fromhex("02000f020000 02000f010000 0800")
GOLDEN = {
    "vxlan": (17, "9c40 2118 0072 000008000000 00000700", INNER),  # RFC 7348 section 5: flags I, VNI 7
    "geneve": (17, "9c40 17c1 0072 00000000 6558 00000700", INNER),  # RFC 8926 section 3.4: version 0, no options
    "ipip": (4, "", b""),  # RFC 2003 section 3: protocol 4, and then the packet
    "wireguard": (17, "ca6c ca6c 0088", b""),  # 8 + 16 + 96 + 16 bytes; its sum is looked at by scapy elsewhere
}  # fmt: skip


@pytest.mark.parametrize("kind", GOLDEN)
def test_the_bytes_in_front_are_those_of_the_specification(kind):
    data, (proto, front, inner) = frame_bytes(on_the_wire(((kind, 4),))), GOLDEN[kind]
    front = bytes.fromhex(front)
    assert (data[12:14].hex(), data[14], data[14 + 9]) == ("0800", 0x45, proto)
    assert data[26:34] == bytes([192, 168, 1, 11, 192, 168, 1, 12])
    assert data[UDP_AT : UDP_AT + len(front) + len(inner)] == front + inner
    if kind == "wireguard":  # type 4, reserved, receiver, counter; then nobody can tell
        assert data[UDP_AT + 8 :] == bytes.fromhex("04000000") + bytes(12 + 96 + 16)
    else:  # the inner packet: from pod to pod, 84 bytes
        assert data[UDP_AT + len(front) + len(inner) :][:4] == bytes.fromhex("45000054")


@pytest.mark.parametrize("stack", [*ONE[1:], *NESTED], ids=str)
def test_what_was_written_is_read_again(stack):
    """But for what WireGuard has sealed."""
    frame = on_the_wire(stack)
    again = frame_from(frame_bytes(frame))
    assert frame_bytes(again) == frame_bytes(frame)
    assert isinstance(again.payload, Packet)
    if not any(kind == "wireguard" for kind, _ in stack) and stack[0][1] == 4:  # IPv6 has no flag DF to be read again
        assert again == frame


def test_tshark_reads_every_frame_without_a_malformed_packet(tmp_path):
    if shutil.which("tshark") is None:
        pytest.skip("tshark is not installed")
    frames = [on_the_wire(stack) for stack in (*ONE[1:], *NESTED)]
    big = {f"node-{n}": node(n, (), (), of) for n in NODES for of in (4,)}
    trace = ask(big, ping(PODS[1], PODS[2], payload=bytes(3000)), "node-1", discovers="dont")
    frames += [row[3] for row in trace.frames if row[0] == "node-1" and isinstance(row[3].payload, Packet)]
    path = tmp_path / "frames.pcapng"
    path.write_bytes(pcapng((number, "eth0", frame_bytes(frame)) for number, frame in enumerate(frames)))
    argv = ["tshark", "-r", str(path), "-d", "udp.port==8472,vxlan", "-T", "fields", "-e", "frame.protocols"]
    argv += ["-e", "_ws.malformed", "-e", "_ws.expert.message"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    assert len(lines) == len(frames)
    assert not [line for line in lines if any(line[1:2])], lines
    names = [line[0] for line in lines]
    for stack, name in zip((*ONE[1:], *NESTED), names, strict=False):
        kind = stack[0][0]
        assert {"vxlan": ":vxlan:eth:", "geneve": ":geneve:eth:", "ipip": ":ip:ip:", "wireguard": ":wg"}[
            kind
        ] in name, name
    assert names[-1].endswith("data")


def test_costs_are_those_of_the_documentation():
    """flannel's and Calico's tables of MTU sizes: VXLAN 1450, IP in IP 1480, WireGuard 1440 (IPv4) and 1420 (IPv6)."""
    assert room(1500, ("vxlan", 4)) == 1450
    assert room(1500, ("ipip", 4)) == 1480
    assert (room(1500, ("wireguard", 4)), room(1500, ("wireguard", 6))) == (1440, 1420)
    assert overhead("vxlan", 6) == 70
    assert room(9001, ("wireguard", 4), ("vxlan", 4)) == 8891
    assert (payload(1450, 4, "tcp"), payload(1450, 6, "tcp")) == (1410, 1390)


@pytest.mark.parametrize("way", ["VXLAN over IPv4", "VXLAN over IPv6", "host routes"])
@pytest.mark.parametrize("of", [4, 6])
def test_the_real_kernel_stops_at_the_same_size(way, of):
    """The largest ping that may not be cut passes, and one byte more is refused: in the model and in the kernel alike."""
    if missing():
        pytest.skip(missing() or "")
    stack = {"VXLAN over IPv4": (("vxlan", 4),), "VXLAN over IPv6": (("vxlan", 6),)}.get(way, ())
    most = payload(room(1500 if stack else 1400, *stack), of)
    text = tunnel(stack[0][1] == 6) if stack else straight()
    ends = {4: ("10.244.1.2", "10.244.2.2"), 6: ("fd00:10:1::2", "fd00:10:2::2")}
    ends = ends if stack else {4: ("10.0.1.2", "10.0.3.2"), 6: ("fd00:0:0:1::2", "fd00:0:0:3::2")}
    src, dst = ends[of]
    for size, comes in ((most, True), (most + 1, False)):
        send = {"proto": "icmp", "src": src, "dst": dst, "payload": f"zeros {size}"}
        at = "pod-1" if stack else "client"
        whole = {"kubenet_scenario": 1, "name": way, "namespaces": text}
        scenario = read(json.dumps(whole | {"packets": [{"at": at, "send": send, "discovers": "do"}]}))
        comparison = compare(scenario, run(scenario))
        assert comparison.equal, [str(one) for one in comparison.differences]
        assert (verdict(comparison.traces[0]).name == "delivered") is comes


def tunnel(is6: bool) -> dict:
    """Pods that believe in 1500, and a tunnel between their nodes."""
    plan = {"is6": is6, "bridged": False, "pod": 1500, "narrow": 1500}
    world = {"router": between(is6, 1500)}
    for number in (1, 2):
        world |= {
            f"node-{number}": tunnel_node(number, **plan) | {"sysctls": FORWARDS},
            f"pod-{number}": pod(number, 2, **plan),
        }
    return world


def straight() -> dict:
    """Four machines in a row, the wire in the middle with an MTU of 1400."""
    world, _ = row_of_machines(Random(1))
    for name, machine in world.items():
        machine.pop("iptables", None)
        machine.pop("ip6tables", None)
        for device in machine["devices"]:
            device["mtu"] = 1400 if (name, device["name"]) in (("r1", "eth2"), ("r2", "eth1")) else 1500
    return world
