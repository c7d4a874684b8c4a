"""A private node for CNI plugins: its own network and mount namespaces, pods, calls, and pictures of what they left.

`lab(steps)` runs this file again inside `unshare`; a killed parent leaves nothing behind. Steps and answers have the form
of the recordings in `data/reference/cni-plugins-1.9.1`.
"""

import json
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

from cni_calls import executed, reservations

NEEDED = ("unshare", "ip", "bridge", "nsenter", "iptables", "iptables-save", "sysctl")
SYSCTLS = ("net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding", "net/ipv4/conf/all/route_localnet")
VOLATILE = {
    "ifindex",
    "link_index",
    "link_netnsid",
    "valid_life_time",
    "preferred_life_time",
    "tentative",
    "bridge_id",
    "root_id",
}
VOLATILE |= {"gso_max_size", "gso_max_segs", "tso_max_size", "tso_max_segs", "gro_max_size", "min_mtu", "max_mtu"}
# A bridge that lost its last port goes down a moment later.
VOLATILE |= {"flags", "operstate", "state"}
VOLATILE |= {"num_tx_queues", "num_rx_queues", "gso_ipv4_max_size", "gro_ipv4_max_size", "altnames"}
PICTURES = {
    "addr": ("ip", "-j", "addr"),
    "route": ("ip", "-j", "route", "show", "table", "all"),
    "rule": ("ip", "-j", "rule"),
    "link": ("ip", "-j", "-d", "link"),
    "bridge_link": ("bridge", "-j", "link"),
}


def why_not() -> str:
    """Why no lab can be made here; empty when one can."""
    missing = [each for each in NEEDED if not shutil.which(each)]
    if missing:
        return f"needs {', '.join(missing)}"
    able = subprocess.run(["unshare", "-n", "-m", "true"], capture_output=True, check=False).returncode == 0
    return "" if able else "needs to be root, to make a private network namespace"


def lab(steps: list[dict[str, Any]]) -> list[Any]:
    """The answers to some steps on a fresh node with three pods."""
    command = ["unshare", "-n", "-m", "--fork", "--kill-child", sys.executable, __file__]
    done = subprocess.run(command, input=json.dumps(steps), capture_output=True, text=True, timeout=120, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout)


def typed(*argv: str) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


def build() -> None:
    """A node with an uplink, as in the recordings, and three empty pods."""
    typed("mount", "-t", "tmpfs", "tmpfs", "/run")
    typed("ip", "link", "set", "lo", "up")
    typed("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "uplink")
    for each in ("eth0", "uplink"):
        typed("ip", "link", "set", each, "up")
    typed("ip", "addr", "add", "192.168.50.10/24", "dev", "eth0")
    typed("ip", "route", "add", "default", "via", "192.168.50.1")
    for number in (1, 2, 3):
        typed("ip", "netns", "add", f"pod{number}")
    for inside in ((), *(("ip", "netns", "exec", f"pod{number}") for number in (1, 2, 3))):
        typed(
            *inside, "sysctl", "-qw", *(f"{name.replace('/', '.')}=0" for name in SYSCTLS)
        )  # the machine's own are inherited


def picture(data: str) -> dict[str, Any]:
    """What the node, its pods and its reservation files look like."""
    spaces = {"cnode": (), **{f"pod{number}": ("ip", "netns", "exec", f"pod{number}") for number in (1, 2, 3)}}
    seen: dict[str, Any] = {}
    for name, inside in spaces.items():
        here = {key: json.loads(typed(*inside, *argv) or "[]") for key, argv in PICTURES.items()}
        here |= {f"{each}_save": typed(*inside, f"{each}-save").splitlines() for each in ("iptables", "ip6tables")}
        here["sysctl"] = {each: typed(*inside, "sysctl", "-n", each).strip() for each in SYSCTLS}
        seen[name] = here
    return {"namespaces": seen, "ipam_files": reservations(Path(data))}


def step_answer(step: dict[str, Any], answers: list[Any], known: dict[str, str]) -> Any:
    """One step's outcome. `prev` puts the result of an earlier step into the configuration as prevResult.

    `stands_for` is the recorded output of the same call: later steps speak of its devices, and mean ours.
    """
    if "picture" in step:
        return picture(step["picture"])
    if "command" in step:
        argv, stdin, netns, unless = (step["command"][part] for part in range(4))
        inside = ["nsenter", f"--net={netns}"] if netns else []
        if unless and subprocess.run([*inside, *unless], capture_output=True, check=False).returncode == 0:
            return [0, "", ""]
        done = subprocess.run([*inside, *argv], input=stdin, capture_output=True, text=True, check=False)
        return [done.returncode, done.stdout, done.stderr]
    if "run" in step:
        done = subprocess.run(step["run"], capture_output=True, text=True, check=False)
        return [done.returncode, done.stdout, done.stderr]
    stdin = step["stdin"]
    if "prev" in step:
        stdin = stdin | {"prevResult": answers[step["prev"]][1]}
    text = stdin if isinstance(stdin, str) else json.dumps(stdin)
    for old, new in known.items():
        text = text.replace(old, new)
    answer = executed(step["path"], step["env"], text)
    recorded = step.get("stands_for")
    if isinstance(recorded, dict) and isinstance(answer.said, dict):
        for old, new in zip(recorded.get("interfaces", []), answer.said.get("interfaces", []), strict=True):
            known |= {old["mac"]: new["mac"], old["name"]: new["name"]}
    return answer


def tidy(value: Any) -> Any:
    """A picture without what differs from run to run: indexes, timers, random names, MACs and the addresses from them."""
    if isinstance(value, dict):
        return {key: tidy(each) for key, each in value.items() if key not in VOLATILE and not key.endswith("_timer")}
    if isinstance(value, list):
        rows = [tidy(each) for each in value if not passing(each)]
        return sorted(rows, key=json.dumps) if rows and isinstance(rows[0], dict) else rows
    if isinstance(value, str):
        value = re.sub(r"veth[0-9a-f]{8}", "VETH", value)
        value = re.sub(r"fe80::[0-9a-f:]*:[0-9a-f:]+", "LINKLOCAL", value)
        return re.sub(r"([0-9a-f]{2}:){5}[0-9a-f]{2}", lambda found: found[0] if found[0] in FIXED else "MAC", value)
    return value


def passing(row: Any) -> bool:
    """Rows that come and go by themselves: what IPv6 makes of a link that is up, and the date of a save."""
    if isinstance(row, dict):
        six = ":" in str(row.get("dst")) and row.get("table") == "local"  # no such row while an address is tentative
        return (
            six or (row.get("scope"), row.get("family")) == ("link", "inet6") or str(row.get("dst")).startswith("fe80:")
        )
    return isinstance(row, str) and row.startswith("# ")


FIXED = {"00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "01:80:c2:00:00:00"}


def ping(address: str) -> bool:
    """Whether an address answers an ICMP echo within two seconds (no ping program is needed)."""
    number = os.getpid() & 0xFFFF
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as icmp:
        icmp.settimeout(2)
        total = 0x0800 + number + 1  # the echo's words: type 8, this process, first of its kind
        checksum = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
        icmp.sendto(struct.pack("!BBHHH", 8, 0, checksum, number, 1), (address, 0))
        try:
            while True:
                answer = icmp.recv(1024)[20:]
                if answer[0] == 0 and struct.unpack("!H", answer[4:6])[0] == number:
                    return True
        except TimeoutError:
            return False


if __name__ == "__main__" and sys.argv[1:2] == ["ping"]:
    sys.exit(0 if ping(sys.argv[2]) else 1)


if __name__ == "__main__":
    build()
    outcomes: list[Any] = []
    names: dict[str, str] = {}
    for each in json.load(sys.stdin):
        outcomes.append(step_answer(each, outcomes, names))
    json.dump(outcomes, sys.stdout)
