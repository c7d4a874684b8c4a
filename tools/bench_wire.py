"""What bytes cost: all frames of a trace, against the same frames built by scapy alone.

The trace is a request to a Service on another node and its answer, each as four different frames (sent, translated and
routed, tunnelled, delivered), and an error that quotes. Every round is another conversation (ports and numbers differ),
so that no cache of an earlier one helps; nor do frames repeat, as on a bridge's ports, where a cache would.
"""

from collections.abc import Callable
from itertools import count

from msgspec.structs import replace

from kubenet_course.linux.packet.fields import layers
from kubenet_course.linux.packet.packet import Flow, Frame, Icmp, Packet, Quote, Tcp, Udp, Vxlan, lowered
from kubenet_course.linux.packet.wire import frame_bytes, frame_from
from kubenet_course.views.story.frame import frame_table
from kubenet_course.views.story.pcap import pcapng
from tools.bench import Timed, measurement, seconds

MACS = [f"02:42:0a:f4:00:{number:02x}" for number in range(8)]
POD, VIP, BACKEND = "10.244.1.10", "10.96.0.10", "10.244.2.20"
OUTER = Flow("udp", "192.168.1.11", 40000, "192.168.1.12", 8472)
MSS = bytes.fromhex("020405b4")


def trace(number: int) -> list[Frame]:
    """The nine frames of a conversation."""
    port, frames = 1024 + number % 60000, []
    for flow, flags in ((Flow("tcp", POD, port, VIP, 80), "S"), (Flow("tcp", VIP, 80, POD, port), "SA")):
        sent = Packet(flow, Tcp(flags, seq=number, options=MSS))
        backend = {"src": BACKEND} if flow.src == VIP else {"dst": BACKEND}
        onward = lowered(replace(sent, flow=replace(flow, **backend)))
        tunnel = Packet(OUTER, Udp(False), Vxlan(1, Frame(*MACS[2:4], onward)), id=number % 65536, df=False)
        path = (sent, onward, tunnel, lowered(onward))
        frames += [Frame(MACS[at], MACS[at + 1], packet) for at, packet in enumerate(path)]
    about = frames[0].payload
    error = Packet(
        Flow("icmp", BACKEND, 0, POD, 0x0303), Icmp(), Quote(about, 44), tos=0xC0, id=number % 65536, df=False
    )
    return [*frames, Frame(MACS[6], MACS[7], error)]


def conversations(use: Callable[[Frame], object]) -> Timed:
    """Something done with each frame of a conversation that was never seen before."""
    numbers = count()
    return lambda: [use(frame) for frame in trace(next(numbers))]


def with_scapy() -> Callable[[Frame], bytes]:
    """The same frame as a person writes it with scapy, every address given; what needs no saying is not said."""
    frame_bytes(trace(0)[0])  # loads scapy as the course does
    from scapy.layers.inet import ICMP, IP, TCP, UDP
    from scapy.layers.l2 import Ether
    from scapy.layers.vxlan import VXLAN

    def ip(packet: Packet):
        flow, header = packet.flow, packet.header
        layer = IP(src=flow.src, dst=flow.dst, ttl=packet.ttl, tos=packet.tos, id=packet.id, flags="DF" * packet.df)
        match header:
            case Tcp(flags=flags, seq=seq):
                options = [("MSS", 1460)]
                return layer / TCP(
                    sport=flow.sport, dport=flow.dport, flags=flags, seq=seq, window=64240, options=options
                )
            case Udp():
                vxlan = VXLAN(flags=8, vni=1)
                return layer / UDP(sport=flow.sport, dport=flow.dport, chksum=0) / vxlan / ether(packet.payload.frame)
        return layer / ICMP(type=3, code=3) / ip(packet.payload.packet)

    def ether(frame: Frame):
        return Ether(src=frame.src, dst=frame.dst, type=0x0800) / ip(frame.payload)

    return lambda frame: bytes(ether(frame))


def same_frames_with_scapy() -> Timed:
    build = with_scapy()
    assert [build(frame) for frame in trace(7)] == [frame_bytes(frame) for frame in trace(7)]
    return conversations(build)


def making_the_values() -> Timed:
    return conversations(id)


@measurement("bytes of a trace's frames, as multiples of scapy alone", figure=1.5, unit="x")
def ratio() -> Callable[[], float]:
    return lambda: seconds(conversations(frame_bytes)) / seconds(same_frames_with_scapy())


@measurement("bytes of a trace's nine frames (floor: scapy alone)", figure=4e-3, floor=same_frames_with_scapy)
def writing() -> Timed:
    return conversations(frame_bytes)


@measurement("nine frames from their bytes (floor: making the values)", figure=8e-3, floor=making_the_values)
def reading() -> Timed:
    rounds = [[frame_bytes(frame) for frame in trace(number)] for number in range(600)]  # more than caches hold
    numbers = count()
    return lambda: [frame_from(data) for data in rounds[next(numbers) % len(rounds)]]


@measurement("every field of a tunnelled frame", figure=2e-4)
def fields() -> Timed:
    data = frame_bytes(trace(0)[2])
    return lambda: layers(data)


@measurement("a frame's table in HTML, with what changed", figure=2e-3)
def table() -> Timed:
    frames = trace(0)
    return lambda: frame_table(frames[2], frames[1])._repr_html_()


@measurement("a pcapng of 1,000 frames", figure=1e-2)
def capture() -> Timed:
    data = frame_bytes(trace(0)[2])
    rows = [(at, f"node-{at % 6}/eth0", data, "tunnelled", "out") for at in range(1000)]
    return lambda: pcapng(rows)
