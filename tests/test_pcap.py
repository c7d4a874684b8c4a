"""tshark opens our captures without a complaint, and finds devices, comments, times and right checksums in them."""

import io
import os
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from kubenet_course import __version__
from kubenet_course.errors import BadInput
from kubenet_course.linux.packet.packet import (
    Arp,
    Flow,
    Frame,
    Icmp,
    Neighbour,
    Packet,
    Quote,
    Udp,
    Vxlan,
    ping,
    tcp,
    udp,
)
from kubenet_course.linux.packet.wire import frame_bytes
from kubenet_course.views.story.pcap import Captured, pcapng, write_pcapng

CLIENT, SERVER = "02:42:0a:f4:01:0a", "02:42:0a:f4:02:14"
REQUEST = tcp("10.244.1.10", 40000, "10.244.2.20", 80, "PA", b"GET / HTTP/1.1\r\n\r\n")
BIG = udp("10.244.1.10", 40001, "10.244.2.20", 9999, bytes(1200))
NODES = Flow("udp", "192.168.1.11", 40000, "192.168.1.12", 8472)
ARP = Arp(1, CLIENT, "10.244.1.10", "00:00:00:00:00:00", "10.244.1.1")
PACKETS = {
    "a question": ARP,
    "a request": REQUEST,
    "the same over IPv6": tcp("fd00:10:244:1::a", 40000, "fd00:10:244:2::14", 80, "PA", b"odd"),
    "a datagram": BIG,
    "an echo": ping("10.244.1.10", "10.244.2.20", payload=b"abc"),
    "an echo over IPv6": ping("fd00:10:244:1::a", "fd00:10:244:2::14", payload=b"abc"),
    "an error, cut": Packet(Flow("icmp", "10.244.2.20", 0, "10.244.1.10", 0x0303), Icmp(), Quote(BIG, 548)),
    "a solicitation": Packet(
        Flow("ipv6-icmp", "fd00:10:244:1::1", 0, "ff02::1:ff00:a", 135 << 8),
        Icmp(),
        Neighbour("fd00:10:244:1::a", CLIENT),
        ttl=255,
    ),
    "a tunnel as flannel has it": Packet(NODES, Udp(False), Vxlan(1, Frame(CLIENT, SERVER, REQUEST)), df=False),
    "a tunnel with its checksum": Packet(NODES, Udp(), Vxlan(1, Frame(CLIENT, SERVER, REQUEST)), df=False),
}
FRAMES = {story: frame_bytes(Frame(CLIENT, SERVER, packet)) for story, packet in PACKETS.items()}
ROWS = [
    Captured(
        1_700_000_000_000_000_001 + at,
        ("client/eth0", "node-1/veth1a2b3c4d", "node-1/flannel.1")[at % 3],
        data,
        f"step {at}: {story} → onward",
        ("out", "in", "")[at % 3],
    )
    for at, (story, data) in enumerate(FRAMES.items())
]
needs_tshark = pytest.mark.skipif(not shutil.which("tshark"), reason="tshark is not installed")


def tshark(path: Path, *argv: str) -> list[list[str]]:
    """What tshark prints of each frame, split at tabs."""
    command = ["tshark", "-n", "-r", str(path), "-d", "udp.port==8472,vxlan", *argv]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    complaints = [line for line in answer.stderr.splitlines() if not line.startswith("Running as user")]
    assert complaints == []
    return [line.split("\t") for line in answer.stdout.splitlines()]


def fields(*names: str) -> list[str]:
    return ["-T", "fields", *(word for name in names for word in ("-e", name))]


@pytest.fixture
def capture(tmp_path) -> Path:
    write_pcapng(tmp_path / "trace.pcapng", ROWS)
    return tmp_path / "trace.pcapng"


@needs_tshark
def test_tshark_shows_the_device_the_comment_and_the_time_of_each_frame(capture):
    seen = tshark(capture, *fields("frame.interface_name", "frame.comment", "frame.time_epoch", "frame.len"))
    assert seen == [
        [row.interface, row.comment, f"1700000000.{at + 1:09}", str(len(row.frame))] for at, row in enumerate(ROWS)
    ]


@needs_tshark
def test_tshark_shows_which_way_a_frame_went(capture):
    seen = [int(cell or "0", 0) for (cell,) in tshark(capture, *fields("frame.packet_flags_direction"))]
    assert seen == [{"in": 1, "out": 2, "": 0}[row.direction] for row in ROWS]


@needs_tshark
def test_tshark_finds_every_checksum_right_and_nothing_malformed(capture):
    names = ("ip.checksum.status", "tcp.checksum.status", "udp.checksum.status", "icmp.checksum.status")
    asked = [f"{name}.check_checksum:TRUE" for name in ("ip", "tcp", "udp")]
    options = [word for each in asked for word in ("-o", each)]
    good, absent = "1", "3"
    told = {"a tunnel as flannel has it": absent}
    for (story, _), cells in zip(FRAMES.items(), tshark(capture, *options, *fields(*names)), strict=True):
        outermost_udp = cells[2].split(",")[0]
        assert set(",".join([*cells[:2], cells[3]]).split(",")) <= {good, ""}, story
        if story != "an error, cut":  # a cut datagram cannot be summed up
            assert outermost_udp in ("", told.get(story, good)), story
    assert tshark(capture, *options, "-Y", "_ws.malformed || _ws.expert.severity == error") == []


@needs_tshark
def test_the_file_says_who_made_it(capture):
    answer = subprocess.run(["capinfos", str(capture)], capture_output=True, text=True, check=True)
    assert f"kubenet-course {__version__}" in answer.stdout
    assert "nanoseconds (9)" in answer.stdout


def test_an_empty_capture_is_a_section_header_and_nothing_else():
    """Draft section 4.1: type, length, byte order, version 1.0, unknown section length, options, length again."""
    name = f"kubenet-course {__version__}".encode()
    padded = name + bytes(-len(name) % 4)
    size = (28 + 4 + len(padded) + 4).to_bytes(4, "little")
    head = bytes.fromhex("0a0d0d0a") + size + bytes.fromhex("4d3c2b1a 0100 0000 ffffffffffffffff")
    assert pcapng([]) == head + bytes.fromhex("0400") + len(name).to_bytes(2, "little") + padded + bytes(4) + size


def test_one_frame_is_the_bytes_of_the_draft():
    """Draft sections 4.2 and 4.3, by hand: an interface "lo" (40 bytes), five bytes sent at second one (60)."""
    blocks = pcapng([(1_000_000_000, "lo", b"hello", "hi", "out")])[len(pcapng([])) :]
    interface = "01000000 28000000 0100 0000 00000000  0200 0200 6c6f0000  0900 0100 09000000  00000000 28000000"
    frame = "06000000 3c000000 00000000 00000000 00ca9a3b 05000000 05000000 68656c6c 6f000000"
    options = "0100 0200 68690000  0200 0400 02000000  00000000 3c000000"
    assert blocks.hex() == bytes.fromhex(interface + frame + options).hex()


def test_scapy_reads_the_same_frames_again():
    from scapy.utils import RawPcapNgReader

    assert [data for data, _ in RawPcapNgReader(io.BytesIO(pcapng(ROWS)))] == list(FRAMES.values())


def test_the_same_trace_gives_the_same_bytes():
    assert pcapng(ROWS) == pcapng([tuple(row) for row in ROWS])


def test_a_reader_never_sees_half_a_file(tmp_path):
    target = tmp_path / "trace.pcapng"
    target.write_bytes(b"old")
    with pytest.raises(BadInput):
        write_pcapng(target, [*ROWS, (0, "eth0", b"", "", "sideways")])
    assert target.read_bytes() == b"old"
    write_pcapng(target, ROWS)
    assert [path.name for path in tmp_path.iterdir()] == ["trace.pcapng"]


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "here").symlink_to(tmp_path / "there" / "trace")
    write_pcapng(tmp_path / "here", ROWS)
    assert (tmp_path / "here").is_symlink()
    assert (tmp_path / "there" / "trace").read_bytes() == pcapng(ROWS)


def test_a_pipe_is_written_to_and_not_replaced(tmp_path):
    """As a shell gives it in `--pcap >(wireshark -k -i -)`."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    write_pcapng(pipe, ROWS)
    reader.join(10)
    assert got == [pcapng(ROWS)]
    assert pipe.is_fifo()


@pytest.mark.parametrize(
    "story, path, row, said",
    [
        ("a folder that is not there", "no/such/file", ROWS[0], "No such file or directory"),
        ("a folder", ".", ROWS[0], "Is a directory"),
        ("a time before time", "x", (-1, "eth0", b""), "-1 is no time"),
        ("a comment without end", "x", (0, "eth0", b"", "x" * 70000), "it has 70000 bytes"),
        ("a direction that is none", "x", (0, "eth0", b"", "", "up"), "'up' is none"),
    ],
)
def test_what_cannot_be_written_is_said_in_a_sentence(tmp_path, story, path, row, said):
    with pytest.raises(BadInput, match=said):
        write_pcapng(tmp_path / path, [row])
    assert list(tmp_path.iterdir()) == []
