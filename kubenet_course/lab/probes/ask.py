"""Asks a real server what a probe asks: HTTP, TCP, gRPC, a program (pkg/probe of the kubelet, in a few lines each).

The whole question, with connecting and redirects, must be done within the probe's timeout.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from urllib.parse import urljoin, urlsplit

from ...kube.kubelet import outcome
from ...kube.kubelet.outcome import BODY_LIMIT, ProbeOutcome, Said
from ...kube.kubelet.spec import Container, HTTPGet, IntOrString, Probe
from . import grpc

AGENT = "kube-probe/1.36"
REDIRECTING = (301, 302, 303, 307, 308)


async def ask(probe: Probe, container: Container, host: str) -> ProbeOutcome:
    """One question to the pod at `host`. A server that cannot be asked is a failure; a program that cannot be run is an
    error, which counts neither way.
    """
    ways: dict[str, Callable[[Probe, Container, str], Awaitable[ProbeOutcome]]] = {
        "httpGet": _http,
        "tcpSocket": _tcp,
        "grpc": _grpc,
        "exec": _exec,
    }
    try:
        return await asyncio.wait_for(ways[probe.kind](probe, container, host), probe.timeout)
    except TimeoutError:
        return ProbeOutcome(Said.FAILURE, outcome.late(probe.kind, probe.timeout))
    except ConnectionRefusedError:
        return ProbeOutcome(Said.FAILURE, outcome.REFUSED[probe.kind])
    except (OSError, asyncio.IncompleteReadError, ValueError) as error:
        return ProbeOutcome(Said.FAILURE, str(error) or type(error).__name__)


def port_of(container: Container, port: IntOrString) -> int:
    """A number, or the port of the container that has this name."""
    if isinstance(port, int):
        return port
    found = next((one.container_port for one in container.ports if one.name == port), None)
    if found is None:
        raise ValueError(f"couldn't find port: {port}")
    return found


async def _tcp(probe: Probe, container: Container, host: str) -> ProbeOutcome:
    assert probe.tcp_socket is not None
    where = probe.tcp_socket.host or host
    _, writer = await asyncio.open_connection(where, port_of(container, probe.tcp_socket.port))
    writer.close()
    return ProbeOutcome(Said.SUCCESS)


async def _grpc(probe: Probe, container: Container, host: str) -> ProbeOutcome:
    assert probe.grpc is not None
    reader, writer = await asyncio.open_connection(host, probe.grpc.port)
    try:
        status = await grpc.check(reader, writer, f"{host}:{probe.grpc.port}", probe.grpc.service, AGENT)
    finally:
        writer.close()
    if not status:
        return ProbeOutcome(
            Said.FAILURE, "this server does not implement the grpc health protocol (grpc.health.v1.Health)"
        )
    return outcome.grpc(status)


async def _exec(probe: Probe, container: Container, host: str) -> ProbeOutcome:
    """The program that whoever calls has put into the probe. No manifest's command comes here: see `live`."""
    assert probe.exec is not None
    try:
        program = await asyncio.create_subprocess_exec(
            *probe.exec.command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
    except OSError as error:
        return ProbeOutcome(Said.UNKNOWN, str(error))
    try:
        said, _ = await program.communicate()
    except asyncio.CancelledError:
        with suppress(ProcessLookupError):
            program.kill()
        await program.wait()
        raise
    return outcome.executed(program.returncode or 0, said[:BODY_LIMIT].decode(errors="replace"))


async def _http(probe: Probe, container: Container, host: str) -> ProbeOutcome:
    """GET, and redirects on the same host."""
    way = probe.http_get
    assert way is not None
    where = way.host or host
    name = f"[{where}]" if ":" in where else where
    path = way.path if way.path.startswith("/") else f"/{way.path}"
    url = f"{(way.scheme or 'HTTP').lower()}://{name}:{port_of(container, way.port)}{path}"
    first = urlsplit(url).hostname or ""
    hops = 0
    while True:
        status, location, body = await _get(url, way)
        if status not in REDIRECTING or not location:
            return outcome.http(status, body)
        url = urljoin(url, location)
        if urlsplit(url).hostname != first:
            return outcome.http(status, body)
        if not outcome.follows(first, first, hops := hops + 1):
            return ProbeOutcome(Said.FAILURE, "stopped after 10 redirects")


async def _get(url: str, way: HTTPGet) -> tuple[int, str, str]:
    """Status, where a redirect leads, the beginning of the body."""
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    reader, writer = await asyncio.open_connection(parts.hostname, port, ssl=_unverified() if secure else None)
    try:
        path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers(way, parts.netloc)), "", ""]
        writer.write("\r\n".join(lines).encode())
        await writer.drain()
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        named = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        body = await _body(reader, named)
        return int(head[0].split(" ", 2)[1]), named.get("location", ""), body
    except IndexError:
        raise ValueError("malformed HTTP response") from None
    finally:
        writer.close()


async def _body(reader: asyncio.StreamReader, named: dict[str, str]) -> str:
    """As much of the body as there is, at most ten kilobytes."""
    length = named.get("content-length", "")
    limit = min(int(length), BODY_LIMIT) if length.isdecimal() else BODY_LIMIT
    raw = b""
    while len(raw) < limit and (more := await reader.read(limit - len(raw))):
        raw += more
    return raw.decode(errors="replace")


def headers(way: HTTPGet, authority: str) -> list[tuple[str, str]]:
    """The kubelet's own headers, unless the probe names them; an empty User-Agent or Accept is left out."""
    given = [(one.name, one.value) for one in way.http_headers]
    names = {name.lower() for name, _ in given}
    own = [("Host", authority), ("User-Agent", AGENT), ("Accept", "*/*"), ("Connection", "close")]
    found = [(name, value) for name, value in own if name.lower() not in names] + given
    return [(name, value) for name, value in found if value or name.lower() not in ("user-agent", "accept")]


def _unverified() -> ssl.SSLContext:
    """HTTPS probes look at no certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
