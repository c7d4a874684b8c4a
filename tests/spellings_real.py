"""How iproute2, procps and iptables take a line: each in a fresh world of two namespaces, on this machine's kernel.

`python tests/spellings_real.py` writes `data/reference/shell/spellings.json`, of which the tests are made. Everything happens in
a network and mount namespace of its own; nothing leaves it.
"""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RECORDED = ROOT / "data/reference/shell/spellings.json"
CASES = ROOT / "data/reference/shell/spellings.txt"
BASE = """\
ip netns add node
ip netns add lan
ip link add eth0 netns node type veth peer name n1 netns lan
ip -n lan link set n1 up
ip -n node link set lo up
ip -n node link set eth0 up
ip -n node addr add 192.168.1.11/24 dev eth0
ip -n node link add cni0 type bridge
ip -n node link set cni0 up
ip -n node addr add 10.244.1.1/24 dev cni0
ip netns exec node iptables -N MINE
ip netns exec node iptables -A FORWARD -s 10.244.1.0/24 -j ACCEPT
ip netns exec node iptables -A FORWARD -d 10.244.1.0/24 -j ACCEPT
ip netns exec node iptables -t nat -A POSTROUTING -s 10.244.1.0/24 -j MASQUERADE
ip -n node route add 10.244.2.0/24 via 192.168.1.12"""
INSIDE = """
import json, subprocess, sys
base, cases = json.load(sys.stdin)
def typed(line):
    return subprocess.run(["sh", "-c", line], capture_output=True, text=True)
typed("mount -t tmpfs tmpfs /run")
found = []
for case in cases:
    typed("ip -all netns delete")
    for line in base.splitlines():
        typed(line)
    for line in case.split(" ;; "):
        last = typed(line)
    found.append({"case": case, "code": last.returncode, "out": last.stdout, "err": last.stderr})
json.dump(found, sys.stdout)
"""


def cases() -> list[str]:
    """The lines, and where several belong together, ` ;; ` between them."""
    return [line for line in CASES.read_text().splitlines() if line and not line.startswith("#")]


def real(lines: list[str]) -> list[dict]:
    """What the real programs say."""
    inside = ["unshare", "--net", "--mount", sys.executable, "-c", INSIDE]
    ran = subprocess.run(
        inside, input=json.dumps([BASE, lines]), capture_output=True, text=True, check=True, timeout=120
    )
    return json.loads(ran.stdout)


if __name__ == "__main__":
    RECORDED.write_text(json.dumps(real(cases()), indent=1) + "\n")
