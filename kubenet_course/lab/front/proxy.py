"""A reverse proxy on loopback: it ends the client's connection, decides, and opens a connection of its own.

What it adds is what most proxies add: X-Forwarded-For with the client's address at the end of the list, X-Forwarded-Proto and
-Host. What it answers by itself: 404, 500 and 503 as the Gateway API says, 502 where nobody listens, 504 where nobody answers.
"""

from __future__ import annotations

import json
import random
import ssl
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler
from typing import Any, NamedTuple

from ...data import data
from ...kube.gateway.doors import Doors
from ...kube.gateway.filters import applied, location, redirect
from ...kube.gateway.hostnames import covers, specific
from ...kube.gateway.request import Reference, Request
from .backend import LOOPBACK, METHODS, Server, told_before
from .table import Entry, tables

Pairs = tuple[tuple[str, str], ...]
BY_PROXY: Pairs = (("X-Answered-By", "the proxy"),)
HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}


class Reply(NamedTuple):
    """What a client heard: the status, and who answered: a backend by its name, or the proxy."""

    status: int
    said_by: str
    location: str = ""
    seen: Mapping[str, Any] = {}


class Front:
    """A Gateway's proxy for plain HTTP (or, with `tls`, for TLS that ends here). `behind`: which port of loopback serves a
    Service; one that is not there has nobody who listens."""

    def __init__(
        self, doors: Doors, behind: Mapping[str, int], tls: bool = False, seed: int = 0, patience: float = 2.0
    ):
        self.doors, self.behind, self.tls, self.patience = doors, behind, tls, patience
        self.door, self.chance = doors.gateways[0], random.Random(seed)
        self.tables = tables(self.door, doors.behind)
        self.server = Server(_handler(self))
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(data("tls/cert.pem"), data("tls/key.pem"))
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)

    def __enter__(self) -> Front:
        return self

    def __exit__(self, *why: object) -> None:
        self.server.close()

    def entry(self, request: Request) -> Entry | None:
        """The listener with the most specific hostname; of its list the first that fits."""
        wanted = "HTTPS" if self.tls else "HTTP"
        found = [
            ear
            for ear in self.door.ears
            if not ear.refused and ear.protocol == wanted and ear.listener.port == request.port
        ]
        fitting = [ear for ear in found if covers(ear.hostname, request.name)]
        if not fitting:
            return None
        listener = max(fitting, key=lambda ear: specific(ear.hostname)).name
        return next((one for one in self.tables[listener] if one.fits(request)), None)

    def picked(self, entry: Entry) -> Reference | None:
        refs = [one for one in entry.backends if one.weight]
        return self.chance.choices(refs, [one.weight for one in refs])[0] if refs else None

    def ask(self, host: str, path: str = "/", method: str = "GET", headers: tuple[tuple[str, str], ...] = ()) -> Reply:
        """A real request to this proxy, and what came back."""
        return asked(self.server.port, host, path, method, headers, self.tls)


def asked(
    port: int, host: str, path: str, method: str, headers: tuple[tuple[str, str], ...], tls: bool = False
) -> Reply:
    """One request over a connection of its own. The certificate is our own, and so is not checked."""
    connection = HTTPConnection(LOOPBACK, port, timeout=10)
    if tls:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection.connect()
        connection.sock = context.wrap_socket(connection.sock, server_hostname=host)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in (("Host", host), *headers):
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    said_by = answer.headers.get("X-Answered-By", "")
    seen = json.loads(body) if said_by == "backend" and body else {}
    return Reply(answer.status, seen.get("service", said_by), answer.headers.get("Location", ""), seen)


class Serving(BaseHTTPRequestHandler):
    """One connection of a client. The proxy that it belongs to is `front`."""

    front: Front
    protocol_version = "HTTP/1.1"

    def handle_one_request(self) -> None:
        self.told = told_before(self)
        super().handle_one_request()

    def serve(self) -> None:
        port = next(
            (
                ear.listener.port
                for ear in self.front.door.ears
                if ear.protocol == ("HTTPS" if self.front.tls else "HTTP")
            ),
            80,
        )
        pairs = tuple((name, value) for name, value in self.headers.items() if name.lower() != "host")
        request = Request(self.headers.get("Host", ""), self.path, self.command, pairs, port, self.front.tls)
        entry = self.front.entry(request)
        if entry is None:
            return self.say(404, "no rule fits\n")
        moved = redirect(entry.filters)
        if moved is not None:
            to = location(moved, request, entry.prefix, "https" if self.front.tls else "http", port)
            return self.say(moved.status_code, "", (("Location", to),))
        chosen = self.front.picked(entry)
        if chosen is None or chosen.status != 200:
            return self.say(chosen.status if chosen else 500, chosen.says if chosen else "no backend\n")
        return self.pass_on(applied(entry.filters, request, entry.prefix), self.front.behind.get(chosen.name, 0))

    def pass_on(self, request: Request, port: int) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, said, headers = self.asked_inside(request, port, body)
        self.say(status, said, headers)

    def asked_inside(self, request: Request, port: int, body: bytes) -> tuple[int, str | bytes, Pairs]:
        inner = HTTPConnection(LOOPBACK, port, timeout=self.front.patience)
        try:
            inner.putrequest(request.method, request.path, skip_host=True, skip_accept_encoding=True)
            for name, value in (("Host", request.host), *_forwarded(request, self.client(), self.front.tls)):
                inner.putheader(name, value)
            inner.endheaders(body or None)
            answer = inner.getresponse()
            said = answer.read()
        except TimeoutError:
            return 504, "the backend did not answer in time\n", BY_PROXY
        except (OSError, HTTPException):
            return 502, "nobody listens there\n", BY_PROXY
        finally:
            inner.close()
        return answer.status, said, (("X-Answered-By", "backend"),)

    def client(self) -> str:
        """The client's address: the connection's, or what a balancer in front told by the PROXY protocol."""
        words = self.told.split()
        return words[2] if len(words) == 6 else str(self.client_address[0])

    def say(
        self,
        status: int,
        body: str | bytes,
        headers: tuple[tuple[str, str], ...] = (("X-Answered-By", "the proxy"),),
    ) -> None:
        raw = body.encode() if isinstance(body, str) else body
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else raw)

    def log_message(self, *told: Any) -> None:
        pass


def _handler(front: Front) -> type[BaseHTTPRequestHandler]:
    return type("Handler", (Serving,), {"front": front, **{f"do_{method}": Serving.serve for method in METHODS}})


def _forwarded(request: Request, client: str, tls: bool) -> list[tuple[str, str]]:
    """The request's headers, but for those of one connection; and the three that say whence it came."""
    kept = [pair for pair in request.headers if pair[0].lower() not in HOP_BY_HOP | {"x-forwarded-for"}]
    before = request.header("x-forwarded-for")
    kept.append(("X-Forwarded-For", f"{before}, {client}" if before else client))
    return [*kept, ("X-Forwarded-Proto", "https" if tls else "http"), ("X-Forwarded-Host", request.host)]
