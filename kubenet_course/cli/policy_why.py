"""`kubenet policy why`: the verdict on one connection, the clauses that decided, and what would change it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import click
import msgspec

from ..errors import BadInput
from ..kube.policy.judge.decide import Clause, PolicyVerdict, decide
from ..kube.policy.judge.near import left_to_plugin, near_misses, what_would_change
from ..kube.policy.judge.values import Port
from ..kube.policy.judge.world import PolicyWorld, Who
from ..kube.policy.written.border import backends, port_of, who_of
from .described import text_of
from .policy_matrix import FAMILY, FILES, JSON, code_of, command, opened


class Question(msgspec.Struct, forbid_unknown_fields=True):
    """One connection, as a line of a `--packets` file."""

    who: str = msgspec.field(name="from")
    to: str
    port: str | int = "80/TCP"
    family: int = 0


@command.command(short_help="Whether one may talk to another, and the clause that decided.")
@FILES
@click.option("--from", "who", metavar="WHO", help="pod/NAMESPACE/NAME, node/NAME or host/ADDRESS.")
@click.option("--to", "to", metavar="WHO", help="The same, or service/NAMESPACE/NAME with the Service's port.")
@click.option("--port", "port", metavar="N/PROTO", help="80/TCP: the port of the pod, behind any Service.")
@FAMILY
@click.option("--packets", metavar="FILE", help="Many questions: a JSON object a line, with from, to, port, family.")
@JSON
def why(files: tuple[str, ...], packets: str | None, as_json: bool, **said: Any) -> int:
    """Whether a connection is allowed, which clauses decided, and what would change it."""
    world = opened(files)
    if packets:
        return _many(world, packets)
    for name, option in (("who", "--from"), ("to", "--to"), ("port", "--port")):
        if not said[name]:
            raise BadInput(option, "it is missing", "write --from WHO --to WHO --port 80/TCP, or --packets FILE")
    row = answer(world, Question(said["who"], said["to"], said["port"], int(said["family"] or 0)))
    if as_json:
        click.echo(json.dumps(row, indent=1))
    else:
        _show(row)
    return code_of(row["allowed"])


def _many(world: PolicyWorld, name: str) -> int:
    rows = []
    for number, line in enumerate(text_of(name).splitlines(), 1):
        where = f"{name}:{number}"
        if not line.strip():
            continue
        try:
            asked = msgspec.json.decode(line.encode(), type=Question)
        except (msgspec.DecodeError, UnicodeEncodeError) as error:
            right = 'write {"from": "pod/x/a", "to": "pod/y/b", "port": "80/TCP"}'
            raise BadInput(where, str(error), right) from None
        rows.append(_named(where, lambda asked=asked: answer(world, asked)))  # type: ignore[misc]
    for row in rows:
        click.echo(json.dumps(row))
    return 0


def _named(where: str, ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return ask()
    except BadInput as error:
        raise BadInput(f"{where}: {error.where.lstrip('-')}", error.what, error.right) from None


def answer(world: PolicyWorld, asked: Question) -> dict[str, Any]:
    """The verdict on one question, as JSON holds it."""
    port = port_of(str(asked.port))
    source = who_of(world, asked.who, "--from")
    if asked.family not in (0, 4, 6):
        raise BadInput("--family", f"it is {asked.family}", "write 4 or 6")
    if asked.to.startswith("service/"):
        return _by_service(world, source, asked, port)
    to = who_of(world, asked.to, "--to")
    verdict = decide(world, source, to, port, asked.family)
    return _doubted(world, _row(world, verdict, source, to, port, asked.family))


def _doubted(world: PolicyWorld, row: dict[str, Any]) -> dict[str, Any]:
    """Policies of a kind that only some plugin knows may allow or deny anything: no answer beside them is certain."""
    if not world.foreign:
        return row
    clauses = [
        {
            "policy": None,
            "direction": direction,
            "rule": None,
            "says": f"{kind} is not understood, and may say otherwise",
        }
        for kind in world.foreign
        for direction in ("ingress", "egress")
    ]
    hangs_on = row["because"] + row["hangs_on"] + clauses
    return row | {"allowed": None, "certain": False, "because": [], "hangs_on": hangs_on}


def _row(world: PolicyWorld, verdict: PolicyVerdict, source: Who, to: Who, port: Port, family: int) -> dict[str, Any]:
    near = near_misses(world, source, to, port, family) if verdict.allowed is False else []
    return {
        "allowed": verdict.allowed,
        "certain": verdict.certain,
        "because": [_clause(one) for one in verdict.because],
        "hangs_on": [_clause(one) for one in verdict.hangs_on],
        "would_change_it": what_would_change(world, source, to, port, verdict.allowed, family),
        "near": [msgspec.to_builtins(one) for one in near],
        "left_to_plugin": left_to_plugin(world, source, to, port, verdict.allowed, family),
    }


def _clause(one: Clause) -> dict[str, Any]:
    return msgspec.to_builtins(one)


def _by_service(world: PolicyWorld, source: Who, asked: Question, port: Port) -> dict[str, Any]:
    """A Service leads to one of its pods: allowed if all of them may be asked, not certain if only some may."""
    behind = backends(world, asked.to.removeprefix("service/"), port, "--to")
    found = [(to, at, decide(world, source, to, at, asked.family, by_service=True)) for to, at in behind]
    answers = {verdict.allowed for _, _, verdict in found}
    to, at, verdict = next((one for one in found if one[2].allowed is not True), found[0])
    row = _row(world, verdict, source, to, at, asked.family)
    if len(answers) > 1:
        row |= {"allowed": None, "certain": False, "hangs_on": row["because"] + row["hangs_on"], "because": []}
        row["would_change_it"] = "the Service leads to some pods that may be asked, and to some that may not"
    row = _doubted(world, row)
    row["behind"] = [{"pod": str(one), "port": str(port), "allowed": said.allowed} for one, port, said in found]
    return row


def _show(row: dict[str, Any]) -> None:
    said = {True: "allowed", False: "denied"}.get(row["allowed"], "not certain:")
    click.secho(said, bold=True)
    for one in row["because"] + row["hangs_on"]:
        where = " ".join(part for part in (one["policy"], one["rule"]) if part)
        click.echo(f"  {one['direction']:<8} {where + ': ' if where else ''}{one['says']}")
    for one in row.get("behind", ()):
        click.echo(f"  behind   {one['pod']} at {one['port']}: {'allowed' if one['allowed'] else 'not allowed'}")
    if row["would_change_it"]:
        click.echo(f"  what would change it: {row['would_change_it']}")
    for text in row["left_to_plugin"]:
        click.echo(f"  left to the plugin: {text}")
