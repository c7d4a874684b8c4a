"""What a Gateway does with a request: the listener that hears it, the rule that wins, the backend, the answer.

The order is the specification's (apis/v1/gateway_types.go, httproute_types.go). What implementations may do as they like makes an
answer uncertain, and says so (`hangs_on`).
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from ...linux.namespace.choices import Choices
from ..api.routes import Backend, Filter, GRPCRoute, StreamRule, TCPRoute
from .attach import Route, by_age
from .backends import Behind, Referrer
from .filters import applied, location, redirect, response_changes, strange
from .hostnames import covers, specific
from .listeners import Ear, heard_by
from .matches import REGEX, Fit, best_hostname, fits_of, preferred
from .request import Answer, Lost, Reference, Request, Share

NOT_FOUND = "404: no rule of a route that is attached here fits the request"
UNAVAILABLE, UNIMPLEMENTED = "14 UNAVAILABLE", "12 UNIMPLEMENTED"


def decided(
    door: str, found: Sequence[Ear], taken: dict[int, list[Route]], behind: Behind, request: Request, choices: Choices
) -> Answer:
    """The answer of one Gateway. `taken`: the routes of each listener, by its place in `found`."""
    ear = heard_by(found, request.port, request.tls, request.sni_name if request.tls else request.name)
    if ear is None:
        return _unheard(door, found, request)
    routes = by_age(taken[found.index(ear)])
    if ear.protocol in ("TCP", "TLS"):
        return _stream(door, ear, routes, behind, request, choices)
    misdirected = _misdirected(found, ear, request)
    if misdirected:
        return Answer(door=door, verdict="answered", listener=str(ear), **misdirected)
    fits, doubts = fits_of(routes, ear, request)
    if not fits:
        kinds = {type(route) for route in routes}
        grpc = UNIMPLEMENTED if request.is_grpc and kinds <= {GRPCRoute} else ""
        status = 200 if grpc else 404
        return Answer(
            door=door, verdict="answered", status=status, says=f"gRPC status {grpc}" if grpc else NOT_FOUND,
            listener=str(ear), grpc_status=grpc, hangs_on=tuple(doubts),
        )  # fmt: skip
    fits.sort(key=lambda fit: fit.order)
    answer = _led(door, ear, fits[0], behind, request, choices)
    lost = tuple(Lost(str(fit.route), fit.rule, fit.match, preferred(fits[0], fit)) for fit in fits[1:])
    because = f"{preferred(fits[0], fits[1])}" if lost else "no other rule fits"
    return replace(answer, over=lost, because=because, hangs_on=(*answer.hangs_on, *doubts, *_regular(fits)))


def _regular(fits: Sequence[Fit]) -> tuple[str, ...]:
    """Where a regular expression stands among path matches is left to each implementation."""
    first, place = fits[0], 2
    rivals = [fit for fit in fits[1:] if fit.counts[:place] == first.counts[:place]]
    if isinstance(first.route, GRPCRoute) or not rivals or first.counts[place] != REGEX:
        return ()
    return (f"the place of a regular expression among other path matches: {rivals[0].route} fits too",)


def _unheard(door: str, found: Sequence[Ear], request: Request) -> Answer:
    """No listener takes it. Where the port is open for other names, HTTP has an answer for that; a TLS client is let down."""
    wanted = ("HTTPS", "TLS", "TCP") if request.tls else ("HTTP", "TCP")
    here = [ear for ear in found if ear.listener.port == request.port]
    listening = [ear for ear in here if not ear.refused and ear.protocol in wanted]
    broken = tuple(f"{ear}: {ear.refused}" for ear in here if ear.refused)
    if listening and request.tls:
        name = request.sni_name
        says = (
            f"no listener on port {request.port} is for {name}: the TLS handshake ends with an alert, or the connection"
        )
        return Answer(door=door, verdict="reset", status=0, says=f"{says} is closed{_more(broken)}")
    if listening:
        says = f"404: no listener on port {request.port} is for {request.name}{_more(broken)}"
        return Answer(door=door, verdict="answered", status=404, says=says)
    if any(not ear.refused for ear in here):
        other = "TLS" if not request.tls else "plain HTTP"
        says = f"port {request.port} is for {', '.join(sorted({ear.protocol for ear in here}))}: it cannot read {other}"
        speaks = "TLS" if request.tls else "HTTP"
        return Answer(door=door, verdict="reset", status=0, says=says.replace(f"read {other}", f"read {speaks}"))
    open_ports = sorted({ear.listener.port for ear in found if not ear.refused})
    says = f"nobody listens on port {request.port}; open: {', '.join(map(str, open_ports)) or 'none'}{_more(broken)}"
    return Answer(door=door, verdict="refused", status=0, says=says)


def _more(broken: tuple[str, ...]) -> str:
    return f" ({'; '.join(broken)})" if broken else ""


def _misdirected(found: Sequence[Ear], ear: Ear, request: Request) -> dict:
    """TLS was agreed under a name of one listener, and the Host is another's: 421 (RFC 9110 section 15.5.20)."""
    if not request.tls or request.sni_name == request.name:
        return {}
    other = heard_by([one for one in found if one.protocol == "HTTPS"], request.port, True, request.name)
    if other is not None and other is not ear:
        says = (
            f"421: TLS was agreed for {request.sni_name}, and the request is for {request.name}, which {other} is for"
        )
        return {"status": 421, "says": says}
    if not covers(ear.hostname, request.name):
        return {
            "status": 404,
            "says": f"404: listener {ear.name} is for {ear.hostname}, and no other is for {request.name}",
        }
    return {}


def _led(door: str, ear: Ear, fit: Fit, behind: Behind, request: Request, choices: Choices) -> Answer:
    """The rule has won: what its filters and backends make of the request."""
    rule = fit.route.spec.rules[fit.rule]
    assert not isinstance(rule, StreamRule)  # connections have no rules that requests could fit
    filters: tuple[Filter, ...] = rule.filters
    base = Answer(
        door=door, verdict="answered", status=500, says="", listener=str(ear), route=str(fit.route), rule=fit.rule,
        match=fit.match, hangs_on=(*fit.doubts, *strange(filters)),
    )  # fmt: skip
    prefix = _prefix(fit)
    moved = _redirected(base, filters, ear, request, prefix)
    if moved is not None:
        return moved
    source, path = Referrer(type(fit.route).__name__, fit.route.metadata.namespace), f"spec.rules[{fit.rule}]"
    refs = [behind.resolve(source, one, f"{path}.backendRefs[{at}]") for at, one in enumerate(rule.backend_refs)]
    shares = shared_out(refs)
    base = replace(base, shares=shares, mirrors=_mirrors(filters, source, path, behind))
    if not shares:
        what = "its backends all have weight 0" if refs else "it names no backend"
        return _failed(base, 500, f"500: the rule fits, and {what}")
    chosen = picked(shares, choices)
    own: Backend = rule.backend_refs[refs.index(chosen)]
    if chosen.status != 200:
        doubt = () if chosen.certain else (f"{chosen}: {chosen.says}",)
        failed = _failed(replace(base, backend=chosen), chosen.status, f"{chosen.status}: {chosen.says}")
        return replace(failed, hangs_on=(*failed.hangs_on, *doubt))
    moved = _redirected(replace(base, backend=chosen), own.filters, ear, request, prefix)
    if moved is not None:
        return moved
    sent = applied((*filters, *own.filters), request, prefix)
    return replace(
        base, verdict="forwarded", status=200, says=f"forwarded to {chosen}", backend=chosen, forwarded=sent,
        response_headers=tuple(response_changes((*filters, *own.filters))),
        mirrors=(*base.mirrors, *_mirrors(own.filters, source, chosen.where, behind)),
        hangs_on=(*base.hangs_on, *strange(own.filters)),
    )  # fmt: skip


def _failed(base: Answer, status: int, says: str) -> Answer:
    """A gRPC client is told in its own way: HTTP 200, and a status of gRPC behind it."""
    if base.route.startswith("GRPCRoute"):
        return replace(base, status=200, grpc_status=UNAVAILABLE, says=f"gRPC status {UNAVAILABLE}: {says[5:]}")
    return replace(base, status=status, says=says)


def _prefix(fit: Fit) -> str:
    rule = fit.route.spec.rules[fit.rule]
    matches = getattr(rule, "matches", ())
    match = matches[fit.match] if fit.match < len(matches) else None
    path = getattr(match, "path", None)
    return path.value if path is not None and path.type == "PathPrefix" else ""


def _redirected(base: Answer, filters: tuple[Filter, ...], ear: Ear, request: Request, prefix: str) -> Answer | None:
    found = redirect(filters)
    if found is None:
        return None
    to = location(found, request, prefix, "https" if request.tls else "http", ear.listener.port)
    changes = tuple(response_changes(filters))
    says = f"{found.status_code}: the client is sent to {to}"
    return replace(
        base, verdict="redirected", status=found.status_code, says=says, location=to, response_headers=changes
    )


def shared_out(refs: Sequence[Reference]) -> tuple[Share, ...]:
    """Each backend's part: its weight among all weights. One of weight 0 gets nothing; one that is broken keeps its part."""
    whole = sum(one.weight for one in refs)
    return tuple(Share(one, one.weight / whole) for one in refs if one.weight) if whole else ()


def picked(shares: Sequence[Share], choices: Choices) -> Reference:
    """One backend, by its weight."""
    left = 1.0
    for share in shares[:-1]:
        if choices.happens(("backend", share.to.where), share.probability / left):
            return share.to
        left -= share.probability
    return shares[-1].to


def _mirrors(filters: tuple[Filter, ...], source: Referrer, path: str, behind: Behind) -> tuple[Share, ...]:
    """Who gets a copy. A reference that leads nowhere is left out, which nobody hears of."""
    found = []
    for at, one in enumerate(filters):
        mirror = one.request_mirror
        if mirror is None:
            continue
        to = behind.resolve(source, mirror.backend_ref, f"{path}.filters[{at}].requestMirror.backendRef")
        part = 1.0 if mirror.percent is None else mirror.percent / 100
        if mirror.fraction is not None:
            part = mirror.fraction.numerator / mirror.fraction.denominator
        found.append(Share(to, part))
    return tuple(found)


def _stream(door: str, ear: Ear, routes: list[Route], behind: Behind, request: Request, choices: Choices) -> Answer:
    """Connections, not requests: by the TLS name, or all of them. What leads nowhere is closed, not answered."""
    fitting = [(best_hostname(route, ear, request.sni_name), at, route) for at, route in enumerate(routes)]
    named = [(specific(host), -at, route) for host, at, route in fitting if host is not None]
    base = Answer(door=door, verdict="reset", status=0, says="", listener=str(ear))
    if not named:
        return replace(
            base, says=f"no route of listener {ear.name} is for {request.sni_name}: the connection is closed"
        )
    route = max(named, key=lambda row: row[:2])[2]
    source = Referrer(type(route).__name__, route.metadata.namespace)
    refs = [
        behind.resolve(source, one, f"spec.rules[0].backendRefs[{at}]")
        for at, one in enumerate(route.spec.rules[0].backend_refs)
    ]
    shares = shared_out(refs)
    base = replace(base, route=str(route), rule=0, shares=shares)
    chosen = picked(shares, choices) if shares else None
    if chosen is None or chosen.status != 200:
        why = chosen.says if chosen else "the route names no backend with a weight"
        return replace(base, backend=chosen, says=f"the connection is closed: {why}")
    opened = "unopened" if ear.passes or isinstance(route, TCPRoute) else "after TLS has ended here"
    return replace(base, verdict="forwarded", backend=chosen, says=f"forwarded to {chosen}, {opened}")
