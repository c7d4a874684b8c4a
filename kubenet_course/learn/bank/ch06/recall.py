"""Chapter 06, CNI: the contract: what an error code means, and the order of calls. `leaks` asks who holds an address."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any

from ....cni.contract import skel
from ....cni.node.node import Answer, Node
from ....cni.node.plugins import Stores
from ....views.cni import calls, diagram
from ....views.tables.table import table
from ...questions.kinds import Slip, Value
from ...questions.kinds_lists import Order, Swap
from ...questions.reading import NUMBER, one_of
from .. import Chance, defined
from .networks import Net, drawn

MEANINGS = {
    "version": "cniVersion is one that the plugin does not speak",
    "environment": "a variable of the environment is missing or malformed",
    "decoding": "standard input is not the JSON that is wanted",
    "name": "the network's name is missing or malformed",
    "own": "the plugin itself could not do it",
}
CODES = {"version": 1, "environment": 4, "decoding": 6, "name": 7, "own": 999}


def call_of(of: Net, fault: str, chance: Chance) -> tuple[dict[str, str], str]:
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


def _asked(of: Net, fault: str, chance: Chance) -> Value:
    """A call with one fault, as it stands. Which code has the answer?"""
    env, text = call_of(of, fault, chance)
    said = answered(env, text)
    rows = [(f"`{key}`", repr(value)) for key, value in said.items()]
    seen, whole = (table("What the plugin answers", ("field", "value"), each) for each in (rows[1:], rows))
    given = [*((name, value) for name, value in env.items()), ("standard input", text)]
    wrong = (
        "999 stands for what the plugin itself cannot do. Here the call has a fault that the contract has a code for."
    )
    slips = [Slip(999, 0, wrong, seen)] if said["code"] != 999 else []
    for name, number in CODES.items():
        if number not in (said["code"], 999):
            told = f"{number} means: {MEANINGS[name]}. Look at that part of the call: it is as it should be."
            slips.append(Slip(number, 104 if said["code"] == 999 else 0, told, seen))
    if fault == "environment":
        told = "That code is for a value that is there and wrong. Compare the table with the five variables of the chapter."
        slips += [Slip(number, 0, told, seen) for number in (3, 8)]
    slips.append(
        Slip(0, 0, "0 is the exit code of a plugin that succeeds. An error object has a code of its own.", seen)
    )
    return Value(
        asks="A runtime calls `host-local` like this. The plugin answers with an error object. Which `code` stands in it?",
        look=table("The call", ("given", "value"), given, code=(0, 1)),
        answer=said["code"],
        reads=NUMBER,
        slips=tuple(slips),
        because=f"Code {said['code']}: {MEANINGS[fault]}.",
        evidence=whole,
        hints=(
            "Check one part after the other: the environment, the JSON, the network's name, the version, and then `ipam`.",
            "The codes: 1 version, 4 environment, 6 no JSON, 7 the network's name, 999 the plugin's own failure.",
            f"The fault is this: {MEANINGS[fault]}.",
        ),
    )


SITUATIONS = {
    50: "A runtime sends STATUS to a plugin. The plugin needs a program that runs all the time on the node, and that program "
    "does not run yet. So the plugin could not serve an ADD. Pods that have their network keep it.",
    11: "A runtime sends ADD to a plugin. The plugin asks the cloud for an address, and the cloud is busy. In a few seconds it "
    "would work. The plugin wants the runtime to send the same ADD again.",
    51: "A runtime sends STATUS to a plugin. The plugin could not serve an ADD, and it knows more: pods that run already may "
    "have lost a part of their connections.",
}
SPECIFIED = [
    ("11", "try again later: what is in the way will pass"),
    ("50", "not available: the plugin can serve no ADD"),
    ("51", "not available, and pods that run may have lost connections"),
    ("999", "not in the contract: the reference plugins' code for their own failures"),
]


def _situation(code: int) -> Value:
    """A plugin that is not ready. Which code tells the runtime so?"""
    seen = table("Codes for a plugin that is not ready", ("code", "meaning"), SPECIFIED, code=(0,))
    others = {number: said for number, said in ((int(row[0]), row[1]) for row in SPECIFIED) if number != code}
    return Value(
        asks=f"{SITUATIONS[code]} Which code does it answer?",
        answer=code,
        reads=NUMBER,
        slips=(
            *(Slip(number, 104 if number == 999 else 0, f"{number} means: {said}.") for number, said in others.items()),
            Slip(0, 0, "0 is the exit code of a plugin that succeeds: the runtime would believe that all is well."),
        ),
        because=f"Code {code}: {dict(SPECIFIED)[str(code)]}.",
        evidence=seen,
        hints=(
            "Three codes of the contract are for a plugin that is not ready: 11, 50 and 51.",
            "11 is about one call that may be sent again. 50 and 51 are answers to STATUS.",
            f"It means: {dict(SPECIFIED)[str(code)]}.",
        ),
    )


def _meant(of: Net, fault: str, chance: Chance) -> Value:
    """An error object without its sentence. What was wrong with the call?"""
    said = answered(*call_of(of, fault, chance))
    seen = table(
        "What the plugin answers", ("field", "value"), [(f"`{key}`", repr(value)) for key, value in said.items()]
    )
    numbers = {MEANINGS[name]: number for name, number in CODES.items()}
    return Value(
        asks=f"A monitor shows only this: `host-local` has ended with exit code 1, and its error object has the code "
        f"{said['code']}. What was wrong?",
        answer=MEANINGS[fault],
        reads=one_of(chance.sample(list(numbers), len(numbers))),
        slips=tuple(
            Slip(text, 104 if fault == "own" else 0, f"For that the code is {number}.")
            for text, number in numbers.items()
            if number != said["code"]
        ),
        because=f"Code {said['code']}: {MEANINGS[fault]}.",
        evidence=seen,
        hints=(
            "Is the code below 100? Then it is about the call. 100 and above is about the plugin's own work.",
            "The codes: 1 version, 4 environment, 6 no JSON, 7 the network's name, 999 the plugin's own failure.",
            f"`msg` of the error object begins like this: {said['msg'][:24]!r}",
        ),
    )


ASKED: tuple[str | int, ...] = (
    "environment", 50, "means own", 11, "own", "means name", "decoding", 51, "name", "version", "means environment",
)  # fmt: skip


@defined("06-code", "Which error code?")
def code(chance: Chance) -> Value:
    what, of = chance.turn(*ASKED), drawn(chance)
    if isinstance(what, int):
        return _situation(what)
    if what.startswith("means "):
        return _meant(of, what.removeprefix("means "), chance)
    return _asked(of, what, chance)


def _begun(*answers: Answer) -> list[str]:
    return [f"`{call.caller}` calls `{call.plugin}`: {call.verb}" for answer in answers for call in answer.calls]


@defined("06-order", "Who calls whom, and when?")
def order(chance: Chance) -> Order:
    of = drawn(chance)
    return chance.turn(_comes_and_goes, _fails, _collected, _comes_and_goes)(of, chance)


HINTS = (
    "Two plugins are never called at the same time for one pod. Who needs whose answer?",
    "ADD takes the list from its beginning, DEL from its end.",
)
NOT_THE_RUNTIME = "The runtime does not call host-local. bridge calls it, once bridge itself has been called."
FORWARDS = "The chain begins with the plugin that makes the interface."
BACKWARDS = "DEL goes through the chain backwards: what was added last goes first."


def _comes_and_goes(of: Net, chance: Chance) -> Order:
    """A chain of two or three, and DEL behind ADD."""
    node = Node()
    node.sandbox(of.pod)
    network = of.network(("portmap", "bandwidth")[: 1 + bool(chance.variant % 4)])
    added = node.add(network, of.pod, portMappings=of.ports)
    deleted = node.delete(network, of.pod)
    events, seen = _begun(added, deleted), calls(deleted)
    gone, undone = "`runtime` calls `bridge`: DEL", f"`runtime` calls `{added.calls[-1].plugin}`: DEL"
    chain = ", ".join(each["type"] for each in network["plugins"])
    return Order(
        asks=f"The conflist of a network lists {chain}. A pod gets this network. Later it is deleted. In which order do these "
        "calls begin?",
        events=tuple(events),
        swaps=(
            Swap(gone, undone, 101, BACKWARDS, seen),
            Swap(events[1], events[0], 102, NOT_THE_RUNTIME, calls(added)),
            Swap(events[2], events[0], 100, FORWARDS, calls(added)),
            Swap(
                "`bridge` calls `host-local`: DEL",
                gone,
                102,
                "bridge calls host-local for DEL, as it does for ADD.",
                seen,
            ),
        ),
        because="ADD goes forwards, DEL backwards. The plugin that makes the interface calls the IPAM plugin.",
        evidence=diagram(deleted),
        hints=(*HINTS, "bridge, then host-local within it, then the others. For DEL the same list backwards."),
    )


def _fails(of: Net, chance: Chance) -> Order:
    """ADD fails at portmap; the runtime sends DEL; and ADD once more."""
    node = Node()
    node.sandbox(of.pod)
    network = of.network()
    network["plugins"][1]["markMasqBit"] = 99
    failed = node.add(network, of.pod, portMappings=of.ports)
    del network["plugins"][1]["markMasqBit"]
    deleted = node.delete(network, of.pod)
    events, seen = _begun(failed, deleted), calls(failed)
    return Order(
        asks="The conflist of a network lists bridge and portmap. A pod gets this network, and portmap answers ADD with an error. "
        "Then the runtime cleans up. In which order do these calls begin?",
        events=tuple(events),
        swaps=(
            Swap(events[1], events[0], 102, NOT_THE_RUNTIME, seen),
            Swap("`runtime` calls `bridge`: DEL", "`runtime` calls `portmap`: DEL", 101, BACKWARDS, calls(deleted)),
            Swap(
                events[3],
                events[2],
                97,
                "The ADD itself undoes nothing. DEL is a call of its own, after the failure.",
                seen,
            ),
        ),
        because="ADD stops at the first failure, and what bridge did stays. A DEL has to take it away, last plugin first.",
        evidence=diagram(deleted),
        hints=(*HINTS, "The ADDs up to the failure, and then DEL through the list from its end."),
    )


def _collected(of: Net, chance: Chance) -> Order:
    """GC of a pod that is gone: DEL for what the runtime remembers, then GC to each plugin."""
    node = Node()
    node.sandbox(of.pod)
    network = of.network()
    node.add(network, of.pod, portMappings=of.ports)
    node(f"ip netns del {of.pod}")
    collected = node.collect(network, [])
    events, seen = _begun(collected), calls(collected)
    return Order(
        asks=f"The namespace of {of.pod} has gone in a crash, and no DEL was sent. The conflist lists bridge and portmap. Now the "
        "runtime collects the garbage: it remembers that it has added this pod. In which order do these calls begin?",
        events=tuple(events),
        swaps=(
            Swap(
                "`runtime` calls `bridge`: GC",
                events[0],
                30,
                "First the runtime sends DEL for what it remembers itself.",
                seen,
            ),
            Swap("`runtime` calls `bridge`: DEL", events[0], 101, BACKWARDS, seen),
            Swap("`bridge` calls `host-local`: GC", "`runtime` calls `bridge`: GC", 102, NOT_THE_RUNTIME, seen),
        ),
        because="The runtime sends DEL for each attachment that it remembers and that is not alive, and then GC to every plugin.",
        evidence=diagram(collected),
        hints=(
            "The runtime has a memory of its own: the cache of results. What can it do with it before it asks the plugins?",
            "DEL takes the list from its end. GC takes it from its beginning.",
            "portmap, bridge, host-local with DEL; then bridge, host-local and portmap with GC, as far as they are asked.",
        ),
    )
