"""`curl http://ADDRESS:PORT/`: a TCP connection, an HTTP request on it, and what the program at the other end says.

Every program that listens on TCP is a small web server here, which says its name. The messages are those of curl 7.88.
"""

from __future__ import annotations

import re

from msgspec import Struct

from ..linux.namespace.trace import Trace
from ..linux.packet.packet import Packet, Tcp, tcp
from ..linux.stack.neighbour import GIVEN_UP
from ..linux.stack.program import LINE_END, Program, http_server
from ..linux.timeline import SECOND
from ..linux.verdicts import TraceVerdict, verdict
from ..linux.walk import ask
from .grammar import FLAG, address_of, number, said_in
from .state import Call, Refused, Result

WORDS = {
    "-s|--silent": FLAG, "-S|--show-error": FLAG, "-sS|-Ss": FLAG, "-4|--ipv4": FLAG, "-6|--ipv6": FLAG,
    "-m|--max-time": "SECONDS", "--connect-timeout": "SECONDS",
}  # fmt: skip
URL = re.compile(r"(?:http://)?(?:\[(?P<six>[^]/]*)\]|(?P<host>[^/:?#]*))(?::(?P<port>\d+))?(?P<path>/[^#]*)?(?:#.*)?")
FIRST_PORT = 32768  # net.ipv4.ip_local_port_range begins here; each call takes the next port
PATIENCE = 127  # seconds until a kernel has repeated its SYN six times in vain (net.ipv4.tcp_syn_retries)
ASKING = ("neigh_output", "neigh_timer_handler")  # a MAC was asked for in vain
TOLD_AT_ONCE = ("refused", "unreachable", "no-route")


class Wanted(Struct, frozen=True):
    """What is asked for: where, and what stands in the address line."""

    name: str
    address: str
    port: int
    path: str


def curl(call: Call, calls: int) -> Result:
    """One request. `calls`: how many packets were sent by commands so far; it makes the port."""
    known = {spelling for names in WORDS for spelling in names.split("|")}
    strange = next((word for word in call.words if word.startswith("-") and word not in known), "")
    if strange:
        raise Refused(f"curl does not take {strange} here. It takes {', '.join(sorted(known))}, and an address.")
    said = said_in(call.words, WORDS, "curl", bare="url")
    if "url" not in said:
        raise Refused("curl wants an address: curl http://10.96.0.10/.", "curl: try 'curl --help' for more information")
    limits = [number(said[name], name, 1, 3600) for name in ("-m", "--connect-timeout") if name in said]
    wanted = _wanted(said["url"], 6 if "-6" in said else 4)
    fib = call.ns.fib
    row = fib.lookup(wanted.address)
    source = fib.source(row, wanted.address)
    if row.type not in ("unicast", "local") or not source:
        text = f"No route of {call.at} leads to {wanted.address}, so nothing is sent."
        raise Refused(text, _failed(wanted, 0))
    packet = tcp(source, FIRST_PORT + calls % 28232, wanted.address, wanted.port)
    request = f"GET {wanted.path} HTTP/1.1\r\nHost: {wanted.name}\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n"
    trace = ask(
        call.state.world, packet, call.at, call.memory, programs=_programs(call, wanted.path), says=request.encode()
    )
    return _told(call, wanted, trace, _answer(call.at, packet, trace), min(limits, default=0))


def _wanted(text: str, of: int) -> Wanted:
    found = URL.fullmatch(text)
    if found is None or not (found["six"] or found["host"]):
        raise Refused(f"{text} is no page that curl can fetch here; write http://ADDRESS:PORT/.")
    host, port = found["six"] or found["host"], int(found["port"] or 80)
    if not 0 < port < 65536:
        raise Refused(
            f"{port} is no port; ports go from 1 to 65535.", "curl: (3) URL using bad/illegal format or missing URL"
        )
    if host == "localhost":
        return Wanted(host, "::1" if of == 6 else "127.0.0.1", port, found["path"] or "/")
    try:
        return Wanted(host, address_of(host), port, found["path"] or "/")
    except Refused:
        text = f"There are no names here but localhost; write the address instead of {host}."
        raise Refused(text, f"curl: (6) Could not resolve host: {host}") from None


def _programs(call: Call, path: str) -> dict[str, Program]:
    """Whoever listens on TCP serves one page, whatever its path: who it is."""
    names = {own.program for ns in call.state.world.values() for own in ns.sockets if own.proto == "tcp"}
    return {name: http_server({path.partition("?")[0]: f"This is {name or 'a program'}.\n".encode()}) for name in names}


def _answer(at: str, packet: Packet, trace: Trace) -> bytes:
    """The bytes that have come back to the asker, one segment after the other."""
    found: dict[int, bytes] = {}
    for step in trace.steps:
        came = step.skb.packet
        is_taken = (step.namespace, step.stage, step.end) == (at, "local_deliver", "local")
        if not is_taken or not isinstance(came, Packet) or came.flow != packet.flow.reverse:
            continue
        if isinstance(came.header, Tcp) and isinstance(came.payload, bytes) and came.payload:
            found.setdefault(came.header.seq, came.payload)
    return b"".join(found[seq] for seq in sorted(found))


def _told(call: Call, wanted: Wanted, trace: Trace, answer: bytes, limit: int) -> Result:
    found = verdict(trace)
    if answer:
        page = answer.partition(LINE_END * 2)[2].decode(errors="replace").rstrip("\n")
        said = f"{found.delivered_to} has answered; it saw {found.seen_from} as the sender."
        return Result(call.state, said=said, shown=page, trace=trace)
    return Result(call.state, said=_why(trace, found), shown=_failure(call, wanted, trace, limit), trace=trace)


def _failure(call: Call, wanted: Wanted, trace: Trace, limit: int) -> str:
    """What curl prints, and the time that has passed until then. A SYN that the sender's own rules drop is repeated
    like any other that gets no answer.
    """
    found = verdict(trace)
    asked_in_vain = any(step.stage in ASKING and step.end == "unreachable" for step in trace.steps)
    takes = round(GIVEN_UP / SECOND) if asked_in_vain else 0
    if found.name in TOLD_AT_ONCE and not 0 < limit < takes:
        call.memory.wait(takes)
        return _failed(wanted, takes * 1000)
    seconds = limit or PATIENCE
    call.memory.wait(seconds)
    if limit:
        return f"curl: (28) Connection timed out after {limit * 1000} milliseconds"
    return _failed(wanted, seconds * 1000, 28)


def _failed(wanted: Wanted, milliseconds: int, code: int = 7) -> str:
    where = f"{wanted.name} port {wanted.port} after {milliseconds} ms"
    return f"curl: ({code}) Failed to connect to {where}: Couldn't connect to server"


def _why(trace: Trace, found: TraceVerdict) -> str:
    last = trace.steps[found.step]
    if found.name != "delivered":
        return f"No answer ({found.name}). It ended in {last.namespace}, at {last.stage}: {last.said}."
    behind = trace.steps[found.step + 1 :]
    lost = next((step for step in behind if step.end and step.end != "local"), trace.steps[-1])
    return f"It was {found}. The answer was lost in {lost.namespace}, at {lost.stage}: {lost.said}."
