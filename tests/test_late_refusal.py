"""Why one recorded flow of nftables mode is a time-out though the rules reject it: the kernel itself, asked (tcp_v6_err).

A pod and the node that rejects its packet share one kernel. The error comes while the pod's program is still inside
connect(), which holds the socket, and IPv6 then only notes it. A second later the SYN is sent again, and its error ends the
attempt. A program that waits for less than a second sees a time-out; one that waits sees that it is refused. In IPv4 the
attempt ends at once. The model's verdict is "refused" for both: it has no program that gives up.
"""

import json
import subprocess
import sys

import pytest
from realkernel import missing
from realkernel.oracle import _private

SCRIPT = """
set -e
ip netns add pod
ip link add near type veth peer name eth0 netns pod
ip link set near up; ip address add 10.0.0.1/24 dev near; ip address add fd00::1/64 dev near nodad
ip -n pod link set eth0 up; ip -n pod address add 10.0.0.2/24 dev eth0; ip -n pod address add fd00::2/64 dev eth0 nodad
ip -n pod route add default via 10.0.0.1; ip -n pod -6 route add default via fd00::1
ip link add far type veth peer name end; ip link set far up; ip link set end up
ip address add 10.8.0.1/24 dev far; ip address add fd00:8::1/64 dev far nodad
sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
iptables -A FORWARD -j REJECT; ip6tables -A FORWARD -j REJECT
ip netns exec pod "$1" -c "$2"
"""
CONNECTS = """
import json, socket, time
found = []
for to in (("10.8.0.9", 80), ("fd00:8::9", 80)) * 2:
    sock = socket.socket(socket.AF_INET6 if ":" in to[0] else socket.AF_INET)
    sock.settimeout(4)
    begun = time.monotonic()
    error = sock.connect_ex(to)
    found.append((":" in to[0], error, time.monotonic() - begun))
print(json.dumps(found))
"""
REFUSED = 111  # ECONNREFUSED


def test_a_rejected_connection_of_a_pod_ends_at_once_in_ipv4_and_a_second_later_in_ipv6():
    if reason := missing():
        pytest.skip(f"cannot ask the real kernel: {reason}")
    argv = _private("sh", "-c", SCRIPT, "sh", sys.executable, CONNECTS)
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    for is_six, error, seconds in json.loads(done.stdout)[2:]:  # the first of each has to ask for a MAC
        assert error == REFUSED
        assert (0.8 < seconds < 3) if is_six else seconds < 0.8
