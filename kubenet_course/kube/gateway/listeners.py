"""The listeners of a Gateway, its ListenerSets' among them: which are accepted, what may attach, who hears a request."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from ..api.gateway import GROUP, FromNamespaces, Gateway, Listener, ListenerSet
from ..policy.judge.selector import NAME_LABEL, selector
from .backends import Behind, Referrer
from .hostnames import covers, specific

CORE_KINDS = {
    "HTTP": ("HTTPRoute", "GRPCRoute"),
    "HTTPS": ("HTTPRoute", "GRPCRoute"),
    "TLS": ("TLSRoute", "TCPRoute"),
    "TCP": ("TCPRoute",),
    "UDP": ("UDPRoute",),
}
STREAMS = ("HTTP", "HTTPS", "TLS", "TCP")  # what shares the ports of TCP
TOGETHER = {"HTTPS", "TLS"}  # both begin with a ClientHello, so one port can serve both by the name in it


class Ear(Struct, frozen=True):
    """A listener with what is made of it. `refused`: why it takes no connection; "" where it does.

    `kinds`: the routes that may attach; `broken`: kinds that it allows and that its protocol cannot carry.
    """

    owner: str  # "Gateway infra/edge" or "ListenerSet infra/more"
    namespace: str
    listener: Listener
    kinds: tuple[str, ...]
    refused: str = ""
    broken: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.listener.name

    @property
    def protocol(self) -> str:
        return self.listener.protocol.upper()

    @property
    def hostname(self) -> str:
        return self.listener.hostname or ""

    @property
    def passes(self) -> bool:
        """Whether TLS goes through it unopened."""
        return self.protocol == "TLS" and self.listener.tls is not None and self.listener.tls.mode == "Passthrough"

    def __str__(self) -> str:
        return f"{self.owner} listener {self.name}"


def ears(gateway: Gateway, sets: Iterable[ListenerSet], behind: Behind) -> tuple[Ear, ...]:
    """All listeners of a Gateway, in the order of precedence: its own, then those of its ListenerSets, the oldest first."""
    found = [_ear(str(gateway), "Gateway", gateway.metadata.namespace, one, behind) for one in gateway.spec.listeners]
    for one in sorted(sets, key=lambda one: (one.metadata.creation_timestamp or "9", *one.key)):
        found += [_ear(str(one), "ListenerSet", one.metadata.namespace, each, behind) for each in one.spec.listeners]
    return tuple(_apart(at, found) for at in range(len(found)))


def _ear(owner: str, kind: str, namespace: str, one: Listener, behind: Behind) -> Ear:
    core = CORE_KINDS.get(one.protocol.upper())
    if core is None:
        return Ear(owner, namespace, one, (), f"UnsupportedProtocol: no core protocol is called {one.protocol}")
    wanted = one.allowed_routes.kinds
    kinds = tuple(kind for kind in core if not wanted or any((k.group, k.kind) == (GROUP, kind) for k in wanted))
    broken = tuple(k.kind for k in wanted if k.group != GROUP or k.kind not in core)
    return Ear(owner, namespace, one, kinds, _certificate(kind, namespace, one, behind), broken)


def _certificate(kind: str, namespace: str, one: Listener, behind: Behind) -> str:
    """Why a listener that ends TLS cannot: its certificate is nowhere, or another namespace's without a grant."""
    protocol = one.protocol.upper()
    ends = protocol == "HTTPS" or (protocol == "TLS" and one.tls is not None and one.tls.mode != "Passthrough")
    if not ends:
        return ""
    refs = one.tls.certificate_refs if one.tls else ()
    if not refs:
        has_options = one.tls is not None and bool(one.tls.options)
        return "" if has_options else "InvalidCertificateRef: it names no certificate"
    problems = []
    for ref in refs:
        at = ref.namespace or namespace
        if (ref.group, ref.kind) != ("", "Secret"):
            problems.append(f"InvalidCertificateRef: {ref.kind} {ref.name} is no Secret")
        elif not behind.permits(Referrer(kind, namespace), "Secret", at, ref.name):
            told = f"no ReferenceGrant in namespace {at} lets {kind}s of {namespace} refer to Secret {ref.name}"
            problems.append(f"RefNotPermitted: {told}")
    return problems[0] if len(problems) == len(refs) else ""


def _apart(at: int, found: list[Ear]) -> Ear:
    """A listener that cannot be told from another is not accepted: neither of two of one Gateway, the later of two owners."""
    one = found[at]
    for place, other in enumerate(found):
        rival = place != at and (other.owner == one.owner or place < at)
        why = _conflict(one, other) if rival else ""
        if why:
            return Ear(one.owner, one.namespace, one.listener, one.kinds, f"{why} with {other}", one.broken)
    return one


def _conflict(one: Ear, other: Ear) -> str:
    if one.listener.port != other.listener.port:
        return ""
    if one.protocol == other.protocol:
        nameless = one.protocol in ("TCP", "UDP")
        return "HostnameConflict" if nameless or one.hostname == other.hostname else ""
    if not {one.protocol, other.protocol} <= set(STREAMS):
        return ""
    if {one.protocol, other.protocol} == TOGETHER and one.hostname != other.hostname:
        return ""
    return "ProtocolConflict"


def allows(found: FromNamespaces, own: str, other: str, labels: dict[str, dict[str, str]], default: str) -> bool | None:
    """Whether something of namespace `other` may attach to what stands in `own`. None: labels would say, and nobody knows them."""
    match found.from_ or default:
        case "All":
            return True
        case "None":
            return False
        case "Selector":
            if found.selector is None:
                return False
            chosen = selector(found.selector)
            if other not in labels:
                return chosen.fits_unknown(other)
            return chosen.fits({**labels[other], NAME_LABEL: other})
    return own == other


def heard_by(found: Iterable[Ear], port: int, tls: bool, name: str) -> Ear | None:
    """The one listener that takes a connection: of those on the port whose hostname fits, the most specific.

    A TLS client says the name in its handshake; a listener of TCP, or one that passes TLS on, may hear it too.
    """
    wanted = ("HTTPS", "TLS", "TCP") if tls else ("HTTP", "TCP")
    fitting = [
        ear
        for ear in found
        if not ear.refused and ear.listener.port == port and ear.protocol in wanted and covers(ear.hostname, name)
    ]
    return max(fitting, key=lambda ear: specific(ear.hostname), default=None)
