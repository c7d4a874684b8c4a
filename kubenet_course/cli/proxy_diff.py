"""`kubenet proxy diff`: what a change of kube-proxy's mode means for one's own cluster."""

from __future__ import annotations

import json
from typing import Any

import click

from ..errors import BadInput
from ..kube.manifest.read import read
from ..kube.model.cluster import Cluster, checked
from ..kube.proxy.modes import FOLLOWED
from ..kube.questions.migration import Change, Migration
from ..kube.questions.service_flows import FlowResult


@click.command("diff", short_help="What a change of kube-proxy's mode would break.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--from", "before", required=True, metavar="MODE", help="The mode that kube-proxy works in.")
@click.option("--to", "after", required=True, metavar="MODE", help="The mode that it shall work in.")
@click.option(
    "--node", default="", metavar="NAME", help="The node that is asked from and whose ports are asked; the first."
)
@click.option("--json", "as_json", is_flag=True, help="The answer as JSON.")
def diff(files: tuple[str, ...], before: str, after: str, node: str, as_json: bool) -> int:
    """Every flow whose verdict, seen source or endpoint would change if kube-proxy worked in another mode, and why.

    Each Service is asked on each of its addresses by a pod of the node, the endpoint itself, a pod elsewhere, the node and a
    stranger outside. FILE is what `kubectl get nodes,pods,services,endpointslices -A -o yaml` prints; - is standard input.
    Exit code 1: something changes.
    """
    for option, mode in (("--from", before), ("--to", after)):
        if mode not in FOLLOWED:
            raise BadInput(option, f"{mode!r} is not a mode that is followed here", f"write {' or '.join(FOLLOWED)}")
    objects = read(files)
    made = [checked(Cluster(objects, mode)) for mode in (before, after)]
    for notice in (*made[0].notices, *made[0].unanswered):
        click.echo(f"kubenet: {notice}", err=True)
    found = list(Migration(made[0], made[1], node).flows())
    changed = [one for one in found if one is not None]
    unchanged = len(found) - len(changed)
    if as_json:
        click.echo(json.dumps({"changed": [_row(one) for one in changed], "unchanged": unchanged}, indent=1))
    else:
        _show(changed, unchanged)
    return 1 if changed else 0


def _row(one: Change) -> dict[str, Any]:
    ends = {"from": one.flow.who, "to": one.flow.where}
    return {**ends, "before": _side(one.before), "after": _side(one.after), "because": one.because}


def _side(results: tuple[FlowResult, ...]) -> dict[str, str]:
    """One row for all outcomes that differ: the first verdict, every endpoint, every sender that one of them sees."""
    said = [one for one in results if one.verdict == results[0].verdict]
    return {
        "verdict": said[0].verdict,
        "delivered_to": ", ".join(dict.fromkeys(one.delivered_to for one in said if one.delivered_to)),
        "seen_from": ", ".join(dict.fromkeys(one.seen_from for one in said if one.seen_from)),
    }


def _show(changed: list[Change], unchanged: int) -> None:
    for one in changed:
        click.secho(f"{one.flow.who} -> {one.flow.where}", bold=True)
        for word, results in (("before", one.before), ("after", one.after)):
            side = _side(results)
            to = f" to {side['delivered_to']}, which sees {side['seen_from']}" if side["delivered_to"] else ""
            click.echo(f"    {word + ':':<8}{side['verdict']}{to}")
        click.echo(f"    because {one.because}")
    click.echo(f"{len(changed)} flows change, {unchanged} stay as they are")
