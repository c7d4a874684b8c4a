"""Chapter 06, CNI: the contract: codes, the order of calls, who still holds an address."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from random import Random
from typing import Any

from ....cni.contract import skel
from ....cni.node.node import Node
from ....cni.node.plugins import Stores
from ....views.cni import calls, diagram
from ....views.tables.table import Table, table
from ...questions.kinds import Slip, Value
from ...questions.kinds_lists import Order, Swap
from ...questions.reading import ADDRESS, NUMBER
from .. import defined
from .networks import Net, drawn

MEANINGS = {
    "version": "cniVersion is one that the plugin does not speak",
    "environment": "a variable of the environment is missing or malformed",
    "decoding": "standard input is not the JSON that is wanted",
    "name": "the network's name is missing or malformed",
    "own": "the plugin itself could not do it",
}
CODES = {"version": 1, "environment": 4, "decoding": 6, "name": 7, "own": 999}


def call_of(of: Net, fault: str, chance: Random) -> tuple[dict[str, str], str]:
    """The environment and the input of a call of host-local that has one fault."""
    env = {"CNI_COMMAND": "ADD", "CNI_CONTAINERID": "web-1", "CNI_NETNS": "/var/run/netns/web-1"}
    env |= {"CNI_IFNAME": "eth0", "CNI_PATH": "/opt/cni/bin"}
    conf: dict[str, Any] = {"cniVersion": "1.1.0", "name": "podnet"}
    conf["ipam"] = {"type": "host-local", "subnet": of.subnet}
    if fault == "environment":
        del env[chance.choice(("CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH"))]
    elif fault == "version":
        conf["cniVersion"] = chance.choice(("1.2.0", "2.0.0", "0.5.0"))
    elif fault == "name":
        conf["name"] = chance.choice(("", "pod network", "-podnet"))
    elif fault == "own":
        conf["ipam"]["subnet"] = chance.choice((of.gateway + "/24", of.subnet.replace("/24", "/31")))
    text = json.dumps(conf, separators=(",", ":"))
    return env, text if fault != "decoding" else chance.choice((text[:-1], text.replace(":", "=", 1), "podnet"))


def answered(env: Mapping[str, str], text: str) -> dict[str, Any]:
    """What our host-local says to a call: its result or its error object."""
    stdout = io.StringIO()
    skel.answer("host-local", Stores().commands, env, io.BytesIO(text.encode()), stdout, io.StringIO())
    found: dict[str, Any] = json.loads(stdout.getvalue())
    return found


@defined("06-code", "Which error code?")
def code(chance: Random) -> Value:
    fault = chance.choice(list(CODES))
    env, text = call_of(drawn(chance), fault, chance)
    said = answered(env, text)
    rows = [(f"`{key}`", repr(value)) for key, value in said.items()]
    seen, whole = (table("What the plugin answers", ("field", "value"), each) for each in (rows[1:], rows))
    given = [*((name, value) for name, value in env.items()), ("standard input", text)]
    wrong = "Only what has no code of its own is 999: what a plugin fails at when the call itself was good."
    slips = [Slip(999, 0, wrong, seen)] if said["code"] != 999 else []
    for name, number in CODES.items():
        if number not in (said["code"], 999):
            told = f"{number} means: {MEANINGS[name]}. Here that part is as it should be."
            slips.append(Slip(number, 104 if said["code"] == 999 else 0, told, seen))
    slips.append(Slip(0, 0, "0 is the exit code of a success. An error object has a code of its own.", seen))
    return Value(
        asks="A runtime calls `host-local` like this. Which `code` has the error object that it answers?",
        look=table("The call", ("given", "value"), given, code=(0, 1)),
        answer=said["code"],
        reads=NUMBER,
        slips=tuple(slips),
        because=f"Code {said['code']}: {MEANINGS[fault]}.",
        evidence=whole,
        hints=(
            "Check it part by part: environment, JSON, name, version, and last what only this plugin reads.",
            "The codes: 1 version, 4 environment, 6 no JSON, 7 a bad network name, 999 the plugin's own.",
            f"It is about this: {MEANINGS[fault]}.",
        ),
    )


@defined("06-order", "A pod comes and goes")
def order(chance: Random) -> Order:
    of = drawn(chance)
    node = Node()
    node.sandbox(of.pod)
    network = of.network(("portmap", "bandwidth")[: chance.choice((1, 2))])
    added = node.add(network, of.pod, portMappings=of.ports)
    deleted = node.delete(network, of.pod)
    last = added.calls[-1].plugin
    seen = calls(deleted)
    events = [f"`{call.caller}` calls `{call.plugin}`: {call.verb}" for call in (*added.calls, *deleted.calls)]
    first, ipam, second = events[0], events[1], events[2]
    gone = next(one for one in events if one.endswith("`bridge`: DEL"))
    undone = f"`runtime` calls `{last}`: DEL"
    freed = "`bridge` calls `host-local`: DEL"
    return Order(
        asks=f"A pod is wired by the chain {' → '.join(each['type'] for each in network['plugins'])}, and later deleted. In which "
        "order do these calls begin?",
        events=tuple(events),
        swaps=(
            Swap(gone, undone, 101, "DEL goes through the chain backwards: what was added last goes first.", seen),
            Swap(
                ipam,
                first,
                102,
                "The runtime does not call host-local. bridge does, once it is called.",
                calls(added),
            ),
            Swap(second, first, 100, "The chain begins with the plugin that makes the interface.", calls(added)),
            Swap(freed, gone, 102, "host-local is called by bridge, for DEL as for ADD.", seen),
        ),
        because="ADD goes forwards, DEL backwards; an IPAM plugin is called by the plugin that makes the interface.",
        evidence=diagram(deleted),
        hints=(
            "Two plugins are never called by the runtime at the same time for one pod. Who needs whose answer?",
            "ADD takes the list from its beginning, DEL from its end.",
            "bridge, then host-local within it, then the rest; and backwards for DEL.",
        ),
    )


@defined("06-leak", "Who still holds an address?")
def leak(chance: Random) -> Value:
    of = drawn(chance)
    node = Node()
    network = of.network(())
    names = chance.sample(("api", "cache", "db", "front", "mail", "queue", "search", "web"), chance.choice((4, 5)))
    gone, lost = chance.sample(range(len(names)), 2)
    story, given = [], {}
    for name in names:
        node.sandbox(name)
        given[name] = node.add(network, name).result["ips"][0]["address"].partition("/")[0]
        story.append((f"ADD {name}", f"gets {given[name]}"))
    node.delete(network, names[gone])
    story.append((f"DEL {names[gone]}", "no error"))
    node(f"ip netns del {names[lost]}")
    story.append((f"{names[lost]}'s sandbox is lost in a crash", "no call"))
    held = _held(node, "Who holds what before GC")
    living = [name for at, name in enumerate(names) if at not in (gone, lost)]
    freed = _freed(node, network, living)
    return Value(
        asks="This happened on a node, in this order. Now the runtime sends GC with the pods that are alive. Which address is "
        "given back?",
        look=table("What happened", ("call", "answer"), story, code=(0,)),
        answer=freed,
        reads=ADDRESS,
        slips=(
            Slip(
                given[names[gone]], 30, f"DEL gave that one back long before: {names[gone]} went in good order.", held
            ),
            Slip(given[living[-1]], 0, f"{living[-1]} is alive, and keeps its address.", held),
            Slip(of.gateway, 0, "The gateway's address is the bridge's. No pod ever had it.", held),
        ),
        because=f"GC names the living. {given[names[lost]]} belongs to none of them, so it is given back.",
        evidence=held,
        hints=(
            "A reservation is written by ADD. What takes it away?",
            "A namespace that vanishes tells nobody. Only DEL or GC reaches the store.",
            f"Two pods are gone. For one of them, {names[gone]}, DEL was called.",
        ),
    )


def _held(node: Node, caption: str) -> Table:
    return table(caption, ("address", "reserved for"), node.held("podnet").items(), code=(0,))


def _freed(node: Node, network: dict[str, Any], living: list[str]) -> str:
    """The one address that GC gives back."""
    before = set(node.held("podnet"))
    node.collect(network, living)
    (freed,) = before - set(node.held("podnet"))
    return freed
