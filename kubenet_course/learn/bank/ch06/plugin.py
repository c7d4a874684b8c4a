"""Chapter 06: a plugin to write. It is saved as a program, and the course's runtime calls it, in processes of their own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from msgspec import Struct

from ....cni.node.files import limited, on_trial, tried
from ....cni.node.node import Answer, Called, Node
from ....trial.run import TOO_LATE, Ran
from ....views.tables.table import table
from ...questions.kinds import NO_BELIEF, Finding, Slip
from ...questions.kinds_made import Write
from ...questions.reading import Unreadable
from .. import Chance, defined
from .networks import wrong

NAME = "mine"
SOLUTION = """import json, os, sys

verb = os.environ["CNI_COMMAND"]
if verb == "VERSION":
    print(json.dumps({"cniVersion": "1.1.0", "supportedVersions": ["1.0.0", "1.1.0"]}))
elif verb == "ADD":
    conf = json.load(sys.stdin)
    if "FIELD" not in conf["ipam"]:
        print(json.dumps({"code": CODE, "msg": "ipam.FIELD is missing"}))
        sys.exit(1)
    print(json.dumps({"cniVersion": conf["cniVersion"], "ips": [{"address": conf["ipam"]["FIELD"]}]}))
"""
# What is added for a plugin that is asked whether it is ready.
READY = """elif verb == "STATUS":
    if json.load(sys.stdin)["ipam"].get("ready") is False:
        print(json.dumps({"code": 50, "msg": "not ready for an ADD"}))
        sys.exit(1)
"""
STARTS = """# import json, os, sys
# verb = os.environ["CNI_COMMAND"]
# conf = json.load(sys.stdin)
"""
COMPLAINS = (
    "elif verb == 'DEL':\n    print(json.dumps({'code': 100, 'msg': 'there is no such address'}))\n    sys.exit(1)\n"
)
SERVES = "import socket\nserver = socket.socket()\nserver.bind(('127.0.0.1', 6784))\nserver.listen()\n"


class Wanted(Struct, frozen=True):
    """What the plugin has to do: the field with the address, the code where it is missing."""

    field: str
    code: int
    address: str = "10.244.1.20/24"
    is_asked: bool = False  # whether STATUS is wanted, too

    def conf(self, **ipam: Any) -> dict[str, Any]:
        """A network whose bridge asks the plugin for an address."""
        bridge = {"type": "bridge", "bridge": "cni0", "isGateway": True, "ipam": {"type": NAME, **ipam}}
        return {"cniVersion": "1.1.0", "name": "podnet", "plugins": [bridge]}


Told = tuple[
    str, str, str, int
]  # the call, what was answered, what is wrong with it (mostly nothing), and the belief behind it


@lru_cache(maxsize=64)
def trial(of: Wanted, source: str) -> tuple[Finding, ...]:
    """Each verb as a runtime calls it, up to the first that is not as the contract has it. Raises Unreadable with the line for a
    text that is not Python."""
    try:
        compile(source, NAME, "exec")
    except (SyntaxError, ValueError) as fault:
        line = f"line {fault.lineno}: {(fault.text or '').strip()!r}: " if isinstance(fault, SyntaxError) else ""
        raise Unreadable(f"This is not Python yet. {line}{getattr(fault, 'msg', fault)}.") from None
    rows = []
    with tempfile.TemporaryDirectory(prefix="kubenet-plugin-") as place:
        path = on_trial(place, NAME, source)
        for call, answer, said, belief in _told(of, path, Node(path=[place], run=limited)):
            rows.append((call, answer))
            if said:
                return (wrong(said, belief, table("What the runtime was told", ("call", "answer"), rows)),)
    return (Finding(True, ""),)


def _told(of: Wanted, path: Path, node: Node) -> Iterator[Told]:
    yield _version(tried(path, {"CNI_COMMAND": "VERSION"}, {"cniVersion": "1.1.0"}))
    node.sandbox("web")
    node.sandbox("lost")
    network = of.conf(**{of.field: of.address})
    yield _added(of, node, node.add(network, "web"))
    yield _refused(of, node.add(of.conf(), "lost"))
    for is_ready in (True, False) if of.is_asked else ():
        yield _ready(is_ready, node.status(of.conf(**{of.field: of.address, "ready": is_ready})))
    for _ in range(2):
        yield _deleted(node.delete(network, "web"))


def _own(answer: Answer) -> Called | None:
    """The call of the plugin itself, among those of the chain."""
    return next((call for call in answer.calls if call.plugin == NAME), None)


def _short(text: str) -> str:
    return " ".join(text.split())[:110] or "nothing"


def _answer(answer: Answer) -> str:
    own = _own(answer)
    if own is None:
        return f"not called: {answer.error}"
    return _short(f"error {own.error.code}: {own.error}" if own.error else own.output)


def _version(asked: Ran) -> Told:
    found = _short(asked.stdout.strip() or (asked.stderr.strip().splitlines() or [""])[-1])
    speaks = asked.answer.get("supportedVersions") if isinstance(asked.answer, dict) else None
    if asked.code == 0 and isinstance(speaks, list) and "1.1.0" in speaks:
        return "VERSION", found, "", 0
    if "socket." in asked.stderr or asked.code == TOO_LATE:
        said = "The plugin waits for somebody. A runtime starts it for one call, reads what it prints, and expects it to end."
        return "VERSION", found, said, 96
    if asked.stopped:
        return "VERSION", found, asked.stopped, 0
    if strays := _strays(asked.stdout):
        said = f"A stray print: standard output holds {strays[0]!r} besides the JSON object. Only the answer may stand there."
        return "VERSION", found, said, 99
    if not asked.stdout.strip():
        last = (asked.stderr.strip().splitlines() or ["nothing on standard error"])[-1]
        said = f"Asked for VERSION, the plugin prints nothing and ends with exit code {asked.code} ({_short(last)})."
        return "VERSION", found, said, NO_BELIEF if asked.code else 32
    said = f"Asked for VERSION, the plugin prints: {found}. A runtime looks for 1.1.0 in `supportedVersions`."
    return "VERSION", found, said, 32


def _strays(text: str) -> list[str]:
    """The lines of an output that are printed beside its one JSON object; none where there is no such object."""
    lines = [line for line in text.splitlines() if line.strip()]
    others = [line for line in lines if not line.lstrip().startswith(("{", "}", '"', "[", "]"))]
    return others if others and len(others) < len(lines) else []


def _added(of: Wanted, node: Node, given: Answer) -> Told:
    eth0 = node.world["web"].devices.get("eth0")
    held = [str(each) for each in eth0.addresses] if eth0 else []
    own = _own(given)
    if of.address in held:
        return "ADD", _answer(given), "", 0
    if own is not None and own.error is None and not isinstance(own.answer, dict):
        strays = _strays(own.output)
        said = f"A stray print: {strays[0]!r}. " if strays else ""
        said += "Standard output of ADD is not one JSON object. Nothing but the result may stand there."
        return "ADD", _answer(given), said, 99
    said = str(given.error) if given.error else f"the pod got {', '.join(held) or 'no address'}"
    return "ADD", _answer(given), f"ADD with {of.field} {of.address}: {said}.", 0 if given.error else 102


def _refused(of: Wanted, missing: Answer) -> Told:
    own, call = _own(missing), f"ADD without {of.field}"
    if own is None or (own.error is not None and own.error.code == of.code):
        return call, _answer(missing), "", 0
    found = f"answers with the code {own.error.code}" if own.error else "succeeds"
    said = f"{call}: the plugin {found}. It has to print an error object with the code {of.code}."
    return call, _answer(missing), said, 0


def _ready(is_ready: bool, asked: Answer) -> Told:
    code = asked.error.code if asked.error else 0
    call = f"STATUS with ready {str(is_ready).lower()}"
    wanted = "succeed and print nothing" if is_ready else "print an error object with the code 50"
    found = f"answers with the code {code}" if code else "succeeds"
    said = "" if code == (0 if is_ready else 50) else f"{call}: the plugin {found}. It has to {wanted}."
    return call, _answer(asked), said, 32 if said else 0


def _deleted(deleted: Answer) -> Told:
    said = f"DEL fails: {deleted.error}. So the pod cannot be deleted." if deleted.error else ""
    return "DEL", _answer(deleted), said, 98


@defined("06-plugin", "A plugin of your own")
def plugin(chance: Chance) -> Write:
    field, code = chance.turn(("address", 7), ("cidr", 100), ("give", 7), ("fixed", 100))
    of = Wanted(field, code, is_asked=bool(chance.variant % 2))
    right = SOLUTION.replace("FIELD", of.field).replace("CODE", str(of.code)) + (READY if of.is_asked else "")
    status = (
        "To STATUS it answers with an error object of code 50 where `ipam.ready` is false; else it prints nothing. "
    )
    chatty = right.replace('elif verb == "ADD":\n', 'elif verb == "ADD":\n    print("looking for an address")\n')
    asks = (
        f"Write an IPAM plugin in Python. `bridge` will call it. To VERSION it answers that it speaks 1.1.0. To ADD it answers "
        f"with the address that stands in `ipam.{of.field}` of its configuration, such as {of.address}. Where `{of.field}` is "
        f"missing, it answers with an error object of code {of.code} and ends with exit code 1. "
    )
    return Write(
        asks=asks + (status if of.is_asked else "") + "For DEL it succeeds and prints nothing.",
        starts=STARTS,
        tests=partial(trial, of),
        is_run=True,
        solution=right,
        slips=(
            Slip(chatty, 99),
            *([Slip(right.replace(READY, ""), 32)] if of.is_asked else []),
            Slip(right + COMPLAINS, 98),
            Slip(right.replace(f'"code": {of.code}', '"code": 999')),
            Slip(SERVES + right, 96),
        ),
        because="A plugin is a program. It reads its environment and its input, prints one JSON object, and ends.",
        evidence=table("Where each thing goes", ("what", "where"), WHERE),
        hints=(
            "The verb stands in the environment. The configuration comes on standard input.",
            "Decide by the verb first. Only ADD needs the configuration, and for DEL there is nothing to do.",
            f'Result: `{{"cniVersion": ..., "ips": [{{"address": ...}}]}}`. Error: `{{"code": {of.code}, "msg": ...}}`.',
        ),
    )


WHERE = [
    ("verb, container, interface", "environment: CNI_COMMAND, CNI_CONTAINERID, CNI_IFNAME"),
    ("configuration", "standard input, JSON"),
    ("result, or error object", "standard output, JSON"),
    ("what people may want to read", "standard error"),
    ("success or not", "exit code, 0 or 1"),
]
