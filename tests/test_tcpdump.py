"""tcpdump in the terminal: what it hears, in the words of the real tcpdump, which also reads the file that it writes."""

import re
import shutil
import subprocess

import pytest

from kubenet_course.shell.console import Console

WORLD = """ip netns add red
ip netns add blue
ip link add eth0 netns red address 02:00:00:00:00:01 type veth peer name eth0 netns blue address 02:00:00:00:00:02
ip -n red addr add 10.1.0.1/24 dev eth0
ip -n blue addr add 10.1.0.2/24 dev eth0
ip -n red addr add fd01::1/64 dev eth0 nodad
ip -n blue addr add fd01::2/64 dev eth0 nodad
ip -n red link set lo up
ip -n blue link set lo up
ip -n red link set eth0 up
ip -n blue link set eth0 up
ip -n blue addr add 10.3.0.1/32 dev lo
ip -n red route add 10.2.0.0/24 via 10.1.0.2
ip -n red route add 10.3.0.0/24 via 10.1.0.2
ip -n red route add fd02::/64 via fd01::2
ip netns exec blue sysctl -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
"""
PINGS = [
    f"ip netns exec red ping -c 1 {to}"
    for to in ("10.1.0.2", "fd01::2", "10.2.0.9", "10.3.0.1", "fd02::7", "10.1.0.77")
]
FILTERS = (
    "", "arp", "icmp", "icmp6", "ip6", "not arp", "host 10.1.0.1", "src host 10.1.0.1 and not arp", "ether dst 02:00:00:00:00:02",
    "net 10.2.0.0/24 or port 80", "dst net 10.3.0.0/24", "host 10.1.0.2 or 10.3.0.1",
    "(arp or icmp6) and ether src 02:00:00:00:00:01", "ip proto 1",
    "ether host 02:00:00:00:00:02 and ip", r"ip proto \icmp", "src 10.1.0.2",
    "! icmp && ! arp", r"ether proto \arp", "ether broadcast",
    "arp or icmp and host 10.3.0.1", "not icmp and not icmp6", "udp port 53", "ip host 10.1.0.1 and dst 10.2.0.9",
)  # fmt: skip


def listening(options: str) -> tuple[Console, list[str]]:
    """A console in which tcpdump listened at blue's device while red asked, and the lines that it printed."""
    console = Console()
    assert not console(WORLD).refused
    assert not console(f"ip netns exec blue tcpdump -i eth0 {options}").refused
    lines = []
    for ping in PINGS:
        shown = console(ping).done[-1].shown.splitlines()
        last = next(number for number, line in enumerate(shown) if "packets transmitted" in line)
        lines += shown[last + 1 :]
    return console, lines


def test_each_commands_answer_is_followed_by_what_was_heard():
    _, lines = listening("-n -t")
    assert lines[:4] == [
        "ARP, Request who-has 10.1.0.2 tell 10.1.0.1, length 28",
        "ARP, Reply 10.1.0.2 is-at 02:00:00:00:00:02, length 28",
        "IP 10.1.0.1 > 10.1.0.2: ICMP echo request, id 1, seq 1, length 64",
        "IP 10.1.0.2 > 10.1.0.1: ICMP echo reply, id 1, seq 1, length 64",
    ]


def test_it_ends_after_as_many_as_were_asked_for_and_at_a_kill():
    console, lines = listening("-n -t -c 2 icmp")
    assert lines[2:] == ["2 packets captured", "2 packets received by filter", "0 packets dropped by kernel"]
    assert console("kill").refused
    console("ip netns exec red tcpdump -i eth0")
    assert "0 packets captured" in str(console("kill %1")) and console("kill").refused


def test_without_t_the_models_clock_stands_before_each_line():
    _, lines = listening("-n")
    assert all(re.match(r"\d\d:\d\d:\d\d\.\d{6} (IP|IP6|ARP,?) ", line) for line in lines)


@pytest.mark.parametrize("words, quote", [
    ("-i eth9", "tcpdump: eth9: No such device exists"),
    ("-i eth0 -c", "tcpdump: option requires an argument -- 'c'"),
    ("-i eth0 host", "tcpdump: can't parse filter expression: syntax error"),
    ("-i eth0 ip proto icmp", "tcpdump: can't parse filter expression: syntax error"),
    ("-i eth0 host 10.1.0.1 and", "tcpdump: can't parse filter expression: syntax error"),
])  # fmt: skip
def test_what_cannot_be_listened_to_is_refused(words: str, quote: str):
    console = Console()
    console(WORLD)
    assert console(f"ip netns exec red tcpdump {words}").quote.splitlines()[0] == quote


@pytest.mark.parametrize("options", ["-n -t", "-n -t -e", "-t -e"])
@pytest.mark.parametrize("expression", FILTERS)
def test_the_file_that_it_writes_is_read_alike_by_itself_and_by_the_real_tcpdump(
    options: str, expression: str, tmp_path
):
    path = tmp_path / "heard.pcap"
    console, lines = listening(f"-w {path}")
    assert lines == []
    shown = console(f"tcpdump -r {path} {options} '{expression}'").done[-1].shown.splitlines()
    if shutil.which("tcpdump") is None:
        pytest.skip("tcpdump is not installed")
    real = subprocess.run(
        ["tcpdump", "-r", path, *options.split(), expression], capture_output=True, text=True, check=True
    )
    assert shown == [line.rstrip() for line in real.stdout.splitlines()]
