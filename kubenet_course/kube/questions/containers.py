"""The containers of one pod: where each one's program listens, what it may use, and in which order they start and stop
(pkg/kubelet/kuberuntime/kuberuntime_container.go; KEP-753 for sidecars).

A cluster's model needs none of this, only the ports that are declared; so its pods are read without it.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import ValidationError, convert

from ...errors import BadInput
from ...linux.namespace.bind import Bound, in_turn
from ...linux.namespace.netns import Netns, Socket
from ...linux.netfilter.iptables.words import port
from ...linux.packet.address import address
from ..api.base import Read
from ..api.core import Container
from ..manifest.decode import without_nulls
from ..manifest.read import read_text
from ..manifest.yaml_text import documents_of

INIT, SIDECAR, MAIN = "init", "sidecar", "main"
FLAGS = ("-listen", "--listen")  # as hashicorp/http-echo takes it; to a Go program both are the same
PLACE = "write -listen=ADDRESS:PORT, like -listen=127.0.0.1:9090"


class Resources(Read, frozen=True, gc=False):
    limits: dict[str, str | int | float] = {}


class Program(Container, frozen=True, gc=False):
    """A container with what its program is told, and what it may use."""

    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    resources: Resources = Resources()

    @property
    def listens(self) -> tuple[Socket, ...]:
        """Where its program was told to listen. The ports that the manifest declares have no part in it."""
        words = (*self.command, *self.args)
        told = [word.partition("=") for word in words]
        # Go's package flag takes `-listen=PLACE` and `-listen PLACE` alike.
        told = [
            (flag, "=", place if eq else nxt) for (flag, eq, place), nxt in zip(told, (*words[1:], ""), strict=False)
        ]
        return tuple(_socket(place, self.name) for flag, _, place in told if flag in FLAGS)


class Containers(Read, frozen=True, gc=False):
    """The two lists of a pod's spec. An init container that is always restarted is a sidecar."""

    init_containers: tuple[Program, ...] = ()
    containers: tuple[Program, ...] = ()

    @property
    def in_order(self) -> tuple[Program, ...]:
        """As the kubelet starts them: each init container when the one before has ended or, a sidecar, has started."""
        return self.init_containers + self.containers

    def role(self, one: Program) -> str:
        if one not in self.init_containers:
            return MAIN
        return SIDECAR if one.restart_policy == "Always" else INIT

    @property
    def events(self) -> tuple[str, ...]:
        """What happens, from the first process to the last. Main containers are told to end first, then sidecars in reverse."""
        return tuple(_events(self))


def containers(text: str, name: str = "pod.yaml") -> Containers:
    """The containers of the one pod in a manifest. Raises BadInput for what the API server would refuse, and for two pods."""
    read = read_text(text, name)
    if len(read.pods) != 1:
        raise BadInput(name, f"it holds {len(read.pods) or 'no'} pods", "write one document of kind Pod")
    if read.notices:
        raise BadInput("", read.notices[0], "look at the spelling")
    spec = next(one["spec"] for _, one in documents_of(name, text.encode()) if one.get("kind") == "Pod")
    try:
        found = convert(without_nulls(spec), Containers)
    except ValidationError as error:
        raise BadInput(name, str(error).lower(), "command and args are lists of texts, each in quotes") from None
    _check(found, name)
    return found


def started(of: Containers, ns: Netns) -> tuple[Netns, tuple[Bound, ...]]:
    """All start in one namespace: what it is then, and what each program was told.

    An init container has ended, and left its port, when the next one starts.
    """
    told: list[Bound] = []
    for one in of.in_order:
        asked = in_turn(ns, one.listens)
        told += asked
        if asked and of.role(one) != INIT:
            ns = asked[-1].ns
    return ns, tuple(told)


def _events(of: Containers) -> Iterator[str]:
    yield "the pause container starts, and the network is set up around it"
    for one in of.in_order:
        yield f"{one.name} runs and ends" if of.role(one) == INIT else f"{one.name} starts"
    for one in of.containers:
        yield f"{one.name} is told to end"
    for one in reversed(of.init_containers):
        if of.role(one) == SIDECAR:
            yield f"{one.name} is told to end"


def _socket(place: str, program: str) -> Socket:
    """`:8080` is every address of both families, as Go reads it."""
    host, colon, number = place.rpartition(":")
    if not colon:
        raise BadInput(f"container {program}", f"-listen={place} names no port", PLACE)
    host = {"localhost": "127.0.0.1"}.get(host, host)  # what Go's resolver takes first of it for a listener
    return Socket("tcp", address(host.strip("[]") or "::", f"container {program}"), port(number), program)


def _check(found: Containers, name: str) -> None:
    names = [one.name for one in found.in_order]
    twice = next((one for one in names if names.count(one) > 1), None)
    if twice is not None:
        raise BadInput(name, f"two containers are named {twice!r}", "give each its own name")
    if not found.containers:
        raise BadInput(name, "the pod has no container", "write at least one under spec.containers")
    for one in found.in_order:
        _ = one.listens  # a flag that cannot be read is refused here
