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

from kubenet_course.cni.contract import skel
from kubenet_course.cni.host_local.plugin import COMMANDS
from kubenet_course.cni.host_local.policy import Range, Remembered, give
from tools.bench import Timed, measurement

PODS = 10_000
BASE = int(ipaddress.ip_address("10.244.0.0"))
BLOCK = (Range(4, BASE + 1, BASE + (1 << 16) - 2, "10.244.0.1", 16, BASE + 1),)
REFERENCE = Path("/usr/lib/cni/host-local")
COLD = "from kubenet_course.cni.host_local.plugin import main; main()"
NUMBERS = count()


def counted() -> Timed:
    """Addresses as text, counted upwards: no memory, no search, nobody to tell."""
    return lambda: [f"{ipaddress.IPv4Address(BASE + number)}" for number in range(2, PODS + 2)]


def given(store: Remembered, how_many: int) -> list[str]:
    """Gives addresses to new containers, and returns their names."""
    names = [f"c{next(NUMBERS)}" for _ in range(how_many)]
    for name in names:
        give(store, name, "eth0", BLOCK, 0)
    return names


@measurement("CNI: 10,000 pods are given addresses (floor: a counter)", figure=0.12, floor=counted)
def give_addresses() -> Timed:
    return lambda: given(Remembered(), PODS)


def filled(free: int) -> Remembered:
    """A store with all but the last addresses of the block given."""
    store = Remembered()
    given(store, (1 << 16) - 3 - free)
    return store


def hundred(free: int) -> Timed:
    """A hundred addresses of a block of which all but `free` are given, and given back."""
    store = Remembered()
    given(store, (1 << 16) - 3 - free)
    last = dict(store.last)

    def story() -> None:
        for name in given(store, 100):
            store.release(name, "eth0")
        store.last = dict(last)

    return story


@measurement("CNI: 100 addresses at a block's end (floor: its middle)", figure=0.004, floor=lambda: hundred(32_000))
def at_the_end() -> Timed:
    return hundred(100)


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


@measurement("CNI: host-local ADD, cold process (floor: the reference)", figure=0.12, floor=reference)
def cold_add() -> Timed:
    return cold(sys.executable, "-c", COLD)


@measurement("CNI: host-local ADD and DEL in a warm process", figure=0.002)
def warm_add() -> Timed:
    conf = configured()

    def add_and_delete() -> None:
        env = environment()
        for command in ("ADD", "DEL"):
            skel.answer(
                "host-local", COMMANDS, env | {"CNI_COMMAND": command}, io.BytesIO(conf), io.StringIO(), sys.stderr
            )

    return add_and_delete
