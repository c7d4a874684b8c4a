"""Frames to bytes and back: against the RFCs' figures, sums done by hand, and what a real kernel sent."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from kubenet_course.errors import BadInput
from kubenet_course.linux.address import IPV4, IPV6, family
from kubenet_course.linux.packet import (
    Arp, Flow, Frame, Icmp, Neighbour, Other, Packet, Quote, Tcp, Udp, Vxlan, ping, tcp, udp,
)  # fmt: skip
from kubenet_course.linux.wire import NoPlace, frame_bytes, frame_from, packet_bytes, packet_from

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


# Written out by hand from the figures of the RFCs; checksums summed with pencil (each line of words is added up).
GOLDEN = [
    (
        "who has 10.244.1.11 (RFC 826)",
        Frame(CLIENT, "ff:ff:ff:ff:ff:ff", Arp(1, CLIENT, "10.244.1.10", "00:00:00:00:00:00", "10.244.1.11")),
        """ffffffffffff 02420af4010a 0806  # to everyone, ARP
           0001 0800 06 04 0001            # Ethernet, IPv4, six and four bytes, request
           02420af4010a 0af4010a           # from
           000000000000 0af4010b           # about""",
    ),
    (
        "an echo request of four bytes (RFC 792)",
        # IP: 4500+0020+0007+4000+4001+0af4+010a+0af4+010b = dd25, so 22da.  ICMP: 0800+1234+0001+6162+6364 = defb, so 2104.
        Frame(CLIENT, SERVER, ping("10.244.1.10", "10.244.1.11", id=0x1234, seq=1, payload=b"abcd", **{"ttl": 64})),
        None,
    ),
]
