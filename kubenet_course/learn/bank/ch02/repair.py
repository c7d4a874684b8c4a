"""Chapter 02: a node on which a Service fails, to be mended by one or two settings, with nothing else broken."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from random import Random

from msgspec.structs import replace

from ....lab.real.script import commands
from ....linux.namespace.netns import Netns
from ....views.console import Console
from ....views.story.heard import heard
from ....views.tables.table import Table, table
from ...questions.kinds import Finding, Slip
from ...questions.kinds_made import Repair
from ...questions.reading import Unreadable
from ...questions.turn import turn
from .. import defined
from .services import SWITCH, Shop, shop

# What is wrong, what people notice, and why the line mends it.
FAULTS = {
    "hairpin": "`client` ({client}) cannot reach itself through its own Service ({itself}). It reaches `web`, "
    "directly and through its Service.",
    "switch": "`client` ({client}) cannot reach `web` through its Service ({web}). It reaches `web` directly, and "
    "pods on other nodes reach the "
    "Service.",
    "both": "`client` ({client}) cannot reach `web` through its Service ({web}). It reaches `web` directly, and "
    "itself through its own Service "
    "({itself}). Afterwards all three must work.",
    "unplugged": "`client` ({client}) cannot reach `web` ({server}) at all, neither directly nor through its Service. "
    "Its own Service answers.",
}
BECAUSE = {
    "hairpin": "A bridge sends no frame back by the port where it came in, unless hairpin mode is on there.",
    "switch": "The answer is bridged. Only with br_netfilter do the rules see it and translate it back.",
    "both": "With br_netfilter the rules see the answer of `web`. But now the rules translate the client's request to "
    "itself in the bridge too, so it "
    "has to return by its port, and needs hairpin mode. Without br_netfilter the node had routed it back.",
    "unplugged": "The cable of `web` ended on the node, and was connected to nothing. Now it is a port of the bridge.",
}
# The belief behind a line that mends something else, by the fault that it leaves.
LEFT = {"hairpin": {"": 9}, "switch": {"": 10}, "both": {"switch": 9, "": 10}, "unplugged": {"": 75}}


@defined("02-repair", "It only fails on the same node")
def repair(chance: Random) -> Repair:
    fault = turn(chance, list(FAULTS), 206)
    of = shop(chance, hairpin=fault not in ("hairpin", "both"), call_iptables=fault not in ("switch", "both"))
    end = {name: of.world[name].devices["eth0"].peer[1] for name in ("client", "web")}  # type: ignore[index]
    of = _unplugged(of, end["web"]) if fault == "unplugged" else of
    lines = {
        "hairpin": f"ip -n {of.node} link set {end['client']} type bridge_slave hairpin on",
        "switch": f"ip netns exec {of.node} sysctl -w {SWITCH}=1",
        "unplugged": f"ip -n {of.node} link set {end['web']} master cni0",
    }
    right = f"{lines['switch']}\n{lines['hairpin']}" if fault == "both" else lines[fault]
    return Repair(
        asks=f"On {of.node}, "
        + FAULTS[fault].format(client=of.client, server=of.server, web=of.web, itself=of.itself)
        + f" Write {'the two lines that mend' if fault == 'both' else 'the line that mends'} it and "
        f"break{'s' * (fault != 'both')} nothing "
        f"else: `ip -n {of.node} link set PORT ...` or `ip netns exec {of.node} sysctl -w ...`.",
        look=_settings(of, of.world, f"{of.node} as it is"),
        starts=f"# ip -n {of.node} link set ... \n# ip netns exec {of.node} sysctl -w ...\n",
        tests=partial(_mends, of),
        solution=right,
        slips=_slips(fault, lines, end),
        because=BECAUSE[fault],
        evidence=_settings(of, _after(of, right), f"{of.node} when it is mended"),
        hints=(
            "Who cannot be reached: a pod itself, a Service of another pod, or the pod's own Service?",
            (
                "Three things must be right: each cable is a port of the bridge, the rules see what the bridge carries, "
                "and a port may send "
                "a frame back where it came in."
            ),
            f"Look at {_where(fault, end)}. {_how(fault)}",
        ),
    )


def _slips(fault: str, lines: Mapping[str, str], end: Mapping[str, str]) -> tuple[Slip, ...]:
    """The lines that mend another fault, the switch turned off, and hairpin mode on another port."""
    off = lines["switch"].replace("=1", "=0")
    left = LEFT[fault]
    slips = [Slip(off, 75 if fault == "unplugged" else 10)]
    slips += [Slip(line, left.get(name, left[""])) for name, line in lines.items() if name != fault]
    if fault == "hairpin":
        slips.append(Slip(lines["hairpin"].replace(end["client"], end["web"]), 9))
    return tuple(slips)


def _where(fault: str, end: dict[str, str]) -> str:
    places = {
        "hairpin": f"hairpin mode of {end['client']}",
        "switch": SWITCH,
        "unplugged": f"what {end['web']} is a port of",
    }
    return f"{places['switch']} and {places['hairpin']}" if fault == "both" else places[fault]


def _how(fault: str) -> str:
    """The shape of the line, for those who know what is wrong and not how to write it."""
    shapes = {
        "hairpin": "`... link set PORT type bridge_slave hairpin on` sets hairpin mode.",
        "switch": "A setting is written with `sysctl -w NAME=VALUE`.",
        "unplugged": "`... link set PORT master BRIDGE` plugs a cable in.",
    }
    return f"{shapes['switch']} {shapes['hairpin']}" if fault == "both" else shapes[fault]


def _unplugged(of: Shop, port: str) -> Shop:
    """The same node with one cable that is no port of the bridge."""
    node = of.world[of.node]
    devices = {**node.devices, port: replace(node.devices[port], master="", hairpin=False)}
    return replace(of, world={**of.world, of.node: replace(node, devices=devices)})


def _settings(of: Shop, world: Mapping[str, Netns], caption: str) -> Table:
    """The settings that matter, and who is behind which port."""
    node = world[of.node]
    rows = [
        (
            f"{d.name}, towards {d.peer[0]}",
            f"port of {d.master}, hairpin {'on' if d.hairpin else 'off'}" if d.master else "no port of a bridge",
        )
        for d in node.devices.values()
        if d.peer and d.peer[0] in world and d.peer[0] != "lan"
    ]
    return table(caption, ("what", "is"), [*rows, (SWITCH, str(node.sysctl(SWITCH)))], code=(0,))


def _after(of: Shop, text: str) -> dict[str, Netns]:
    """The node after some lines, with the programs that listen there."""
    console = Console("terminal")
    console.run(commands(of.world))
    answer = console(text)
    if answer.refused:
        last = answer.done[-1]
        raise Unreadable(f"Line {last.line}: {' '.join(last.said)}")
    return {name: replace(ns, sockets=of.world[name].sockets) for name, ns in console.world.items() if name in of.world}


def _mends(of: Shop, text: str) -> tuple[Finding, ...]:
    """The client has an answer from web, from the Service of web, and from its own."""
    left = of.unanswered(_after(of, text))
    if not left:
        return (Finding(True, ""),)
    before = of.unanswered()
    return tuple(
        Finding(
            False,
            f"`client` {'still ' if name in before else 'now '}gets no answer from {name}.",
            _belief(name, left),
            heard(trace, "client", "web") if trace.frames else None,
        )
        for name, trace in left.items()
    )


def _belief(name: str, left: Mapping[str, object]) -> int:
    """The belief behind a repair that leaves this unanswered."""
    if "`web` directly" in left:
        return 75
    return 9 if "itself" in name else 10
