"""`kubenet rollout run`: a rolling update with clients sending, and every request that it cost."""

import json

import click
import msgspec

from ..errors import BadInput
from ..kube.kubelet.behaviour_file import names_of, read_behaviour
from ..kube.workload.api import Deployment, PodDisruptionBudget
from ..kube.workload.read import read_workloads
from ..kube.workload.rollout import answer, rollout
from ..kube.workload.world import WorkloadWorld

LONGEST = 86_400
SHOWN = 20  # lost requests of each kind that a person is shown


@click.group("rollout")
def command() -> None:
    """Rolling updates of a Deployment."""


@command.command("run")
@click.argument("files", nargs=-1, required=True, metavar="DEPLOYMENT.yaml...")
@click.option("--behaviour", "behaviour", metavar="B.yaml", help="What the application does (docs/behaviour.md).")
@click.option("--until", default=300.0, show_default=True, metavar="SECONDS", help="How long to watch.")
@click.option("--seed", type=int, default=None, help="Chance: delays, which endpoint. The file's seed, or 0.")
@click.option("--json", "as_json", is_flag=True, help="The story as JSON.")
def run(files: tuple[str, ...], behaviour: str | None, until: float, seed: int | None, as_json: bool) -> None:
    """A rolling update, with clients sending all the while.

    One Deployment is rolled out once more, as `kubectl rollout restart` does; of two, the first is replaced by the
    second. A PodDisruptionBudget among the files counts when the behaviour file drains a node. Exit code 1: the rollout
    was not complete in time.
    """
    if not 0 < until <= LONGEST:
        raise BadInput("--until", f"it is {until:g}", f"write seconds, more than 0, at most {LONGEST}")
    found = read_workloads(files)
    told = read_behaviour(behaviour)
    deployments = [one for one in found.objects if isinstance(one, Deployment)]
    if not 1 <= len(deployments) <= 2:
        raise BadInput(files[0], f"there are {len(deployments)} Deployments", "write one, or the old one and the new")
    first, last = deployments[0], deployments[-1]
    if first.key != last.key:
        raise BadInput(files[0], f"{first} and {last} are two", "write the same name twice: the old and the new")
    pods = (first.spec.template.spec, last.spec.template.spec)
    names_of(told, [one.name for spec in pods for one in spec.init_containers + spec.containers], behaviour or "")
    for notice in found.notices:
        click.echo(f"kubenet: {notice}", err=True)
    budgets = [one.spec for one in found.objects if isinstance(one, PodDisruptionBudget)]
    if last is first:
        last = msgspec.structs.replace(first)
    budget = budgets[0] if budgets else None
    world = rollout(first.metadata.name, first.spec, last.spec, told, until, seed=seed, budget=budget)
    click.echo(json.dumps(answer(world), indent=1) if as_json else "\n".join(_lines(world)))
    if not world.is_complete:
        click.get_current_context().exit(1)


def _lines(world: WorkloadWorld) -> list[str]:
    """The story for a person: what happened, what it cost."""
    lines = [f"{one.t:9.3f}  {one.what:<12} {one.name:<24} {one.said}".rstrip() for one in world.events]
    tally = world.tally
    lines.append(f"requests: {tally.sent} sent, {tally.served} served, {tally.failed} failed, {tally.retried} retried")
    lines += [f"  {count} {cause}" for cause, count in sorted(tally.by_cause.items())]
    for one in tally.lost[:SHOWN]:
        said = f" ({one.said})" if one.said else ""
        lines.append(
            f"{one.t:9.3f}  lost: client {one.client} on {one.node} to {one.pod or 'nobody'}: {one.cause}{said}"
        )
    if len(tally.lost) > SHOWN:
        lines.append(f"  and {len(tally.lost) - SHOWN} more (--json has them all)")
    lines.append("complete" if world.is_complete else "not complete")
    return lines
