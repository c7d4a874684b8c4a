"""Chapter 06: a plugin to write. It is saved as a program, and the course's runtime calls it, in processes of their own."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import lru_cache, partial
from random import Random
from typing import Any

from msgspec import Struct

from ...lab.cni_files import Ran, by_hand, limited, on_trial
from ...lab.cni_node import Answer, Node
from ...views.table import Table, table
from ..kinds import Finding, Slip
from ..kinds_made import Write
from . import defined
from .ch06_networks import wrong

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


@lru_cache(maxsize=64)
def trial(of: Wanted, source: str) -> tuple[Finding, ...]:
    """Each verb as a runtime calls it; the first that was not as the contract has it."""
    with tempfile.TemporaryDirectory(prefix="kubenet-plugin-") as place:
        path = on_trial(place, NAME, source)
        node = Node(path=[place], run=limited)
        node.sandbox("web")
        node.sandbox("lost")
        asked = by_hand(path, {"CNI_COMMAND": "VERSION", "CNI_PATH": place}, {"cniVersion": "1.1.0"})
        given = node.add(of.conf(**{of.field: of.address}), "web")
        own = (
            [str(each) for each in node.world["web"].devices["eth0"].addresses]
            if "eth0" in node.world["web"].devices
            else []
        )
        missing = node.add(of.conf(), "lost")
        deleted = [node.delete(of.conf(**{of.field: of.address}), "web") for _ in range(2)]
    rows = [
        ("VERSION", _short(asked)),
        *(_row(verb, answer) for verb, answer in (("ADD", given), (f"ADD without {of.field}", missing))),
    ]
    seen = table("What the runtime was told", ("call", "answer"), [*rows, *(_row("DEL", each) for each in deleted)])
    checks: tuple[Callable[[], Finding | None], ...] = (
        lambda: _version(asked, seen),
        lambda: _added(of, given, own, seen),
        lambda: _refused(of, missing, seen),
        lambda: _deleted(deleted, seen),
    )
    return (next(filter(None, (check() for check in checks)), Finding(True, "")),)


def _row(verb: str, answer: Answer) -> tuple[str, str]:
    own = next((call for call in answer.calls if call.plugin == NAME), None)
    if own is None:
        return verb, f"not called: {answer.error}"
    return verb, f"error {own.error.code}: {own.error}"[:110] if own.error else (
        " ".join(own.output.split())[:110] or "nothing"
    )


def _short(ran: Ran) -> str:
    last = (ran.stderr.strip().splitlines() or [""])[-1]
    return (" ".join(ran.stdout.split())[:110] or last[:110] or "nothing") + (
        f" (exit code {ran.code})" if ran.code else ""
    )


def _version(asked: Ran, seen: Table) -> Finding | None:
    answer = asked.answer
    if asked.code == 0 and isinstance(answer, dict) and "1.1.0" in (answer.get("supportedVersions") or ()):
        return None
    if "socket." in asked.stderr or asked.code == 124:
        said = "It wants to wait for callers. A runtime starts a plugin for one call, reads what it prints, and expects it to end."
        return wrong(said, 96, seen)
    return wrong(
        f"VERSION is answered with: {_short(asked)}. A runtime looks for 1.1.0 in `supportedVersions`.", 32, seen
    )


def _added(of: Wanted, given: Answer, own: list[str], seen: Table) -> Finding | None:
    if of.address in own:
        return None
    call = next((one for one in given.calls if one.plugin == NAME), None)
    if call is not None and call.error is None and not isinstance(call.answer, dict):
        return wrong(
            "ADD's standard output is no JSON object. The result alone may stand there.",
            99,
            seen,
        )
    said = str(given.error) if given.error else f"the pod got {', '.join(own) or 'no address'}"
    return wrong(f"ADD with {of.field} {of.address}: {said}.", 102 if given.error is None else 0, seen)


def _refused(of: Wanted, missing: Answer, seen: Table) -> Finding | None:
    call = next((one for one in missing.calls if one.plugin == NAME), None)
    if call is None or (call.error is not None and call.error.code == of.code):
        return None
    found = f"the code is {call.error.code}" if call.error else "it succeeds"
    return wrong(
        f"ADD without {of.field}: {found}, and {of.code} is wanted, in an error object on standard output.", 0, seen
    )


def _deleted(deleted: list[Answer], seen: Table) -> Finding | None:
    failed = next((each.error for each in deleted if each.error), None)
    if failed is None:
        return None
    return wrong(f"DEL fails: {failed}. The pod can then not be taken down.", 98, seen)


@defined("06-plugin", "A plugin of your own")
def plugin(chance: Random) -> Write:
    of = Wanted(chance.choice(("address", "cidr", "give")), chance.choice((7, 100)))
    right = SOLUTION.replace("FIELD", of.field).replace("CODE", str(of.code))
    chatty = right.replace('elif verb == "ADD":\n', 'elif verb == "ADD":\n    print("looking for an address")\n')
    good = trial(of, right)
    assert good[0].right, good
    return Write(
        asks=f"Write an IPAM plugin in Python; `bridge` will call it. VERSION: it speaks 1.1.0. ADD: it "
        f"answers with the address in `ipam.{of.field}` of its configuration, such as {of.address}; "
        f"where that is missing, with an error object of code {of.code} and exit code 1. DEL: it succeeds and says nothing.",
        starts=STARTS,
        tests=partial(trial, of),
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
