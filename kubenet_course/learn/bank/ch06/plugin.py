"""Chapter 06: a plugin to write. It is saved as a program, and the course's runtime calls it, in processes of their own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import lru_cache, partial
from pathlib import Path
from random import Random
from typing import Any

from msgspec import Struct

from ....cni.node.files import limited, on_trial, tried
from ....cni.node.node import Answer, Called, Node
from ....trial.run import TOO_LATE, Ran
from ....views.tables.table import table
from ...questions.kinds import Finding, Slip
from ...questions.kinds_made import Write
from .. import defined
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
STARTS = """# import json, os, sys
# verb = os.environ["CNI_COMMAND"]
# conf = json.load(sys.stdin)
"""
COMPLAINS = (
    "elif verb == 'DEL':\n    print(json.dumps({'code': 100, 'msg': 'there is no such address'}))\n    sys.exit(1)\n"
)
SERVES = "import socket\nserver = socket.socket()\nserver.bind(('127.0.0.1', 6784))\nserver.listen()\n"


class Wanted(Struct, frozen=True):
    """What the plugin is to do: the field with the address, the code where it is missing."""

    field: str
    code: int
    address: str = "10.244.1.20/24"

    def conf(self, **ipam: str) -> dict[str, Any]:
        """A network whose bridge asks the plugin for an address."""
        bridge = {"type": "bridge", "bridge": "cni0", "isGateway": True, "ipam": {"type": NAME, **ipam}}
        return {"cniVersion": "1.1.0", "name": "podnet", "plugins": [bridge]}


Told = tuple[
    str, str, str, int
]  # the call, what was answered, what is wrong with it (mostly nothing), and the belief behind it


@lru_cache(maxsize=64)
def trial(of: Wanted, source: str) -> tuple[Finding, ...]:
    """Each verb as a runtime calls it, up to the first that is not as the contract has it."""
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
        said = "It wants to wait for callers. A runtime starts a plugin for one call, reads what it prints, and expects it to end."
        return "VERSION", found, said, 96
    if asked.stopped:
        return "VERSION", found, asked.stopped, 0
    said = f"VERSION is answered with: {found}. A runtime looks for 1.1.0 in `supportedVersions`."
    return "VERSION", found, said, 32


def _added(of: Wanted, node: Node, given: Answer) -> Told:
    eth0 = node.world["web"].devices.get("eth0")
    held = [str(each) for each in eth0.addresses] if eth0 else []
    own = _own(given)
    if of.address in held:
        return "ADD", _answer(given), "", 0
    if own is not None and own.error is None and not isinstance(own.answer, dict):
        said = "ADD's standard output is no JSON object. The result alone may stand there."
        return "ADD", _answer(given), said, 99
    said = str(given.error) if given.error else f"the pod got {', '.join(held) or 'no address'}"
    return "ADD", _answer(given), f"ADD with {of.field} {of.address}: {said}.", 0 if given.error else 102


def _refused(of: Wanted, missing: Answer) -> Told:
    own, call = _own(missing), f"ADD without {of.field}"
    if own is None or (own.error is not None and own.error.code == of.code):
        return call, _answer(missing), "", 0
    found = f"the code is {own.error.code}" if own.error else "it succeeds"
    said = f"{call}: {found}, and {of.code} is wanted, in an error object on standard output."
    return call, _answer(missing), said, 0


def _deleted(deleted: Answer) -> Told:
    said = f"DEL fails: {deleted.error}. The pod can then not be taken down." if deleted.error else ""
    return "DEL", _answer(deleted), said, 98


@defined("06-plugin", "A plugin of your own")
def plugin(chance: Random) -> Write:
    of = Wanted(chance.choice(("address", "cidr", "give")), chance.choice((7, 100)))
    right = SOLUTION.replace("FIELD", of.field).replace("CODE", str(of.code))
    chatty = right.replace('elif verb == "ADD":\n', 'elif verb == "ADD":\n    print("looking for an address")\n')
    return Write(
        asks=f"Write an IPAM plugin in Python; `bridge` will call it. VERSION: it speaks 1.1.0. ADD: it "
        f"answers with the address in `ipam.{of.field}` of its configuration, such as {of.address}; "
        f"where that is missing, with an error object of code {of.code} and exit code 1. DEL: it succeeds and says nothing.",
        starts=STARTS,
        tests=partial(trial, of),
        is_run=True,
        solution=right,
        slips=(
            Slip(chatty, 99),
            Slip(right + COMPLAINS, 98),
            Slip(right.replace(f'"code": {of.code}', '"code": 999')),
            Slip(SERVES + right, 96),
        ),
        because="A plugin is a program: environment and input in, one JSON object out, an exit code. It needs no library.",
        evidence=table("Where each thing goes", ("what", "where"), WHERE),
        hints=(
            "Which verb it is stands in the environment; the configuration comes on standard input.",
            "Answer VERSION first, before anything is read. For DEL there is nothing to do.",
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
