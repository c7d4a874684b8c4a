"""The doors of a cluster for requests from outside: every Gateway, and the Ingresses of every class. Each is a proxy by itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path

from msgspec.structs import replace

from ...linux.namespace.choices import Choices, Seeded
from ..api.gateway import GROUP, Gateway, ListenerSet
from ..manifest.collection import Objects
from ..manifest.read import read_text
from ..model.cluster import Cluster
from .attach import Taken, attached, elsewhere
from .backends import Behind
from .decide import decided
from .ingress import IngressDoor, classes
from .listeners import Ear, allows, ears
from .request import Answer, Attachment, Request

FOREIGN = re.compile(
    r"kind (\S+ \((?:gateway\.networking\.(?:x-)?k8s\.io|networking\.k8s\.io|extensions)/[^)]*\)) is not"
)
HARMLESS = ("NetworkPolicy", "BackendTLSPolicy", "IPAddress")


def in_the_apis_words(notice: str) -> str:
    """A notice of what was not understood, with what the API server would say to it."""
    if found := re.search(r": field (\S+) is not understood", notice):
        return f'{notice}; the API server: unknown field "{found[1]}"'
    if (found := FOREIGN.search(notice)) and not found[1].startswith(HARMLESS):
        kind, _, version = found[1].rstrip(")").partition(" (")
        return f'{notice}; the API server: no matches for kind "{kind}" in version "{version}"'
    return notice


class GatewayDoor:
    """A Gateway with its listeners, and the routes that they took."""

    def __init__(self, gateway: Gateway, doors: Doors):
        self.gateway, self.doors = gateway, doors
        self.name = str(gateway)

    @cached_property
    def sets(self) -> list[ListenerSet]:
        """The ListenerSets that the Gateway allows. Without a word of it, it allows none."""
        allowed, own = self.gateway.spec.allowed_listeners.namespaces, self.gateway.metadata.namespace
        return [
            one
            for one in self.doors.objects.listener_sets
            if _is_of(one, self.gateway) and allows(allowed, own, one.metadata.namespace, self.doors.labels, "None")
        ]

    @cached_property
    def ears(self) -> tuple[Ear, ...]:
        return ears(self.gateway, self.sets, self.doors.behind)

    @cached_property
    def unclassed(self) -> str:
        """Why nobody makes this Gateway real, where that is known."""
        named, known = self.gateway.spec.gateway_class_name, self.doors.objects.gateway_classes
        if not known or any(one.metadata.name == named for one in known):
            return ""
        return f"there is no GatewayClass {named}: no controller makes this Gateway"

    @cached_property
    def _attached(self) -> tuple[Taken, list[Attachment], list[str]]:
        return attached(self.doors.objects.routes, self.ears, self.doors.labels)

    @property
    def attachments(self) -> list[Attachment]:
        return self._attached[1]

    def ports(self, tls: bool) -> list[int]:
        """The ports that speak plain HTTP, or TLS; HTTP's before those of raw TCP."""
        wanted = ("HTTPS", "TLS") if tls else ("HTTP", "TCP")
        open_ = [ear for ear in self.ears if not ear.refused and ear.protocol in wanted]
        return list(dict.fromkeys(ear.listener.port for ear in sorted(open_, key=lambda ear: ear.protocol == "TCP")))

    def answer(self, request: Request, choices: Choices) -> Answer:
        if self.unclassed:
            return Answer(door=self.name, verdict="refused", status=0, says=self.unclassed)
        taken, _, unsure = self._attached
        found = decided(self.name, self.ears, taken, self.doors.behind, request, choices)
        doubts = self._half_read(found, request)
        return replace(found, hangs_on=(*found.hangs_on, *unsure, *doubts)) if unsure or doubts else found

    def _half_read(self, found: Answer, request: Request) -> list[str]:
        """Objects on this request's way that have fields which nobody here understands."""
        half = self.doors.objects.half_read
        if not half:
            return []
        owners = {str(one) for one in (self.gateway, *self.sets)}
        taken, _, _ = self._attached
        owners |= {str(route) for rows in taken.values() for route in rows}
        named = [(name, [path for path in paths if path.startswith("spec")]) for name, paths in half.items()]
        return [f"{name}: field {path} is not understood" for name, paths in named if name in owners for path in paths]


class Doors:
    """All of them, and what stands behind. Raises BadInput for an object that the API server would not have taken."""

    def __init__(self, cluster: Cluster):
        self.cluster, self.objects = cluster, cluster.objects
        if self.objects.refused:
            raise self.objects.refused[0]
        self.behind = Behind(cluster)
        self.labels = {one.metadata.name: one.metadata.labels for one in self.objects.namespaces}
        self.gateways = [GatewayDoor(one, self) for one in sorted(self.objects.gateways, key=lambda one: one.key)]
        self.ingresses = [IngressDoor(name, rows, self.behind) for name, rows in classes(self.objects)]

    @property
    def all(self) -> list[GatewayDoor | IngressDoor]:
        return [*self.gateways, *self.ingresses]

    @cached_property
    def foreign(self) -> tuple[str, ...]:
        """Kinds among the files that may lead requests too, in a version that is not known here."""
        found = [one[1] for one in map(FOREIGN.search, self.objects.notices) if one]
        return tuple(dict.fromkeys(one for one in found if not one.startswith(HARMLESS)))

    @property
    def notices(self) -> tuple[str, ...]:
        """What was not understood, what was taken for granted, and routes that hang on nothing."""
        said = [in_the_apis_words(notice) for notice in self.cluster.notices]
        if self.objects.services and not self.behind.knows_endpoints:
            said.append("the files hold no pods and no EndpointSlices: every Service is taken to have ready endpoints")
        if self.objects.gateways and not self.objects.gateway_classes:
            said.append("the files hold no GatewayClass: every Gateway is taken to have a controller")
        loose = [row for row in self.attachments() if not row.attached and row.parent == ""]
        return (*said, *(f"{row.route}: {row.says}" for row in loose))

    def port(self, answer: Answer, request: Request) -> int:
        """The port at which a door was asked."""
        door = next(one for one in self.all if one.name == answer.door)
        return at_port(door, request).port

    def attachments(self) -> list[Attachment]:
        """Of every route and each of its parents, whether it is attached, and why or why not."""
        known = {ear.owner for door in self.gateways for ear in door.ears}
        owners = {str(one) for one in self.objects.gateways} | {str(one) for one in self.objects.listener_sets}
        rows = [row for door in self.gateways for row in door.attachments]
        for one in self.objects.listener_sets:
            if str(one) not in known:
                told = f"{one} is not attached: {_why_not(one, self.objects)}"
                for route in self.objects.routes:
                    if any(_names(ref, route, one) for ref in route.spec.parent_refs):
                        rows.append(Attachment(str(route), str(one), (), "NoMatchingParent", told))
        return rows + elsewhere(self.objects.routes, owners)

    def ask(self, request: Request, door: str = "", choices: Choices | None = None) -> tuple[Answer, list[Answer]]:
        """The answer, and those of other doors. Without a word of which door is asked: the one that has an answer."""
        asked = [one for one in self.all if not door or door in (one.name, one.name.partition(" ")[2])]
        found = [one.answer(at_port(one, request), choices or Seeded()) for one in asked]
        if self.foreign:
            told = tuple(f"{kind} is not understood, and may lead requests too" for kind in self.foreign)
            found = [replace(one, hangs_on=(*one.hangs_on, *told)) for one in found]
        good = [one for one in found if one.route] or found
        if len(good) > 1 and not door:
            doubt = f"{good[1].door} would answer too; the client's address for {request.host} says which is asked"
            good[0] = replace(good[0], hangs_on=(*good[0].hangs_on, doubt)) if good[1].route else good[0]
        return good[0], [one for one in found if one.door != good[0].door]


def doors_of(paths: Iterable[str], *texts: str) -> Doors:
    """The doors of some files, and of manifests written in a cell beside them."""
    reading = [Path(path).read_text(encoding="utf-8") for path in paths]
    return Doors(Cluster(read_text("\n---\n".join([*reading, *texts]), "manifests")))


def at_port(door: GatewayDoor | IngressDoor, request: Request) -> Request:
    """The request on a port: the one that is said, else the one in the Host, else what a client would try first."""
    if request.port:
        return request
    _, _, said = request.host.rpartition(":")
    ports, other = door.ports(request.tls), door.ports(not request.tls)
    if said.isascii() and said.isdecimal() and int(said) in (*ports, *other):
        return replace(request, port=int(said), tls=request.tls or int(said) not in ports)
    usual = 443 if request.tls else 80
    if not ports and other and not request.tls:
        return replace(request, tls=True, port=443 if 443 in other else other[0])
    return replace(request, port=usual if usual in ports or not ports else ports[0])


def _is_of(one: ListenerSet, gateway: Gateway) -> bool:
    parent = one.spec.parent_ref
    home = parent.namespace or one.metadata.namespace
    return (parent.group, parent.kind, home, parent.name) == (GROUP, "Gateway", *gateway.key)


def _names(ref, route, one: ListenerSet) -> bool:
    return (ref.group, ref.kind, ref.namespace or route.metadata.namespace, ref.name) == (
        GROUP,
        "ListenerSet",
        *one.key,
    )


def _why_not(one: ListenerSet, objects: Objects) -> str:
    parents: Sequence[Gateway] = [gateway for gateway in objects.gateways if _is_of(one, gateway)]
    name = f"{one.spec.parent_ref.namespace or one.metadata.namespace}/{one.spec.parent_ref.name}"
    if not parents:
        return f"there is no Gateway {name}"
    return f"Gateway {name} does not allow ListenerSets of namespace {one.metadata.namespace} (spec.allowedListeners)"
