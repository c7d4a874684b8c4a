"""Which routes are attached to which listeners, and why others are not.

apis/v1/shared_types.go (ParentReference), gateway_types.go (AllowedRoutes), httproute_types.go (Hostnames); the reasons are
those of a route's condition `Accepted`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from ..api.gateway import GROUP
from ..api.routes import GRPCRoute, HTTPRoute, ParentReference, TCPRoute, TLSRoute, UDPRoute
from .hostnames import intersects, narrowed
from .listeners import Ear, allows
from .request import Attachment
from .written.words import moment

Route = HTTPRoute | GRPCRoute | TLSRoute | TCPRoute | UDPRoute
# Which of two reasons says more: the one that a listener gave further on the way.
FAR = ("NoMatchingParent", "NotAllowedByListeners", "NoMatchingListenerHostname", "Accepted")
Taken = dict[int, list[Route]]  # the place of a listener among its Gateway's -> its routes


def age(route: Route) -> tuple:
    """Of two equal routes the older one wins, then the first by namespace/name. Without a time it was made just now."""
    made = moment(route.metadata.creation_timestamp)
    return (made is None, made.timestamp() if made else 0.0, "/".join(route.key))


def hostnames(route: Route) -> tuple[str, ...]:
    return () if isinstance(route, TCPRoute | UDPRoute) else route.spec.hostnames


def shared(ear: Ear, route: Route) -> tuple[str, ...]:
    """The hostnames that a listener and a route have in common; ("",) stands for all names."""
    wanted = hostnames(route) or ("",)
    return tuple(narrowed(one, ear.hostname) for one in wanted if intersects(one, ear.hostname))


def refers(ref: ParentReference, route: Route, owner: str) -> bool:
    """Whether a parentRef means this Gateway or ListenerSet."""
    return ref.group == GROUP and f"{ref.kind} {ref.namespace or route.metadata.namespace}/{ref.name}" == owner


def attached(
    routes: Iterable[Route], found: Sequence[Ear], labels: dict[str, dict[str, str]]
) -> tuple[Taken, list[Attachment], list[str]]:
    """The routes of every listener; an Attachment for every parentRef that means one of them; what nobody can be sure of."""
    owners = {ear.owner for ear in found}
    taken: Taken = {at: [] for at in range(len(found))}
    rows: list[tuple[Route, ParentReference, list[int], str, str]] = []
    unsure: list[str] = []
    for route in routes:
        for ref in route.spec.parent_refs:
            owner = f"{ref.kind} {ref.namespace or route.metadata.namespace}/{ref.name}"
            if ref.group == GROUP and owner in owners:
                places, reason, says, doubts = _of_parent(route, ref, owner, found, labels)
                rows.append((route, ref, places, reason, says))
                unsure += doubts
                for at in places:
                    if not (taken[at] and taken[at][-1] is route):
                        taken[at].append(route)
    lost = _one_kind(taken, found)
    return taken, [_row(*row, found, lost) for row in rows], unsure


def _of_parent(
    route: Route, ref: ParentReference, owner: str, found: Sequence[Ear], labels: dict[str, dict[str, str]]
) -> tuple[list[int], str, str, list[str]]:
    """Where a parentRef attaches; else the reason of the listener that came closest."""
    places: list[int] = []
    best = ("NoMatchingParent", _no_section(ref, owner))
    doubts: list[str] = []
    for at, ear in enumerate(found):
        if ear.owner != owner or (ref.section_name and ref.section_name != ear.name):
            continue
        if ref.port is not None and ref.port != ear.listener.port:
            continue
        reason, says, sure = _by_listener(route, ear, labels)
        if not sure:
            doubts.append(f"{route}: {says}")
        if reason == "Accepted":
            places.append(at)
        if FAR.index(reason) > FAR.index(best[0]):
            best = (reason, says)
    return places, *best, doubts


def _no_section(ref: ParentReference, owner: str) -> str:
    wanted = [f"is called {ref.section_name}"] if ref.section_name else []
    wanted += [f"has port {ref.port}"] if ref.port is not None else []
    return f"no listener of {owner} {' and '.join(wanted)}" if wanted else f"{owner} has no listener"


def _by_listener(route: Route, ear: Ear, labels: dict[str, dict[str, str]]) -> tuple[str, str, bool]:
    """One listener's answer: the reason, a sentence, and whether it is sure."""
    kind, home = type(route).__name__, route.metadata.namespace
    if kind not in ear.kinds:
        takes = " and ".join(ear.kinds) or "no route"
        return "NotAllowedByListeners", f"listener {ear.name} ({ear.protocol}) takes {takes}, not {kind}", True
    allowed = ear.listener.allowed_routes.namespaces
    may = allows(allowed, ear.namespace, home, labels, "Same")
    if not may:
        whom = {"Selector": "the namespaces that its selector picks"}.get(allowed.from_, f"namespace {ear.namespace}")
        told = f"listener {ear.name} takes routes of {whom} only, not of {home}"
        return "NotAllowedByListeners", told, may is not None
    if not shared(ear, route):
        named = ", ".join(hostnames(route))
        told = f"listener {ear.name} is for {ear.hostname}; the route is for {named}"
        return "NoMatchingListenerHostname", told, True
    return "Accepted", f"listener {ear.name} takes it", True


def _one_kind(taken: Taken, found: Sequence[Ear]) -> dict[tuple[str, int], str]:
    """HTTPRoutes and GRPCRoutes that share a hostname on one listener: the older route stays, the other is not accepted."""
    lost: dict[tuple[str, int], str] = {}
    for at, rows in taken.items():
        if len({type(route) for route in rows}) < 2 or found[at].protocol not in ("HTTP", "HTTPS"):
            continue
        kept: list[Route] = []
        for route in sorted(rows, key=age):
            mine = shared(found[at], route)
            rival = next((one for one in kept if type(one) is not type(route) and _meet(mine, found[at], one)), None)
            if rival is None:
                kept.append(route)
            else:
                lost[str(route), at] = f"{rival} is older, of another kind, and has a hostname in common"
        taken[at] = [route for route in rows if (str(route), at) not in lost]
    return lost


def _meet(mine: tuple[str, ...], ear: Ear, other: Route) -> bool:
    return any(intersects(one, two) for one in mine for two in shared(ear, other))


def _row(
    route: Route,
    ref: ParentReference,
    places: list[int],
    reason: str,
    says: str,
    found: Sequence[Ear],
    lost: dict[tuple[str, int], str],
) -> Attachment:
    stay = [at for at in places if (str(route), at) not in lost]
    if places and not stay:
        reason, says = "NotAllowedByListeners", lost[str(route), places[0]]
    elif stay:
        says = f"taken by listener {', '.join(found[at].name for at in stay)}"
        ignored = [host for host in hostnames(route) if not any(intersects(host, found[at].hostname) for at in stay)]
        says += f"; {', '.join(ignored)} lies outside and is ignored" if ignored else ""
    parent = f"{ref.kind} {ref.namespace or route.metadata.namespace}/{ref.name}"
    parent += f" section {ref.section_name}" if ref.section_name else ""
    parent += f" port {ref.port}" if ref.port is not None else ""
    return Attachment(str(route), parent, tuple(str(found[at]) for at in stay), reason, says)


def elsewhere(routes: Iterable[Route], owners: set[str]) -> list[Attachment]:
    """Routes that want what is not among the files, or nothing at all."""
    rows = []
    for route in routes:
        if not route.spec.parent_refs:
            told = "it has no parentRefs, so it is attached to nothing"
            rows.append(Attachment(str(route), "", (), "NoMatchingParent", told))
        for ref in route.spec.parent_refs:
            owner = f"{ref.kind} {ref.namespace or route.metadata.namespace}/{ref.name}"
            if ref.group != GROUP or ref.kind not in ("Gateway", "ListenerSet"):
                told = f"its parent is a {ref.kind}, which is a mesh's affair and is not followed here"
                rows.append(Attachment(str(route), owner, (), "", told))
            elif owner not in owners:
                rows.append(Attachment(str(route), owner, (), "NoMatchingParent", f"there is no {owner}"))
    return rows


def by_age(routes: Iterable[Route]) -> list[Route]:
    """Each once, the oldest first."""
    ordered = sorted(routes, key=lambda route: (age(route), str(route)))
    return [next(group) for _, group in groupby(ordered, key=str)]
