"""How long a real kernel needs for a new connection to the last of many Services, in each of kube-proxy's modes.

    sudo .venv/bin/python -m tools.measure_services > data/measured/new-connections.json

Everything happens in a private network namespace (`unshare -n`), on its loopback device, and is
gone afterwards. The rules are those that kube-proxy writes for so many Services with one endpoint
each. The Service that is asked is the one whose rule stands last. What is timed is `connect()`: the
call returns when SYN, SYN-ACK and ACK have passed, and on loopback both ends are this kernel. The
median of 2,000 new connections, the best of three rounds since other programs run beside it, stands
beside the same for 2,000 bytes sent on one known connection.
"""

import json
import os
import platform
import re
import socket
import statistics
import subprocess
import sys
from collections.abc import Callable
from time import perf_counter_ns

from kubenet_course.kube.proxy.iptables.rows import IptablesServices
from kubenet_course.kube.proxy.iptables.rules import iptables_rules
from kubenet_course.kube.proxy.nftables.rules import synced
from kubenet_course.kube.proxy.services import Services
from kubenet_course.linux.netfilter.iptables.save import write
from kubenet_course.linux.netfilter.nft.write import table_text
from kubenet_course.linux.packet.address import FAMILIES, IPV4
from tools.bench_proxy import NODE, endpoint_slice, service

SIZES = (10, 100, 1_000, 10_000)
TIMES, ROUNDS = 2_000, 3
CLIENT = "10.244.1.5"  # a pod's address, so that nothing is masqueraded
LAST = re.compile(r"-A KUBE-SERVICES -d ([\d.]+)/32")
LOAD_SECONDS = 400


def objects(count: int) -> tuple[list, dict]:
    slices = {("default", f"svc-{n}"): (endpoint_slice(n, range(1)),) for n in range(count)}
    return [service(n) for n in range(count)], slices


def iptables(count: int) -> str:
    """Without the counters' names, for which a real kernel wants objects made beforehand (DEV-3)."""
    return re.sub(
        r" -m nfacct --nfacct-name \S+", "", write(iptables_rules(IptablesServices(*objects(count), FAMILIES[4]), NODE))
    )


def nftables(count: int) -> str:
    return table_text(synced(Services(*objects(count), IPV4), NODE).table)


MODES: dict[str, tuple[Callable[[int], str], list[str]]] = {
    "iptables": (iptables, ["iptables-restore"]),
    "iptables-legacy": (iptables, ["iptables-legacy-restore"]),
    "nftables": (nftables, ["nft", "-f", "-"]),
}


def said(*argv: str, given: str | None = None) -> str:
    done = subprocess.run(argv, input=given, capture_output=True, text=True, timeout=LOAD_SECONDS)
    if done.returncode:
        sys.exit(f"{' '.join(argv)}: {done.stderr.strip()}")
    return done.stdout.strip()


def inside(mode: str, count: int) -> dict:
    """In a namespace of one's own: loads the rules and measures."""
    last = LAST.findall(iptables(count))[-1]
    numbers = {service(n).spec.cluster_ip: n for n in range(count)}
    pod = endpoint_slice(numbers[last], range(1)).endpoints[0].addresses[0]
    for line in ("link set lo up", f"address add {CLIENT}/32 dev lo", f"address add {pod}/32 dev lo",
                 f"route add 10.96.0.0/16 dev lo src {CLIENT}"):  # fmt: skip
        said("ip", *line.split())
    said("sysctl", "-qw", f"net.core.somaxconn={TIMES * (ROUNDS + 1)}")
    listening = socket.create_server((pod, 8080), backlog=TIMES * (ROUNDS + 1))
    where = (pod, 8080)
    if mode:
        rules, program = MODES[mode]
        said(*program, given=rules(count))
        where = (last, 80)
    first = min(median([connected(where) for _ in range(TIMES)]) for _ in range(ROUNDS))
    return {
        "mode": mode or "no rules",
        "services": count,
        "first": first,
        "later": min(median(sent(where, listening, n)) for n in range(ROUNDS)),
    }


def connected(where: tuple[str, int]) -> int:
    """ns of one new connection."""
    with socket.socket() as one:
        one.bind((CLIENT, 0))
        begun = perf_counter_ns()
        one.connect(where)
        took = perf_counter_ns() - begun
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # closed without TIME_WAIT
        return took


def sent(where: tuple[str, int], listening: socket.socket, number: int) -> list[int]:
    """ns of each byte that arrives on a connection which the kernel knows."""
    with socket.socket() as one:
        one.bind((CLIENT, 20_000 + number))  # no port that one of the others may have had
        one.connect(where)
        one.send(b"first")
        while True:  # those that were reset stand in the queue before it
            other, peer = listening.accept()
            if peer == one.getsockname():
                break
            other.close()
        other.recv(5)
        found = []
        for _ in range(TIMES):
            begun = perf_counter_ns()
            one.send(b"x")
            other.recv(1)
            found.append(perf_counter_ns() - begun)
        other.close()
        return found


def median(times: list[int]) -> float:
    """In microseconds."""
    return round(statistics.median(times) / 1000, 1)


def main() -> None:
    if len(sys.argv) == 3:
        print(json.dumps(inside(sys.argv[1], int(sys.argv[2]))))
        return
    rows = []
    for mode, count in [("", 1), *((mode, count) for count in SIZES for mode in MODES)]:
        argv = [
            "unshare",
            "--fork",
            "--kill-child",
            "-n",
            "-m",
            sys.executable,
            "-m",
            "tools.measure_services",
            mode,
            str(count),
        ]
        try:
            rows.append(json.loads(said(*argv)))
        except subprocess.TimeoutExpired:
            rows.append({"mode": mode, "services": count, "first": None, "later": None})
        print(rows[-1], file=sys.stderr)
    machine = {
        "kernel": platform.release(),
        "cpus": os.cpu_count(),
        "iptables": said("iptables", "--version"),
        "nft": said("nft", "--version"),
    }
    print(
        json.dumps(
            {"unit": "microseconds: median of 2,000, the best of three rounds", "machine": machine, "rows": rows},
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
