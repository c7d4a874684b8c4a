"""A request as a proxy sees it, and what comes of it."""

from urllib.parse import parse_qsl

from msgspec import Struct

from .hostnames import spoken


class Request(Struct, frozen=True):
    """What a client asks. `path` has its query behind it. `sni`: the name in the TLS handshake, "" for the same as `host`.

    Headers are pairs, in their order; letters of their names may be large or small.
    """

    host: str
    path: str = "/"
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    port: int = 0
    tls: bool = False
    sni: str = ""

    @property
    def name(self) -> str:
        """The hostname without port, in small letters."""
        return spoken(self.host)

    @property
    def sni_name(self) -> str:
        return spoken(self.sni) if self.sni else self.name

    @property
    def bare_path(self) -> str:
        """The path without its query."""
        return self.path.partition("?")[0]

    @property
    def query(self) -> str:
        """The query with its question mark, or ""."""
        _, mark, rest = self.path.partition("?")
        return mark + rest

    def header(self, name: str) -> str | None:
        """A header's value; of one that is repeated, all values (RFC 9110 section 5.3)."""
        found = [value for each, value in self.headers if each.lower() == name.lower()]
        return ",".join(found) if found else None

    def parameters(self) -> dict[str, str]:
        """Query parameters; of one that is repeated, its first value, as the specification recommends."""
        found: dict[str, str] = {}
        for name, value in parse_qsl(self.query[1:], keep_blank_values=True):
            found.setdefault(name, value)
        return found

    @property
    def is_grpc(self) -> bool:
        return (self.header("content-type") or "").startswith("application/grpc")


class Reference(Struct, frozen=True):
    """A backend that a rule names, followed as far as it leads. `reason` is "" where it is sound."""

    kind: str
    namespace: str
    name: str
    port: int
    where: str  # spec.rules[0].backendRefs[1]
    weight: int = 1
    reason: str = ""  # InvalidKind, BackendNotFound, RefNotPermitted, ... in the API's words; NoEndpoints is ours
    says: str = ""
    status: int = 200  # what a client is answered who is led there: 200, 500, 503
    certain: bool = True

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}:{self.port}"


class Attachment(Struct, frozen=True):
    """A route and one of its parents: the listeners that take it, and why others do not."""

    route: str  # "HTTPRoute default/shop"
    parent: str  # "Gateway infra/edge", with its section and port where they are named
    listeners: tuple[str, ...]
    reason: str  # Accepted, NotAllowedByListeners, NoMatchingListenerHostname, NoMatchingParent, NotAllowed...
    says: str

    @property
    def attached(self) -> bool:
        return bool(self.listeners)


class Lost(Struct, frozen=True):
    """A rule that fits the request too, and why another was preferred."""

    route: str
    rule: int
    match: int
    says: str


class Share(Struct, frozen=True):
    """A backend with its part of the requests."""

    to: Reference
    probability: float


class Answer(Struct, frozen=True, kw_only=True):
    """What a client is answered, and why. `status` 0: no HTTP answer at all."""

    door: str
    verdict: str  # forwarded, redirected, answered (by the proxy itself), refused, reset
    status: int
    says: str
    listener: str = ""
    route: str = ""
    rule: int = -1
    match: int = -1
    because: str = ""
    over: tuple[Lost, ...] = ()
    shares: tuple[Share, ...] = ()
    backend: Reference | None = None
    forwarded: Request | None = None
    location: str = ""
    mirrors: tuple[Share, ...] = ()
    response_headers: tuple[tuple[str, str, str], ...] = ()  # what is done, the header, the value
    grpc_status: str = ""
    hangs_on: tuple[str, ...] = ()

    @property
    def certain(self) -> bool:
        return not self.hangs_on
