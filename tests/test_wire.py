"""Frames to bytes and back: against the RFCs' figures, sums done by hand, and what a real kernel sent."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from kubenet_course.errors import BadInput
from kubenet_course.linux.packet.address import IPV4, IPV6, spelled
from kubenet_course.linux.packet.packet import (  # fmt: skip
    Arp,
    Flow,
    Frame,
    Icmp,
    Neighbour,
    Other,
    Packet,
    Quote,
    Tcp,
    Udp,
    Vxlan,
    ping,
    tcp,
    udp,
)
from kubenet_course.linux.packet.wire import NoPlace, frame_bytes, frame_from, packet_bytes, packet_from

ROOT = Path(__file__).resolve().parent.parent
KERNEL = json.loads((ROOT / "data/reference/wire/kernel-frames.json").read_text())
STORIES = list(dict.fromkeys(frame["story"] for frame in KERNEL["frames"]))
CLIENT, SERVER, NODE = "02:42:0a:f4:01:0a", "02:42:0a:f4:01:0b", "02:42:0a:f4:01:01"


def kernel(story: str) -> list[bytes]:
    return [bytes.fromhex(frame["hex"]) for frame in KERNEL["frames"] if frame["story"] == story]


def hexed(text: str) -> bytes:
    return bytes.fromhex("".join(line.partition("#")[0] for line in text.splitlines()))


def ones_complement(data: bytes) -> int:
    """RFC 1071 section 4.1, word for word in Python: the sum that a correct checksum makes 0xffff."""
    total = 0
    for at in range(0, len(data) - 1, 2):
        total += data[at] << 8 | data[at + 1]
    if len(data) % 2:
        total += data[-1] << 8
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


# Written out by hand from the figures of the RFCs. Each checksum is the complement of the sum beside it; the four words
# of 10.244.1.10 and 10.244.1.11 together are 17fd.
ASK = Frame(CLIENT, "ff:ff:ff:ff:ff:ff", Arp(1, CLIENT, "10.244.1.10", "00:00:00:00:00:00", "10.244.1.11"))
ASK_BYTES = "ffffffffffff 02420af4010a 0806 0001 0800 06 04 0001 02420af4010a 0af4010a 000000000000 0af4010b"
QUESTION = udp("10.244.1.10", 40000, "10.244.1.11", 53, b"Kh", ttl=1)
QUESTION_BYTES = """
    4500 001e 0000 4000 0111 61d3 0af4010a 0af4010b  # 4500+1e+4000+111+17fd = 9e2c
    9c40 0035 000a ffff 4b68                         # 17fd+11+a + 9c40+35+a+4b68 = ffff: zero, so it is sent as ffff"""
GOLDEN = [
    ("who has 10.244.1.11 (RFC 826)", ASK, ASK_BYTES),
    (
        "an echo request of four bytes (RFC 791, 792)",
        Frame(CLIENT, SERVER, ping("10.244.1.10", "10.244.1.11", 0x1234, 1, b"abcd", df=False)),
        """02420af4010b 02420af4010a 0800
           4500 0020 0007 0000 4001 62da 0af4010a 0af4010b  # 4500+20+7+4001+17fd = 9d25
           0800 2104 1234 0001 61626364                     # 800+1234+1+6162+6364 = defb""",
    ),
    (
        "the answer of a closed port (RFC 9293 section 3.10.7.1)",
        Frame(SERVER, CLIENT, tcp("10.244.1.11", 80, "10.244.1.10", 40000, "RA")),
        """02420af4010a 02420af4010b 0800
           4500 0028 0000 4000 4006 22d4 0af4010b 0af4010a  # 4500+28+4000+4006+17fd = dd2b
           0050 9c40 00000000 00000002 5014 0000 fb41 0000  # 17fd+6+14 + 50+9c40+2+5014 = 04be""",
    ),
    (
        "a first segment over IPv6, with a traffic class, a flow label and an MSS (RFC 8200)",
        Frame(CLIENT, SERVER, tcp("fd00:10:244:1::a", 40000, "fd00:10:96::1", 80, tos=0x28, label=0xBEEF)),
        """02420af4010b 02420af4010a 86dd
           6280beef 0018 06 40 fd000010024400010000 00000000000a fd000010009600000000 000000000001
           9c40 0050 00000001 00000000 6002 faf0 039d 0000 020405b4
           # ff5f+fda7+18+6 + 9c40+50+1+6002+faf0+204+5b4 = fc62""",
    ),
    (
        "time exceeded, with the packet as it stood (RFC 792)",
        Frame(NODE, CLIENT, Packet(Flow("icmp", "10.244.1.1", 0, "10.244.1.10", 0x0B00), Icmp(), Quote(QUESTION, 30))),
        """02420af4010a 02420af40101 0800
           45c0 003a 0102 0000 4001 610f 0af40101 0af4010a  # 45c0+3a+102+4001+af4+101+af4+10a = 9ef0
           0b00 0d18 00000000                               # b00 + the quoted words, e7e7 = f2e7"""
        + QUESTION_BYTES,
    ),
    (
        "a neighbour solicitation (RFC 4861 section 4.3)",
        Frame(
            NODE,
            "33:33:ff:00:00:0a",
            Packet(
                Flow("ipv6-icmp", "fd00:10:244:1::1", 0, "ff02::1:ff00:a", 135 << 8),
                Icmp(),
                Neighbour("fd00:10:244:1::a", NODE),
                ttl=255,
            ),
        ),
        """3333ff00000a 02420af40101 86dd
           60000000 0020 3a ff fd000010024400010000 000000000001 ff020000000000000000 0001ff00000a
           8700 6ca7 00000000 fd000010024400010000 00000000000a 0101 02420af40101  # ff56+fe0e+20+3a + 9598 = 9358""",
    ),
    (
        "a question in a tunnel without checksum (RFC 7348 section 5)",
        Frame(
            "02:00:c0:a8:01:0b",
            "02:00:c0:a8:01:0c",
            Packet(Flow("udp", "192.168.1.11", 40000, "192.168.1.12", 8472), Udp(False), Vxlan(1, ASK), id=1, df=False),
        ),
        """0200c0a8010c 0200c0a8010b 0800
           4500 004e 0001 0000 4011 f736 c0a8010b c0a8010c  # 4500+4e+1+4011+c0a8+10b+c0a8+10c = 08c9
           9c40 2118 003a 0000  08 000000 000001 00 """
        + ASK_BYTES,
    ),
]
TWEAKS = {  # what the makers of packets leave at its default
    "an echo request of four bytes (RFC 791, 792)": {"id": 7},
    "the answer of a closed port (RFC 9293 section 3.10.7.1)": {"header": Tcp("RA", ack=2, window=0)},
    "a first segment over IPv6, with a traffic class, a flow label and an MSS (RFC 8200)": {
        "header": Tcp("S", seq=1, options=bytes.fromhex("020405b4"))
    },
    "time exceeded, with the packet as it stood (RFC 792)": {"tos": 0xC0, "id": 0x0102, "df": False},
}


@pytest.mark.parametrize("story, frame, text", GOLDEN, ids=[story for story, *_ in GOLDEN])
def test_bytes_are_those_of_the_rfc_both_ways(story, frame, text):
    if story in TWEAKS:
        frame = replace(frame, payload=replace(frame.payload, **TWEAKS[story]))
    assert frame_bytes(frame) == hexed(text)
    assert frame_from(hexed(text)) == frame


def test_an_ipv4_header_from_an_encyclopedia_has_its_checksum():
    """The example of Wikipedia's article on the IPv4 header checksum."""
    packet = udp("192.168.0.1", 1, "192.168.0.199", 2, bytes(87))
    assert packet_bytes(packet)[:20].hex() == "450000730000400040" + "11b861c0a80001c0a800c7"


@pytest.mark.parametrize("story", STORIES)
def test_what_a_kernel_sent_is_read_and_written_again_byte_for_byte(story):
    for data in kernel(story):
        assert frame_bytes(frame_from(data)) == data


@pytest.mark.parametrize("story", [s for s in STORIES if "port, quote" in s or "hops" in s or "without checksum" in s])
def test_a_whole_packet_quoted_anew_gives_the_error_that_the_kernel_sent(story):
    """The quote is made from the packet as it was captured whole, not from what could be read of the cut one."""
    packets = [packet for data in kernel(story) if isinstance(packet := frame_from(data).payload, Packet)]
    errors = [packet for packet in packets if isinstance(packet.payload, Quote)]
    assert errors
    for error in errors:
        whole = next(packet for packet in packets if packet.flow == error.payload.packet.flow and not packet.is_error)
        as_it_stood = replace(whole, ttl=error.payload.packet.ttl)
        anew = replace(error, payload=Quote(as_it_stood, error.payload.length))
        assert packet_bytes(anew) == packet_bytes(error)


def test_the_kernels_answers_are_the_fields_that_one_expects():
    (far,) = {frame_from(data).payload.header for data in kernel("a closed TCP port") if len(data) == 54}
    assert (far.flags, far.seq, far.window, far.options) == ("RA", 0, 0, b"")
    tunnels = [frame_from(data).payload for data in kernel("a ping through tunnel vx2")]
    tunnels = [packet for packet in tunnels if isinstance(packet, Packet) and isinstance(packet.payload, Vxlan)]
    assert {(packet.payload.vni, packet.header.checksum, packet.flow.dport) for packet in tunnels} == {
        (4098, False, 8472)
    }


@pytest.mark.skipif(not shutil.which("unshare") or not shutil.which("ip"), reason="unshare or ip is not installed")
def test_what_this_machines_kernel_sends_now_is_read_and_written_again_byte_for_byte():
    argv = [sys.executable, "-m", "tools.record_wire"]
    answer = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=60)
    if answer.returncode:
        pytest.skip(answer.stderr.strip().splitlines()[-1])
    frames = [bytes.fromhex(frame["hex"]) for frame in json.loads(answer.stdout)["frames"]]
    assert len(frames) > 100
    for data in frames:
        assert frame_bytes(frame_from(data)) == data


MACS = st.binary(min_size=6, max_size=6).map(lambda raw: raw.hex(":"))
PORTS = st.integers(0, 0xFFFF)
WORDS = st.integers(0, 0xFFFFFFFF)
CONTENT = st.binary(max_size=60)
PROTO = {IPV4: "icmp", IPV6: "ipv6-icmp"}


@st.composite
def flows(draw, of, proto):
    addresses = st.integers(0, (1 << of.bits) - 1).map(lambda value: spelled(value, of))
    return Flow(proto, draw(addresses), draw(PORTS), draw(addresses), draw(PORTS))


@st.composite
def plain_packets(draw, of):
    """TCP, UDP, an echo or a protocol that nobody reads, of one family."""
    proto = draw(st.sampled_from(["tcp", "udp", "echo", "sctp"]))
    flow = draw(flows(of, PROTO[of] if proto == "echo" else proto))
    if proto == "tcp":
        flags = "".join(sorted(draw(st.sets(st.sampled_from("FSRPAUEC"))), key="FSRPAUEC".index))
        options = draw(st.lists(st.sampled_from([b"\2\4\5\xb4", b"\1\1\1\1", b"\1\3\3\7"]), max_size=10).map(b"".join))
        header = Tcp(flags, draw(WORDS), draw(WORDS), draw(PORTS), draw(PORTS), options)
    elif proto == "udp":
        header = Udp(draw(st.booleans()))
    elif proto == "echo":
        header, kind = Icmp(draw(PORTS)), draw(st.sampled_from([0, 8] if of is IPV4 else [128, 129]))
        flow = replace(flow, dport=kind << 8 | draw(st.integers(0, 255)))
    else:
        header, flow = Other(), replace(flow, sport=0, dport=0)
    small = {"ttl": st.integers(0, 255), "tos": st.integers(0, 255)}
    if of is IPV4:
        small |= {"id": PORTS, "df": st.booleans()}
    else:
        small |= {"label": st.integers(0, 0xFFFFF)}
    return Packet(flow, header, draw(CONTENT), **{name: draw(values) for name, values in small.items()})


@st.composite
def packets(draw, of):
    """Plain ones, and those that carry another packet or a frame."""
    kind = draw(st.sampled_from(["plain", "plain", "error", "tunnel", "neighbour"]))
    packet = draw(plain_packets(of))
    if kind == "error":
        types = [3, 4, 5, 11, 12] if of is IPV4 else [1, 2, 3, 4]
        flow = replace(packet.flow, proto=PROTO[of], sport=0, dport=draw(st.sampled_from(types)) << 8)
        return replace(packet, flow=flow, header=Icmp(draw(WORDS)), payload=Quote(packet, len(packet_bytes(packet))))
    if kind == "tunnel":
        flow = replace(packet.flow, proto="udp", dport=draw(st.sampled_from([8472, 4789])))
        inner = Frame(draw(MACS), draw(MACS), draw(plain_packets(draw(st.sampled_from([IPV4, IPV6])))))
        return replace(packet, flow=flow, header=Udp(draw(st.booleans())), payload=Vxlan(draw(WORDS) >> 8, inner))
    if kind == "neighbour" and of is IPV6:
        flow = replace(packet.flow, proto="ipv6-icmp", sport=0, dport=draw(st.sampled_from([135, 136])) << 8)
        about = Neighbour(spelled(draw(st.integers(0, (1 << 128) - 1)), IPV6), draw(st.just("") | MACS))
        return replace(packet, flow=flow, header=Icmp(draw(WORDS)), payload=about)
    return packet


EITHER = st.sampled_from([IPV4, IPV6])


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(of=EITHER, data=st.data())
def test_a_frame_comes_back_from_its_bytes(of, data):
    frame = Frame(data.draw(MACS), data.draw(MACS), data.draw(packets(of)))
    assert frame_from(frame_bytes(frame)) == frame
    assert packet_from(packet_bytes(frame.payload), of) == frame.payload


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(of=EITHER, data=st.data())
def test_every_checksum_is_right_by_the_words_of_rfc_1071(of, data):
    packet = data.draw(plain_packets(of))
    raw = packet_bytes(packet)
    if of is IPV4:
        assert ones_complement(raw[:20]) == 0xFFFF
    addresses = raw[12:20] if of is IPV4 else raw[8:40]
    segment = raw[of.header :]
    number = raw[9] if of is IPV4 else raw[6]
    pseudo = (
        b"" if packet.flow.proto == "icmp" else addresses + len(segment).to_bytes(4, "big") + bytes([0, 0, 0, number])
    )
    if packet.flow.proto != "sctp" and packet.header != Udp(False):
        assert ones_complement(pseudo + segment) == 0xFFFF
    if packet.header == Udp(False):
        assert segment[6:8] == b"\0\0"


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(of=EITHER, data=st.data())
def test_a_quote_cut_anywhere_behind_its_ports_is_written_again_byte_for_byte(of, data):
    packet = data.draw(plain_packets(of))
    size = len(packet_bytes(packet))
    cut = data.draw(st.integers(min(of.header + 8, size), size))
    flow = Flow(PROTO[of], packet.flow.dst, 0, packet.flow.src, (3 if of is IPV4 else 1) << 8)
    raw = packet_bytes(Packet(flow, Icmp(), Quote(packet, cut)))
    read = packet_from(raw, of)
    assert packet_bytes(read) == raw
    assert isinstance(read.payload, Quote)
    assert read.payload.packet.flow == packet.flow
    assert len(packet_bytes(read.payload.packet)) == size


FRAMES = [bytes.fromhex(frame["hex"]) for frame in KERNEL["frames"]]


@st.composite
def broken(draw):
    """A real frame with some bytes changed, left out or put in."""
    data = bytearray(draw(st.sampled_from(FRAMES)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, min(len(data), 120)))
        how = draw(st.sampled_from(["change", "cut", "put in", "leave out"]))
        if how == "change" and at < len(data):
            data[at] = draw(st.integers(0, 255))
        elif how == "cut":
            del data[at:]
        elif how == "put in":
            data[at:at] = draw(st.binary(max_size=8))
        else:
            del data[at : at + 4]
    return bytes(data)


@settings(max_examples=300)
@given(broken() | st.binary(max_size=80) | st.binary(max_size=80).map(lambda tail: bytes(12) + b"\x08\0E" + tail))
def test_broken_frames_are_refused_in_one_sentence_or_kept_as_they_are(data):
    try:
        frame = frame_from(data)
        written = frame_bytes(frame)
    except BadInput as refusal:
        said = str(refusal)
    else:
        said = "it is kept"
        assert data[: len(written)] == written
    assert len(said.splitlines()) == 1


SOUND = packet_bytes(tcp("10.244.1.10", 40000, "10.244.1.11", 80, payload=b"hello"))
REFUSALS = [
    ("a TCP checksum that is half done, as offload leaves it", {36: b"\0\0"}, None, "TCP checksum, byte 36"),
    ("an IPv4 checksum off by one", {10: b"\x22\xd0"}, None, "IPv4 header checksum, byte 10"),
    ("a version that is not 4", {0: b"\x65"}, None, "the version field says 6"),
    ("a header of sixteen bytes", {0: b"\x44"}, None, "header length 16"),
    ("a total length below the header's", {2: b"\0\x10"}, None, "total length 16"),
    ("a packet that is cut", {}, 40, "cut off after 40 bytes"),
    ("half a header", {}, 10, "cut off after 10 bytes"),
    ("a TCP header of four words", {32: b"\x40"}, None, "it says 16 bytes"),
    ("a TCP header longer than the packet", {32: b"\xf0"}, None, "it needs 60"),
]


@pytest.mark.parametrize("story, changes, cut, said", REFUSALS, ids=[story for story, *_ in REFUSALS])
def test_a_refusal_says_where_and_what(story, changes, cut, said):
    data = bytearray(SOUND)
    for at, change in changes.items():
        data[at : at + len(change)] = change
    with pytest.raises(BadInput, match=said):
        packet_from(bytes(data[:cut]), IPV4)


@pytest.mark.parametrize("story, at, change", [
    ("IP options", 0, b"\x46"), ("the reserved flag of IPv4", 6, b"\xc0\x00"),
])  # fmt: skip
def test_sound_packets_without_a_place_in_the_types_stay_bytes_in_their_frame(story, at, change):
    data = bytearray(SOUND)
    data[at : at + len(change)] = change
    with pytest.raises(NoPlace):
        packet_from(bytes(data), IPV4)
    frame = Frame(CLIENT, SERVER, bytes(data), 0x0800)
    assert frame_from(frame_bytes(frame)) == frame


def test_frames_of_other_types_stay_bytes():
    tagged = Frame(CLIENT, SERVER, bytes.fromhex("0005 0800") + SOUND, 0x8100)
    spanning_tree = Frame(CLIENT, "01:80:c2:00:00:00", b"\x42\x42\x03" + bytes(35), 38)
    for frame in (tagged, spanning_tree):
        assert frame_from(frame_bytes(frame)) == frame


def test_padding_behind_the_packet_is_left_out():
    data = frame_bytes(ASK)
    assert frame_from(data + bytes(18)) == ASK


def test_tunnels_and_quotes_without_end_are_read_in_no_time():
    data = frame_bytes(ASK)
    for _ in range(300):
        tunnel = Packet(Flow("udp", "10.0.0.1", 1, "10.0.0.2", 4789), Udp(), b"\x08" + bytes(7) + data)
        data = frame_bytes(Frame(CLIENT, SERVER, tunnel))
    assert frame_bytes(frame_from(data)) == data
    data = packet_bytes(ping("10.0.0.1", "10.0.0.2"))
    for _ in range(300):
        data = packet_bytes(Packet(Flow("icmp", "10.0.0.1", 0, "10.0.0.2", 0x300), Icmp(), data))
    assert packet_bytes(packet_from(data, IPV4)) == data


@pytest.mark.parametrize("story, packet, said", [
    ("a TTL of 300", tcp("10.0.0.1", 1, "10.0.0.2", 2, ttl=300), "ttl: 300 does not fit its 8 bits"),
    ("a TTL below zero", tcp("10.0.0.1", 1, "10.0.0.2", 2, ttl=-1), "ttl: -1"),
    ("a flow label of 21 bits", tcp("fd00::1", 1, "fd00::2", 2, label=1 << 20), "label: 1048576 does not fit its 20"),
    ("a VNI of 25 bits", Packet(Flow("udp", "10.0.0.1", 1, "10.0.0.2", 2), Udp(), Vxlan(1 << 24, ASK)), "vni"),
    ("an unknown protocol", Packet(Flow("tpc", "10.0.0.1", 0, "10.0.0.2", 0), Other()), "'tpc' is unknown"),
    ("an unknown flag", tcp("10.0.0.1", 1, "10.0.0.2", 2, "SX"), "has a letter that is no flag"),
    ("options of three bytes", Packet(Flow("tcp", "10.0.0.1", 1, "10.0.0.2", 2), Tcp(options=b"abc")), "3 bytes"),
    ("two families", Packet(Flow("tcp", "10.0.0.1", 1, "fd00::1", 2), Tcp()), "fd00::1 is not IPv4"),
    ("no address", Packet(Flow("tcp", "10.0.0.300", 1, "10.0.0.1", 2), Tcp()), "'10.0.0.300' is not an address"),
    ("too much", udp("10.0.0.1", 1, "10.0.0.2", 2, bytes(65508)), "at most 65535"),
])  # fmt: skip
def test_a_value_that_no_header_can_hold_is_refused(story, packet, said):
    with pytest.raises(BadInput, match=said):
        packet_bytes(packet)


def test_scapy_is_loaded_without_a_socket_a_process_or_a_word():
    program = """
import sys
seen = []
sys.addaudithook(lambda event, args: seen.append(event) if event.split(".")[0] in ("socket", "subprocess") else None)
from kubenet_course.linux.packet.packet import Frame, tcp
from kubenet_course.linux.packet.wire import frame_bytes, frame_from
assert "scapy" not in sys.modules
frame = Frame("02:00:00:00:00:01", "02:00:00:00:00:02", tcp("10.0.0.1", 1, "10.0.0.2", 2))
assert frame_from(frame_bytes(frame)) == frame
import scapy.config
print([event for event in seen if event != "socket.gethostname"], scapy.config.conf.route_autoload)
"""
    argv = [sys.executable, "-W", "error", "-c", program]
    answer = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (answer.stdout, answer.stderr) == ("[] True\n", "")


def test_other_bindings_of_a_notebook_change_nothing():
    """Chapters import what they like of scapy, which binds ports to layers; bytes and values stay the same."""
    program = """
import scapy.all
from kubenet_course.linux.packet.packet import Frame, udp
from kubenet_course.linux.packet.wire import frame_bytes, frame_from
frame = Frame("02:00:00:00:00:01", "02:00:00:00:00:02", udp("10.0.0.1", 53, "10.0.0.2", 53, b"not a question"))
print(frame_from(frame_bytes(frame)) == frame)
"""
    argv = [sys.executable, "-c", program]
    answer = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (answer.stdout, answer.stderr) == ("True\n", "")
