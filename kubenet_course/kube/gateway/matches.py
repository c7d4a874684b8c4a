"""Whether a request fits a rule, and how well: what the specification counts before it prefers one rule to another.

apis/v1/httproute_types.go (HTTPRouteRule.Matches), grpcroute_types.go (GRPCRouteRule.Matches).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from ..api.routes import GRPCMatch, GRPCRoute, HeaderMatch, HTTPMatch, HTTPRoute, MethodMatch, PathMatch
from . import regex
from .attach import Route, age, shared
from .hostnames import covers, specific
from .listeners import Ear
from .request import Request

EVERYTHING = HTTPMatch()
# What each place of a fit's key counts, said of the rule that has more of it.
OF_HTTP = (
    "its hostname has no wildcard and more characters", "its hostname has more characters",
    "its path match is Exact", "its path prefix has more characters", "it asks for the method",
    "it asks for more headers", "it asks for more query parameters",
)  # fmt: skip
OF_GRPC = (
    "its hostname has no wildcard and more characters", "its hostname has more characters",
    "its service has more characters", "its method has more characters", "it asks for more headers",
)  # fmt: skip
EXACT, REGEX, PREFIX = 3, 2, 1


class Fit(Struct, frozen=True):
    """A match of a rule that a request fits, with what its precedence hangs on, the better the larger."""

    route: Route
    rule: int
    match: int
    counts: tuple[int, ...]
    doubts: tuple[str, ...] = ()

    @property
    def order(self) -> tuple:
        """The smallest comes first: more of what counts, older, first by name, first in the route."""
        return (*(-one for one in self.counts), age(self.route), self.rule, self.match)


Counted = tuple[
    tuple[int, ...] | None, tuple[str, ...]
]  # what counts of a match that fits, else None; what is in doubt


def fits_of(routes: Iterable[Route], ear: Ear, request: Request) -> tuple[list[Fit], list[str]]:
    """Of every rule that a request fits, its best match; and what is in doubt of those that it does not fit."""
    found: list[Fit] = []
    doubts: list[str] = []
    for route in routes:
        host = best_hostname(route, ear, request.name)
        if host is None:
            continue
        if isinstance(route, HTTPRoute):
            counted = [[_http(one, request) for one in rule.matches or (EVERYTHING,)] for rule in route.spec.rules]
        elif isinstance(route, GRPCRoute):
            counted = [[_grpc(one, request) for one in rule.matches or (GRPCMatch(),)] for rule in route.spec.rules]
        else:
            continue
        for index, rows in enumerate(counted):
            doubts += [f"{route}: {text}" for counts, more in rows if counts is None for text in more]
            fitting = [
                Fit(route, index, at, (*specific(host), *counts), more)
                for at, (counts, more) in enumerate(rows)
                if counts is not None
            ]
            found += [min(fitting, key=lambda fit: (*(-one for one in fit.counts), fit.match))] if fitting else []
    return found, doubts


def best_hostname(route: Route, ear: Ear, name: str) -> str | None:
    """The hostname of a route, as it is written there, that fits best; "" for a route without any; None where none fits.

    One that lies outside the listener's is ignored. Precedence counts the route's own hostname, not what it has in common
    with the listener (GatewayRouteHostnameIntersectionPrecedence).
    """
    if not any(covers(one, name) for one in shared(ear, route)):
        return None
    wanted = getattr(route.spec, "hostnames", ()) or ("",)
    return max((one for one in wanted if covers(one, name)), key=specific, default=None)


def _http(match: HTTPMatch, request: Request) -> Counted:
    if match.method is not None and match.method != request.method:
        return None, ()
    asked = [path_fits(match.path, request.bare_path), *_headers(match.headers, request), *_parameters(match, request)]
    doubts = tuple(text for _, more in asked for text in more)
    if not all(fits for fits, _ in asked):
        certain_no = any(not fits and not more for fits, more in asked)
        return None, () if certain_no else doubts
    headers = len({one.name.lower() for one in match.headers})
    kind = {"Exact": EXACT, "RegularExpression": REGEX, "PathPrefix": PREFIX}[match.path.type]
    length = len(match.path.value) if kind == PREFIX else 0
    return (kind, length, int(match.method is not None), headers, len(match.query_params)), doubts


def path_fits(match: PathMatch, path: str) -> tuple[bool, tuple[str, ...]]:
    """Exact: the same text. PathPrefix: element by element, a slash at the end does not matter."""
    if match.type == "Exact":
        return path == match.value, ()
    if match.type == "PathPrefix":
        return prefix_fits(match.value, path), ()
    return _regex(match.value, path)


def prefix_fits(prefix: str, path: str) -> bool:
    """/abc fits /abc, /abc/ and /abc/def, not /abcd."""
    bare = prefix.rstrip("/")
    return path.startswith(bare) and path[len(bare) : len(bare) + 1] in ("", "/")


def _regex(pattern: str, text: str) -> tuple[bool, tuple[str, ...]]:
    found, sure = regex.fits(pattern, text)
    return found, () if sure else (f"proxies differ in how they read the expression {pattern}",)


def _headers(wanted: Iterable[HeaderMatch], request: Request) -> Iterator[tuple[bool, tuple[str, ...]]]:
    """Of names that are equal but for the size of their letters only the first counts."""
    seen: set[str] = set()
    for one in wanted:
        if one.name.lower() in seen:
            continue
        seen.add(one.name.lower())
        value = request.host if one.name.lower() == "host" else request.header(one.name)
        yield _text(one.type, one.value, value)


def _parameters(match: HTTPMatch, request: Request) -> Iterator[tuple[bool, tuple[str, ...]]]:
    has = request.parameters() if match.query_params else {}
    for one in match.query_params:
        yield _text(one.type, one.value, has.get(one.name))


def _text(kind: str, wanted: str, has: str | None) -> tuple[bool, tuple[str, ...]]:
    if has is None:
        return False, ()
    return (wanted == has, ()) if kind == "Exact" else _regex(wanted, has)


def _grpc(match: GRPCMatch, request: Request) -> Counted:
    """A gRPC call is a POST to /package.Service/Method."""
    service, _, method = request.bare_path.removeprefix("/").partition("/")
    wanted = match.method or MethodMatch()
    asked = [_part(wanted, wanted.service, service), _part(wanted, wanted.method, method)]
    asked += _headers(match.headers, request)
    doubts = tuple(text for _, more in asked for text in more)
    if not all(fits for fits, _ in asked):
        certain_no = any(not fits and not more for fits, more in asked)
        return None, () if certain_no else doubts
    exact = wanted.type == "Exact"
    lengths = [len(text or "") if exact else 0 for text in (wanted.service, wanted.method)]
    return (*lengths, len({one.name.lower() for one in match.headers})), doubts


def _part(asked: MethodMatch, wanted: str | None, has: str) -> tuple[bool, tuple[str, ...]]:
    if not wanted:
        return True, ()
    return (wanted == has, ()) if asked.type == "Exact" else _regex(wanted, has)


def preferred(winner: Fit, loser: Fit) -> str:
    """Why one fit comes before another: the first thing in which they differ."""
    names = OF_HTTP if isinstance(winner.route, HTTPRoute) else OF_GRPC
    for name, one, other in zip(names, winner.counts, loser.counts, strict=True):
        if one != other:
            regular = name.endswith("Exact") and one == REGEX
            return "its path match is a regular expression" if regular else name
    if winner.route is loser.route:
        return "it stands first in the route"
    if age(winner.route)[:2] != age(loser.route)[:2]:
        return "its route is older"
    return "its route comes first by namespace/name"
