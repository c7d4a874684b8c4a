"""`kubenet policy diff|test|lint|suggest|exposure|rules`: what a change changes, and what a policy should have said."""

from __future__ import annotations

import json
from typing import Any

import click

from ..kube.policy.border import port_of, refuse_outside
from ..kube.policy.diff import Changed, changes, in_order, side_by_side
from ..kube.policy.expect import Outcome, outcomes, read_checks
from ..kube.policy.values import Port
from ..kube.read import read
from .policy import FAMILY, FILES, JSON, command, opened

PORTS = click.option(
    "--port", "ports", multiple=True, metavar="N/PROTO", help="May repeat. Default: one of every stretch that matters."
)
SAID = {True: "allowed", False: "denied", None: "not certain"}


def asked(ports: tuple[str, ...]) -> list[Port]:
    return [port_of(text) for text in ports]


@command.command(short_help="Which pairs a change of policies changes.")
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
@PORTS
@FAMILY
@JSON
def diff(before: str, after: str, ports: tuple[str, ...], family: str | None, as_json: bool) -> int:
    """Every pair and port with another verdict under B than under A. Pods that only one of the files has count in both.

    Outside addresses are asked too, one for each stretch that a block of addresses parts.
    """
    objects = [read([name]) for name in (before, after)]
    for one in objects:
        refuse_outside(one)
        for notice in one.notices:
            click.echo(f"kubenet: {notice}", err=True)
    found = in_order(changes(*side_by_side(*objects), asked(ports), int(family or 0)))
    if as_json:
        click.echo(json.dumps({"changed": [row_of(one) for one in found]}, indent=1))
    for one in () if as_json else found:
        click.echo(f"{one.source} -> {one.to} at {one.ports}: {SAID[one.before]}, now {SAID[one.after]}")
    if not found and not as_json:
        click.echo("nothing changes")
    return 0


def row_of(one: Changed) -> dict[str, Any]:
    pair = {"from": str(one.source), "to": str(one.to), "port": str(one.port), "ports": one.ports}
    return pair | {"before": one.before, "after": one.after}


@command.command("test", short_help="Whether verdicts hold that must hold.")
@FILES
@click.option("--checks", "checks", multiple=True, required=True, metavar="FILE", help="The verdicts. May repeat.")
@JSON
def test_(files: tuple[str, ...], checks: tuple[str, ...], as_json: bool) -> int:
    """Asks for every pair of a file of checks whether the policies say what they must say.

    \b
    checks:
    - {from: pod/shop/web-*, to: pod/shop/db-0, port: 5432/TCP, expect: allow}
    - {from: pod/shop/web-*, to: host/203.0.113.1, port: 443/TCP, expect: deny}

    Exit codes: 0 all hold, 1 some do not, 3 some are not certain.
    """
    world = opened(files)
    found = [one for name in checks for where, check in read_checks(name) for one in outcomes(world, where, check)]
    failed = [one for one in found if not one.holds]
    if as_json:
        answer = {"passed": len(found) - len(failed), "failed": [_failed(one) for one in failed]}
        click.echo(json.dumps(answer, indent=1))
    else:
        for one in failed:
            click.echo(f"{one.source} -> {one.to} at {one.port}: must be {SAID[one.expected]}, is {_is(one)}")
        click.echo(f"{len(found) - len(failed)} of {len(found)} hold")
    if not failed:
        return 0
    return 1 if any(one.verdict.certain for one in failed) else 3


def _is(one: Outcome) -> str:
    clauses = one.verdict.because or one.verdict.hangs_on
    because = "; ".join(" ".join(p for p in (each.policy, each.rule, each.says) if p) for each in clauses)
    return f"{SAID[one.verdict.allowed]} ({because})"


def _failed(one: Outcome) -> dict[str, Any]:
    pair = {"from": str(one.source), "to": str(one.to), "port": str(one.port)}
    because = [
        {"policy": e.policy, "direction": e.direction, "rule": e.rule, "says": e.says} for e in one.verdict.because
    ]
    return pair | {"expected": one.expected, "allowed": one.verdict.allowed, "because": because}
