"""A scenario on this machine's kernel: in private namespaces that nothing outside can see, and of which nothing stays."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ...errors import BadInput
from ...linux.namespace.device import link_local
from ...linux.namespace.netns import Netns, Socket
from ...linux.packet.headers import PROTOCOLS
from ...linux.packet.packet import Fragment, Frame
from ...linux.packet.wire import frame_bytes, packet_bytes
from ...shell.command import Command
from ..scenario.capture import Capture, Told, is_noise
from ..scenario.packets import Sending
from ..scenario.scenario import FrameHex, Scenario
from ..scenario.write import fingerprint
from .script import FAR, commands, far_ends

NEEDED = ("unshare", "mount", "ip", "bridge", "iptables-restore", "ip6tables-restore")
QUIET = 0.015  # seconds without a frame after which a packet's story is over
MOST = 1.0  # seconds that one story may take: a kernel asks again after that
PACKAGE = Path(__file__).resolve().parents[3]


class KernelRefused(BadInput):
    """Tables that this kernel, or a program that loads them, does not accept; the message is its own."""


def private(*argv: str) -> list[str]:
    """The command in network, mount and process namespaces of its own with an empty /run; root there, whoever starts it."""
    user = [] if os.geteuid() == 0 else ["-U", "-r"]
    shell = 'mount -t tmpfs tmpfs /run && exec "$@"'
    return ["unshare", *user, "-n", "-m", "-p", "--fork", "--kill-child", "sh", "-c", shell, "sh", *argv]


@functools.cache
def missing() -> str | None:
    """One sentence that says why the lab cannot run here, or None where it can."""
    if not sys.platform.startswith("linux"):
        return f"the lab needs Linux, and this is {sys.platform}"
    if absent := [name for name in NEEDED if shutil.which(name) is None]:
        return f"the lab needs programs that are not installed here: {', '.join(absent)} (packages iproute2, iptables, util-linux)"
    probe = (
        "ip netns add probe && ip -n probe link add br0 type bridge && ip -n probe link add vx0 type vxlan id 1 dstport 8472 && "
        "ip netns exec probe iptables -t nat -A POSTROUTING -j MASQUERADE && "
        "ip netns exec probe test -e /proc/sys/net/bridge/bridge-nf-call-iptables"
    )
    done = subprocess.run(private("sh", "-c", probe), capture_output=True, text=True)
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["bridges do not call iptables; load the module br_netfilter"])[
            -1
        ]
        return f"the lab needs private network namespaces with bridges, tunnels and iptables, and cannot have them: {reason}"
    return None


def job(scenario: Scenario, more: Iterable[Command] = ()) -> dict[str, Any]:
    """What the process inside has to do, as JSON can say it. `more`: what is to be typed after all tables."""
    world = scenario.world
    bridges = [(ns.name, d.name) for ns in world.values() for d in ns.devices.values() if d.kind == "bridge"]
    return {
        "commands": [(command.argv, command.stdin) for command in (*commands(world), *more)],
        "ready": _ready(world),
        "link_local": {
            ns.name: [
                d.name
                for d in ns.devices.values()
                if d.kind != "lo" and _comes_up(world, ns, d.name) and link_local(d.mac) in d.addresses
            ]
            for ns in world.values()
        },
        "hear": list(world),
        "at_once": any(_may_be_cut(sent) for sent in scenario.packets),
        "sockets": [_listening(ns, own) for ns in world.values() for own in ns.sockets],
        "forget": [(("ip", "-n", ns, "link", "set", name, "type", "bridge", "fdb_flush"), "") for ns, name in bridges],
        "sendings": [_sending(scenario, sent) for sent in scenario.packets],
        "quiet": QUIET,
        "most": MOST,
    }


def _listening(ns: Netns, own: Socket) -> tuple[str, str, str, int, bool]:
    """A socket on [::] takes IPv4 too, unless another program has that port (bindv6only)."""
    only6 = own.address != "::" or any(
        (s.proto, s.port) == (own.proto, own.port) and ":" not in s.address for s in ns.sockets
    )
    return ns.name, own.proto, own.address, own.port, only6


def _ready(world: Mapping[str, Netns]) -> dict[str, list[str]]:
    """The devices that must carry frames before anything is sent, far ends too: a link that is not up drops what it is given."""
    far = far_ends(world)
    own = {ns.name: [name for name in ns.devices if _comes_up(world, ns, name)] for ns in world.values()}
    return own | {FAR: [end for (ns, name), end in far.items() if world[ns].devices[name].up]} if far else own


def _comes_up(world: Mapping[str, Netns], ns: Netns, name: str) -> bool:
    """Whether a device will carry frames: it is up, and so is the other end of a veth, or a port of a bridge."""
    device = ns.devices[name]
    if device.peer:
        return device.up and world[device.peer[0]].devices[device.peer[1]].up
    ports = [d.name for d in ns.devices.values() if d.master == name]
    return device.up and (device.kind != "bridge" or any(_comes_up(world, ns, port) for port in ports))


def _may_be_cut(sent: Sending) -> bool:
    return bool(sent.discovers) or not sent.packet.df or isinstance(sent.packet.payload, Fragment)


def _sending(scenario: Scenario, sent: Sending) -> dict[str, Any]:
    told = {"namespace": sent.at, "device": "", "dst": sent.packet.flow.dst, "pause": sent.pause}
    if isinstance(sent.payload, Frame):
        far = far_ends(scenario.world)[sent.at, sent.dev]
        return {**told, "namespace": FAR, "device": far, "hex": frame_bytes(sent.payload).hex()}
    told |= {"discovers": sent.discovers, "proto": PROTOCOLS.get(sent.packet.flow.proto, 0)}
    return {**told, "hex": packet_bytes(sent.packet).hex()}


def run(scenario: Scenario, date: str = "", more: Iterable[Command] = ()) -> Capture:
    """Builds the namespaces, sends the packets, and brings back every frame that passed a device, lo excluded.

    Raises BadInput where the lab cannot run here (see `missing`), and Refused where the kernel does not accept the tables.
    """
    if reason := missing():
        raise BadInput("lab", reason, "compare with a stored capture instead (--against)")
    argv = private(sys.executable, "-m", f"{__package__}.inside")
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=PACKAGE, text=True) as worker:
        assert worker.stdin and worker.stdout
        try:
            print(
                json.dumps(job(scenario, more)), file=worker.stdin, flush=True
            )  # open until the end: closing it ends the lab
            line = worker.stdout.readline()
        finally:
            worker.kill()
    answer: dict[str, Any] = (
        json.loads(line) if line else {"refused": "the process in the private namespaces ended without an answer"}
    )
    if "refused" in answer:
        raise KernelRefused(scenario.name, answer["refused"], "change the tables so that this kernel takes them")
    heard = tuple(FrameHex(*row) for row in answer["frames"] if not is_noise(bytes.fromhex(row[4])))
    told = tuple(Told(int(number), name) for number, name in answer["errors"].items())
    return Capture(scenario.name, fingerprint(scenario), answer["kernel"], date, heard, told, answer["times"])
