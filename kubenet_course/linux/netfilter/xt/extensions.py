"""The match options of iptables, read into tests and written back (man iptables-extensions; iptables' libxt_*.c, libipt_*.c).

Each module is a row: which options it has with how many words behind each, how they become tests, how a test is written.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ....errors import BadInput
from ...packet.address import address, family, mac, number, prefix
from ..iptables.words import masked, port_range, port_text, protocol, quoted, whole
from . import matches as m
from . import matches_memory as mm

Given = tuple[str, tuple[str, ...], bool]  # option, its words, whether `!` stood before it


class Module(NamedTuple):
    """One `-m`: its options with the number of words that follow each, and how they become tests."""

    options: dict[str, int]
    tests: Callable[[tuple[Given, ...]], tuple[m.Test, ...]]


def _each(make: dict[str, Callable[..., m.Test]], words: dict[str, int] | None = None) -> Module:
    """A module whose every option is one test of its own."""
    options = dict.fromkeys(make, 1) | (words or {})
    return Module(options, lambda given: tuple(make[name](*args, negated=no) for name, args, no in given))


def _ports(source: bool) -> Callable[..., m.Test]:
    def make(text: str, negated: bool) -> m.Test:
        low, high = port_range(text)
        return m.PortRange(low=low, high=high, source=source, negated=negated)

    return make


def _many_ports(side: str) -> Callable[..., m.Test]:
    def make(text: str, negated: bool) -> m.Test:
        ranges = tuple(port_range(part) for part in text.split(","))
        if sum(1 + (low != high) for low, high in ranges) > 15:
            raise BadInput("", f"{text!r} names more than 15 ports", "multiport takes 15, a range counting as two")
        return m.MultiPort(side=side, ranges=ranges, negated=negated)

    return make


FLAGS = {"FIN": "F", "SYN": "S", "RST": "R", "PSH": "P", "ACK": "A", "URG": "U"}


def _flags(text: str) -> frozenset[str]:
    if text in ("ALL", "NONE"):
        return frozenset(FLAGS.values()) if text == "ALL" else frozenset()
    unknown = [word for word in text.split(",") if word not in FLAGS]
    if unknown:
        raise BadInput("", f"{unknown[0]!r} is not a TCP flag", f"write some of {','.join(FLAGS)}, ALL or NONE")
    return frozenset(FLAGS[word] for word in text.split(","))


def _syn(negated: bool) -> m.Test:
    return m.TcpFlags(mask=frozenset("FSRA"), set=frozenset("S"), negated=negated)


ICMP_TYPES = {
    "any": 255, "echo-reply": 0, "pong": 0, "destination-unreachable": 3, "network-unreachable": (3, 0), "host-unreachable": (3, 1),
    "protocol-unreachable": (3, 2), "port-unreachable": (3, 3), "fragmentation-needed": (3, 4), "source-quench": 4, "redirect": 5,
    "echo-request": 8, "ping": 8, "router-advertisement": 9, "router-solicitation": 10, "time-exceeded": 11, "ttl-exceeded": 11,
    "parameter-problem": 12, "timestamp-request": 13, "timestamp-reply": 14,
}  # fmt: skip
ICMP6_TYPES = {
    "any": 255, "destination-unreachable": 1, "no-route": (1, 0), "communication-prohibited": (1, 1), "address-unreachable": (1, 3),
    "port-unreachable": (1, 4), "packet-too-big": 2, "time-exceeded": 3, "ttl-exceeded": 3, "parameter-problem": 4,
    "echo-request": 128, "ping": 128, "echo-reply": 129, "pong": 129, "router-solicitation": 133, "router-advertisement": 134,
    "neighbour-solicitation": 135, "neighbor-solicitation": 135, "neighbour-advertisement": 136, "neighbor-advertisement": 136,
    "redirect": 137,
}  # fmt: skip


def _icmp(names: dict, six: bool) -> Callable[..., m.Test]:
    def make(text: str, negated: bool) -> m.Test:
        if text in names:
            named = names[text]
            kind, codes = named if isinstance(named, tuple) else (named, None)
        else:
            first, slash, code = text.partition("/")
            kind, codes = whole(first, 255, "ICMP type"), whole(code, 255, "ICMP code") if slash else None
        low, high = (0, 255) if codes is None else (codes, codes)
        return m.IcmpType(type=kind, low=low, high=high, six=six, negated=negated)

    return make


def _marked(kind: type) -> Callable[..., m.Test]:
    def make(text: str, negated: bool) -> m.Test:
        value, mask = masked(text)
        return kind(value=value, mask=mask, negated=negated)

    return make


def _range(source: bool) -> Callable[..., m.Test]:
    def make(text: str, negated: bool) -> m.Test:
        low, _, high = text.partition("-")
        low, high = address(low), address(high or low)
        if family(low) is not family(high) or number(high) < number(low):
            raise BadInput("", f"the address range {text!r} runs backwards", f"write {high}-{low}")
        return m.IpRange(low=low, high=high, source=source, negated=negated)

    return make


def _length(text: str, negated: bool) -> m.Test:
    low, colon, high = text.partition(":")
    first = whole(low, 65535, "length") if low else 0
    last = (whole(high, 65535, "length") if high else 65535) if colon else first
    if last < first:
        raise BadInput("", f"the length range {text!r} runs backwards", f"write {last}:{first}")
    return m.Length(low=first, high=last, negated=negated)


def _hops(compare: str, hop_limit: bool) -> Callable[..., m.Test]:
    return lambda text, negated: m.Ttl(compare=compare, value=whole(text, 255), hop_limit=hop_limit, negated=negated)


def _basic(kind: type) -> Callable[..., m.Test]:
    return lambda text, negated: kind(prefix=prefix(text), negated=negated)


def _protocol(text: str, negated: bool) -> m.Test:
    return m.Protocol(name=protocol(text), negated=negated)


BASIC = _each(
    {
        "-s": _basic(m.Source),
        "-d": _basic(m.Destination),
        "-i": lambda text, negated: m.Interface(name=text, negated=negated),
        "-o": lambda text, negated: m.Interface(name=text, out=True, negated=negated),
        "-p": _protocol,
        "-f": lambda negated: m.Fragment(negated),
    },
    {"-f": 0},
)
_PORTS = {"--sport": _ports(True), "--dport": _ports(False)}
_TCP: dict[str, Callable[..., m.Test]] = {
    "--tcp-flags": lambda mask, on, negated: m.TcpFlags(mask=_flags(mask), set=_flags(on), negated=negated),
    "--syn": _syn,
    "--tcp-option": lambda text, negated: m.TcpOption(kind=whole(text, 255), negated=negated),
}
STATELESS = {
    "": BASIC,
    "tcp": _each({**_PORTS, **_TCP}, {"--tcp-flags": 2, "--syn": 0}),
    **{name: _each(_PORTS) for name in ("udp", "udplite", "sctp", "dccp")},
    "icmp": _each({"--icmp-type": _icmp(ICMP_TYPES, six=False)}),
    "icmp6": _each({"--icmpv6-type": _icmp(ICMP6_TYPES, six=True)}),
    "multiport": _each({f"--{side}": _many_ports(side) for side in ("sports", "dports", "ports")}),
    "mark": _each({"--mark": _marked(m.Mark)}),
    "connmark": _each({"--mark": _marked(mm.ConnMark)}),
    "comment": _each({"--comment": lambda text, negated: m.Comment(text=text)}),
    "nfacct": _each({"--nfacct-name": lambda text, negated: mm.Nfacct(name=text)}),
    "iprange": _each({"--src-range": _range(True), "--dst-range": _range(False)}),
    "length": _each({"--length": _length}),
    "ttl": _each({f"--ttl-{c}": _hops(c, False) for c in ("eq", "lt", "gt")}),
    "hl": _each({f"--hl-{c}": _hops(c, True) for c in ("eq", "lt", "gt")}),
    "mac": _each({"--mac-source": lambda text, negated: m.MacSource(mac=mac(text), negated=negated)}),
}
OTHER_SPELLINGS = {
    "--source": "-s", "--src": "-s", "--destination": "-d", "--dst": "-d", "--in-interface": "-i", "--out-interface": "-o",
    "--protocol": "-p", "--proto": "-p", "--fragment": "-f", "--source-port": "--sport", "--destination-port": "--dport",
    "--source-ports": "--sports", "--destination-ports": "--dports", "--icmp6-type": "--icmpv6-type", "--jump": "-j",
    "--goto": "-g", "--match": "-m", "--set-counters": "-c",
}  # fmt: skip


def _no(test: m.Test) -> str:
    return "! " if test.negated else ""


def _flag_text(flags: frozenset[str]) -> str:
    return ",".join(name for name, letter in FLAGS.items() if letter in flags) or "NONE"


def _icmp_text(test: m.IcmpType) -> str:
    kind = "any" if test.type == 255 else f"{test.type}" + (f"/{test.low}" if test.low == test.high else "")
    return f"{_no(test)}--icmp{'v6' if test.six else ''}-type {kind}"


# How each test is written, behind its `-m`. The protocol's own options depend on the protocol, which the writer adds.
WRITTEN: dict[type, Callable] = {
    m.Source: lambda t: f"{_no(t)}-s {t.prefix}",
    m.Destination: lambda t: f"{_no(t)}-d {t.prefix}",
    m.Interface: lambda t: f"{_no(t)}{'-o' if t.out else '-i'} {t.name}",
    m.Protocol: lambda t: f"{_no(t)}-p {t.name}",
    m.Fragment: lambda t: f"{_no(t)}-f",
    m.Loaded: lambda t: "",
    m.Comment: lambda t: f"--comment {quoted(t.text)}",
    m.PortRange: lambda t: f"{_no(t)}{'--sport' if t.source else '--dport'} {port_text(t.low, t.high)}",
    m.MultiPort: lambda t: f"{_no(t)}--{t.side} {','.join(port_text(*r) for r in t.ranges)}",
    m.TcpFlags: lambda t: f"{_no(t)}--tcp-flags {_flag_text(t.mask)} {_flag_text(t.set)}",
    m.TcpOption: lambda t: f"{_no(t)}--tcp-option {t.kind}",
    m.IcmpType: _icmp_text,
    m.Mark: lambda t: f"{_no(t)}--mark {t.value:#x}" + ("" if t.mask == 0xFFFFFFFF else f"/{t.mask:#x}"),
    mm.ConnMark: lambda t: f"{_no(t)}--mark {t.value:#x}" + ("" if t.mask == 0xFFFFFFFF else f"/{t.mask:#x}"),
    mm.Nfacct: lambda t: f"--nfacct-name {t.name}",
    m.IpRange: lambda t: f"{_no(t)}{'--src-range' if t.source else '--dst-range'} {t.low}-{t.high}",
    m.Length: lambda t: f"{_no(t)}--length {port_text(t.low, t.high)}",
    m.Ttl: lambda t: f"{_no(t)}--{t.module}-{t.compare} {t.value}",
    m.MacSource: lambda t: f"{_no(t)}--mac-source {t.mac}",
    m.Unknown: lambda t: t.text,
}
