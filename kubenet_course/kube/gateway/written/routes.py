"""What the API server refuses in a route: the schema of apis/v1/*route_types.go, rule by rule, in its words."""

import re

from ...api.routes import (
    Backend,
    GRPCMatch,
    GRPCRoute,
    GRPCRule,
    HTTPMatch,
    HTTPRoute,
    HTTPRule,
    ParentReference,
    PathMatch,
    StreamRule,
    TCPRoute,
    TLSRoute,
    UDPRoute,
)
from ...manifest.decode import Wrong, shown
from . import words
from .backends import backend
from .filters import filters, prefix_replaced
from .words import count, pattern, rule, unique

_PATH = re.compile(r"(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|[%][0-9a-fA-F]{2})+")
_SERVICE = re.compile(r"\.?[A-Za-z_][A-Za-z_0-9]*(\.[A-Za-z_][A-Za-z_0-9]*)*")
_METHOD = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")
_IP = re.compile(r"[0-9]+(\.[0-9]+){3}")
TOO_MANY = (
    "While 16 rules and 64 matches per rule are allowed, the total number of matches across all rules in a route must be "
    "less than 128"
)


def http_route(route: HTTPRoute) -> None:
    _head(route)
    rules = route.spec.rules
    count(rules, 1, 16, "spec.rules")
    for index, one in enumerate(rules):
        path = f"spec.rules[{index}]"
        count(one.matches, 0, 64, f"{path}.matches")
        for at, match in enumerate(one.matches):
            _http_match(match, f"{path}.matches[{at}]")
        filters(one.filters, f"{path}.filters")
        _backends(one.backend_refs, f"{path}.backendRefs")
        _timeouts(one, f"{path}.timeouts")
        _http_rule(one, path)
    _named_once(rules)
    total = sum(len(one.matches) for one in rules)
    rule(total <= 128, "spec.rules", f"it has {total} matches", TOO_MANY)


def _head(route: HTTPRoute | GRPCRoute | TLSRoute | TCPRoute | UDPRoute) -> None:
    words.dated(route.metadata)
    _parents(route.spec.parent_refs)
    hostnames = () if isinstance(route, TCPRoute | UDPRoute) else route.spec.hostnames
    if not isinstance(route, TLSRoute):
        count(hostnames, 0, 16, "spec.hostnames")
    for index, host in enumerate(hostnames):
        pattern(host, words.HOSTNAME, f"spec.hostnames[{index}]")
    rules: tuple[HTTPRule | GRPCRule | StreamRule, ...] = route.spec.rules
    for index, one in enumerate(rules):
        if one.name:
            pattern(one.name, words.SECTION, f"spec.rules[{index}].name")


def _named_once(rules: tuple) -> None:
    names = [one.name for one in rules if one.name]
    twice = next((one for one in names if names.count(one) > 1), "")
    rule(not twice, "spec.rules", f"two have the name {shown(twice)}", "Rule name must be unique within the route")


def _parents(parents: tuple[ParentReference, ...]) -> None:
    count(parents, 0, 32, "spec.parentRefs")
    for index, one in enumerate(parents):
        path = f"spec.parentRefs[{index}]"
        words.name(one.name, f"{path}.name")
        pattern(one.group, words.GROUP, f"{path}.group")
        pattern(one.kind, words.KIND, f"{path}.kind")
        if one.namespace:
            pattern(one.namespace, words.NAMESPACE, f"{path}.namespace")
        if one.section_name:
            pattern(one.section_name, words.SECTION, f"{path}.sectionName")
        for other in parents[:index]:
            if (one.group, one.kind, one.namespace, one.name) == (other.group, other.kind, other.namespace, other.name):
                _apart(one, other)


def _apart(one: ParentReference, other: ParentReference) -> None:
    """Two references to one parent must be told apart by the same fields."""
    path, what = "spec.parentRefs", f"it refers twice to {one.kind} {shown(one.name)}"
    same = bool(one.section_name) == bool(other.section_name) and (one.port is None) == (other.port is None)
    behind = "when parentRefs includes 2 or more references to the same parent"
    rule(same, path, what, f"sectionName or port must be specified {behind}")
    differ = one.section_name != other.section_name or one.port != other.port
    rule(differ, path, what, f"sectionName or port must be unique {behind}")


def _http_match(match: HTTPMatch, path: str) -> None:
    _path(match.path, f"{path}.path")
    _headers(match, path)
    count(match.query_params, 0, 16, f"{path}.queryParams")
    for index, one in enumerate(match.query_params):
        pattern(one.name, words.HEADER_NAME, f"{path}.queryParams[{index}].name")
    unique((one.name for one in match.query_params), f"{path}.queryParams", "name")


def _headers(match: HTTPMatch | GRPCMatch, path: str) -> None:
    count(match.headers, 0, 16, f"{path}.headers")
    for index, one in enumerate(match.headers):
        pattern(one.name, words.HEADER_NAME, f"{path}.headers[{index}].name")
    unique((one.name for one in match.headers), f"{path}.headers", "name")


def _path(match: PathMatch, path: str) -> None:
    if match.type == "RegularExpression":
        return
    text, what, when = match.value, f"its value is {shown(match.value)}", "when type one of ['Exact', 'PathPrefix']"
    rule(text.startswith("/"), path, what, f"value must be an absolute path and start with '/' {when}")
    for part in ("//", "/./", "/../", "%2f", "%2F", "#"):
        rule(part not in text, path, what, f"must not contain '{part}' {when}")
    for end in ("/..", "/."):
        rule(not text.endswith(end), path, what, f"must not end with '{end}' {when}")
    message = f"must only contain valid characters (matching ^{_PATH.pattern}$) for types ['Exact', 'PathPrefix']"
    rule(_PATH.fullmatch(text) is not None, path, what, message)


def _http_rule(one: HTTPRule, path: str) -> None:
    redirects = any(each.request_redirect for each in one.filters)
    message = "RequestRedirect filter must not be used together with backendRefs"
    rule(not (redirects and one.backend_refs), path, "it has both", message)
    is_prefix = len(one.matches) == 1 and one.matches[0].path.type == "PathPrefix"
    for named, within, where in (
        ("RequestRedirect", one.filters, "When"),
        ("URLRewrite", one.filters, "When"),
        *(("RequestRedirect", each.filters, "Within backendRefs, when") for each in one.backend_refs),
        *(("URLRewrite", each.filters, "Within backendRefs, When") for each in one.backend_refs),
    ):
        asked = (
            f"{where} using {named} filter with path.replacePrefixMatch, exactly one PathPrefix match must be specified"
        )
        replaced = any(prefix_replaced(each, named) for each in within)
        rule(is_prefix or not replaced, path, "its matches are not one PathPrefix", asked)


def _timeouts(one: HTTPRule, path: str) -> None:
    if one.timeouts is None:
        return
    lengths = {}
    for field, text in (("request", one.timeouts.request), ("backendRequest", one.timeouts.backend_request)):
        if text is not None:
            pattern(text, words.DURATION, f"{path}.{field}")
            lengths[field] = milliseconds(text)
    whole, part = lengths.get("request", 0), lengths.get("backendRequest", 0)
    message = "backendRequest timeout cannot be longer than request timeout"
    rule(not whole or part <= whole, path, f"backendRequest is {one.timeouts.backend_request}", message)


def milliseconds(text: str) -> int:
    """A duration of GEP-2257, such as 1h30m or 500ms."""
    of = {"h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
    return sum(int(number) * of[unit] for number, unit in re.findall(r"([0-9]+)(ms|h|m|s)", text))


def _backends(found: tuple[Backend, ...], path: str) -> None:
    count(found, 0, 16, path)
    for index, one in enumerate(found):
        backend(one, f"{path}[{index}]")
        filters(one.filters, f"{path}[{index}].filters")


def grpc_route(route: GRPCRoute) -> None:
    _head(route)
    count(route.spec.rules, 0, 16, "spec.rules")
    for index, one in enumerate(route.spec.rules):
        path = f"spec.rules[{index}]"
        count(one.matches, 0, 64, f"{path}.matches")
        for at, match in enumerate(one.matches):
            _grpc_match(match, f"{path}.matches[{at}]")
        filters(one.filters, f"{path}.filters", grpc=True)
        _backends(one.backend_refs, f"{path}.backendRefs")
    _named_once(route.spec.rules)
    total = sum(len(one.matches) for one in route.spec.rules)
    rule(total <= 128, "spec.rules", f"it has {total} matches", TOO_MANY)


def _grpc_match(match: GRPCMatch, path: str) -> None:
    _headers(match, path)
    method = match.method
    if method is None:
        return
    at = f"{path}.method"
    both = "One or both of 'service' or 'method' must be specified"
    rule(method.service is not None or method.method is not None, at, "it has neither", both)
    if method.type == "Exact":
        for field, text, form in (("service", method.service, _SERVICE), ("method", method.method, _METHOD)):
            if text:
                message = f"{field} must only contain valid characters (matching ^{form.pattern}$)"
                rule(form.fullmatch(text) is not None, at, f"{field} is {shown(text)}", message)


def tls_route(route: TLSRoute) -> None:
    """v1 asks for a hostname; the alphas before it did not."""
    _head(route)
    hosts, path = route.spec.hostnames, "spec.hostnames"
    is_v1 = route.api_version.endswith("/v1")
    count(hosts, 1 if is_v1 else 0, 1024 if is_v1 else 16, path)
    for host in hosts:
        rule(not _IP.fullmatch(host), path, f"it has {shown(host)}", "Hostnames cannot contain an IP")
    _stream(route.spec.rules, is_v1)


def stream_route(route: TCPRoute | UDPRoute) -> None:
    _head(route)
    _stream(route.spec.rules, route.api_version.endswith("/v1"))


def _stream(rules: tuple[StreamRule, ...], is_v1: bool) -> None:
    count(rules, 1, 1 if is_v1 else 16, "spec.rules")
    for index, one in enumerate(rules):
        path = f"spec.rules[{index}].backendRefs"
        count(one.backend_refs, 1 if is_v1 else 0, 16, path)
        for at, each in enumerate(one.backend_refs):
            backend(each, f"{path}[{at}]")
            if each.filters:
                raise Wrong(f"{path}[{at}].filters", "it is there", "unknown field: a connection has no filters")
