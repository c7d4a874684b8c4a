"""What Ingresses make of a request: the host, then the path, then the Service behind it.

staging/src/k8s.io/api/networking/v1/types.go. A wildcard stands for exactly one label: *.foo.com fits bar.foo.com, not
a.bar.foo.com. Among paths the longest wins, and of equal ones Exact. What the API leaves open is said by ingress-nginx, which most
clusters had: a Service that is missing or has no endpoint is answered 503.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ...linux.namespace.choices import Choices
from ..api.ingress import CLASS_ANNOTATION, DEFAULT_CLASS, Ingress, IngressBackend
from ..manifest.collection import Objects
from .backends import Behind
from .matches import prefix_fits
from .request import Answer, Lost, Reference, Request, Share
from .written.words import moment

# Annotations by which a controller leads requests otherwise than the API says, by the words behind their slash.
LEADING = (
    "use-regex", "rewrite-target", "canary", "permanent-redirect", "temporal-redirect", "app-root", "server-alias",
    "auth-url", "from-to-www-redirect", "default-backend", "service-upstream", "whitelist-source-range",
)  # fmt: skip
SPECIFIC = "how its implementation reads pathType ImplementationSpecific: as a prefix here"


class Way(Struct, frozen=True):
    """A path of a rule of an Ingress that fits a request; `place` says where it stands."""

    ingress: Ingress
    rule: int
    path: int
    length: int
    exact: bool
    backend: IngressBackend
    doubt: str = ""

    @property
    def order(self) -> tuple:
        return (-self.length, not self.exact, age(self.ingress), self.rule, self.path)


def age(one: Ingress) -> tuple:
    made = moment(one.metadata.creation_timestamp)
    return (made is None, made.timestamp() if made else 0.0, "/".join(one.key))


def class_of(one: Ingress, objects: Objects) -> str:
    """The class that an Ingress names, by its field or the annotation before it; else the one that is marked as the default."""
    named = one.spec.ingress_class_name or one.metadata.annotations.get(CLASS_ANNOTATION, "")
    if named:
        return named
    defaults = [each for each in objects.ingress_classes if each.metadata.annotations.get(DEFAULT_CLASS) == "true"]
    return defaults[0].metadata.name if len(defaults) == 1 else ""


def classes(objects: Objects) -> list[tuple[str, list[Ingress]]]:
    """The Ingresses of each class. Those of one class are one proxy's configuration."""
    found: dict[str, list[Ingress]] = {}
    for one in sorted(objects.ingresses, key=lambda one: one.key):
        found.setdefault(class_of(one, objects), []).append(one)
    return sorted(found.items())


def host_fits(pattern: str, host: str) -> bool:
    """A wildcard covers a single label."""
    if pattern.startswith("*."):
        label, dot, rest = host.partition(".")
        return bool(label and dot) and rest == pattern[2:]
    return not pattern or pattern == host


class IngressDoor:
    """The proxy that follows the Ingresses of one class."""

    def __init__(self, class_name: str, rows: Sequence[Ingress], behind: Behind):
        self.class_name, self.rows, self.behind = class_name, rows, behind
        self.name = f"IngressClass {class_name}" if class_name else "IngressClass (none named)"

    @cached_property
    def unclassed(self) -> str:
        """Why no controller follows these Ingresses, where that is known."""
        known = self.behind.objects.ingress_classes
        if not known or any(one.metadata.name == self.class_name for one in known):
            return ""
        named = (
            f"there is no IngressClass {self.class_name}"
            if self.class_name
            else "they name no class, and none is the default"
        )
        return f"{named}: no controller follows these Ingresses"

    def ports(self, tls: bool) -> list[int]:
        """HTTP on 80; HTTPS on 443 with the certificates that Ingresses name, or one of the controller's own."""
        return [443] if tls else [80]

    def answer(self, request: Request, choices: Choices) -> Answer:
        if self.unclassed:
            return Answer(door=self.name, verdict="refused", status=0, says=self.unclassed)
        if request.port not in (80, 443):
            says = f"nobody listens on port {request.port}; open: 80, 443"
            return Answer(door=self.name, verdict="refused", status=0, says=says)
        half = self._half_read()
        best = self._best_host(request.name)
        ways = sorted((way for way in self._ways(best, request) if way), key=lambda way: way.order)
        if not ways:
            return self._default(best, request, half)
        first, lost = ways[0], tuple(_lost(ways[0], way) for way in ways[1:])
        doubts = tuple(way.doubt for way in ways if way.doubt)
        because = _preferred(first, ways[1]) if lost else "no other path of this host fits"
        made = self._led(
            first.ingress, first.backend, f"spec.rules[{first.rule}].http.paths[{first.path}].backend", request
        )
        return _with(made, rule=first.rule, match=first.path, over=lost, because=because, hangs_on=(*half, *doubts))

    def _half_read(self) -> list[str]:
        """Fields that nobody here understands, and annotations that some controllers obey."""
        half, named = self.behind.objects.half_read, {str(one): one for one in self.rows}
        found = [
            f"{name}: field {path} is not understood"
            for name, paths in half.items()
            for path in paths
            if name in named and path.startswith("spec")
        ]
        for name, one in named.items():
            told = [key for key in one.metadata.annotations if key.partition("/")[2] in LEADING]
            found += [f"{name}: annotation {key} means something to its controller" for key in told]
        return found

    def _best_host(self, name: str) -> str | None:
        """The host of the rules that are asked: the exact name, else the wildcard, else rules without a host."""
        hosts = {rule.host for one in self.rows for rule in one.spec.rules if host_fits(rule.host, name)}
        return max(hosts, key=lambda host: (bool(host), not host.startswith("*."), len(host)), default=None)

    def _ways(self, host: str | None, request: Request) -> list[Way]:
        found = []
        for one in self.rows:
            for index, rule in enumerate(one.spec.rules):
                for at, path in enumerate(rule.http.paths if rule.http and rule.host == host else ()):
                    exact = path.path_type == "Exact"
                    text = path.path or "/"
                    if request.bare_path == text if exact else prefix_fits(text, request.bare_path):
                        free = path.path_type == "ImplementationSpecific" and request.bare_path != text
                        doubt = f"{one}: {SPECIFIC}" if free and text != "/" else ""
                        length = len(text.rstrip("/"))
                        found.append(Way(one, index, at, length, exact, path.backend, doubt))
        return found

    def _default(self, host: str | None, request: Request, half: list[str]) -> Answer:
        """No path fits: the default backend of an Ingress that has one, else the controller's own page."""
        rows = sorted((one for one in self.rows if one.spec.default_backend is not None), key=age)
        mine = [one for one in rows if any(rule.host == host for rule in one.spec.rules)] or rows
        if not mine:
            says = "404: no rule fits, and no Ingress has a defaultBackend"
            return Answer(door=self.name, verdict="answered", status=404, says=says, hangs_on=tuple(half))
        backend = mine[0].spec.default_backend
        assert backend is not None
        made = self._led(mine[0], backend, "spec.defaultBackend", request)
        return _with(made, because="no rule fits; the default backend has what is left", hangs_on=tuple(half))

    def _led(self, one: Ingress, backend: IngressBackend, where: str, request: Request) -> Answer:
        to = self.reference(one, backend, where)
        doubts = () if to.certain else (f"{to}: {to.says}",)
        base = Answer(
            door=self.name, verdict="answered", status=to.status, says=f"{to.status}: {to.says}", route=str(one),
            listener=f"port {request.port}", backend=to, shares=(Share(to, 1.0),), hangs_on=doubts,
        )  # fmt: skip
        if to.status != 200:
            return base
        return _with(base, verdict="forwarded", says=f"forwarded to {to}", forwarded=request)

    def reference(self, one: Ingress, backend: IngressBackend, where: str) -> Reference:
        """The Service behind a path, which is always of the Ingress's own namespace."""
        home = one.metadata.namespace
        if backend.service is None:
            resource = backend.resource
            kind, name = (resource.kind, resource.name) if resource else ("", "")
            told = f"{kind} {name} is known to some implementations only"
            return Reference(kind, home, name, 0, where, 1, "InvalidKind", told, 500, certain=False)
        port = backend.service.port
        service = self.behind.services.get((home, backend.service.name))
        found = Reference("Service", home, backend.service.name, port.number, where)
        if service is None:
            told = f"there is no Service {home}/{backend.service.name}"
            return _broken(found, "BackendNotFound", told)
        match = next(
            (
                each
                for each in service.spec.ports
                if (each.name == port.name if port.name else each.port == port.number)
            ),
            None,
        )
        if match is None:
            told = f"Service {home}/{service.metadata.name} has no port {port.name or port.number}"
            return _broken(found, "BackendNotFound", told)
        found = Reference("Service", home, service.metadata.name, match.port, where)
        return self.behind.at_port(found, service, match)


def _broken(found: Reference, reason: str, says: str) -> Reference:
    return Reference(found.kind, found.namespace, found.name, found.port, found.where, 1, reason, says, 503)


def _with(found: Answer, **more: Any) -> Answer:
    doubts = (*found.hangs_on, *more.pop("hangs_on", ()))
    return replace(found, hangs_on=doubts, **more)


def _preferred(winner: Way, loser: Way) -> str:
    if winner.length != loser.length:
        return "its path is longer"
    if winner.exact != loser.exact:
        return "its path is Exact"
    if winner.ingress is loser.ingress:
        return "it stands first in the Ingress"
    return (
        "its Ingress is older"
        if age(winner.ingress)[:2] != age(loser.ingress)[:2]
        else "its Ingress comes first by name"
    )


def _lost(winner: Way, way: Way) -> Lost:
    return Lost(str(way.ingress), way.rule, way.path, _preferred(winner, way))
