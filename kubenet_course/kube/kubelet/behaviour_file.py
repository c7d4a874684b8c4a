"""A behaviour file read: what an application does, in YAML (docs/behaviour.md). What contradicts itself is refused."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, field

from ...errors import BadInput
from ...linux.timeline import MILLISECOND
from ..manifest.decode import shown, without_nulls
from ..manifest.yaml_text import documents_of
from .behaviour import ASKERS, LOOKED_AT, Behaviour, Part, Seconds
from .event import Settings

RIGHT = "docs/behaviour.md has every name"


class Delays(Part, frozen=True):
    """How long the cluster's parts take, in seconds."""

    schedules_after: Seconds = 0.05
    sandbox_after: Seconds = 0.4
    pulls_after: Seconds = 0.55
    relist: Seconds = 1.0
    longest_back_off: Annotated[float, Meta(ge=1, le=300)] = 300.0
    reports_after: Seconds = 0.0
    kubelet_started_before: Seconds | None = None

    def settings(self) -> Settings:
        ns = lambda time: round(time * 1000) * MILLISECOND  # noqa: E731
        age = self.kubelet_started_before
        return Settings(
            ns(self.schedules_after),
            ns(self.sandbox_after),
            ns(self.pulls_after),
            ns(self.relist),
            ns(self.reports_after),
            ns(self.longest_back_off),
            (1 << 62) if age is None else ns(age),
        )


class Clients(Part, frozen=True):
    """Who sends requests during a rollout."""

    count: Annotated[int, Meta(ge=0, le=1000)] = 4
    every: Annotated[float, Meta(ge=0.001, le=3600)] = 0.5
    connections: Literal["short", "long"] = "short"
    requests_per_connection: Annotated[int, Meta(ge=1, le=100_000)] = 20
    timeout: Annotated[float, Meta(gt=0, le=3600)] = 5.0
    retries: Annotated[int, Meta(ge=0, le=10)] = 0


class Balancer(Part, frozen=True):
    """A load balancer before the nodes, for externalTrafficPolicy: Local. It asks each node's kube-proxy whether the node
    has a ready endpoint of its own (healthCheckNodePort), and sends to the nodes that say yes.
    """

    every: Annotated[float, Meta(ge=0.1, le=3600)] = 5.0
    healthy: Annotated[int, Meta(ge=1, le=100)] = 2
    unhealthy: Annotated[int, Meta(ge=1, le=100)] = 2


class Network(Part, frozen=True):
    """How long it takes until a node's kube-proxy has heard of a change: for each node and change, drawn between two
    times.
    """

    nodes: Annotated[int, Meta(ge=1, le=1000)] = 3
    fastest: Seconds = 0.1
    slowest: Seconds = 1.0
    balancer: Balancer | None = None  # None: the clients are pods, on the nodes
    rules: Literal["iptables", "nftables"] | None = None  # None: a new connection draws one of the known endpoints


class Action(Part, frozen=True):
    """Something that is done to the Deployment or to a node while all this goes on."""

    at: Seconds
    do: Literal["undo", "pause", "resume", "drain", "lose"]
    node: str = ""
    returns: Seconds | None = None  # of a lost node


class Told(Part, frozen=True):
    """A whole behaviour file."""

    api_version: str = "kubenet.course/v1"
    kind: Literal["Behaviour"] = "Behaviour"
    delays: Delays = Delays()
    containers: dict[str, Behaviour] = field(default_factory=dict)
    new_containers: dict[str, Behaviour] | None = None  # of the new revision in a rollout; None: the same
    rolls_out_at: Seconds = 30.0
    clients: Clients = Clients()
    network: Network = Network()
    actions: tuple[Action, ...] = ()
    seed: int = 0


def read_behaviour(path: str | None) -> Told:
    """A behaviour file; none at all is an application that always does well."""
    if path is None:
        return Told()
    try:
        content = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except (OSError, ValueError) as error:
        raise BadInput(path, f"it cannot be read ({error.__class__.__name__})", "name a behaviour file") from None
    found = list(documents_of(path, content))
    if len(found) != 1:
        raise BadInput(path, f"it holds {len(found)} documents", "write one Behaviour")
    return behaviour_of(found[0][1], path)


def behaviour_of(value: dict[str, Any], where: str = "behaviour") -> Told:
    """The same from plain values."""
    try:
        told = msgspec.convert(without_nulls_inside(value), Told)
    except RecursionError:
        raise BadInput(where, "it holds itself", "write it without aliases") from None
    except msgspec.ValidationError as error:
        said, _, at = str(error).partition(" - at `$")
        path = at.rstrip("`").lstrip(".").replace("[...]", "")
        raise BadInput(f"{where}: {path}" if path else where, said[:1].lower() + said[1:], RIGHT) from None
    for name in ("containers", "newContainers"):
        for container, one in (told.containers if name == "containers" else told.new_containers or {}).items():
            for path, what, right in _contradictions(one):
                raise BadInput(f"{where}: {name}.{container}.{path}", what, right)
    for index, action in enumerate(told.actions):
        for path, what, right in _actions(action, told.network.nodes):
            raise BadInput(f"{where}: actions[{index}].{path}", what, right)
    if told.network.fastest > told.network.slowest:
        raise BadInput(f"{where}: network.slowest", "it is less than fastest", "write the longest time here")
    return told


def without_nulls_inside(value: dict[str, Any]) -> dict[str, Any]:
    """null means: leave it out. One null has a meaning of its own: `shutdown: {takes: null}`, SIGTERM is not heard."""
    kept = without_nulls(value)
    for name in ("containers", "newContainers"):
        listed = value.get(name)
        for container, one in listed.items() if isinstance(listed, dict) else ():
            shutdown = one.get("shutdown") if isinstance(one, dict) else None
            if isinstance(shutdown, dict) and "takes" in shutdown and shutdown["takes"] is None:
                kept[name][container]["shutdown"]["takes"] = None
    return kept  # type: ignore[no-any-return]


def names_of(told: Told, containers: Iterable[str], where: str) -> None:
    """A behaviour of a container that the pod does not have helps nobody."""
    names = list(containers)
    for part, listed in (("containers", told.containers), ("newContainers", told.new_containers or {})):
        for name in listed:
            if name not in names:
                right = f"name one of the pod's: {', '.join(names)}"
                raise BadInput(f"{where}: {part}.{name}", "the pod has no such container", right)


def _contradictions(one: Behaviour) -> Iterator[tuple[str, str, str]]:
    """Field, what is wrong, what would be right."""
    if one.warm_after and one.warm_after < one.starts_after:
        yield "warmAfter", "it is warm before it listens", "write at least startsAfter"
    if one.deadlock_after is not None and one.deadlock_after < one.starts_after:
        yield "deadlockAfter", "it hangs before it listens", "write at least startsAfter"
    if one.crash is not None:
        if one.crash.times == 0:
            yield "crash.times", "it is 0", "leave crash out"
        if one.finishes_after is not None and one.crash.times is None and one.finishes_after <= one.crash.after:
            yield "crash.after", "it finishes before it crashes", "write less than finishesAfter"
        if one.finishes_after is not None and one.crash.times is None and one.finishes_after > one.crash.after:
            yield "finishesAfter", "it always crashes before", "write crash.times, or leave one of them out"
        hangs = one.deadlock_after
        if hangs is not None and hangs < one.crash.after and one.crash.times is None:
            yield "crash.after", "it hangs before, and what hangs does not crash", "write less than deadlockAfter"
    if one.finishes_after is not None and one.deadlock_after is not None and one.deadlock_after < one.finishes_after:
        yield "finishesAfter", "it hangs before, and what hangs does not finish", "leave one of them out"
    if one.flapping is not None and not 0 < one.flapping.lasting < one.flapping.every:
        yield "flapping.for", "it must lie between 0 and every", "write less than every"
    if one.shutdown.takes is None and one.shutdown.finishes:
        yield "shutdown.finishes", "SIGTERM is not heard (takes: null)", "write how long it takes, or finishes: false"
    yield from _outages(one)
    yield from _looks(one)


def _outages(one: Behaviour) -> Iterator[tuple[str, str, str]]:
    before = 0.0
    for index, outage in enumerate(one.dependency):
        at = f"dependency[{index}]"
        if outage.until is not None and outage.until <= outage.since:
            yield f"{at}.until", "it ends before it begins", "write more than since"
        if outage.since < before:
            yield f"{at}.since", "it begins before the outage above has ended", "write them in order, without overlap"
        before = float("inf") if outage.until is None else outage.until


def _looks(one: Behaviour) -> Iterator[tuple[str, str, str]]:
    for asker, looked in one.looks_at.items():
        if asker not in ASKERS:
            yield f"looksAt.{asker}", "nobody of that name asks", f"write one of {', '.join(ASKERS)}"
        for word in looked:
            if word not in LOOKED_AT:
                yield f"looksAt.{asker}", f"it is {shown(word)}", f"write some of {', '.join(LOOKED_AT)}"
            if word == "dependency" and not one.dependency:
                yield f"looksAt.{asker}", "there is no dependency", "write dependency, or leave it out here"


def _actions(one: Action, nodes: int) -> Iterator[tuple[str, str, str]]:
    names = [f"node-{number + 1}" for number in range(nodes)]
    if one.do in ("drain", "lose") and one.node not in names:
        yield "node", f"it is {shown(one.node)}", f"write {names[0]}" + (f" to {names[-1]}" if nodes > 1 else "")
    if one.do not in ("drain", "lose") and one.node:
        yield "node", f"{one.do} is done to no node", "leave it out"
    if one.returns is not None and (one.do != "lose" or one.returns <= one.at):
        yield "returns", "it returns only after it was lost", "write a time after at, with do: lose"


def container_behaviours(told: Told, new: bool = False) -> dict[str, Behaviour]:
    """By container; of the new revision where it has behaviours of its own."""
    return told.new_containers if new and told.new_containers is not None else told.containers
