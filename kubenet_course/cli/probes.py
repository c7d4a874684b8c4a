"""`kubenet probes run`: the life of a pod, second by second, as the kubelet would lead it."""

import json
from typing import Any

import click
import msgspec

from ..errors import BadInput
from ..kube.kubelet.behaviour_file import Told, container_behaviours, names_of, read_behaviour
from ..kube.kubelet.event import Event
from ..kube.kubelet.life import Pod
from ..kube.kubelet.spec import PodSpec
from ..kube.kubelet.sync import create
from ..kube.workload.api import Deployment, LivingPod
from ..kube.workload.read import read_workloads
from ..linux.timeline import SECOND, Timeline

LONGEST = 7 * 86_400


@click.group("probes")
def command() -> None:
    """Probes, phases, conditions and restarts of a pod."""


@command.command("run")
@click.argument("files", nargs=-1, required=True, metavar="POD.yaml...")
@click.option("--behaviour", "behaviour", metavar="B.yaml", help="What the application does (docs/behaviour.md).")
@click.option("--until", default=120.0, show_default=True, metavar="SECONDS", help="How long to watch.")
@click.option("--json", "as_json", is_flag=True, help="The timeline as JSON.")
def run(files: tuple[str, ...], behaviour: str | None, until: float, as_json: bool) -> None:
    """The timeline of a Pod, of a pod of a Deployment, or of all the pods of a List.

    Exit code 1: at the end a pod is not ready, and has not succeeded either.
    """
    if not 0 < until <= LONGEST:
        raise BadInput("--until", f"it is {until:g}", f"write seconds, more than 0, at most {LONGEST}")
    found = read_workloads(files)
    told = read_behaviour(behaviour)
    pods = [(one.metadata.name, _spec(one)) for one in found.objects if isinstance(one, LivingPod | Deployment)]
    if not pods:
        raise BadInput(files[0], "there is no Pod and no Deployment", "name a file with one of them")
    names_of(told, [box.name for _, spec in pods for box in spec.init_containers + spec.containers], behaviour or "")
    for notice in found.notices:
        click.echo(f"kubenet: {notice}", err=True)
    lives = [_live(name, spec, told, until) for name, spec in pods]
    click.echo(json.dumps(_answer(lives), indent=1) if as_json else "\n".join(_lines(lives)))
    if not all(pod.is_ready or pod.phase == "Succeeded" for pod, _ in lives):
        click.get_current_context().exit(1)


def _spec(one: LivingPod | Deployment) -> PodSpec:
    return one.spec.template.spec if isinstance(one, Deployment) else one.spec


def _live(name: str, spec: PodSpec, told: Told, until: float) -> tuple[Pod, list[Event]]:
    timeline = Timeline()
    events: list[Event] = []
    pod = create(timeline, name, spec, container_behaviours(told), told.delays.settings(), told.seed)
    pod.tell = events.append
    timeline.run(round(until * SECOND))
    return pod, events


def _answer(lives: list[tuple[Pod, list[Event]]]) -> dict[str, Any]:
    """Events of all pods in the order of time, and each pod as it stands at the end."""
    events = [
        (event.t, number, {"pod": pod.name, **msgspec.to_builtins(event)})
        for number, (pod, listed) in enumerate(lives)
        for event in listed
    ]
    return {
        "events": [one for _, _, one in sorted(events, key=lambda row: row[:2])],
        "pods": [
            {
                "name": pod.name,
                "phase": pod.phase,
                "ready": pod.is_ready,
                "conditions": msgspec.to_builtins(pod.conditions),
                "containerStatuses": [msgspec.to_builtins(box.status) for box in pod.boxes],
            }
            for pod, _ in lives
        ],
    }


HEAD = (
    "SECONDS",
    "POD",
    "CONTAINER",
    "WHAT",
    "RESULT",
    "STARTED",
    "READY",
    "RESTARTS",
    "PHASE",
    "STATUS",
    "LISTED",
    "",
)


def _lines(lives: list[tuple[Pod, list[Event]]]) -> list[str]:
    """A row for each event; the last column, what was said, is as long as it is."""
    rows = [HEAD, *(_row(pod.name, one) for pod, events in lives for one in events)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD) - 1)]
    return [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]).rstrip()
        for row in rows
    ]


def _row(pod: str, one: Event) -> tuple[str, ...]:
    stands = (_yes(one.started), _yes(one.ready), str(one.restarts), one.phase, one.printed, _yes(one.in_endpoints))
    return (f"{one.t:.3f}", pod, one.container, one.probe or one.what, one.result, *stands, one.said)


def _yes(value: bool) -> str:
    return "yes" if value else "no"
