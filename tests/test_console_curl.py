"""`curl` of the terminal beside the real one, on the same small world: pages, refusals, silence."""

import re
import shutil
import subprocess
import sys

import pytest

from kubenet_course.lab.real.run import missing, private
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
ip -n red route add 10.8.0.0/16 via 10.1.0.2
ip -n red route add unreachable 10.9.0.0/16
ip -n red route add blackhole 10.7.0.0/16
"""
RULES = {
    "blue": """*filter
-A INPUT -p tcp -m tcp --dport 83 -j DROP
-A INPUT -p tcp -m tcp --dport 84 -j REJECT
-A INPUT -p tcp -m tcp --dport 85 -j REJECT --reject-with icmp-host-prohibited
-A INPUT -p tcp -m tcp --dport 86 -j REJECT --reject-with tcp-reset
COMMIT
*nat
-A PREROUTING -d 10.8.0.10/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.1.0.2:80
COMMIT
""",
    "red": """*filter
-A OUTPUT -p tcp -m tcp --dport 87 -j DROP
COMMIT
""",
}
ASKED = (
    "10.1.0.2", "http://10.1.0.2:80/", "http://10.1.0.2/where?a=b", "-sS 10.8.0.10/", "http://[fd01::2]:80/", "10.1.0.2:81",
    "-m 1 10.1.0.2:83", "10.1.0.2:84", "10.1.0.2:85", "10.1.0.2:86", "-m 1 10.1.0.2:87", "10.1.0.9", "-m 1 10.1.0.9",
    "-m 1 10.8.0.1", "10.9.0.1", "10.7.0.1", "203.0.113.5", "localhost", "nosuch", "-6 localhost:81",
)  # fmt: skip
SERVER = """
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Web(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "13")
        self.end_headers()
        self.wfile.write(b"This is web.\\n")

class Both(ThreadingHTTPServer):
    address_family = socket.AF_INET6

server = Both(("::", 80), Web)
open("/run/listening", "w").close()
server.serve_forever()
"""


def real_answers() -> list[str]:
    script = WORLD + "sleep 0.2\nip netns exec blue sysctl -q -w net.ipv4.ip_forward=0\n"
    for name, rules in RULES.items():
        script += f"ip netns exec {name} iptables-restore <<'END'\n{rules}END\n"
    script += f"ip netns exec blue '{sys.executable}' -c '{SERVER}' >/dev/null 2>&1 &\n"
    script += "until [ -e /run/listening ]; do sleep 0.05; done\n"
    for text in ASKED:
        quoted = " ".join(f"'{word}'" for word in text.split())
        script += f"ip netns exec red curl -sS {quoted} 2>&1; echo ======\n"
    done = subprocess.run(private("sh", "-c", script), text=True, capture_output=True, timeout=100, check=False)
    return done.stdout.split("======\n")[:-1]


def console() -> Console:
    made = Console()
    for line in WORLD.strip().splitlines():
        assert not made(line).refused, line
    for name, rules in RULES.items():
        assert not made(f"ip netns exec {name} iptables-restore <<'END'\n{rules}END").refused
    made.listen("blue", "tcp [::]:80 web")
    return made


def plain(text: str) -> str:
    """Milliseconds as whole seconds."""
    return re.sub(r"\d+ (ms|milliseconds)", lambda found: f"{round(int(found[0].split()[0]) / 1000)} s", text.strip())


def test_curl_prints_what_the_real_one_prints():
    if reason := missing() or ("" if shutil.which("curl") else "curl is not installed"):
        pytest.skip(reason)
    made = console()
    for text, real in zip(ASKED, real_answers(), strict=True):
        done = made(f"ip netns exec red curl {text}")
        said = done.quote if done.refused else done.done[0].shown
        assert plain(said) == plain(real), text


def test_curl_says_who_answered_and_whom_it_saw():
    made = console()
    said = str(made("ip netns exec red curl 10.8.0.10"))
    assert "blue has answered; it saw 10.1.0.1 as the sender." in said


@pytest.mark.parametrize(
    "line, word",
    [
        ("curl", "wants an address"),
        ("curl https://10.1.0.2/", "http://"),
        ("curl 10.1.0.2:99999", "65535"),
        ("curl -X POST 10.1.0.2", "-X"),
        ("curl -m x 10.1.0.2", "-m"),
    ],
)
def test_what_curl_does_not_take_is_refused_in_a_sentence(line, word):
    said = console()(f"ip netns exec red {line}")
    assert said.refused
    assert word in str(said)
