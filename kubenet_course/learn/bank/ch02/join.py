"""Chapter 02: commands that join one more pod to a bridge, tried out on the console and by a ping in the model."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from random import Random

from ....linux.namespace.device import Device
from ....shell.answer import Answer
from ....views.console import Console
from ....views.tables.table import table
from ...questions.evidence import ending
from ...questions.kinds import Finding, Slip
from ...questions.kinds_made import Write
from .. import defined
from .worlds import Node, devices, node


@defined("02-join", "One more pod on the bridge")
def join(chance: Random) -> Write:
    of = node(chance)
    late, first = of.late, of.pods[0]
    right = late.joins
    lines = right.splitlines(keepends=True)
    there = " and ".join(f"`{pod.name}` ({pod.address})" for pod in of.pods)
    own, host = f"-n {late.name} addr add {late.address}/24 dev eth0", f"addr add {late.address}/24 dev {late.end}"

    def without(*words: str) -> str:
        return "".join(line for line in lines if not all(word in line for word in words))

    return Write(
        asks=f"On {of.name}, `cni0` joins {there}. You stand on the node. "
        f"Write the commands that make a namespace `{late.name}` with a device `eth0`, address {late.address}, on that bridge, so "
        f"that it can ping `{first.name}`.",
        look=devices(of.console()),
        starts=f"# ip netns add {late.name}\n# ...\n",
        tests=partial(_joins, of),
        solution=right,
        slips=(
            Slip(without("-n", "up"), 72),
            Slip(without(f"set {late.end} up"), 72),
            Slip(without("master"), 75),
            Slip(right.replace("/24", ""), 73),
            Slip(right.replace(f"-n {late.name} addr", f"-n {first.name} addr"), 77),
            Slip(right.replace(f" netns {late.name}\n", "\n"), 77),
            Slip(right.replace(own, host), 77),
            Slip(without("addr"), 73),
        ),
        because="A namespace, a cable with an end in it, an address with its length, both ends up, the other end in the bridge.",
        evidence=devices(_after(of, right)[0], "The devices as they should be"),
        hints=(
            "Six things: a namespace, a cable, an address, two ends up, a port.",
            f"ip link add {late.end} type veth peer name eth0 netns {late.name}: where is each end then?",
            f"In the pod: ip -n {late.name} addr add {late.address}/24 dev eth0. On the node: ip link set {late.end} master cni0.",
        ),
    )  # fmt: skip


def _after(of: Node, text: str) -> tuple[Console, Answer]:
    console = of.console()
    return console, console(text)


def _joins(of: Node, text: str) -> tuple[Finding, ...]:
    """Everything that keeps the new pod from being on the link; else a ping, there and between the others."""
    console, answer = _after(of, text)
    shown = devices(console)
    found = [Finding(False, said, belief, shown) for belief, said in _missing(of, console)][:2]
    if answer.refused:
        last = answer.done[-1]
        quote = f" The real program says: {last.quote}" if last.quote else ""
        said = f"Line {last.line} was refused, and nothing after it was done. {' '.join(last.said)}{quote}"
        refused = table("The line that was refused", ("line", "command"), [(last.line, last.command)], code=(1,))
        found.insert(0, Finding(False, said, 0, refused))
    if found:
        return tuple(found)
    for one, other in ((of.late, of.pods[0]), (of.pods[1], of.pods[0])):
        told = console(f"ip netns exec {one.name} ping -c 1 {other.address}")
        if " 0% packet loss" not in str(told):
            trace = told.trace
            said = f"{one.name} pings {other.name}, and no answer comes. {told.done[-1].said[0] if told.done[-1].said else ''}"
            return (Finding(False, said.strip(), 0, ending(trace) if trace else shown),)
    return (Finding(True, ""),)


def _missing(of: Node, console: Console) -> Iterator[tuple[int, str]]:
    """What is not as it has to be, from the namespace outwards."""
    late, world = of.late, console.world
    if late.name not in world:
        yield 77, f"There is no namespace {late.name}."
        return
    eth0 = world[late.name].devices.get("eth0")
    if eth0 is None or not eth0.peer or eth0.peer[0] != of.name:
        strays = [d.name for d in world[of.name].devices.values() if d.peer and d.peer[0] == of.name]
        both = f" Both ends of a cable are on {of.name}: {', '.join(strays)}." if strays else ""
        yield 77, f"{late.name} has no eth0 whose other end is on {of.name}.{both}"
        return
    yield from _address(of, console, eth0)
    end = world[of.name].devices[eth0.peer[1]]
    down = [f"{d.name} in {where}" for d, where in ((eth0, late.name), (end, of.name)) if not d.up]
    if down:
        yield 72, f"The cable carries nothing: {' and '.join(down)} {'is' if len(down) == 1 else 'are'} down."
    if end.master != "cni0":
        yield 75, f"{end.name} is no port of cni0, so nothing from {late.name} gets into the bridge."


def _address(of: Node, console: Console, eth0: Device) -> Iterator[tuple[int, str]]:
    """The address: there, with its length, and nowhere else."""
    late = of.late
    own = [one for one in eth0.addresses if one.address == late.address]
    if own and own[0].length == 24:
        return
    if own:
        yield (
            73,
            f"eth0 has {own[0]}. That is a block of {2 ** (32 - own[0].length)}, so {of.pods[0].address} is not on its link.",
        )
        return
    places = [
        f"{device.name} in {name}"
        for name, ns in console.world.items()
        for device in ns.devices.values()
        if any(one.address == late.address for one in device.addresses)
    ]
    if places:
        yield 77, f"{late.address} is on {places[0]}, and {late.name} itself has no address."
    else:
        yield 73, f"eth0 in {late.name} has no address {late.address}, so {late.name} has no route to anybody."
