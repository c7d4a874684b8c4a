"""What pod addresses cost: the policy beside a bare counter, the plugin from a cold process beside the reference's."""

import io
import ipaddress
import json
import os
import subprocess
import sys
import tempfile
from itertools import count
from pathlib import Path

from kubenet_course.kube.cni import plugin_host_local, skel
from kubenet_course.kube.cni.host_local import Range, Remembered, give
from tools.bench import Timed, measurement

PODS = 10_000
BASE = int(ipaddress.ip_address("10.244.0.0"))
BLOCK = (Range(4, BASE + 1, BASE + (1 << 16) - 2, ipaddress.ip_address("10.244.0.1"), 16),)
REFERENCE = Path("/usr/lib/cni/host-local")
COLD = "from kubenet_course.kube.cni.plugin_host_local import main; main()"
NUMBERS = count()


def counted() -> Timed:
    """Addresses as text, counted upwards: no memory, no search, nobody to tell."""
    return lambda: [f"{ipaddress.IPv4Address(BASE + number)}" for number in range(2, PODS + 2)]


def given(store: Remembered, how_many: int) -> None:
    for _ in range(how_many):
        give(store, f"c{next(NUMBERS)}", "eth0", BLOCK, 0)


@measurement("10,000 pods, each is given its address", figure=0.12, floor=counted)
def give_addresses() -> Timed:
    return lambda: given(Remembered(), PODS)


def filled(free: int) -> Remembered:
    """A store with all but the last addresses of the block given."""
    store = Remembered()
    given(store, (1 << 16) - 3 - free)
    return store


@measurement("the first 100 pod addresses of a block of 65,533", figure=0.002)
def first_addresses() -> Timed:
    return lambda: given(Remembered(), 100)


@measurement("the last 100 pod addresses of a block of 65,533", figure=0.002, floor=first_addresses)
def last_addresses() -> Timed:
    store = filled(100)
    last = dict(store.last)

    def again() -> None:
        for address in [each for each in list(store.owners)[-100:] if len(store.owners) == (1 << 16) - 3]:
            container, ifname = store.owners[address]
            store.release(container, ifname)
        store.last = dict(last)
        given(store, 100)

    return again


def environment() -> dict[str, str]:
    env = {"CNI_COMMAND": "ADD", "CNI_CONTAINERID": f"c{next(NUMBERS)}", "CNI_IFNAME": "eth0", "CNI_NETNS": "/none"}
    return env | {"CNI_PATH": "/usr/lib/cni", "PATH": os.environ["PATH"]}


def configured() -> bytes:
    ipam = {"type": "host-local", "subnet": "10.244.0.0/16", "dataDir": tempfile.mkdtemp(prefix="kubenet-bench-")}
    return json.dumps({"cniVersion": "1.0.0", "name": "bench", "ipam": ipam}).encode()


def cold(*argv: str) -> Timed:
    """ADD by a program that starts for it."""
    conf = configured()
    return lambda: subprocess.run(argv, input=conf, env=environment(), capture_output=True, check=True)


def reference() -> Timed:
    """The reference plugin; where it is not installed, a process that does nothing."""
    return cold(str(REFERENCE)) if REFERENCE.exists() else lambda: subprocess.run(["true"], check=True)


@measurement("kubenet-host-local ADD from a cold process", figure=0.12, floor=reference)
def cold_add() -> Timed:
    return cold(sys.executable, "-c", COLD)


@measurement("kubenet-host-local ADD in a warm process", figure=0.001)
def warm_add() -> Timed:
    conf = configured()

    def add() -> None:
        out = io.StringIO()
        skel.answer("host-local", plugin_host_local.COMMANDS, environment(), io.BytesIO(conf), out, sys.stderr)

    return add
