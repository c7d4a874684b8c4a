"""Verdicts that must hold, from a file beside the policies: what a build checks before a change is merged.

checks:
- from: pod/shop/web-*        # * stands for any part of a name
  to: pod/shop/db-0           # or service/shop/db, with the Service's port
  port: 5432/TCP              # TCP where no protocol is said; a list is allowed
  expect: allow               # or deny
"""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from ....errors import BadInput
from ...manifest.yaml_text import documents_of
from ..judge.decide import PolicyVerdict, decide
from ..judge.values import Port
from ..judge.world import PolicyWorld, Who
from ..written.border import backends, port_of, who_of


class Check(Struct, frozen=True, forbid_unknown_fields=True):
    """One line of a file of checks, as written."""

    source: str = msgspec.field(name="from")
    to: str
    port: str | int | tuple[str | int, ...]
    expect: Literal["allow", "deny"]


class Checks(Struct, frozen=True, forbid_unknown_fields=True):
    checks: tuple[Check, ...]


class Outcome(Struct, frozen=True, gc=False):
    """A check, spelled out for one pair and port, and what the policies say."""

    source: Who
    to: Who
    port: Port
    expected: bool
    verdict: PolicyVerdict

    @property
    def holds(self) -> bool:
        return self.verdict.allowed is self.expected


def read_checks(path: str) -> list[tuple[str, Check]]:
    """The checks of a file, each with its place."""
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise BadInput(path, (error.strerror or "it cannot be read").lower(), "name a file of checks") from None
    found = []
    for document, value in documents_of(path, content):
        try:
            read = msgspec.convert(value, Checks)
        except msgspec.ValidationError as error:
            right = "write checks: [{from: pod/x/a, to: pod/y/b, port: 80/TCP, expect: allow}]"
            raise BadInput(f"{path}: document {document}", str(error), right) from None
        found += [(f"{path}: checks[{at}]", check) for at, check in enumerate(read.checks)]
    if not found:
        raise BadInput(path, "it holds no check", "write at least one, or a build would pass without being asked")
    return found


def outcomes(world: PolicyWorld, where: str, check: Check) -> Iterator[Outcome]:
    """A check for every pair that it names."""
    ports = check.port if isinstance(check.port, tuple) else (check.port,)
    for text in ports:
        port = port_of(str(text), f"{where}.port")
        for source in _named(world, check.source, f"{where}.from"):
            for to, at, by_service in _receivers(world, check.to, port, f"{where}.to"):
                if source is to and "*" in check.source + check.to and not by_service:
                    continue
                verdict = decide(world, source, to, at, by_service=by_service)
                yield Outcome(source, to, at, check.expect == "allow", verdict)


def _receivers(world: PolicyWorld, text: str, port: Port, where: str) -> list[tuple[Who, Port, bool]]:
    if text.startswith("service/"):
        return [(to, at, True) for to, at in backends(world, text.removeprefix("service/"), port, where)]
    return [(to, port, False) for to in _named(world, text, where)]


def _named(world: PolicyWorld, text: str, where: str) -> list[Who]:
    if "*" not in text:
        return [who_of(world, text, where)]
    found = [one for one in world.pods.values() if fnmatchcase(str(one), text)]
    if not found:
        raise BadInput(where, f"no running pod is named {text}", "write a pattern such as pod/shop/web-*")
    return found
