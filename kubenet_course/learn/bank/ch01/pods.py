"""The pods of chapter 01's exercises: as manifests, as containers that start, and in a small network with a client."""

from __future__ import annotations

from random import Random

from msgspec import Struct

from ....kube.questions.containers import INIT, MAIN, SIDECAR, Containers, containers, started
from ....linux.namespace.bind import Bound
from ....linux.namespace.netns import Netns
from ....linux.namespace.trace import Trace
from ....linux.packet.packet import tcp
from ....linux.verdicts import verdict
from ....linux.walk import ask
from ....views.tables.table import Table, table
from ...questions.evidence import decisions
from ...questions.reading import Unreadable
from ...worlds.clusters import small_world
from ...worlds.worlds import PORTS, World, changed

HEAD = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: shop\nspec:\n"
LOCALHOST = "127.0.0.1"
IMAGE = "hashicorp/http-echo:1.0"


def task(name: str) -> str:
    return f'  - name: {name}\n    image: busybox:1.37\n    command: ["sh", "-c", "echo {name}"]\n'


def server(name: str, listens: str, *lines: str) -> str:
    more = "".join(f"    {line}\n" for line in lines)
    return f'  - name: {name}\n    image: {IMAGE}\n    args: ["-listen={listens}"]\n{more}'


def declares(port: int) -> tuple[str, str]:
    return "ports:", f"- containerPort: {port}"


class Manifest(Struct, frozen=True):
    """A text that shows itself."""

    text: str

    def __str__(self) -> str:
        return self.text


def roles(of: Containers) -> Table:
    """The containers as the kubelet starts them, and what the next one waits for."""
    waits = {INIT: "until it has ended", SIDECAR: "until it has started", MAIN: "for nothing"}
    rows = [(at, one.name, of.role(one), waits[of.role(one)]) for at, one in enumerate(of.in_order, 1)]
    return table("In this order; at the end the other way round", ("", "container", "role", "the next one waits"), rows)


def taken(trace: Trace) -> Table:
    """Who took the packet, or why nobody did."""
    return decisions(trace, ("route_output", "local_deliver"), f"How far it comes; verdict: {verdict(trace)}")


class Pod(Struct, frozen=True):
    """What a repair is about: the network around the pod, and where others count on finding its two programs."""

    world: World
    web: int
    logs: int

    @property
    def own(self) -> str:
        return self.world["shop"].devices["eth0"].addresses[0].address

    def asked(self, inside: Netns, at: str, to: str, port: int) -> Trace:
        """Somebody asks for a port, with these programs inside the pod."""
        src = LOCALHOST if to == LOCALHOST else self.world[at].devices["eth0"].addresses[0].address
        return ask(changed(self.world, "shop", sockets=inside.sockets), tcp(src, 40000, to, port), at)

    def started(self, of: Containers) -> tuple[Netns, tuple[Bound, ...]]:
        return started(of, self.world["shop"])


def pod(chance: Random) -> Pod:
    names = ["client", "shop", *chance.sample(("other", "db", "cache"), chance.randrange(3))]
    chance.shuffle(names)
    return Pod(small_world({chance.randrange(1, 6): names}, warm=True), *chance.sample(PORTS, 2))


def named(text: str, *names: str) -> Containers:
    """The containers of an answer. Raises Unreadable where one of those that are needed is not there."""
    found = containers(text, "your manifest")
    lost = [name for name in names if name not in {one.name for one in found.in_order}]
    if lost:
        raise Unreadable(f"There is no container named {' or '.join(lost)} any more; the pod needs {', '.join(names)}.")
    return found
