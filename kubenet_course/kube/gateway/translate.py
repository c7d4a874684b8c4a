"""Ingresses written again as a Gateway and HTTPRoutes, with what cannot be carried over.

A listener for each host keeps hosts apart, as an Ingress does: a path that bar.foo.com has not is never looked for under
*.foo.com (Listener Isolation, gateway_types.go). The Ingress API and its implementations leave much to annotations; none of these
are carried, all are named.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from ..api.gateway import GROUP
from ..api.ingress import CLASS_ANNOTATION, HTTPPath, Ingress, IngressBackend
from .backends import Behind
from .ingress import age, class_of

API = f"{GROUP}/v1"
MOST_LISTENERS, MOST_RULES = 64, 16
PATH_TYPES = {"Exact": "Exact", "Prefix": "PathPrefix", "ImplementationSpecific": "PathPrefix"}
WRITTEN_BY_TOOLS = ("kubectl.kubernetes.io/", "meta.helm.sh/", CLASS_ANNOTATION)


class Left(Struct, frozen=True):
    """Something of an Ingress that a Gateway cannot say, or says otherwise."""

    ingress: str
    path: str
    says: str


class Translation(Struct, frozen=True):
    """The new objects, as manifests have them, and what was left behind."""

    objects: tuple[dict[str, Any], ...]
    left: tuple[Left, ...]


def translated(rows: Iterable[Ingress], behind: Behind) -> Translation:
    """All Ingresses: those of one class and namespace become one Gateway and a route for each of their hosts."""
    groups: dict[tuple[str, str], list[Ingress]] = {}
    for one in sorted(rows, key=age):
        groups.setdefault((class_of(one, behind.objects), one.metadata.namespace), []).append(one)
    objects: list[dict[str, Any]] = []
    left: list[Left] = []
    for (name, namespace), members in sorted(groups.items()):
        for one in members:
            left += _unsaid(one, name)
        objects += _group(name or "ingress", namespace, members, behind, left)
    return Translation(tuple(objects), tuple(left))


def _unsaid(one: Ingress, class_name: str) -> list[Left]:
    """What the whole Ingress says beside its rules."""
    name, found = str(one), []
    for key in one.metadata.annotations:
        if not key.startswith(WRITTEN_BY_TOOLS):
            told = "an annotation that one controller reads; look for a filter, a policy or an extension that says the same"
            found.append(Left(name, f"metadata.annotations[{key}]", told))
    if not class_name:
        found.append(Left(name, "spec.ingressClassName", "it names no class; write the gatewayClassName that you have"))
    for index, tls in enumerate(one.spec.tls):
        if not tls.hosts or not tls.secret_name:
            missing = "hosts" if not tls.hosts else "secretName"
            found.append(
                Left(name, f"spec.tls[{index}]", f"it has no {missing}; a listener needs both, and is left out")
            )
        elif class_name:
            told = (
                "many controllers redirect HTTP to HTTPS for it unasked; a Gateway does so with a RequestRedirect only"
            )
            found.append(Left(name, f"spec.tls[{index}]", told))
    return found


def _group(name: str, namespace: str, rows: list[Ingress], behind: Behind, left: list[Left]) -> list[dict[str, Any]]:
    hosts = list(dict.fromkeys(rule.host for one in rows for rule in one.spec.rules))
    defaults = [one for one in rows if one.spec.default_backend is not None]
    if defaults and "" not in hosts:
        hosts.append("")
    secrets = {host: tls.secret_name for one in reversed(rows) for tls in one.spec.tls for host in tls.hosts}
    for host in (host for host in hosts if host.startswith("*.")):
        told = f"{host} stands for one label in an Ingress; in a listener it fits a.b{host[1:]} too"
        left.append(Left(_with_host(rows, host), "spec.rules[].host", told))
    listeners, routes = [], []
    for host in hosts:
        sections = [_listener("http", host, 80)]
        secret = secrets.get(host) or secrets.get(f"*.{host.partition('.')[2]}")
        if secret:
            refs = [{"kind": "Secret", "name": secret}]
            sections.append(_listener("https", host, 443) | {"tls": {"mode": "Terminate", "certificateRefs": refs}})
        listeners += sections
        rules = _rules(host, rows, defaults, behind, left)
        parents = [{"name": name, "sectionName": one["name"]} for one in sections]
        routes += _routes(f"{name}-{_word(host)}", namespace, host, parents, rules)
    if len(listeners) > MOST_LISTENERS:
        told = f"{len(listeners)} listeners; a Gateway has at most {MOST_LISTENERS}: move some to a ListenerSet"
        left.append(Left(str(rows[0]), "spec.rules", told))
    spec = {"gatewayClassName": name, "listeners": listeners}
    return [_object("Gateway", name, namespace, spec), *routes]


def _with_host(rows: list[Ingress], host: str) -> str:
    return next(str(one) for one in rows if any(rule.host == host for rule in one.spec.rules))


def _word(host: str) -> str:
    """A host as part of a name: *.foo.com becomes any.foo.com."""
    return host.replace("*", "any") if host else "all-hosts"


def _listener(kind: str, host: str, port: int) -> dict[str, Any]:
    named = {"hostname": host} if host else {}
    protocol = "HTTPS" if kind == "https" else "HTTP"
    return {"name": f"{kind}-{_word(host)}", **named, "port": port, "protocol": protocol}


def _object(kind: str, name: str, namespace: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": API, "kind": kind, "metadata": {"name": name, "namespace": namespace}, "spec": spec}


def _rules(host: str, rows: list[Ingress], defaults: list[Ingress], behind: Behind, left: list[Left]) -> list[dict]:
    """The paths of one host, of all Ingresses that name it; at the end what a default backend gets."""
    rules, seen = [], set()
    for one in rows:
        for index, rule in enumerate(one.spec.rules):
            for at, path in enumerate(rule.http.paths if rule.http and rule.host == host else ()):
                where = f"spec.rules[{index}].http.paths[{at}]"
                match = _match(one, path, where, left)
                key = (match["type"], match["value"].rstrip("/") or "/")
                if key in seen:
                    told = f"{match['value']} of {host or 'all hosts'} stands in an older Ingress or earlier; left out"
                    left.append(Left(str(one), where, told))
                    continue
                seen.add(key)
                ref = _backend(one, path.backend, f"{where}.backend", behind, left)
                rules.append({"matches": [{"path": match}]} | ({"backendRefs": [ref]} if ref else {}))
    mine = [one for one in defaults if any(rule.host == host for rule in one.spec.rules)] or defaults
    if mine and ("PathPrefix", "/") not in seen and mine[0].spec.default_backend is not None:
        ref = _backend(mine[0], mine[0].spec.default_backend, "spec.defaultBackend", behind, left)
        rules.append(
            {"matches": [{"path": {"type": "PathPrefix", "value": "/"}}]} | ({"backendRefs": [ref]} if ref else {})
        )
    return rules


def _match(one: Ingress, path: HTTPPath, where: str, left: list[Left]) -> dict[str, str]:
    if path.path_type == "ImplementationSpecific":
        told = "pathType ImplementationSpecific means what the controller makes of it; written as PathPrefix"
        left.append(Left(str(one), f"{where}.pathType", told))
    return {"type": PATH_TYPES[path.path_type], "value": path.path or "/"}


def _backend(
    one: Ingress, backend: IngressBackend, where: str, behind: Behind, left: list[Left]
) -> dict[str, Any] | None:
    if backend.service is None:
        found = backend.resource
        assert found is not None
        told = f"{found.kind} {found.name} is a backend that not every Gateway knows"
        left.append(Left(str(one), f"{where}.resource", told))
        return {"group": found.api_group or "", "kind": found.kind, "name": found.name}
    name, port = backend.service.name, backend.service.port
    number = port.number
    if port.name:
        service = behind.services.get((one.metadata.namespace, name))
        number = next((p.port for p in service.spec.ports if p.name == port.name), 0) if service else 0
        if not number:
            told = f"a backendRef names its port by number, and no Service {name} with a port {port.name} is among the files"
            left.append(Left(str(one), f"{where}.service.port.name", told))
            return None
    return {"name": name, "port": number}


def _routes(name: str, namespace: str, host: str, parents: list[dict], rules: list[dict]) -> list[dict[str, Any]]:
    """A route has at most sixteen rules; more of them become further routes."""
    found = []
    for at in range(0, len(rules), MOST_RULES):
        more = f"-{at // MOST_RULES + 1}" if at else ""
        spec = {"parentRefs": parents, **({"hostnames": [host]} if host else {}), "rules": rules[at : at + MOST_RULES]}
        found.append(_object("HTTPRoute", f"{name}{more}", namespace, spec))
    return found
