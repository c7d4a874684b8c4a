"""Pods and behaviours that the exercises of chapter 08 share, and what of a life shows that an answer is right or
wrong.

The cluster of these exercises is quick: the container starts in second 0, so that times can be counted by hand. A
probe's first question then comes after one period.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any, TypeVar

import yaml

from ....errors import BadInput
from ....kube.workload.rolled import Rolled
from ....kube.workload.watched import Watched
from ....views.tables.table import Table, table
from ...questions.reading import Unreadable

QUICK = {"schedulesAfter": 0, "sandboxAfter": 0, "pullsAfter": 0}
PORT = 8080
T = TypeVar("T")
TOLD = ("container", "killing", "signal", "backoff", "endpoints", "deleted", "gone")
MOST_ROWS = 14


def http(path: str, **fields: int) -> dict[str, Any]:
    """A probe by HTTP."""
    return {"httpGet": {"path": path, "port": PORT}, **fields}


def pod(grace: int = 30, **web: Any) -> str:
    """A Pod with the container `web`, as YAML."""
    box = {"name": "web", "image": "shop.example/web:1", "ports": [{"containerPort": PORT}], **web}
    spec = {"terminationGracePeriodSeconds": grace, "containers": [box]}
    return dumped({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": spec})


def deployment(name: str = "web", replicas: int = 3, grace: int = 30, deadline: int = 600, **web: Any) -> str:
    """A Deployment of such pods, as YAML."""
    box = {"name": "web", "image": "shop.example/web:2", "ports": [{"containerPort": PORT}], **web}
    template = {
        "metadata": {"labels": {"app": name}},
        "spec": {"terminationGracePeriodSeconds": grace, "containers": [box]},
    }
    spec = {
        "replicas": replicas,
        **({} if deadline == 600 else {"progressDeadlineSeconds": deadline}),
        "selector": {"matchLabels": {"app": name}},
        "template": template,
    }
    return dumped({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec})


def dumped(value: dict[str, Any]) -> str:
    return str(yaml.safe_dump(value, sort_keys=False, default_flow_style=None, width=100))


def loaded(text: str, *path: str | int) -> Any:
    """A part of a manifest that a learner wrote. Raises Unreadable where it is not there."""
    try:
        found = yaml.safe_load(text)
        for step in path:
            found = found[step]
    except yaml.YAMLError as error:
        line = getattr(getattr(error, "problem_mark", None), "line", 0) + 1
        raise Unreadable(f"Line {line} is not YAML: {getattr(error, 'problem', error)}.") from None
    except (KeyError, IndexError, TypeError):
        raise Unreadable(f"The manifest has no {'.'.join(map(str, path))} any more; leave that in place.") from None
    return found


def quick(web: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A behaviour of `web` on a quick cluster."""
    return {"delays": QUICK, "containers": {"web": web}, **more}


def seen(life: Watched, caption: str, until: float = 0) -> Table:
    """What happened, row by row: containers, signals, membership, and each probe where its answer changes or counts:
    further failures of readiness are left out while the pod is out of the EndpointSlice. `until`: a second, 0 for all
    of it.
    """
    rows: list[tuple[str, str, str, str]] = []
    last: dict[str, str] = {}
    for one in life.events:
        if until and one.t > until:
            break
        counts = one.result == "Failure" and (one.in_endpoints or one.probe != "readiness")
        is_news = one.what == "probe" and (counts or last.get(one.probe) != one.result)
        if one.what == "probe":
            last[one.probe] = one.result
        if is_news or one.what in TOLD:
            what = f"{one.probe} probe" if one.probe else one.what
            rows.append((f"{one.t:g}", what, one.result, one.said))
    return table(caption, ("second", "what", "result", "what was said"), _few(rows))


def _few(rows: list[tuple[str, str, str, str]]) -> list[tuple[str, str, str, str]]:
    if len(rows) <= MOST_ROWS:
        return rows
    half = MOST_ROWS // 2
    return [*rows[:half], ("...", f"{len(rows) - 2 * half} more", "", ""), *rows[-half:]]


def costs(lives: dict[str, Watched], caption: str) -> Table:
    """Several lives side by side: restarts, and what became of the requests."""
    rows = []
    for name, life in lives.items():
        failed = sum(bool(one.pod) for one in life.lost)
        rows.append((name, life.restarts, life.served_count, failed, life.lost_count - failed))
    heads = ("with", "restarts", "served by the pod", "sent to the pod and lost", "not sent to it")
    return table(caption, heads, rows)


def lost_rows(rolled: Rolled, caption: str) -> Table:
    """The first lost requests, one by one."""
    rows = [(f"{one.t:g}", one.pod or "nobody", one.cause, one.said) for one in rolled.lost[:8]]
    return table(caption, ("second", "sent to", "what became of it", "why it went there"), rows)


def refused(error: BadInput) -> Unreadable:
    """What the API server says of a manifest, as a sentence to a learner."""
    return Unreadable(f"The API server would refuse this: {error}.")


def one_of_kinds(chance: Random, kinds: Sequence[T], skip: int) -> T:
    """One of several questions. `skip` draws are thrown away first: with that many the first four variants of the
    exercise ask four different things (tests/test_chapter_08.py holds it).
    """
    for _ in range(skip):
        chance.random()
    return chance.choice(kinds)
