"""`ss` and `conntrack -L` of the terminal beside the real programs, on the same small world."""

import re
import shutil
import subprocess
import sys

import pytest

from kubenet_course.lab.real.run import missing, private
from kubenet_course.linux.packet.packet import tcp, udp
from kubenet_course.linux.walk import ask
from kubenet_course.views.console import Console

WORLD = """
ip netns add red
ip netns add blue
ip link add v0 netns red address 02:00:00:00:00:01 type veth peer name v1 netns blue address 02:00:00:00:00:02
ip -n red link set lo up
ip -n blue link set lo up
ip -n red addr add 10.1.0.1/24 dev v0
ip -n blue addr add 10.1.0.2/24 dev v1
ip -n red addr add fd01::1/64 dev v0 nodad
ip -n blue addr add fd01::2/64 dev v1 nodad
ip -n red link set v0 up
ip -n blue link set v1 up
"""
TRACKS = "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -m conntrack --ctstate INVALID -j DROP\nCOMMIT\n"
LISTENERS = ("udp 10.1.0.2:53", "udp [fd01::2]:53", "tcp 0.0.0.0:80", "tcp [::1]:81", "tcp [::]:82")
SS = ("ss -ltn", "ss -lun", "ss -ltun", "ss -ltn -4", "ss -6 -l -u -n")
CONNTRACK = (
    "conntrack -L", "conntrack -L -f ipv6", "conntrack -L -p udp", "conntrack -L -d 10.1.0.2 -p tcp",
    "conntrack -L -p tcp --orig-port-dst 80", "conntrack -L -s 10.9.9.9", "conntrack -L -p tcp --reply-src fd01::2",
)  # fmt: skip
LISTEN = """
import socket, time
kept = []
for kind, host, port in (("u", "10.1.0.2", 53), ("u", "fd01::2", 53), ("t", "0.0.0.0", 80), ("t", "::1", 81), ("t", "::", 82)):
    of = socket.AF_INET6 if ":" in host else socket.AF_INET
    one = socket.socket(of, socket.SOCK_STREAM if kind == "t" else socket.SOCK_DGRAM)
    one.bind((host, port))
    if kind == "t":
        one.listen(128)
    kept.append(one)
open("/run/listening", "w").close()
said, who = kept[0].recvfrom(99)
kept[0].sendto(said, who)
time.sleep(20)
"""
ASK = """
import socket, time
kept = []
for host, port, own in (("10.1.0.2", 80, 40001), ("fd01::2", 82, 40002)):
    one = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    one.bind(("", own))
    one.connect((host, port))
    kept.append(one)
one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
one.bind(("", 40003))
one.sendto(b"x", ("10.1.0.2", 53))
one.recvfrom(99)
open("/run/asked", "w").close()
time.sleep(20)
"""


def real_lists() -> list[str]:
    script = (
        WORLD
        + f"""
sleep 0.2
ip netns exec red iptables-restore <<'END'
{TRACKS}END
ip netns exec red ip6tables-restore <<'END'
{TRACKS}END
ip netns exec blue '{sys.executable}' -c '{LISTEN}' &
until [ -e /run/listening ]; do sleep 0.05; done
ip netns exec red '{sys.executable}' -c '{ASK}' &
until [ -e /run/asked ]; do sleep 0.05; done
"""
    )
    for text in SS:
        script += f"ip netns exec blue {text}; echo ======\n"
    for text in CONNTRACK:
        script += f"ip netns exec red {text} 2>&1; echo ======\n"
    done = subprocess.run(private("sh", "-c", script), text=True, capture_output=True, timeout=60, check=False)
    return done.stdout.split("======\n")[:-1]


def console() -> Console:
    made = Console()
    for line in WORLD.strip().splitlines():
        assert not made(line).refused
    for program in ("iptables-restore", "ip6tables-restore"):
        assert not made(f"ip netns exec red {program} <<'END'\n{TRACKS}END").refused
    for one in LISTENERS:
        made.listen("blue", one)
    asked = (tcp("10.1.0.1", 40001, "10.1.0.2", 80), tcp("fd01::1", 40002, "fd01::2", 82))
    for packet in (*asked, udp("10.1.0.1", 40003, "10.1.0.2", 53)):
        ask(made.world, packet, at="red", memory=made.memory)
    return made


def plain(text: str) -> list[str]:
    """Without what nobody can foretell: times, references, and the order in which a kernel goes through its tables."""
    found = []
    for line in text.splitlines():
        line = re.sub(r"^((?:tcp|udp)\s+\d+) \d+", r"\1 N", line)
        line = re.sub(r"use=\d+", "use=N", line).replace("PortProcess", "Port")
        line = re.sub(r"^((?:udp +)?UNCONN|(?:tcp +)?LISTEN) +\d+ ", r"\1 N ", line)
        line = re.sub(r"conntrack v[\d.]+", "conntrack vN", line)
        found.append(" ".join(line.split()))
    return sorted(found)


def test_the_lists_read_as_the_real_programs_print_them():
    if reason := missing() or next(
        (f"{one} is not installed" for one in ("ss", "conntrack") if not shutil.which(one)), ""
    ):
        pytest.skip(reason)
    made = console()
    for text, real in zip((*SS, *CONNTRACK), real_lists(), strict=True):
        where = "blue" if text.startswith("ss") else "red"
        assert plain(made(f"ip netns exec {where} {text}").done[0].shown) == plain(real), text


@pytest.mark.parametrize(
    "line, word",
    [
        ("ss -t", "who listens"),
        ("conntrack -E", "only lists"),
        ("conntrack -L -p tpc", "tcp"),
        ("conntrack -L -f 4", "ipv6"),
        ("conntrack -L --dport 80", "-p tcp"),
    ],
)
def test_what_the_lists_do_not_take_is_refused_in_a_sentence(line, word):
    made = console()
    said = made(f"ip netns exec red {line}")
    assert said.refused
    assert word in str(said)
