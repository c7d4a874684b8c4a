"""The group `kubenet policy`, what its commands share, and `matrix`: who may talk to whom."""

from __future__ import annotations

import json
import sys

import click

from ..errors import BadInput
from ..kube.policy.judge.world import PolicyWorld, notices
from ..kube.policy.pairs.matrix import PairMatrix
from ..kube.policy.written.border import port_of, world_of

FILES = click.argument("files", nargs=-1, required=True, metavar="FILE...")
JSON = click.option("--json", "as_json", is_flag=True, help="The answer as JSON.")
FAMILY = click.option("--family", type=click.Choice(["4", "6"]), help="Over IPv4 or IPv6. Default: as pods prefer.")


@click.group("policy")
def command() -> None:
    """Who may talk to whom under NetworkPolicy and ClusterNetworkPolicy, and why.

    FILE is what `kubectl get pods,namespaces,nodes,services,networkpolicies,clusternetworkpolicies -A -o yaml` prints, or plain
    manifests; - is standard input. Exit codes: 0 yes, 1 no, 2 bad input, 3 not certain.
    """


def opened(files: tuple[str, ...], as_written: bool = False) -> PolicyWorld:
    """The world of some files. What was not understood, and what will surprise, is told on standard error."""
    world, told = world_of(files, as_written)
    for notice in (*notices(world), *told):
        click.echo(f"kubenet: {notice}", err=True)
    return world


def code_of(allowed: bool | None) -> int:
    return {True: 0, False: 1}.get(allowed, 3)  # type: ignore[arg-type]


@command.command(short_help="Who may talk to whom.")
@FILES
@click.option("--port", "ports", multiple=True, required=True, metavar="N/PROTO", help="80/TCP. May repeat.")
@click.option(
    "--by-class", is_flag=True, help="A line per class of equal pods: how many it may ask. For large clusters."
)
@FAMILY
@JSON
def matrix(files: tuple[str, ...], ports: tuple[str, ...], by_class: bool, family: str | None, as_json: bool) -> int:
    """For each port, a row per sender with 1 where a receiver may be asked, 0 where not, ? where that is not certain.

    An exception outside its block, which the API server refuses, is told here and judged as it stands.
    """
    world = opened(files, as_written=True)
    asked = [port_of(text) for text in ports]
    of = int(family or 0)
    if not world.pods:
        raise BadInput(files[0], "there is no pod that runs", "give the pods too: kubectl get pods -A -o yaml")
    made = [PairMatrix(world, port, family=of) for port in dict.fromkeys(asked)]
    if by_class:
        return _classes(made, as_json)
    shown = _write_json if as_json else _write_text
    certain = shown(world, made)
    _other_family(made, of)
    return 0 if certain and not world.foreign else 3


TABLES = ("ingress", "egress", "combined")


def _write_json(world: PolicyWorld, made: list[PairMatrix]) -> bool:
    """Written row by row: of ten thousand pods a table is a hundred megabytes."""
    out, certain = sys.stdout, True
    out.write('{"pods": ' + json.dumps(list(world.pods)))
    for which, name in enumerate(TABLES):
        out.write(f', "{name}": ' + "{")
        for place, one in enumerate(made):
            out.write(f'{", " if place else ""}"{one.port}": [')
            for at, row in enumerate(one.text(getattr(one, name), which)):
                out.write(f'{", " if at else ""}"{row}"')
                certain &= "?" not in row
            out.write("]")
        out.write("}")
    out.write(', "certain": ' + json.dumps(certain and not world.foreign) + "}\n")
    return certain


def _write_text(world: PolicyWorld, made: list[PairMatrix]) -> bool:
    certain, wide = True, max(map(len, world.pods))
    for one in made:
        click.secho(f"{one.port}, from a row to a column (columns in the order of the rows)", bold=True)
        for name, row in zip(world.pods, one.text(one.combined, 2), strict=True):
            click.echo(f"{name:<{wide}}  {row}")
            certain &= "?" not in row
    return certain


def _classes(made: list[PairMatrix], as_json: bool) -> int:
    for one in made:
        for first, members, reach in one.summary():
            if as_json:
                row = {"port": str(one.port), "like": str(first), "pods": members, "may_ask": reach}
                click.echo(json.dumps(row))
            else:
                click.echo(f"{one.port}  {members} pods like {first.name} may ask {reach}")
    return 0


def _other_family(made: list[PairMatrix], wanted: int) -> None:
    """Pods of two families: says when the other one has another answer."""
    dual = {6 if ":" in ip else 4 for one in made[0].members for ip in one.addresses}
    if wanted or len(dual) < 2 or len(made[0].members) > 2000:
        return
    for one in made:
        other = 10 - one.family
        twin = PairMatrix(one.world, one.port, family=other)
        if list(twin.text(twin.combined, 2)) != list(one.text(one.combined, 2)):
            click.echo(f"kubenet: {one.port} has other answers over IPv{other}; ask with --family {other}", err=True)
