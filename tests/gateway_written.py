"""Gateway API and Ingress objects written short, and what a client hears, for stories about routing.

`shop=/a,/b>web` would say too little, so rules stand as small dictionaries; everything that they leave out is the API's default.
"""

import json
from functools import cache

from kubenet_course.kube.gateway.doors import Doors
from kubenet_course.kube.gateway.request import Answer, Request
from kubenet_course.kube.manifest.read import read_text
from kubenet_course.kube.model.cluster import Cluster
from kubenet_course.linux.namespace.choices import Seeded

GROUP = "gateway.networking.k8s.io"


def thing(kind: str, name: str, spec: dict, namespace: str = "default", api: str = f"{GROUP}/v1", **more) -> dict:
    meta = {"name": name, "namespace": namespace} | ({"creationTimestamp": more.pop("made")} if "made" in more else {})
    return {"apiVersion": api, "kind": kind, "metadata": meta | more, "spec": spec}


def listener(name="http", port=80, protocol="HTTP", **more) -> dict:
    return {"name": name, "port": port, "protocol": protocol, "allowedRoutes": {"namespaces": {"from": "All"}}, **more}


def gateway(*listeners, name="edge", namespace="infra", **more) -> dict:
    return thing(
        "Gateway", name, {"gatewayClassName": "any", "listeners": list(listeners) or [listener()], **more}, namespace
    )


PARENT = {"name": "edge", "namespace": "infra"}


def route(name, *rules, hosts=(), parents=(PARENT,), kind="HTTPRoute", namespace="default", **more) -> dict:
    spec = {"parentRefs": list(parents), "rules": list(rules)} | ({"hostnames": list(hosts)} if hosts else {})
    return thing(kind, name, spec, namespace, **more)


def to(*backends, match=None, matches=None, **more) -> dict:
    """A rule: `to("web", match={...})`. A backend is a name, or a dictionary."""
    refs = [{"name": one, "port": 80} if isinstance(one, str) else {"port": 80, **one} for one in backends]
    rule = {"backendRefs": refs, **more}
    found = matches if matches is not None else [match] if match is not None else None
    return rule | ({"matches": found} if found is not None else {})


def path(value, kind="PathPrefix", **more) -> dict:
    return {"path": {"type": kind, "value": value}, **more}


def service(name, namespace="default", port=80, **more) -> dict:
    spec = {"ports": [{"port": port}], "clusterIP": "", "selector": {"app": name}} | more
    return thing("Service", name, spec, namespace, "v1")


def grant(namespace, source, target, name="let", to_name=None, kind="HTTPRoute", of="Service", group=GROUP) -> dict:
    wanted = {"group": "", "kind": of} | ({"name": to_name} if to_name else {})
    sources = [{"group": group, "kind": kind, "namespace": source}]
    return thing("ReferenceGrant", name, {"from": sources, "to": [wanted]}, namespace)


def ingress(name, *rules, default="", class_name="nginx", namespace="default", **more) -> dict:
    spec: dict = {"rules": list(rules)} if rules else {}
    spec |= {"ingressClassName": class_name} if class_name else {}
    spec |= {"defaultBackend": served(default)} if default else {}
    return thing("Ingress", name, spec, namespace, "networking.k8s.io/v1", **more)


def served(name) -> dict:
    return {"service": {"name": name, "port": {"number": 80}}}


def host(name, *paths) -> dict:
    """A rule of an Ingress: `host("foo.com", ("/a", "Prefix", "web"))`."""
    rows = [{"path": text, "pathType": kind, "backend": served(to_)} for text, kind, to_ in paths]
    return ({"host": name} if name else {}) | ({"http": {"paths": rows}} if rows else {})


SERVICES = [service(f"s{number}") for number in range(1, 10)] + [service("web"), service("api")]


def doors(*objects: dict) -> Doors:
    return _doors(json.dumps({"apiVersion": "v1", "kind": "List", "items": [*objects, *SERVICES]}))


@cache
def _doors(text: str) -> Doors:
    return Doors(Cluster(read_text(text)))


def asked(found: Doors, text: str, seed: int = 0) -> Answer:
    """`GET foo.com/path?x=1 header=value tls :8080 sni=name`, in any order behind the address; GET may be left out."""
    words = text.split()
    method = words.pop(0) if "/" not in words[0] else "GET"
    name, slash, rest = words.pop(0).partition("/")
    said = {"tls": False, "port": 0, "sni": ""}
    headers = []
    for word in words:
        if word == "tls":
            said["tls"] = True
        elif word.startswith(":"):
            said["port"] = int(word[1:])
        elif word.startswith("sni="):
            said |= {"tls": True, "sni": word[4:]}
        else:
            headers.append(tuple(word.split("=", 1)))
    request = Request(name, slash + rest or "/", method, tuple(headers), **said)
    return found.ask(request, choices=Seeded(seed))[0]


def heard(answer: Answer) -> str:
    """What is expected, in a word: the backend's name, a Location, a status, or how the connection ended."""
    if answer.verdict == "forwarded":
        return answer.backend.name
    if answer.verdict == "redirected":
        return f"{answer.status} {answer.location}"
    return answer.grpc_status or str(answer.status or answer.verdict)
