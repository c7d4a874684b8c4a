"""Chapter 06: a network configuration to write, and broken ones to mend. The model's runtime reads what is written."""

from __future__ import annotations

import copy
import json
from functools import partial
from typing import Any

from msgspec import structs

from ....linux.verdicts import verdict
from ....views.cni import calls
from ....views.tables.table import table
from ...questions.evidence import ending
from ...questions.kinds import Finding, Slip
from ...questions.kinds_made import Repair, Write
from .. import Chance, defined
from .networks import WISHES, Net, Tried, arrived, as_text, back, drawn, read, tried, wrong

MASQ = "The packet arrives, but the answer is lost: nobody outside knows a way to the pod's address. Look at `ipMasq`."


def judged(of: Net, text: str) -> tuple[Finding, ...]:
    """Everything that a pod on the written network lacks."""
    network = read(text)
    found = tried(of, network)
    if found.error:
        return (_stopped(of, network, found),)
    problems = [*_address(of, found), *_ways(of, network, found)]
    return tuple(problems) or (Finding(True, ""),)


def _stopped(of: Net, network: dict[str, Any], found: Tried) -> Finding:
    """ADD failed, or the file was not taken at all."""
    written = network.get("plugins")
    types = [each.get("type") for each in written if isinstance(each, dict)] if isinstance(written, list) else []
    if found.answer is None:
        parts = table("What the runtime makes of the file", ("part", "as it is"), _parts(network))
        return wrong(found.refused, 31, parts)
    belief = 100 if types[:1] in (["portmap"], ["bandwidth"]) else 104
    said = f"The pod gets no network. Its event says: {found.error}"
    seen: object = table("No plugin was called", ("type",), [(one,) for one in types])
    return wrong(said, belief, calls(found.answer) if found.answer.calls else seen)


def _parts(network: dict[str, Any]) -> list[tuple[str, str]]:
    return [(name, json.dumps(network.get(name))[:60]) for name in ("cniVersion", "name", "plugins")]


def _address(of: Net, found: Tried) -> list[Finding]:
    result = found.answer.result if found.answer else {}
    own = [each["address"] for each in (result or {}).get("ips", [])]
    if any(each.startswith(f"10.244.{of.block}.") for each in own):
        return []
    evidence = table("Addresses that the pod got", ("address",), [(each,) for each in own or ["none"]])
    return [wrong(f"The pod has no address of {of.subnet}.", 102, evidence)]


def _ways(of: Net, network: dict[str, Any], found: Tried) -> list[Finding]:
    """Out of the cluster and back; from outside, and from the pod itself, through the host port; as far as it is wanted."""
    problems = []
    if found.outward is not None:
        problems += _own_address(of, found) if of.wish == "own" else _outward(of, found)
    if found.inward is not None and of.wish != "plain" and not arrived(found.inward, of.pod):
        chained = [each for each in network["plugins"] if each.get("type") in ("portmap", "kubenet-portmap")]
        said = f"Port {of.host_port} of the node leads nowhere. "
        said += (
            "portmap was called, and nobody told it about the port."
            if chained
            else "No plugin of the chain opens host ports."
        )
        seen = calls(found.answer) if found.answer else ending(found.inward)
        problems.append(wrong(said, 103 if chained else 0, seen))
    elif found.itself is not None and of.wish == "hairpin" and not arrived(found.itself, of.pod):
        said = f"The pod asks port {of.host_port} of its node, and the packet does not come back to it."
        problems.append(wrong(said, 9, ending(found.itself)))
    return problems


def _outward(of: Net, found: Tried) -> list[Finding]:
    if found.outward is None or back(found.outward, of.pod):
        return []
    is_there = arrived(found.outward, "outside")
    said = MASQ if is_there else "The pod cannot reach 203.0.113.9. Has it a default route?"
    return [wrong(said, 61 if is_there else 102, ending(found.outward))]


def _own_address(of: Net, found: Tried) -> list[Finding]:
    assert found.outward is not None
    if not arrived(found.outward, "outside"):
        return [wrong("The pod cannot reach 203.0.113.9. Has it a default route?", 102, ending(found.outward))]
    seen = verdict(found.outward).seen_from
    if seen == f"10.244.{of.block}.2":
        return []
    return [
        wrong(f"203.0.113.9 sees {seen}, the node's address. It is to see the pod's own.", 22, ending(found.outward))
    ]


PORT = "Port {0.host_port} of the node leads to port {0.port} of the pod; the runtime offers that port mapping."
ANSWERS = "They reach 203.0.113.9, outside of the cluster, and get answers."
ASKS = {
    "port": f"{ANSWERS} {PORT}",
    "plain": f"{ANSWERS} Nobody needs a port of the node: make the shortest list.",
    "hairpin": f"{ANSWERS} {PORT} The pod itself also has to reach this port of the node.",
    "own": "They reach 203.0.113.9, outside of the cluster, and that machine sees each pod's own address, because the company's "
    f"routers know the way back. {PORT}",
}


def _right(of: Net) -> dict[str, Any]:
    """A conflist that does what is wished."""
    bridge: dict[str, Any] = {"hairpin": {"hairpinMode": True}, "own": {"ipMasq": False}}.get(of.wish, {})
    return of.network(() if of.wish == "plain" else ("portmap",), **bridge)


def _slips(of: Net, right: dict[str, Any]) -> tuple[Slip, ...]:
    """What people write first."""
    other_way = copy.deepcopy(right)
    other_way["plugins"][0]["ipMasq"] = of.wish == "own"
    no_route = copy.deepcopy(right)
    no_route["plugins"][0]["isDefaultGateway"] = False
    slips = [Slip(as_text(other_way), 22 if of.wish == "own" else 61), Slip(as_text(no_route), 102)]
    if of.wish == "plain":
        return tuple(slips)
    mute = copy.deepcopy(right)
    del mute["plugins"][1]["capabilities"]
    backwards = right | {"plugins": right["plugins"][::-1]}
    alone = right | {"plugins": right["plugins"][:1]}
    slips += [Slip(as_text(mute), 103), Slip(as_text(backwards), 100), Slip(as_text(alone))]
    return tuple([*slips, Slip(as_text(of.network()), 9)] if of.wish == "hairpin" else slips)


@defined("06-conflist", "A network of your own")
def write(chance: Chance) -> Write:
    of = structs.replace(drawn(chance), wish=chance.turn(*WISHES))
    right = _right(of)
    good = tried(of, right)
    return Write(
        asks=f"Write the conflist of this node. Pods get addresses of {of.subnet} and are connected to the bridge `{of.bridge}`, "
        f"which is their gateway. {ASKS[of.wish].format(of)}",
        starts='# {\n#   "cniVersion": "1.1.0",\n#   "name": ...,\n#   "plugins": [ ... ]\n# }\n',
        tests=partial(judged, of),
        solution=as_text(right),
        slips=_slips(of, right),
        because=BECAUSE[of.wish],
        evidence=calls(good.answer) if good.answer else None,
        hints=(
            "Which plugin makes the interface? Which one, if any, has to change something after it?",
            "bridge wants `bridge`, `isDefaultGateway`, `ipam`, and perhaps `ipMasq`, `hairpinMode`. portmap wants `capabilities`.",
            '`"ipam": {"type": "host-local", "subnet": "..."}` and `"capabilities": {"portMappings": true}`.',
        ),
    )


BECAUSE = {
    "port": "bridge makes the interface and asks host-local for the address. portmap hears of the port because it "
    "declares that it can open ports.",
    "plain": "One plugin is enough: bridge makes the interface, asks host-local for the address, and masquerades.",
    "hairpin": "The packet has to leave the bridge by the port where it came in. `hairpinMode` allows that.",
    "own": "Without `ipMasq` nobody replaces the pod's address. That works because the routers outside know a way to the block.",
}


FAULTS: dict[str, tuple[str, int]] = {
    "type": ("no file in the plugin directory has the name that stands in `type`", 104),
    "silent": ("portmap does not declare the capability `portMappings`", 103),
    "order": ("portmap stands before bridge, and there is no interface yet", 100),
    "version": ("`cniVersion` is a version that no plugin speaks yet", 104),
    "host bits": ("the subnet begins with the gateway's address instead of the block's first one", 104),
    "name": ("the network has no name", 31),
}


def broken(of: Net, fault: str) -> dict[str, Any]:
    """The network with one fault."""
    network = copy.deepcopy(of.network())
    bridge, portmap = network["plugins"]
    if fault == "type":
        bridge["type"] = "brigde"
    elif fault == "host bits":
        bridge["ipam"]["subnet"] = f"{of.gateway}/24"
    elif fault == "version":
        network["cniVersion"] = "1.2.0"
    elif fault == "order":
        network["plugins"] = [portmap, bridge]
    elif fault == "silent":
        portmap["capabilities"] = {"portMappings": False}
    else:
        del network["name"]
    return network


@defined("06-repair", "A pod that stays in ContainerCreating")
def repair(chance: Chance) -> Repair:
    of = drawn(chance)
    fault = chance.turn(*FAULTS)
    sick = broken(of, fault)
    found = tried(of, sick)
    told = found.error or f"The pod runs, but port {of.host_port} of the node leads nowhere."
    other = copy.deepcopy(sick)
    other["plugins"][0 if fault != "order" else 1]["hairpinMode"] = True
    good = tried(of, of.network())
    return Repair(
        asks=f"This is what people see: {told}\n\nOne thing is wrong in the node's conflist. Mend it, so that `{of.pod}` gets "
        f"an address of {of.subnet}, gets answers from outside, and is reached through port {of.host_port} of the node.",
        look=calls(found.answer) if found.answer and found.answer.calls else None,
        starts=as_text(sick),
        tests=partial(judged, of),
        solution=as_text(of.network()),
        slips=(Slip(as_text(other), FAULTS[fault][1]),),
        because=f"What was wrong: {FAULTS[fault][0]}.",
        evidence=calls(good.answer) if good.answer else None,
        hints=(
            "The event names the plugin that failed, the verb, and the plugin's own sentence. Read it from the end.",
            "Compare part by part: the name and the version, the types, their order, the addresses, the capabilities.",
            f"The fault is this: {FAULTS[fault][0]}.",
        ),
    )
