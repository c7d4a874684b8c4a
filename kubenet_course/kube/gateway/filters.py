"""What filters make of a request: headers, host and path changed, a redirect, copies for others.

apis/v1/httproute_types.go, HTTPRouteFilter and what it holds.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from ..api.routes import Filter, HeaderFilter, PathModifier, RedirectFilter
from .request import Request

WELL_KNOWN = {"http": 80, "https": 443}
Headers = tuple[tuple[str, str], ...]


def header_changes(one: HeaderFilter) -> list[tuple[str, str, str]]:
    """What a modifier does: (set, add or remove; the header; the value). Of equal names only the first counts."""
    found: list[tuple[str, str, str]] = []
    for what, rows in (("set", one.set), ("add", one.add)):
        seen: set[str] = set()
        for each in rows:
            if each.name.lower() not in seen:
                seen.add(each.name.lower())
                found.append((what, each.name, each.value))
    return found + [("remove", name, "") for name in one.remove]


def changed(headers: Headers, one: HeaderFilter) -> Headers:
    """Headers after a modifier. What is added is appended to the value that is there, behind a comma."""
    for what, name, value in header_changes(one):
        old = [text for each, text in headers if each.lower() == name.lower()]
        at = next((place for place, (each, _) in enumerate(headers) if each.lower() == name.lower()), len(headers))
        rest = [pair for pair in headers if pair[0].lower() != name.lower()]
        if what != "remove":
            rest.insert(min(at, len(rest)), (name, ",".join([*old, value]) if what == "add" else value))
        headers = tuple(rest)
    return headers


def modified(path: str, modifier: PathModifier | None, prefix: str) -> str:
    """A path (with its query) after a modifier. `prefix`: the PathPrefix that it matched."""
    if modifier is None:
        return path
    bare, mark, query = path.partition("?")
    if modifier.type == "ReplaceFullPath":
        made = modifier.replace_full_path or ""
    else:
        rest = bare[len(prefix.rstrip("/")) :]
        made = (modifier.replace_prefix_match or "").rstrip("/") + rest
    return (made if made.startswith("/") else f"/{made}") + mark + query


def location(one: RedirectFilter, request: Request, prefix: str, scheme: str, port: int) -> str:
    """The Location of a redirect. `scheme` and `port` are the listener's; a port that the scheme implies is left out."""
    to = one.scheme or scheme
    number = one.port or (WELL_KNOWN.get(one.scheme, port) if one.scheme else port)
    shown = "" if WELL_KNOWN.get(to) == number else f":{number}"
    return f"{to}://{one.hostname or request.name}{shown}{modified(request.path, one.path, prefix)}"


def redirect(filters: Iterable[Filter]) -> RedirectFilter | None:
    return next((one.request_redirect for one in filters if one.request_redirect is not None), None)


def applied(filters: Iterable[Filter], request: Request, prefix: str) -> Request:
    """The request as it is sent on. Its Host header stays as it is, unless a filter rewrites it."""
    for one in filters:
        if one.request_header_modifier is not None:
            request = replace(request, headers=changed(request.headers, one.request_header_modifier))
        if one.url_rewrite is not None:
            path = modified(request.path, one.url_rewrite.path, prefix)
            request = replace(request, path=path, host=one.url_rewrite.hostname or request.host)
    return request


def response_changes(filters: Iterable[Filter]) -> list[tuple[str, str, str]]:
    """What is done to the headers of the answer."""
    modifiers = [one.response_header_modifier for one in filters if one.response_header_modifier is not None]
    return [change for one in modifiers for change in header_changes(one)]


def strange(filters: Iterable[Filter]) -> tuple[str, ...]:
    """Filters that each implementation, or a program outside, decides about."""
    found = []
    for one in filters:
        if one.extension_ref is not None:
            ref = one.extension_ref
            found.append(f"the filter {ref.kind} {ref.name} of {ref.group} is known to some implementations only")
        if one.external_auth is not None:
            found.append("a program outside is asked for leave (ExternalAuth)")
    return tuple(found)
