"""`conntrack -L`: what the kernel of a namespace remembers of connections, as conntrack-tools prints it."""

from __future__ import annotations

from collections.abc import Iterator

from ..linux.namespace.skb import Connection
from ..linux.netfilter.connections import Connections
from ..linux.packet.address import Address, family
from ..linux.packet.packet import ICMP, Flow
from ..linux.timeline import SECOND
from .grammar import address_of, said_in
from .state import Call, Refused, Result

NUMBERS = {"tcp": 6, "udp": 17, "icmp": 1, "icmpv6": 58, "sctp": 132}  # /etc/protocols
NAMES = {"ipv6-icmp": "icmpv6"}
PROGRAM = "conntrack v1.4.7 (conntrack-tools)"
PORTS = ("--sport", "--orig-port-src", "--dport", "--orig-port-dst")
FILTERS = {
    "-f|--family": "ipv4|ipv6",
    "-p|--proto": "PROTOCOL",
    "-s|--src|--orig-src": "ADDRESS",
    "-d|--dst|--orig-dst": "ADDRESS",
    "--sport|--orig-port-src": "PORT",
    "--dport|--orig-port-dst": "PORT",
    "-r|--reply-src": "ADDRESS",
    "-q|--reply-dst": "ADDRESS",
}


def conntrack(call: Call) -> Result:
    """The list, perhaps of one family or protocol, or of one end. What -s and -d name is the packet that came first."""
    said, ends = _filters(call)
    now, known = call.memory.now, call.memory.of(call.at)[Connections].by_flow.values()
    kept = {id(one): one for one in known if one.expires > now and _is_meant(one, said, ends)}
    lines = [_connection(one, now) for one in kept.values()]
    shown = [*lines, f"{PROGRAM}: {len(lines)} flow entries have been shown."]
    word = f"connection{'s' * (len(lines) != 1)}{' of this kind' if said else ''}"
    return Result(call.state, said=f"{call.at} remembers {len(lines)} {word}.", shown="\n".join(shown))


def _filters(call: Call) -> tuple[dict[str, str], dict[str, Address]]:
    """What the list is narrowed to: the options, and the addresses among them."""
    if call.words[:1] not in (("-L",), ("--dump",)):
        raise Refused("conntrack only lists here: conntrack -L.")
    said = said_in(call.words[1:], FILTERS, "conntrack -L")
    if said.get("-f", "ipv4") not in ("ipv4", "ipv6"):
        raise Refused(f"-f names a family, ipv4 or ipv6, not {said['-f']!r}.")
    if said.get("-p", "tcp") not in NUMBERS:
        raise Refused(f"-p names a protocol, one of {', '.join(NUMBERS)}, not {said['-p']!r}.")
    port = next((word for word in call.words if word in PORTS), "")
    if port and said.get("-p") not in ("tcp", "udp", "sctp"):
        right = f"conntrack -L -p tcp {port} {said['--sport' if PORTS.index(port) < 2 else '--dport']}"
        raise Refused(f"{port} belongs to a protocol: {right}.", f"{PROGRAM}: unknown option `{port}'")
    return said, {name: address_of(said[name]) for name in ("-s", "-d", "-r", "-q") if name in said}


def _is_meant(one: Connection, said: dict[str, str], ends: dict[str, Address]) -> bool:
    first, back = one.original, one.reply
    if "-f" in said and f"ipv{family(first.src).number}" != said["-f"]:
        return False
    if "-p" in said and _name(first) != said["-p"]:
        return False
    has = {"-s": first.src, "-d": first.dst, "-r": back.src, "-q": back.dst}
    ports = {"--sport": first.sport, "--dport": first.dport}
    return all(has[name] == ip for name, ip in ends.items()) and all(
        said.get(name, str(port)) == str(port) for name, port in ports.items()
    )


def _name(flow: Flow) -> str:
    return NAMES.get(flow.proto, flow.proto)


def _connection(one: Connection, now: int) -> str:
    proto = _name(one.original)
    parts = [f"{proto if proto in NUMBERS else 'unknown':<8} {NUMBERS.get(proto, 0)} {(one.expires - now) // SECOND}"]
    parts += [one.state] if proto == "tcp" else []
    parts += [*_flow(one.original), *([] if one.seen_reply else ["[UNREPLIED]"]), *_flow(one.reply)]
    return " ".join([*parts, *(["[ASSURED]"] if one.assured else []), f"mark={one.mark} use=1"])


def _flow(flow: Flow) -> Iterator[str]:
    yield f"src={flow.src} dst={flow.dst}"
    if flow.proto in ICMP:
        yield f"type={flow.dport >> 8} code={flow.dport & 255} id={flow.sport}"
    else:
        yield f"sport={flow.sport} dport={flow.dport}"
