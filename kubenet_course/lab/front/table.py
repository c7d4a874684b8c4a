"""Routes made into what a proxy runs with: one list for each listener, sorted once, whose first fitting entry wins.

The model (kube/gateway) looks at all rules for every request and compares those that fit. A real proxy cannot afford that: its
configuration is put in order beforehand. Both must come to the same answers.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from ...kube.api.objects import HTTPRoute
from ...kube.api.routes import Filter, HTTPMatch, PathMatch
from ...kube.gateway.backends import Behind, Referrer
from ...kube.gateway.doors import GatewayDoor
from ...kube.gateway.request import Reference, Request

Test = Callable[[Request], bool]


class Entry(NamedTuple):
    """One match of one rule under one hostname: when it fits, what is done to the request, where it may go."""

    rank: tuple
    host: re.Pattern[str]
    tests: tuple[Test, ...]
    prefix: str
    filters: tuple[Filter, ...]
    backends: tuple[Reference, ...]

    def fits(self, request: Request) -> bool:
        return self.host.fullmatch(request.name) is not None and all(test(request) for test in self.tests)


def tables(door: GatewayDoor, behind: Behind) -> dict[str, list[Entry]]:
    """By listener ("" for its name without a hostname), its entries in order."""
    found: dict[str, list[Entry]] = {ear.name: [] for ear in door.ears if not ear.refused}
    routes = {str(route): route for route in door.doors.objects.routes}
    for row in door.attachments:
        route = routes[row.route]
        for name in row.listeners:
            listener = name.rpartition(" ")[2]
            if isinstance(route, HTTPRoute) and listener in found:
                found[listener] += _entries(route, behind)
    return {name: sorted(rows, key=lambda one: one.rank) for name, rows in found.items()}


def _entries(route: HTTPRoute, behind: Behind) -> list[Entry]:
    source, made = Referrer("HTTPRoute", route.metadata.namespace), route.metadata.creation_timestamp or "9999"
    found = []
    for host in route.spec.hostnames or ("",):
        labels = r".+" if host.startswith("*.") else r""
        pattern = re.compile(labels + re.escape(host.removeprefix("*")) if host else r".*")
        hosts = (-len(host) if host and not host.startswith("*.") else 0, -len(host))
        for index, rule in enumerate(route.spec.rules):
            refs = tuple(behind.resolve(source, one, f"{index}") for one in rule.backend_refs)
            for at, match in enumerate(rule.matches or (HTTPMatch(),)):
                rank = (*hosts, *_rank(match), made, "/".join(route.key), index, at)
                found.append(Entry(rank, pattern, _tests(match), _prefix(match.path), rule.filters, refs))
    return found


def _rank(match: HTTPMatch) -> tuple[int, int, int, int, int]:
    kind = {"Exact": 0, "RegularExpression": 1, "PathPrefix": 2}[match.path.type]
    length = len(match.path.value) if kind == 2 else 0
    return kind, -length, -bool(match.method), -len(match.headers), -len(match.query_params)


def _tests(match: HTTPMatch) -> tuple[Test, ...]:
    tests: list[Test] = [_path(match.path)]
    if match.method is not None:
        tests.append(lambda request, wanted=match.method: request.method == wanted)  # type: ignore[misc]
    for header in match.headers:
        wanted = re.compile(header.value if header.type == "RegularExpression" else re.escape(header.value))
        tests.append(lambda request, name=header.name, wanted=wanted: _is(wanted, request.header(name)))  # type: ignore[misc]
    for query in match.query_params:
        wanted = re.compile(query.value if query.type == "RegularExpression" else re.escape(query.value))
        tests.append(lambda request, name=query.name, wanted=wanted: _is(wanted, request.parameters().get(name)))  # type: ignore[misc]
    return tuple(tests)


def _is(wanted: re.Pattern[str], value: str | None) -> bool:
    return value is not None and wanted.fullmatch(value) is not None


def _path(match: PathMatch) -> Test:
    if match.type == "Exact":
        return lambda request: request.bare_path == match.value
    text = match.value if match.type == "RegularExpression" else re.escape(match.value.rstrip("/")) + r"(/.*)?"
    pattern = re.compile(text)
    return lambda request: pattern.fullmatch(request.bare_path) is not None


def _prefix(match: PathMatch) -> str:
    return match.value if match.type == "PathPrefix" else ""
