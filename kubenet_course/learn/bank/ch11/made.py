"""Chapter 11: a route that does not work, to be mended, and an Ingress to be written again as a route."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import yaml
from msgspec import Struct

from ....errors import BadInput
from ....kube.gateway.doors import Doors
from ....kube.gateway.request import Answer
from ....views.outside.answers import asking, attachments, routed
from ...questions.kinds import Finding, Slip
from ...questions.kinds_made import Repair, Write
from ...questions.reading import Unreadable
from .. import Chance, defined
from .routing import SHOP, leads, route, with_routes

GRANT = """---
apiVersion: gateway.networking.k8s.io/v1
kind: ReferenceGrant
metadata: {name: shop-may-pay, namespace: bank}
spec:
  from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: shop}]
  to: [{group: "", kind: Service, name: pay}]
"""


def heard(answer: Answer) -> str:
    return str(answer.backend) if answer.verdict == "forwarded" else str(answer.status or answer.verdict)


def built(text: str) -> Doors:
    """The shop with the learner's text. A complaint counts the documents of that text alone."""
    shop = len(re.findall(r"^kind:", Path(SHOP).read_text(), re.MULTILINE))
    try:
        return with_routes(text)
    except BadInput as error:
        said = re.sub(
            r"^manifests: document (\d+)", lambda at: f"document {int(at[1]) - shop} of your text", str(error)
        )
        raise Unreadable(f"{said}.") from None


def same(text: str, foreseen: str) -> bool:
    """Whether two texts hold the same objects."""
    return list(yaml.safe_load_all(text)) == list(yaml.safe_load_all(foreseen))


def tried(text: str, wanted: Mapping[str, str], foreseen: tuple[str, int]) -> tuple[Finding, ...]:
    """Sends the requests: the first that is not answered as wanted is shown, with the routes and where they hang.

    The belief is named only where the text is the one that it leads to.
    """
    doors = built(text)
    belief = foreseen[1] if same(text, foreseen[0]) else 0
    for request, right in wanted.items():
        answer, _ = doors.ask(asking(request))
        if heard(answer) != right:
            gets = f"`{request}` must reach {right}" if ":" in right else f"`{request}` must be answered {right}"
            loose = [row for row in doors.attachments() if not row.attached]
            evidence = attachments(doors) if loose else routed(doors, request)
            return (Finding(False, f"{gets}. Now the client hears: {answer.says}", belief, evidence),)
    return (Finding(True, ""),)


class Broken(Struct, frozen=True):
    """What is broken, how it is mended, what people try instead, the belief and why."""

    says: str
    broken: str
    mended: str
    tries: str
    belief: int
    because: str
    wanted: dict[str, str]
    hint: str


def _broken(host: str) -> tuple[Broken, ...]:
    sound = route("new", host, leads("web", "/"))
    org = host.replace(".com", ".org")
    pay = route("new", host, "  - backendRefs: [{name: pay, namespace: bank, port: 80}]\n")
    reached = {f"{host}/": "shop/web:80", "shop.example.com/cart": "shop/cart:80"}
    return (
        Broken("Nobody reaches it.", sound.replace(", namespace: infra}]", "}]"), sound,
               sound.replace(", namespace: infra}]", ", namespace: shop}]"), 211,
               "A parentRef without a namespace means the route's own. The Gateway lives in infra.", reached,
               "In which namespace does the Gateway live, and in which does the route look for it?"),
        Broken("Clients hear 500.", pay, pay + GRANT, pay + GRANT.replace("namespace: bank}", "namespace: shop}"), 217,
               "The namespace of the Service has to allow it: the ReferenceGrant stands there.", {f"{host}/": "bank/pay:80"},
               "The Service is in another namespace. Whose permission is needed, and where is it written down?"),
        Broken("Nobody reaches it.", sound.replace("name: edge,", "name: edge, sectionName: web,"),
               sound.replace("name: edge,", "name: edge, sectionName: http,"),
               sound.replace("name: edge,", "name: edge, sectionName: https,"), 211,
               "sectionName is the name of a listener. This Gateway has one, and it is called http.", reached,
               "What are the listeners of the Gateway called? The table says it."),
        Broken("Nobody reaches it.", sound.replace(host, org), sound, sound.replace(f'"{host}"', '"*.example.org"'), 211,
               "The listener is for *.example.com. A hostname outside of that never gets in.", reached,
               "Which names is the listener for, and which name does the route have?"),
        Broken("Clients hear 500.", sound.replace("port: 80", "port: 8080"), sound, sound.replace("port: 80", "port: 30080"), 15,
               "A backendRef names the Service's port, which is 80. 8080 is the port of the pod.", reached,
               "Which port does the Service have? The line *backend* of the table says it."),
    )  # fmt: skip


@defined("11-attach", "A route that nobody reaches")
def attach(chance: Chance) -> Repair:
    host = f"{chance.choice(('api', 'my', 'new'))}.example.com"
    one = chance.turn(*_broken(host))
    first = next(iter(one.wanted))
    doors = with_routes(one.broken)
    return Repair(
        asks=f"The API server has taken this route. {one.says} Mend it, so that `{first}` reaches {one.wanted[first]}. You may add "
        "further objects behind a line `---`. What works in the shop must go on working.",
        look=attachments(doors) if any(not row.attached for row in doors.attachments()) else routed(doors, first),
        starts=one.broken,
        tests=lambda text: tried(text, one.wanted, (one.tries, one.belief)),
        solution=one.mended,
        slips=(Slip(one.tries, one.belief),),
        because=one.because,
        evidence=routed(with_routes(one.mended), first),
        hints=("Read the column *why* of the table. It says what is missing, in the words of the route's status.",
               one.hint, one.because),
    )  # fmt: skip


class Old(Struct, frozen=True):
    """An Ingress, the same as a route, a wrong try with its belief, the requests, what they must reach."""

    ingress: str
    route: str
    tries: str
    belief: int
    wanted: dict[str, str]
    because: str


def _ingress(host: str, paths: str, default: str = "") -> str:
    more = f"  defaultBackend: {{service: {{name: {default}, port: {{number: 80}}}}}}\n" if default else ""
    return f"""apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: old, namespace: shop}}
spec:
  ingressClassName: nginx
{more}  rules:
  - host: "{host}"
    http:
      paths:
{paths}"""


def _path(text: str, kind: str, to: str) -> str:
    return f"      - {{path: {text}, pathType: {kind}, backend: {{service: {{name: {to}, port: {{number: 80}}}}}}}}\n"


WEB, CART, NOBODY = "shop/web:80", "shop/cart:80", "404"


def _olds(host: str) -> tuple[Old, ...]:
    prefix = leads("cart", "/cart") + leads("web", "/")
    exact = leads("cart", "/status", "Exact") + leads("web", "/api")
    rest = leads("cart", "/cart") + leads("web", "/")
    wild = route("new", "*.shop.example.com", leads("web", "/"))
    return (
        Old(_ingress(host, _path("/cart", "Prefix", "cart") + _path("/", "Prefix", "web")), route("new", host, prefix),
            route("new", host, leads("cart", "/cart", "Exact") + leads("web", "/")), 0,
            {f"{host}/cart/7": CART, f"{host}/": WEB, f"{host}/carts": WEB, "shop.example.com/": WEB},
            "Prefix is called PathPrefix here, and means the same: element by element."),
        Old(_ingress(host, _path("/status", "Exact", "cart") + _path("/api", "Prefix", "web")), route("new", host, exact),
            route("new", host, leads("cart", "/status") + leads("web", "/api")), 213,
            {f"{host}/status": CART, f"{host}/status/": NOBODY, f"{host}/api/v1": WEB, f"{host}/": NOBODY},
            "Exact stays Exact. A path that no rule has is answered 404, as before."),
        Old(_ingress(host, _path("/cart", "Prefix", "cart"), "web"), route("new", host, rest),
            route("new", host, leads("cart", "/cart")), 212,
            {f"{host}/cart": CART, f"{host}/other": WEB, f"{host}/": WEB},
            "A route has no default backend. A last rule with the prefix / does the same."),
        Old(_ingress("*.shop.example.com", _path("/", "Prefix", "web")), wild,
            route("new", "shop.example.com", leads("web", "/")), 218,
            {"a.shop.example.com/": WEB, "b.shop.example.com/x": WEB},
            "The wildcard is carried over. In a route it also fits a.b.shop.example.com, which it did not before."),
    )  # fmt: skip


@defined("11-translate", "From Ingress to HTTPRoute")
def translate(chance: Chance) -> Write:
    host = f"{chance.choice(('api', 'my', 'new'))}.example.com"
    old = chance.turn(*_olds(host))
    starts = "\n".join(route("new", "", "").splitlines()[:4]) + "\n# Go on from here.\n"
    return Write(
        asks="ingress-nginx is no longer maintained. Write this Ingress again as an HTTPRoute of namespace `shop`, attached to the "
        "Gateway `edge` of namespace `infra`. Some requests are sent to your route, and must reach what they reached before.",
        look=old.ingress,
        starts=starts,
        tests=lambda text: tried(text, old.wanted, (old.tries, old.belief)),
        solution=old.route,
        slips=(Slip(old.tries, old.belief),),
        because=old.because,
        evidence=routed(with_routes(old.route), next(iter(old.wanted))),
        hints=(
            "A route has `hostnames` once for all rules. Each path of the Ingress becomes a rule with `matches` and `backendRefs`.",
            "parentRefs: [{name: edge, namespace: infra}]. A path match has a type: Exact or PathPrefix.",
            old.because,
        ),
    )
