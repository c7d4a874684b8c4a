"""`kubenet policy diff|test|lint|suggest|exposure|rules`: what a change changes, and what a policy should have said."""

from __future__ import annotations

import json
from typing import Any

import click
import yaml

from ..kube.manifest.read import read
from ..kube.policy.changes.diff import Changed, changes, in_order, side_by_side
from ..kube.policy.changes.edits import Edit
from ..kube.policy.changes.expect import Outcome, outcomes, read_checks
from ..kube.policy.changes.exposure import Exposed, exposure, grouped
from ..kube.policy.changes.suggest import Asked, allow, deny
from ..kube.policy.enforce.program import Program, program
from ..kube.policy.enforce.rules import ipset_text, iptables_text, nft_text
from ..kube.policy.judge.values import Port
from ..kube.policy.lint.whole import lint
from ..kube.policy.written.border import port_of, refuse_outside, who_of
from .output import dumped, form, listed, table
from .policy_matrix import FAMILY, FILES, JSON, command, opened

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
    for read_from in objects:
        refuse_outside(read_from)
        for notice in read_from.notices:
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


@command.command(short_help="The smallest edit that flips a verdict.")
@FILES
@click.option("--from", "who", required=True, metavar="WHO", help="pod/NAMESPACE/NAME, node/NAME or host/ADDRESS.")
@click.option("--to", "to", required=True, metavar="WHO", help="The same.")
@click.option("--port", "port", required=True, metavar="N/PROTO", help="80/TCP: the port of the pod.")
@click.option("--allow/--deny", "wanted", required=True, default=None, help="The verdict that it shall have.")
@FAMILY
@JSON
def suggest(
    files: tuple[str, ...], who: str, to: str, port: str, wanted: bool, family: str | None, as_json: bool
) -> int:
    """The fewest edits of policies that flip a verdict, and of these the ones that change the least besides.

    Exit codes: 0 here are the edits (none where the verdict is as wanted), 1 no policy can do it.
    """
    world = opened(files)
    of = int(family or 0)
    ends = who_of(world, who, "--from"), who_of(world, to, "--to"), port_of(port)
    edits = (allow if wanted else deny)(world, *ends, of)
    also = in_order(Asked(world, *ends, of).also(edits)) if edits else []
    if as_json:
        rows = [{"policy": e.policy, "path": e.path, "op": e.op, "value": e.value, "says": e.says} for e in edits or ()]
        click.echo(json.dumps({"edits": rows, "also": [row_of(one) for one in also]}, indent=1))
    else:
        _show_edits(edits, also, wanted)
    return 1 if edits is None else 0


def _show_edits(edits: tuple[Edit, ...] | None, also: list[Changed], wanted: bool) -> None:
    if edits is None:
        click.echo("no policy can do it: what decides here is no rule of one")
    elif not edits:
        click.echo(f"it is {SAID[wanted]} already")
    for one in edits or ():
        click.secho(f"{one.policy}: {one.says}", bold=True)
        if one.value is not None:
            click.echo(f"  {one.op} at {one.path or 'a new manifest'}:")
            text = yaml.safe_dump(one.value, sort_keys=False)
            click.echo("".join(f"    {line}\n" for line in text.splitlines()), nl=False)
    for changed in also:
        click.echo(f"also: {changed.source} -> {changed.to} at {changed.ports}: now {SAID[changed.after]}")


@command.command("exposure", short_help="What a pod or address that is not there yet could reach.")
@FILES
@PORTS
@JSON
def exposure_(files: tuple[str, ...], ports: tuple[str, ...], as_json: bool) -> int:
    """What outside addresses and pods that do not exist yet could reach, and what could be reached among them.

    Newcomers are one pod for each thing that policies ask for, and pods without labels; outside addresses are one for each stretch
    that a block parts.
    """
    reached, reaching = exposure(opened(files), asked(ports))
    if as_json:
        answer = {
            "exposed": [_exposed(one, "from") for one in reached],
            "reaches": [_exposed(one, "to") for one in reaching],
        }
        click.echo(json.dumps(answer, indent=1))
        return 0
    for head, rows, word in (("who could come in", reached, "from"), ("where pods could go", reaching, "to")):
        click.secho(head, bold=True)
        for spans, by_who in grouped(rows).items():
            for unseen, pods in by_who.items():
                more = f" and {len(pods) - 5} more" if len(pods) > 5 else ""
                click.echo(f"  {word} {unseen} at {', '.join(spans)}: {', '.join(pods[:5])}{more}")
    return 0


def _exposed(one: Exposed, word: str) -> dict[str, Any]:
    return {"pod": str(one.pod), word: one.unseen, "ports": list(one.ports)}


@command.command("lint", short_help="What is probably not meant.")
@FILES
@listed
def lint_(files: tuple[str, ...], output: str | None, as_json: bool) -> int:
    """Findings about policies that most likely do not say what their author meant. Exit code: 0 none, 1 some."""
    wanted, found = form(output, as_json), lint(opened(files))
    if wanted in ("json", "yaml"):
        rows = [{"policy": one.policy, "path": one.path, "says": one.says} for one in found]
        click.echo(dumped({"findings": rows}, wanted))
    elif wanted == "name":
        for name in dict.fromkeys(one.policy for one in found):
            click.echo(name)
    elif found:
        wide = [(one.policy, one.path, one.says) for one in found]
        lines = [f"{policy}: {path + ': ' if path else ''}{says}" for policy, path, says in wide]
        click.echo(table([("POLICY", "PATH", "SAYS"), *wide]) if wanted == "wide" else "\n".join(lines))
    else:
        click.echo("nothing to remark")
    return 1 if found else 0


@command.command("rules", short_help="Rules that enforce the policies on a node.")
@FILES
@click.option("--node", required=True, metavar="NAME", help="The node whose pods are to be guarded.")
@click.option("--mode", type=click.Choice(["iptables", "nftables"]), default="iptables", show_default=True)
@click.option(
    "--family", type=click.Choice(["4", "6"]), help="iptables: IPv4 (the default) or IPv6; nftables has both."
)
@click.option("--part", type=click.Choice(["ipset", "rules"]), help="iptables: only the sets, or only the rules.")
@JSON
def rules_(files: tuple[str, ...], node: str, mode: str, family: str | None, part: str | None, as_json: bool) -> None:
    """What a plugin could write on a node to enforce the policies: text that the kernel's own tools load.

    iptables: `--part ipset` for `ipset restore`, then `--part rules` for `iptables-restore --noflush`. nftables: for `nft -f -`.
    """
    world = opened(files)
    families = [4, 6] if mode == "nftables" else [int(family or 4)]
    programs = [program(world, node, of) for of in families]
    for said in (said for one in programs for said in one.left_out):
        click.echo(f"kubenet: {said}", err=True)
    texts = {"rules": nft_text(programs)} if mode == "nftables" else _iptables_texts(programs[0])
    if as_json:
        click.echo(
            json.dumps(
                {"node": node, "mode": mode} | {name: text.splitlines() for name, text in texts.items()}, indent=1
            )
        )
        return
    for name, text in texts.items():
        if part in (None, name):
            head = f"# {'ipset restore' if name == 'ipset' else 'iptables-restore --noflush'}\n"
            click.echo((head if part is None and mode == "iptables" else "") + text, nl=False)


def _iptables_texts(made: Program) -> dict[str, str]:
    return {"ipset": ipset_text(made), "rules": iptables_text(made)}
