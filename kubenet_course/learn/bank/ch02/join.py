"""Chapter 02: commands that connect one more pod to a bridge, tried out on the console and by a ping in the model."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from random import Random

from msgspec.structs import replace

from ....linux.namespace.device import Device
from ....shell.answer import Answer
from ....views.console import Console
from ....views.tables.table import table
from ...questions.evidence import ending
from ...questions.kinds import Finding, Slip
from ...questions.kinds_made import Write
from ...questions.turn import turn
from .. import defined
from .worlds import Node, devices, node

# What somebody has done already, and what the learner is asked.
BEGUN = {
    "nothing": "Write the commands that make a namespace `{late}` with a device `eth0` and the address {address}, "
    "connected to this bridge.",
    "cable": "Somebody has made a namespace `{late}` and a cable into it, and has stopped there. Write the commands "
    "that are still missing. The "
    "address of `{late}` is {address}.",
    "length": "Somebody has connected a pod `{late}`, but it reaches nobody. Look at its address. Write the commands "
    "that mend it.",
    "unplugged": "Somebody has connected a pod `{late}` with the address {address}, but a step was forgotten, and it "
    "reaches nobody. Write what is "
    "missing.",
}
BECAUSE = (
    "The pod has a cable with both ends up, an address with its length, and the node's end is a port of the bridge."
)


@defined("02-join", "One more pod on the bridge")
def join(chance: Random) -> Write:
    case = turn(chance, list(BEGUN), 153)
    of = node(chance)
    late, first = of.late, of.pods[0]
    begun, right = _parts(of, case)
    of = replace(of, begun=begun)
    there = " and ".join(f"`{pod.name}` ({pod.address})" for pod in of.pods)
    return Write(
        asks=f"On {of.name}, the bridge `cni0` connects {there}. You are at a terminal of the node. "
        + BEGUN[case].format(late=late.name, address=late.address)
        + f" In the end `{late.name}` can ping `{first.name}`.",
        look=devices(of.console()),
        starts=f"# {'ip netns add ' + late.name if case == 'nothing' else 'ip ...'}\n# ...\n",
        tests=partial(_joins, of),
        solution=right,
        slips=_slips(of, right),
        because=BECAUSE,
        evidence=devices(_after(of, right)[0], "The devices as they should be"),
        hints=(
            ("A connected pod needs six things: a namespace, a cable, an address with its length, two ends that are "
            "up, and a port."),
            (f"Compare the lines of {late.name} in the table with those of {first.name}. What is different, and what "
            "is missing?"),
            HINTS[case].format(late=late.name, address=late.address, end=late.end),
        ),
    )  # fmt: skip


HINTS = {
    "nothing": "In the pod: ip -n {late} addr add {address}/24 dev eth0. On the node: ip link set {end} master cni0.",
    "cable": "The address with its length, both ends up, and on the node: ip link set {end} master cni0.",
    "length": "/32 means that no other address is on this link. Remove {address}/32 with addr del, and add it with "
    "/24.",
    "unplugged": "The end {end} is up, but it is no port: ip link set {end} master cni0.",
}


def _parts(of: Node, case: str) -> tuple[str, str]:
    """What is done already, and what is still to do."""
    late = of.late
    lines = late.joins.splitlines(keepends=True)
    if case == "length":
        wrong = f"ip -n {late.name} addr del {late.address}/32 dev eth0\n"
        return late.joins.replace("/24", "/32"), wrong + f"ip -n {late.name} addr add {late.address}/24 dev eth0\n"
    at = {"nothing": 0, "cable": 2, "unplugged": len(lines) - 1}[case]
    return "".join(lines[:at]), "".join(lines[at:])


def _slips(of: Node, right: str) -> tuple[Slip, ...]:
    """What people leave out or write elsewhere, as far as it occurs in what is still to do."""
    late, first, lines = of.late, of.pods[0], right.splitlines(keepends=True)
    own, host = f"-n {late.name} addr add {late.address}/24 dev eth0", f"addr add {late.address}/24 dev {late.end}"

    def without(*words: str) -> str:
        return "".join(line for line in lines if not all(word in line for word in words))

    slips = (
        Slip(without("-n", "up"), 72),
        Slip(without(f"set {late.end} up"), 72),
        Slip(without("master"), 75),
        Slip(right.replace("/24", ""), 73),
        Slip(right.replace(f"-n {late.name} addr add", f"-n {first.name} addr add"), 77),
        Slip(right.replace(f" netns {late.name}\n", "\n"), 77),
        Slip(right.replace(own, host), 77),
        Slip(without("addr add"), 73),
        Slip(right.replace(f"link set {late.end} master", f"-n {late.name} link set eth0 master"), 75),
    )
    return tuple(slip for slip in slips if slip.answer.strip() and slip.answer != right)


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
            why = " ".join(told.done[-1].said[:1])
            said = f"{one.name} pings {other.name}, and no answer comes. {why}"
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
        yield 75, f"{end.name} is no port of cni0, so no frame of {late.name} gets into the bridge."


def _address(of: Node, console: Console, eth0: Device) -> Iterator[tuple[int, str]]:
    """The address: there, with its length, and nowhere else."""
    late = of.late
    own = [one for one in eth0.addresses if one.address == late.address]
    if any(one.length == 24 for one in own):
        return
    if own:
        yield (
            73,
            f"eth0 has {own[0]}. With this length {of.pods[0].address} is not on its link, so there is no route to it.",
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
