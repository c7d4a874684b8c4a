"""The terminal where packets are too long: ping, tcpdump and ip route get, in the words of the real programs."""

import pytest

from kubenet_course.linux.packet.packet import Frame, ping, tcp, udp
from kubenet_course.linux.stack.fragments import cut
from kubenet_course.shell.console import Console
from kubenet_course.shell.tcpdump.line import line

WORLD = """ip netns add a
ip netns add r
ip netns add b
ip link add eth0 netns a type veth peer name eth1 netns r
ip link add eth2 netns r mtu 1400 type veth peer name eth0 netns b mtu 1400
ip -n a addr add 10.0.1.2/24 dev eth0
ip -n a addr add fd01::2/64 dev eth0 nodad
ip -n r addr add 10.0.1.1/24 dev eth1
ip -n r addr add fd01::1/64 dev eth1 nodad
ip -n r addr add 10.0.2.1/24 dev eth2
ip -n r addr add fd02::1/64 dev eth2 nodad
ip -n b addr add 10.0.2.2/24 dev eth0
ip -n b addr add fd02::2/64 dev eth0 nodad
ip -n a link set eth0 up
ip -n r link set eth1 up
ip -n r link set eth2 up
ip -n b link set eth0 up
ip -n a route add default via 10.0.1.1
ip -n a route add default via fd01::1
ip -n b route add default via 10.0.2.1
ip -n b route add default via fd02::1
ip netns exec r sysctl -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
"""
# What tcpdump 4.99 prints of the same frames (tcpdump -n -t -r FILE; the third without -n).
PIECES = [
    (ping("10.0.1.2", "10.0.2.2", payload=bytes(3000), df=False), True, [
        "IP 10.0.1.2 > 10.0.2.2: ICMP echo request, id 1, seq 1, length 1480",
        "IP 10.0.1.2 > 10.0.2.2: ip-proto-1", "IP 10.0.1.2 > 10.0.2.2: ip-proto-1",
    ]),
    (udp("10.0.1.2", 5000, "10.0.2.2", 5354, bytes(3000)), True, [
        "IP 10.0.1.2.5000 > 10.0.2.2.5354: UDP, length 3000",
        "IP 10.0.1.2 > 10.0.2.2: ip-proto-17", "IP 10.0.1.2 > 10.0.2.2: ip-proto-17",
    ]),
    (udp("10.0.1.2", 5000, "10.0.2.2", 5354, bytes(1500)), False, [
        "IP 10.0.1.2.5000 > 10.0.2.2.5354: UDP, length 1500", "IP 10.0.1.2 > 10.0.2.2: udp",
    ]),
    (tcp("10.0.1.2", 1, "10.0.2.2", 2, "A", bytes(1500)), True, [
        "IP 10.0.1.2.1 > 10.0.2.2.2: Flags [.], seq 0:1460, ack 0, win 64240, length 1460",
        "IP 10.0.1.2 > 10.0.2.2: ip-proto-6",
    ]),
    (ping("fd00::1", "fd00::2", payload=bytes(3000)), True, [
        "IP6 fd00::1 > fd00::2: frag (0|1448) ICMP6, echo request, id 1, seq 1, length 1448",
        "IP6 fd00::1 > fd00::2: frag (1448|1448)", "IP6 fd00::1 > fd00::2: frag (2896|112)",
    ]),
    (udp("fd00::1", 5000, "fd00::2", 5354, bytes(1500)), True, [
        "IP6 fd00::1 > fd00::2: frag (0|1448) 5000 > 5354: UDP, length 1500", "IP6 fd00::1 > fd00::2: frag (1448|60)",
    ]),
]  # fmt: skip


@pytest.mark.parametrize("packet, numeric, lines", PIECES)
def test_tcpdump_tells_of_a_first_piece_what_it_begins_and_of_others_only_their_bytes(packet, numeric, lines):
    frames = [Frame("02:00:00:00:00:01", "02:00:00:00:00:02", one) for one in cut(packet, 1500, 77)]
    assert [line(frame, numeric) for frame in frames] == lines


@pytest.fixture
def terminal():
    console = Console()
    assert not console(WORLD).refused

    def shown(command):
        answer = console(f"ip netns exec a {command}")
        return answer.done[-1].shown if answer.done else str(answer.refused)

    return shown


def test_a_packet_that_may_not_be_cut_is_refused_by_the_router_and_then_by_the_own_kernel(terminal):
    assert "From 10.0.1.1 icmp_seq=1 Frag needed and DF set (mtu = 1400)" in terminal(
        "ping -c 1 -M do -s 1373 10.0.2.2"
    )
    assert "ping: local error: message too long, mtu=1400" in terminal("ping -c 1 -M do -s 1373 10.0.2.2")
    assert "1 received" in terminal("ping -c 1 -M do -s 1372 10.0.2.2")
    assert "From fd01::1 icmp_seq=1 Packet too big: mtu=1400" in terminal("ping -c 1 -M do -s 1353 fd02::2")
    assert "1 received" in terminal("ping -c 1 -M do -s 1352 fd02::2")


def test_the_default_ping_loses_the_first_and_cuts_the_second(terminal):
    shown = terminal("ping -c 2 -s 1400 10.0.2.2")
    assert "icmp_seq=1 Frag needed" in shown
    assert "1408 bytes from 10.0.2.2: icmp_seq=2" in shown
    assert "2 packets transmitted, 1 received" in shown


def test_everybody_may_cut_where_the_sender_does_not_mind(terminal):
    assert "1 received" in terminal("ping -c 1 -M dont -s 3000 10.0.2.2")


def test_what_was_told_stands_in_ip_route_get_for_ten_minutes(terminal):
    """As iproute2 6.1 prints it, but for `uid 0` and the empty cache, which the model's terminal leaves out."""
    before = terminal("ip route get 10.0.2.2")
    terminal("ping -c 1 -M do -s 1373 10.0.2.2")
    assert terminal("ip route get 10.0.2.2").splitlines()[1].startswith("    cache expires 59")
    assert terminal("ip route get 10.0.2.2").endswith("sec mtu 1400")
    terminal("ip route flush cache")
    assert terminal("ip route get 10.0.2.2") == before


def test_a_wrong_hint_is_refused(terminal):
    assert "1 packets" not in terminal("ping -c 1 -M never 10.0.2.2")


def test_a_wire_whose_other_end_takes_less_has_no_buffer_space():
    """A frame may be four bytes longer than the MTU of the end that takes it: room for a tag (is_skb_forwardable)."""
    console = Console()
    assert not console(
        "ip netns add a\nip netns add b\nip link add eth0 netns a type veth peer name eth0 netns b mtu 1400\n"
        "ip -n a addr add 10.0.1.2/24 dev eth0\nip -n b addr add 10.0.1.1/24 dev eth0\n"
        "ip -n a link set eth0 up\nip -n b link set eth0 up\n"
    ).refused
    assert "1 received" in console("ip netns exec a ping -c 1 -s 1376 10.0.1.1").done[-1].shown
    told = console("ip netns exec a ping -c 1 -s 1377 10.0.1.1").done[-1].shown
    assert "ping: sendmsg: No buffer space available" in told
