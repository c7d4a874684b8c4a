"""Chapter 06: a network configuration to write, and broken ones to mend. The model's runtime reads what is written."""

from __future__ import annotations

import copy
import json
from functools import partial
from random import Random
from typing import Any

from ....views.cni import calls
from ....views.tables.table import table
from ...questions.evidence import ending
from ...questions.kinds import Finding, Slip
from ...questions.kinds_made import Repair, Write
from .. import defined
from .networks import Net, Tried, arrived, as_text, back, drawn, read, tried, wrong

MASQ = "The packet arrives, and no answer can come back: nobody outside knows a way to the pod's address. See `ipMasq`."


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
    """Out of the cluster and back; from outside through the host port."""
    problems = []
    if found.outward is not None and not back(found.outward, of.pod):
        is_there = arrived(found.outward, "outside")
        said = MASQ if is_there else "The pod cannot reach 203.0.113.9. Has it a default route?"
        problems.append(wrong(said, 61 if is_there else 102, ending(found.outward)))
    if found.inward is not None and not arrived(found.inward, of.pod):
        chained = [each for each in network["plugins"] if each.get("type") in ("portmap", "kubenet-portmap")]
        said = f"Port {of.host_port} of the node leads nowhere. "
        said += (
            "portmap was called, and never heard of the port."
            if chained
            else "No plugin of the chain makes host ports."
        )
        problems.append(
            wrong(said, 103 if chained else 0, calls(found.answer) if found.answer else ending(found.inward))
        )
    return problems


@defined("06-conflist", "A network of your own")
def write(chance: Random) -> Write:
    of = drawn(chance)
    right = of.network()
    no_masq = of.network(ipMasq=False)
    mute = copy.deepcopy(right)
    del mute["plugins"][1]["capabilities"]
    backwards = right | {"plugins": right["plugins"][::-1]}
    good = tried(of, right)
    return Write(
        asks=f"Write the conflist of this node. Pods get addresses of {of.subnet} and hang on the bridge `{of.bridge}`, "
        f"which is their gateway. They reach 203.0.113.9, outside, and get answers. Port {of.host_port} of the "
        f"node leads to port {of.port} of the pod; the runtime offers that port mapping.",
        starts='# {\n#   "cniVersion": "1.1.0",\n#   "name": ...,\n#   "plugins": [ ... ]\n# }\n',
        tests=partial(judged, of),
        solution=as_text(right),
        slips=(
            Slip(as_text(no_masq), 61),
            Slip(as_text(mute), 103),
            Slip(as_text(backwards), 100),
            Slip(as_text(of.network(()))),
        ),
        because="bridge makes the interface and asks host-local; portmap gets the port because it says that it can.",
        evidence=calls(good.answer) if good.answer else None,
        hints=(
            "Two plugins in one list: which of them makes the interface, and which adjusts it?",
            "bridge wants `bridge`, `isDefaultGateway`, `ipMasq` and `ipam`; portmap wants `capabilities`.",
            '`"ipam": {"type": "host-local", "subnet": "..."}` and `"capabilities": {"portMappings": true}`.',
        ),
    )


FAULTS: dict[str, tuple[str, int]] = {
    "type": ("a plugin's type is no file in the plugin directory", 104),
    "host bits": ("the subnet has host bits set", 104),
    "version": ("the version is one that no plugin speaks yet", 104),
    "order": ("the chain begins with a plugin that adjusts an interface", 100),
    "silent": ("a capability is not declared", 103),
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
def repair(chance: Random) -> Repair:
    of = drawn(chance)
    fault = chance.choice(list(FAULTS))
    sick = broken(of, fault)
    found = tried(of, sick)
    told = found.error or f"The pod runs, but port {of.host_port} of the node leads nowhere."
    other = copy.deepcopy(sick)
    other["plugins"][0 if fault != "order" else 1]["hairpinMode"] = True
    good = tried(of, of.network())
    return Repair(
        asks=f"This is what people see: {told}\n\nMend the one thing that is wrong in the node's conflist: `{of.pod}` gets "
        f"an address of {of.subnet}, gets answers from outside, and is reached through port {of.host_port} of the node.",
        look=calls(found.answer) if found.answer and found.answer.calls else None,
        starts=as_text(sick),
        tests=partial(judged, of),
        solution=as_text(of.network()),
        slips=(Slip(as_text(other), FAULTS[fault][1]),),
        because=f"What was wrong: {FAULTS[fault][0]}.",
        evidence=calls(good.answer) if good.answer else None,
        hints=(
            "The event names the plugin that failed, the verb, and its own sentence. Read it from the end.",
            "Compare part by part: the name and version, the types, their order, the addresses, the capabilities.",
            f"This is it: {FAULTS[fault][0]}.",
        ),
    )
