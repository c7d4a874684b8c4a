"""Chapter 11: which rule answers a request, and who it was that answered."""

from __future__ import annotations

from functools import lru_cache

from msgspec import Struct

from ....data import data
from ....kube.gateway.doors import Doors, doors_of
from ....views.outside.answers import asking, attachments, routed
from ...questions.kinds import Slip, Value
from ...questions.kinds_lists import Choose, Statement
from ...questions.reading import one_of
from .. import Chance, defined

SHOP = str(data("gateways/shop.yaml"))
NOBODY = "nobody: 404"


@lru_cache(maxsize=64)
def with_routes(text: str) -> Doors:
    """The shop of the chapter with further manifests."""
    return doors_of([SHOP], text) if text else doors_of([SHOP])


def route(name: str, host: str, rules: str, made: str = "") -> str:
    """An HTTPRoute of namespace shop."""
    when = f", creationTimestamp: {made}" if made else ""
    return f"""apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: {name}, namespace: shop{when}}}
spec:
  parentRefs: [{{name: edge, namespace: infra}}]
  hostnames: ["{host}"]
  rules:
{rules}"""


def leads(backend: str, path: str, kind: str = "PathPrefix", more: str = "") -> str:
    """One rule of a route."""
    return f"""  - matches: [{{path: {{type: {kind}, value: {path}}}{more}}}]
    backendRefs: [{{name: {backend}, port: 80}}]
"""


class Ask(Struct, frozen=True):
    """Routes, a request, the belief that leads elsewhere and why it is so. Backends are web and cart."""

    routes: str
    request: str
    belief: int
    because: str
    hint: str


def _questions(host: str, word: str) -> tuple[Ask, ...]:
    other = f"{word}s"
    beta = ', headers: [{name: beta, value: "yes"}]'
    first, second = route("a", host, leads("web", f"/{word}")), route("b", host, leads("cart", f"/{word}"))
    old, new = "2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z"
    return (
        Ask(route("r", host, leads("web", f"/{word}") + leads("cart", f"/{word}/old")), f"{host}/{word}/old/7", 212,
            "Of two prefixes that fit, the longer one wins.", "Both prefixes fit. What does the specification count?"),
        Ask(route("r", host, leads("web", f"/{word}", "Exact") + leads("cart", f"/{word}/a")), f"{host}/{word}/", 213,
            "Exact means the very same text. The slash at the end makes it another path, and no other rule fits.",
            "Compare the path with each rule letter by letter."),
        Ask(route("r", host, leads("web", f"/{word}", more=beta) + leads("cart", f"/{word}/a")), f"{host}/{word}/a beta=yes", 212,
            "A longer path counts more than a header.", "Both rules fit. Which comes first in the list: the path or the header?"),
        Ask(route("r", host, leads("web", f"/{word}")), f"{host}/{other}", 213,
            "A prefix is compared element by element. These are two different elements.",
            "Split both paths at their slashes, and compare the parts."),
        Ask(f"{route('a', '*.example.com', leads('web', f'/{word}', 'Exact'))}---\n{route('b', host, leads('cart', '/'))}",
            f"{host}/{word}", 212,
            "The hostname is compared before the path. One without a wildcard wins.",
            "The two routes differ in their hostnames. Which of them counts first, the hostname or the path?"),
        Ask(f"{first.replace('namespace: shop', f'namespace: shop, creationTimestamp: {new}', 1)}---\n"
            f"{second.replace('namespace: shop', f'namespace: shop, creationTimestamp: {old}', 1)}",
            f"{host}/{word}", 212, "Both rules are equally specific. Then the older route wins.",
            "Nothing in the rules tells them apart. What is asked next?"),
    )  # fmt: skip


WORDS = ("web", "cart", NOBODY)


@defined("11-rule", "Which backend answers?")
def rule(chance: Chance) -> Value:
    host, word = f"{chance.choice(('api', 'my', 'new'))}.example.com", chance.choice(("item", "order", "list"))
    ask = chance.turn(*_questions(host, word))
    doors = with_routes(ask.routes)
    answer, _ = doors.ask(asking(ask.request))
    right = answer.backend.name if answer.backend else NOBODY
    seen = routed(doors, ask.request)
    return Value(
        asks=f"These routes are attached to the Gateway, and nothing else is for {host}. Which backend answers "
        f"`{ask.request}`?",
        look=ask.routes,
        answer=right,
        reads=one_of(WORDS),
        slips=tuple(
            Slip(
                word,
                0 if word == NOBODY else ask.belief,
                f"{ask.hint} Then look at the request again.",
                attachments(doors),
            )
            for word in WORDS
            if word != right
        ),
        because=ask.because,
        evidence=seen,
        hints=(
            "First: which rules does the request fit at all? Only then ask which of them wins.",
            "The order is: hostname, path (Exact, then the longest prefix), method, headers, query, age of the route, place in it.",
            ask.because,
        ),
    )


class Heard(Struct, frozen=True):
    """A request and what the client hears; who said it, in a sentence; three other sentences with their beliefs."""

    routes: str
    request: str
    client: str
    right: str
    wrong: tuple[tuple[str, int, str], ...]
    because: str


APP = "the application in the pod answered it"
SAID_BY_APP = "The proxy has not forwarded the request, so no pod has seen it."
NO_RULE = "the proxy: no rule that is attached fits this path or name"
MISSING = "the proxy: the rule names a Service, or a port, that is not there"
NOT_ALLOWED = "the proxy: the rule names a Service of another namespace without permission"
NOT_ATTACHED = "the proxy: the route is not attached, so its rules do not exist for it"
CLOSED = "the kernel: nobody listens on that port"


def _cases(word: str) -> tuple[Heard, ...]:
    host = f"{word}.example.com"
    others = {
        NO_RULE: (0, "A rule does fit. Its prefix is /, or it has no `matches`, and then it takes every path."),
        MISSING: (0, "The Service that this is about is there, with its port."),
        NOT_ALLOWED: (0, "The rule names a Service of the route's own namespace, and needs no permission for that."),
        NOT_ATTACHED: (0, "The route is attached: it names the Gateway, and its hostname ends in .example.com."),
        CLOSED: (13, "The Gateway listens there. A port that nobody listens on is refused, and has no status."),
        APP: (214, SAID_BY_APP),
    }
    reasons = {
        NO_RULE: "The route is attached, and its only rule is for another path. So the proxy answers 404 itself.",
        NOT_ALLOWED: "The rule fits, and its Service lives in bank. No ReferenceGrant there allows it, so the proxy says 500.",
        MISSING: "The rule fits, and names a Service wbe that does not exist. So the proxy says 500.",
        NOT_ATTACHED: "The listener is for *.example.com and has not taken this route, so no rule is there to fit.",
        CLOSED: "The Gateway listens on port 80 only. The kernel refuses a connection to any other port.",
    }

    def said(one: str, client: str) -> tuple[int, str]:
        belief, words = others[one]
        return (0 if one == APP and client != "404" else belief), words

    def case(routes: str, request: str, client: str, right: str, *wrong: str) -> Heard:
        return Heard(routes, request, client, right, tuple((one, *said(one, client)) for one in wrong), reasons[right])

    far = route("pay", host, "  - backendRefs: [{name: pay, namespace: bank, port: 80}]\n")
    other_name = route("other", f"{word}.example.org", leads("web", "/"))
    return (
        case(route("r", host, leads("web", "/a")), f"{host}/b", "404", NO_RULE, APP, MISSING, CLOSED),
        case(far, f"{host}/", "500", NOT_ALLOWED, APP, NO_RULE, NOT_ATTACHED),
        case(route("r", host, leads("wbe", "/")), f"{host}/", "500", MISSING, APP, NOT_ATTACHED, NO_RULE),
        case(other_name, f"{word}.example.org/", "404", NOT_ATTACHED, APP, MISSING, CLOSED),
        case(
            route("r", host, leads("web", "/")),
            f"{host}/ :8080",
            "connection refused",
            CLOSED,
            APP,
            MISSING,
            NOT_ATTACHED,
        ),
    )


@defined("11-whom", "Who said that?")
def whom(chance: Chance) -> Choose:
    word = chance.choice(("api", "my", "new"))
    heard = chance.turn(*_cases(word))
    doors = with_routes(heard.routes)
    asked = heard.request.replace("/ :8080", ":8080/")
    seen, hung = routed(doors, heard.request), attachments(doors)
    statements = [Statement(heard.right, True)]
    statements += [Statement(text, belief=belief, said=said, evidence=hung) for text, belief, said in heard.wrong]
    return Choose(
        asks=f"The route below has been applied, and the API server has taken it. A client asks `{asked}` and hears: "
        f"**{heard.client}**. Who said that, and why?",
        look=heard.routes,
        statements=tuple(statements),
        because=heard.because,
        evidence=seen,
        hints=(
            "Go through it in order: does somebody listen, is the route attached, does a rule fit, is its backend there?",
            "Compare the route's hostname with the listener's, `*.example.com`, and look where each backend lives.",
            f"It is not that {heard.wrong[0][0]}. {heard.wrong[0][2]}",
        ),
    )
