"""A server answers with 20 kB through a hop that is too small: the model's segments are the real kernel's."""

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from fragment_worlds import row_of_machines
from msgspec.structs import replace

from kubenet_course.lab.real.run import job, missing, private
from kubenet_course.lab.scenario.scenario import read
from kubenet_course.learn.worlds.by_hand import scenario
from kubenet_course.learn.worlds.overlay import CLIENT, PORT, WEB, fetch, tunnelled
from kubenet_course.learn.worlds.overlay import REQUEST as PAGE
from kubenet_course.linux.conversation import converse
from kubenet_course.linux.namespace.netns import Socket
from kubenet_course.linux.packet.packet import Packet, Tcp
from kubenet_course.linux.packet.wire import frame_from
from kubenet_course.linux.stack.stream import Stream

ROOT = Path(__file__).resolve().parent.parent
REQUEST = "GET / HTTP/1.0\r\n\r\n"
ENDS = {4: ("10.0.1.2", "10.0.3.2"), 6: ("fd00:0:0:1::2", "fd00:0:0:3::2")}
BLOCKED = {
    "iptables": ["*filter", "-A OUTPUT -p icmp -j DROP", "COMMIT"],
    "ip6tables": ["*filter", "-A OUTPUT -p icmpv6 -m icmp6 --icmpv6-type packet-too-big -j DROP", "COMMIT"],
}
SYN = "-A FORWARD -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu"
CLAMPED = {of: ["*mangle", SYN, "COMMIT"] for of in BLOCKED}
STORIES = {
    "nothing in the way": (1500, {}), "too small, and ICMP tells": (1400, {}),
    "too small, and ICMP is blocked": (1400, BLOCKED), "too small, and clamped": (1400, CLAMPED),
}  # fmt: skip


def world(mtu: int, rules: dict, server_mtu: int = 1500) -> dict:
    """client - r1 - r2 - server; between the routers only `mtu` bytes pass, and r2 has the rules."""
    found, _ = row_of_machines(Random(1))
    for name, machine in found.items():
        machine.pop("iptables", None)
        machine.pop("ip6tables", None)
        machine["sockets"] = []
        for device in machine["devices"]:
            narrow = (name, device["name"]) in (("r1", "eth2"), ("r2", "eth1"))
            last = (name, device["name"]) in (("server", "eth0"), ("r2", "eth2"))
            device["mtu"] = mtu if narrow else server_mtu if last else 1500
    found["r2"] |= rules
    return {"kubenet_scenario": 1, "name": "transfer", "namespaces": found}


def model(text: dict, of: int, size: int, seconds: float):
    there = dict(read(json.dumps(text)).world)
    there["server"] = replace(there["server"], sockets=(Socket("tcp", "::", 80, "web"),))
    programs = {"web": lambda state, said, now: (state, bytes(size), True)}
    src, to = ENDS[of]
    return converse(there, "client", to, 80, REQUEST.encode(), programs, src=src, seconds=seconds)


def real(text: dict, of: int, size: int, seconds: float) -> dict:
    made, (src, to) = job(read(json.dumps(text))), ENDS[of]
    asked = {name: made[name] for name in ("commands", "ready", "link_local")}
    asked |= {"client": "client", "server": "server", "from": src, "to": to, "sport": 40000, "port": 80}
    asked |= {"says": REQUEST, "size": size, "seconds": seconds}
    return told_by(asked)


def told_by(asked: dict) -> dict:
    """What `tcp_real` does with a job, in private namespaces."""
    argv, given = private(sys.executable, str(ROOT / "tests/tcp_real.py")), json.dumps(asked) + "\n"
    done = subprocess.run(
        argv, input=given, capture_output=True, text=True, timeout=60, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def heard(told: dict, server: str = "server") -> list[tuple[float, str, str, int, int, int]]:
    """The TCP segments at the server's device, as `Conversation.segments` tells them."""
    rows, first, begun = [], {}, 0
    for when, ns, dev, _, data in told["frames"]:
        packet = frame_from(bytes.fromhex(data)).payload
        if (ns, dev) != (server, "eth0") or not isinstance(packet, Packet) or not isinstance(packet.header, Tcp):
            continue
        header, flow, begun = packet.header, packet.flow, begun or when
        first.setdefault(flow.src, header.seq)
        ack = header.ack - first.get(flow.dst, header.ack) if "A" in header.flags else 0
        size = len(packet.payload)
        rows.append(((when - begun) / 1e6, flow.src, header.flags, header.seq - first[flow.src], ack, size))
    return rows


def test_a_first_window_is_ten_segments_in_two_bursts():
    """RFC 6928; a kernel hands at most half of its window to the device at once."""
    stream = Stream(None, 0, 0, 1460, 64240, 64240, data=bytearray(20000))
    sent = stream.sends(0)
    assert [len(content) for _, _, content in sent] == [1460] * 10
    assert [flags for flags, _, _ in sent] == (["A"] * 4 + ["PA"]) * 2


def test_what_was_not_acknowledged_is_sent_again_after_waits_that_double_until_it_gives_up():
    stream, times = Stream(None, 0, 0, 1460, 64240, 64240, data=bytearray(3000)), []
    stream.sends(0)
    while stream.state == "open":
        now = stream.due
        if stream.times_out(now):
            assert [len(content) for _, _, content in stream.sends(now)] == [1460]
            times.append(now)
    waits = [later - before for before, later in pairwise(times)]
    assert len(times) == 15  # tcp_retries2
    assert waits[:3] == [408_000_000, 816_000_000, 1_632_000_000]
    assert max(waits) == 120 * 10**9


@pytest.mark.parametrize("of", [4, 6])
@pytest.mark.parametrize("story", STORIES)
def test_twenty_kilobytes_go_as_in_the_kernel(story, of):
    """In each direction the same segments in the same order; between the two directions there is no order."""
    if missing():
        pytest.skip(missing() or "")
    mtu, rules = STORIES[story]
    blocked = rules is BLOCKED
    seconds = 4 if blocked else 2
    text = world(mtu, rules)
    ours, kernel = model(text, of, 20000, seconds), real(text, of, 20000, seconds)
    left = [
        (s.when, s.src, s.flags, s.seq, s.ack, s.size) for s in ours.segments("server", "eth0") if s.flags[0] in "SAFPR"
    ]
    right = heard(kernel)
    for end in ENDS[of]:
        assert [row[1:] for row in left if row[1] == end] == [row[1:] for row in right if row[1] == end]
    assert (len(ours.got), ours.state == "closed") == (kernel["got"], kernel["told"] == "closed")
    assert len(ours.got) == (0 if blocked else 20000)
    if blocked:  # a timer of the kernel is late by an eighth at most (kernel/time/timer.c)
        late = [row[0] - mine[0] for row, mine in zip(right, left, strict=True)]
        assert all(-5 <= by <= 30 + mine[0] / 8 for by, mine in zip(late, left, strict=True))


@pytest.mark.parametrize("cure, mtu, rules, server_mtu", [
    ("ICMP is let through", 1400, {}, 1500), ("the size is clamped", 1400, CLAMPED, 1500),
    ("the server's own MTU is smaller", 1400, BLOCKED, 1400),
])  # fmt: skip
def test_three_cures(cure, mtu, rules, server_mtu):
    ill = model(world(1400, BLOCKED), 4, 20000, 60)
    assert (len(ill.got), ill.state) == (0, "open")
    assert any("S" in segment.flags and "A" in segment.flags for segment in ill.segments("client", "eth0"))
    well = model(world(mtu, rules, server_mtu), 4, 20000, 60)
    assert (len(well.got), well.state) == (20000, "closed")


def test_random_answers_go_as_in_the_kernel(seed, rounds, note):
    if missing():
        pytest.skip(missing() or "")
    chance, count = Random(seed), 8 * rounds
    for _ in range(count):
        of, size = chance.choice([4, 6]), chance.randint(1, 16000)
        mtu, rules = chance.choice([1280, 1300, 1357, 1400, 1450, 1500]), chance.choice([{}, CLAMPED])
        text = world(mtu, rules, chance.choice([1500, 1400]))
        ours, kernel = model(text, of, size, 2), real(text, of, size, 2)
        left = [
            (s.src, s.flags, s.seq, s.ack, s.size) for s in ours.segments("server", "eth0") if s.flags[0] in "SAFPR"
        ]
        right = [row[1:] for row in heard(kernel)]
        for end in ENDS[of]:
            pair = [row for row in left if row[0] == end], [row for row in right if row[0] == end]
            assert pair[0] == pair[1], (of, size, mtu, rules, seed)
    note(f"conversations: {count} answers as in the kernel, seed {seed}")


@pytest.mark.parametrize(
    "mtu, icmp, clamped", [(1450, True, False), (1500, True, False), (1500, False, True), (1500, False, False)]
)
def test_chapter_07s_page_comes_or_hangs_as_through_a_real_tunnel(mtu, icmp, clamped):
    if missing():
        pytest.skip(missing() or "")
    there, seconds = tunnelled(mtu, icmp, clamped), 3
    made = job(scenario("chapter-07", "a page through a tunnel", there))
    asked = {name: made[name] for name in ("commands", "ready", "link_local")}
    asked |= {"client": "client", "server": "web", "from": CLIENT, "to": WEB, "sport": 40000, "port": PORT}
    kernel = told_by(asked | {"says": PAGE.decode(), "size": 20000, "seconds": seconds})
    ours = fetch(there, 20000, seconds)
    left = [(s.src, s.flags, s.seq, s.ack, s.size) for s in ours.segments("web", "eth0") if s.flags[0] in "SAFPR"]
    right = [row[1:] for row in heard(kernel, "web")]
    for end in (CLIENT, WEB):
        assert [row for row in left if row[0] == end] == [row for row in right if row[0] == end]
    assert len(ours.got) == kernel["got"] == (20000 if icmp or clamped else 0)
