"""The group `kubenet route`, and `why`: what Gateways and Ingresses make of a request."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import click
import msgspec

from ..errors import BadInput
from ..kube.gateway.doors import Doors
from ..kube.gateway.onward import legs
from ..kube.gateway.request import Answer, Request
from ..kube.manifest.read import read
from ..kube.model.cluster import Cluster
from ..linux.namespace.choices import Seeded
from .described import text_of
from .route_shown import row_of, show, whole

FILES = click.argument("files", nargs=-1, required=True, metavar="FILE...")
JSON = click.option("--json", "as_json", is_flag=True, help="The answer as JSON.")
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH")


@click.group("route")
def command() -> None:
    """What Gateways, their routes and Ingresses make of a request, and why.

    FILE holds Gateways, routes, ReferenceGrants, Ingresses, and what stands behind them: Services, EndpointSlices, Nodes, Pods,
    Namespaces. It is what `kubectl get gateways,httproutes,referencegrants,services,endpointslices -A -o yaml` prints, or plain
    manifests; - is standard input.
    """


class Question(msgspec.Struct, forbid_unknown_fields=True):
    """One request, as a line of a `--packets` file."""

    host: str
    path: str = "/"
    method: str = "GET"
    headers: dict[str, str] | list[str] = msgspec.field(default_factory=dict)
    port: int = 0
    tls: bool = False
    sni: str = ""
    gateway: str = ""
    seed: int = 0


@command.command(short_help="Which rule answers a request, over which others, and what the client hears.")
@FILES
@click.option("--host", metavar="H", help="The Host that the client asks for.")
@click.option("--path", default="/", show_default=True, metavar="P", help="The path, with its query behind a ?.")
@click.option("--method", default="GET", show_default=True, metavar="M", help="The method.")
@click.option("--header", "headers", multiple=True, metavar="K=V", help="A header; may be given several times.")
@click.option("--port", default=0, metavar="N", help="The port that the client asks. Default: 80, or 443 with --tls.")
@click.option("--tls", is_flag=True, help="The client speaks TLS.")
@click.option("--sni", default="", metavar="NAME", help="The name in the TLS handshake, if it is not the host.")
@click.option("--gateway", default="", metavar="NAMESPACE/NAME", help="Which Gateway (or class of Ingress) is asked.")
@click.option("--seed", default=0, metavar="N", help="Draws the backend, where weights leave a choice.")
@click.option(
    "--packets", metavar="FILE", help="Many requests: a JSON object a line, with host, path, method, headers."
)
@JSON
def why(files: tuple[str, ...], packets: str | None, as_json: bool, headers: tuple[str, ...], **said: Any) -> int:
    """Which routes are attached, which rule answers a request and over which others, which backends lead nowhere, what the
    client hears, and the packets on their way to the pod.

    Exit code: 0 the request reaches a backend, or is redirected; 1 it is refused or answered with an error; 3 not certain.
    """
    doors = opened(files)
    if packets:
        return _many(doors, packets)
    if not said["host"]:
        raise BadInput("--host", "it is missing", "write the name that the client asks for, or --packets FILE")
    asked = Question(headers=list(headers), **said)
    request = request_of(asked)
    answer, others = asked_of(doors, asked, request)
    found = list(legs(doors.cluster, answer.door, doors.port(answer, request), answer.backend, Seeded(asked.seed))) \
        if answer.verdict == "forwarded" else []  # fmt: skip
    if as_json:
        click.echo(json.dumps(whole(doors, answer, others, found), indent=1))
    else:
        show(doors, answer, others, found)
    return code_of(answer)


def opened(files: Iterable[str]) -> Doors:
    """The doors of some files. What was not understood, and what dangles, is told on standard error."""
    doors = Doors(Cluster(read(files)))
    if not doors.all:
        raise BadInput(next(iter(files)), "there is no Gateway and no Ingress", "give the Gateways and routes too")
    for notice in doors.notices:
        click.echo(f"kubenet: {notice}", err=True)
    return doors


def request_of(asked: Question) -> Request:
    """A request from what somebody wrote. Raises BadInput."""
    if not asked.host.strip() or any(letter.isspace() or letter in "/?#" for letter in asked.host):
        raise BadInput("--host", f"{asked.host!r} is not a name", "write a name such as shop.example.com")
    if not asked.path.startswith("/"):
        raise BadInput("--path", f"{asked.path!r} does not begin with /", "write a path such as /cart?item=1")
    if not asked.method.isascii() or not asked.method.isalpha():
        raise BadInput("--method", f"{asked.method!r} is not a method", f"write one of {', '.join(METHODS)}")
    if not 0 <= asked.port <= 65535:
        raise BadInput("--port", f"{asked.port} is not a port", "write a number from 1 to 65535")
    pairs = list(asked.headers.items()) if isinstance(asked.headers, dict) else [_header(one) for one in asked.headers]
    path = asked.path.partition("#")[0]
    return Request(asked.host, path, asked.method, tuple(pairs), asked.port, asked.tls or bool(asked.sni), asked.sni)


def _header(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    colon, mark, rest = text.partition(":")
    if mark and (not sign or len(colon) < len(name)):
        name, sign, value = colon, mark, rest
    if not name.strip() or not sign:
        raise BadInput("--header", f"{text!r} is not a header", "write NAME=VALUE, such as version=v2")
    return name.strip(), value.strip()


def asked_of(doors: Doors, asked: Question, request: Request) -> tuple[Answer, list[Answer]]:
    names = [one.name for one in doors.all]
    if asked.gateway and not any(asked.gateway in (name, name.partition(" ")[2]) for name in names):
        raise BadInput("--gateway", f"there is no {asked.gateway!r}", f"name one of {', '.join(names)}")
    return doors.ask(request, asked.gateway, Seeded(asked.seed))


def code_of(answer: Answer) -> int:
    if not answer.certain:
        return 3
    return 0 if answer.verdict in ("forwarded", "redirected") and not answer.grpc_status else 1


def _many(doors: Doors, name: str) -> int:
    rows = []
    for number, line in enumerate(text_of(name).splitlines(), 1):
        if not line.strip():
            continue
        where = f"{name}:{number}"
        try:
            asked = msgspec.json.decode(line.encode(), type=Question)
        except (msgspec.DecodeError, UnicodeEncodeError) as error:
            raise BadInput(where, str(error), 'write {"host": "shop.example.com", "path": "/cart"}') from None
        try:
            rows.append(asked_of(doors, asked, request_of(asked))[0])
        except BadInput as error:
            raise BadInput(f"{where}: {error.where.lstrip('-')}", error.what, error.right) from None
    for row in rows:
        click.echo(json.dumps(row_of(row)))
    return 0
