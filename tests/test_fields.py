"""Every bit of a frame belongs to one field, and the fields stand where tshark finds them too."""

import json
import shutil
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubenet_course.linux.packet.fields import layers
from kubenet_course.linux.packet.packet import Flow, Frame, Icmp, Packet, Quote, Tcp, Udp, Vxlan, tcp, udp
from kubenet_course.linux.packet.wire import frame_bytes
from kubenet_course.views.story.pcap import Captured, write_pcapng

ROOT = Path(__file__).resolve().parent.parent
KERNEL = json.loads((ROOT / "data/reference/wire/kernel-frames.json").read_text())["frames"]
CLIENT, SERVER = "02:42:0a:f4:01:0a", "02:42:0a:f4:01:0b"
# Our layer and field, and what Wireshark calls it. Left out: fields that Wireshark anchors to more bytes than they have
# (version, flags, traffic class, flow label).
WIRESHARK = {
    "Ethernet": {"destination": "eth.dst", "source": "eth.src", "type": "eth.type"},
    "ARP": {
        "hardware type": "arp.hw.type",
        "protocol type": "arp.proto.type",
        "hardware length": "arp.hw.size",
        "protocol length": "arp.proto.size",
        "operation": "arp.opcode",
        "sender MAC": "arp.src.hw_mac",
        "sender address": "arp.src.proto_ipv4",
        "target MAC": "arp.dst.hw_mac",
        "target address": "arp.dst.proto_ipv4",
    },
    "IPv4": {
        "TOS": "ip.dsfield",
        "total length": "ip.len",
        "id": "ip.id",
        "TTL": "ip.ttl",
        "protocol": "ip.proto",
        "header checksum": "ip.checksum",
        "source": "ip.src",
        "destination": "ip.dst",
    },
    "IPv6": {
        "payload length": "ipv6.plen",
        "next header": "ipv6.nxt",
        "hop limit": "ipv6.hlim",
        "source": "ipv6.src",
        "destination": "ipv6.dst",
    },
    "TCP": {
        "source port": "tcp.srcport",
        "destination port": "tcp.dstport",
        "sequence number": "tcp.seq_raw",
        "acknowledgment number": "tcp.ack_raw",
        "window": "tcp.window_size_value",
        "checksum": "tcp.checksum",
        "urgent pointer": "tcp.urgent_pointer",
    },
    "UDP": {
        "source port": "udp.srcport",
        "destination port": "udp.dstport",
        "length": "udp.length",
        "checksum": "udp.checksum",
    },
    "VXLAN": {"VNI": "vxlan.vni"},
    "ICMP": {
        "type": "icmp.type",
        "code": "icmp.code",
        "checksum": "icmp.checksum",
        "identifier": "icmp.ident",
        "sequence number": "icmp.seq",
        "next-hop MTU": "icmp.mtu",
    },
    "ICMPv6": {
        "type": "icmpv6.type",
        "code": "icmpv6.code",
        "checksum": "icmpv6.checksum",
        "identifier": "icmpv6.echo.identifier",
        "sequence number": "icmpv6.echo.sequence_number",
        "MTU": "icmpv6.mtu",
        "option MAC": "icmpv6.opt.linkaddr",
    },
}
# Wireshark shows an echo's identifier in both byte orders, so twice in one place; a set holds it once.
Place = tuple[str, int, str]


def ours(data: bytes) -> set[Place]:
    found = set()
    for field in layers(data):
        name = WIRESHARK.get(field.layer.split()[-1], {}).get(field.name)
        if name and not (name == "icmpv6.opt.linkaddr" and len(field.raw) != 6):
            found.add((name, field.bit // 8, field.raw.hex()))
    return found


def theirs(packet: ET.Element) -> set[Place]:
    known = {name for names in WIRESHARK.values() for name in names.values()}
    return {
        (field.get("name"), int(field.get("pos")), field.get("value"))
        for field in packet.iter("field")
        if field.get("name") in known and field.get("value") and field.get("size") != "0"
    }


@pytest.mark.skipif(not shutil.which("tshark"), reason="tshark is not installed")
def test_fields_stand_where_tshark_finds_them(tmp_path):
    """Frames of a real kernel: every field that both know has the same place and the same bytes."""
    # Without multicast reports, which stand behind an extension header of IPv6 that is data to us.
    told = [frame for frame in KERNEL if "333300000016" not in frame["hex"]]
    rows = [Captured(number, "any", bytes.fromhex(frame["hex"])) for number, frame in enumerate(told)]
    write_pcapng(tmp_path / "kernel.pcapng", rows)
    argv = ["tshark", "-n", "-r", str(tmp_path / "kernel.pcapng"), "-T", "pdml", "-d", "udp.port==8472,vxlan"]
    argv += ["-o", "ip.defragment:FALSE"]
    packets = ET.fromstring(subprocess.run(argv, capture_output=True, check=True).stdout).findall("packet")
    assert len(packets) == len(rows)
    for row, packet in zip(rows, packets, strict=True):
        assert ours(row.frame) == theirs(packet), frame_text(row.frame)


def frame_text(data: bytes) -> str:
    return "\n".join(f"{field.layer} {field.name} {field.bit // 8} {field.value}" for field in layers(data))


@settings(max_examples=300)
@given(
    st.binary(max_size=150)
    | st.sampled_from(KERNEL).map(lambda frame: bytes.fromhex(frame["hex"]))
    | st.tuples(st.sampled_from(KERNEL), st.integers(0, 150), st.binary(max_size=4)).map(
        lambda made: bytes.fromhex(made[0]["hex"])[: made[1]] + made[2]
    )
)
def test_every_bit_belongs_to_exactly_one_field_in_any_bytes_at_all(data):
    at = 0
    for field in layers(data):
        assert field.bit == at
        assert field.raw == data[at // 8 : (at + field.bits + 7) // 8]
        at += field.bits
    assert at == 8 * len(data)


def told(data: bytes) -> list[str]:
    return list(dict.fromkeys(f"{field.header} {field.layer}" for field in layers(data)))


REQUEST = tcp("10.244.1.10", 40000, "10.244.2.20", 80)
ERROR = Packet(Flow("icmp", "10.244.1.1", 0, "10.244.1.10", 0x0300), Icmp(), Quote(REQUEST, 28), df=False)
NODES = Flow("udp", "192.168.1.11", 40000, "192.168.1.12", 8472)
TUNNEL = Packet(NODES, Udp(False), Vxlan(1, Frame(CLIENT, SERVER, ERROR)), df=False)
NESTED = "0 Ethernet, 1 IPv4, 2 UDP, 3 VXLAN, 4 inner Ethernet, 5 inner IPv4, 6 inner ICMP, 7 quoted IPv4, 8 quoted TCP"


@pytest.mark.parametrize(
    "story, data, headers",
    [
        ("a request", frame_bytes(Frame(CLIENT, SERVER, REQUEST)), ["0 Ethernet", "1 IPv4", "2 TCP"]),
        (
            "an error whose quote ends in the TCP header, in a tunnel",
            frame_bytes(Frame(CLIENT, SERVER, TUNNEL)),
            NESTED.split(", "),
        ),
        (
            "a datagram with something behind its end",
            frame_bytes(Frame(CLIENT, SERVER, udp("10.0.0.1", 1, "10.0.0.2", 2, b"x"))) + bytes(17),
            ["0 Ethernet", "1 IPv4", "2 UDP", "3 Data", "4 Padding"],
        ),
        ("a tag", frame_bytes(Frame(CLIENT, SERVER, b"\0\5\x08\0", 0x8100)), ["0 Ethernet", "1 802.1Q"]),
        ("half an Ethernet header", bytes(9), ["0 Ethernet"]),
        ("nothing", b"", []),
    ],
)
def test_headers_are_named_by_what_they_are_inside(story, data, headers):
    assert told(data) == headers


def test_values_are_readable():
    syn = tcp("10.244.1.10", 40000, "10.244.2.20", 80, "SA", b"hello", tos=0xC0)
    options = bytes.fromhex("020405b4 0402 080a 00000001 00000002 01 030307")
    syn = Packet(syn.flow, Tcp("SA", 1, 2, options=options), b"hello", tos=0xC0)
    values = {f"{field.layer} {field.name}": field.value for field in layers(frame_bytes(Frame(CLIENT, SERVER, syn)))}
    assert values["Ethernet type"] == "0x0800 (IPv4)"
    assert values["IPv4 header length"] == "5 (20 bytes)"
    assert values["IPv4 TOS"] == "0xc0"
    assert values["IPv4 flags"] == "DF"
    assert values["IPv4 protocol"] == "6 (tcp)"
    assert values["TCP flags"] == "SYN, ACK"
    assert values["Data data"] == '"hello"'
    told = [field.value for field in layers(frame_bytes(Frame(CLIENT, SERVER, syn))) if field.name == "option"]
    assert told == ["MSS 1460", "SACK permitted", "timestamps 1 2", "NOP", "window scale 7"]
