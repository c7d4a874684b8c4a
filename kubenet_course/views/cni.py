"""The calls of a CNI chain as people look at them: who called whom, what was typed, and both as a sequence drawn from the calls."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ..cni.node.kernel import Typed
from ..cni.node.node import Answer, Called
from ..cni.runtime.kubelet import sandbox_event
from .drawing.picture import Picture
from .drawing.sequence import Message, sequence
from .tables.table import Table, table

KUBELET, RUNTIME, KERNEL = "kubelet", "runtime", "kernel"
ASKS = {"ADD": "RunPodSandbox", "DEL": "StopPodSandbox"}  # what the kubelet asks of the runtime (CRI)
KINDS = {KUBELET: "machine", RUNTIME: "machine", KERNEL: "bridge"}
LONGEST = 15  # characters that an arrow says
INSIDE = re.compile(r"^ip netns exec (\S+) ")
COMMENT = re.compile(r""" -m comment --comment ('[^']*'|"(?:[^"\\]|\\.)*")""")


def diagram(answer: Answer) -> Picture:
    """The calls of one verb as a sequence, from the kubelet to the kernel's tables."""
    messages = [one for call in _calls_at(answer.calls, 0, len(answer.calls), 0) for one in _told(answer, *call)]
    is_asked = answer.verb in ASKS
    if is_asked:
        done = sandbox_event(answer.container, answer.error) if answer.error else "done"
        asked = Message(KUBELET, RUNTIME, "sandbox", whole=f"{ASKS[answer.verb]} for {answer.container}")
        told = Message(RUNTIME, KUBELET, "error" if answer.error else "done", True, done)
        messages = [asked, *messages, told]
    plugins = dict.fromkeys(one.plugin for one in answer.calls)
    actors = [*([KUBELET] if is_asked else []), RUNTIME, *plugins, *([KERNEL] if answer.typed else [])]
    return sequence(messages, actors, KINDS)


def _calls_at(calls: Sequence[Called], start: int, end: int, depth: int) -> list[tuple[int, int]]:
    """The calls of one depth between two places, each with the place where the next one begins."""
    own = [at for at in range(start, end) if calls[at].depth == depth]
    return list(zip(own, [*own[1:], end][: len(own)], strict=True))


def _told(answer: Answer, at: int, end: int) -> list[Message]:
    """One call and all within it, in order: what was asked, what was typed, what was answered."""
    call = answer.calls[at]
    what = f"{call.verb} with prevResult" if "prevResult" in call.given else call.verb
    said = [Message(call.caller, call.plugin, call.verb, whole=what)]
    place = call.began
    for inner, inner_end in _calls_at(answer.calls, at + 1, end, call.depth + 1):
        said += [*_typed(call, answer.calls[inner].began - place), *_told(answer, inner, inner_end)]
        place = answer.calls[inner].ended
    said += _typed(call, call.ended - place)
    short, whole = answered(call)
    return [*said, Message(call.plugin, call.caller, short, True, whole)]


def _typed(call: Called, count: int) -> list[Message]:
    return [Message(call.plugin, KERNEL, f"{count} command{'s' * (count != 1)}")] if count else []


def answered(call: Called) -> tuple[str, str]:
    """What a plugin answered, in a word and in a sentence."""
    if call.error is not None:
        return f"error {call.error.code}", f"error {call.error.code}, {call.error}"
    result: Any = call.answer
    if isinstance(result, dict) and result.get("ips"):
        found = [str(one["address"]) for one in result["ips"]]
        return found[0] if len(found[0]) <= LONGEST else "result", f"a result with {', '.join(found)}"
    return "done", "nothing" if not call.output else "a result"


def calls(answer: Answer) -> Table:
    """Every call in the order in which it began; those that a plugin makes stand behind its own."""
    rows = []
    for number, call in enumerate(answer.calls, 1):
        who = f"{call.caller} → {call.plugin}"
        rows.append((number, who, call.verb, ", ".join(call.given) or "-", answered(call)[1]))
    count = f"{len(rows)} call{'s' * (len(rows) != 1)}"
    return table(f"{answer.verb}: {count}", ("", "who calls whom", "verb", "given besides", "answered"), rows)


def commands(answer: Answer, plugin: str = "") -> Table:
    """What plugins ran, each command whole but for comments of rules, and what it changed first. `plugin` chooses one."""
    wanted = [call for call in answer.calls if call.plugin.removeprefix("kubenet-") == plugin or not plugin]
    rows = [(whole(one.command), _first(one)) for call in wanted for one in call.typed]
    return table(f"{len(rows)} commands of {plugin or 'all plugins'}", ("command", "what changed"), rows, code=(0,))


def _first(one: Typed) -> str:
    """What a command is about comes before what follows from it. A rule is not said again beside the command that says it."""
    dev = one.command.partition(" dev ")[2].partition(" ")[0]
    said = next((said for said in one.said if dev and said.startswith(f"{dev} ")), one.said[0] if one.said else "-")
    said = COMMENT.sub("", said)
    is_rule = one.command.startswith("iptables -") and " has the rule " in said
    if is_rule:
        return f"{one.at} has this rule."
    more = f" And {len(one.said) - 1} more." if one.command.startswith("iptables-restore") and len(one.said) > 1 else ""
    return said.rstrip(".") + "." + more if said != "-" else said


def whole(command: str) -> str:
    """A command without the comments of rules, and with a namespace's name in place of its path."""
    text = COMMENT.sub("", command).replace("/var/run/netns/", "")
    return INSIDE.sub(r"\1: ", text)
