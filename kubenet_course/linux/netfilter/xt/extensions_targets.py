"""The targets of iptables, read and written (man iptables-extensions, TARGET EXTENSIONS)."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ....errors import BadInput
from ...packet.address import address, family, number
from ...stack.icmp import REJECTS
from ..iptables.words import masked, port, port_range, port_text, quoted, whole
from ..nat import Range
from . import targets as t

Said = dict[str, tuple[str, ...]]


class Extension(NamedTuple):
    """A target: its options with the number of words behind each, and how they become a target. None: kept as words."""

    options: dict[str, int]
    make: Callable[[Said], t.Target]


def _mark(said: Said) -> t.Target:
    for name, words in said.items():
        value, mask = masked(words[0])
        full = "/" not in words[0]
        match name:
            case "--set-xmark":
                return t.SetMark(value, mask)
            case "--set-mark":
                return t.SetMark(value, mask if full else mask | value)
            case "--and-mark":
                return t.SetMark(0, ~value & 0xFFFFFFFF)
            case "--or-mark":
                return t.SetMark(value, value)
            case "--xor-mark":
                return t.SetMark(value, 0)
    raise BadInput("", "MARK does not say which mark", "write --set-xmark VALUE/MASK")


def _connmark(said: Said) -> t.Target:
    if "--restore-mark" in said or "--save-mark" in said:
        op = "restore" if "--restore-mark" in said else "save"
        both = said.get("--mask", ("0xffffffff",))[0]
        nf, ct = (whole(said.get(name, (both,))[0]) for name in ("--nfmask", "--ctmask"))
        return t.SetConnMark(op, 0, ct, nf)
    done = _mark(said)
    return t.SetConnMark("set", done.value, done.mask)  # type: ignore[attr-defined]


def _to(text: str) -> Range:
    """`10.0.0.1`, `10.0.0.1-10.0.0.9:80-90/8000`, `[fd00::1]:80`, `:8080`."""
    hosts, ports = text, ""
    if text.startswith("["):
        hosts, bracket, ports = text[1:].partition("]")
        ports = ports.removeprefix(":")
        if not bracket:
            raise BadInput("", f"{text!r} has no closing bracket", "write [ADDRESS]:PORT")
    elif text.count(":") == 1:
        hosts, _, ports = text.partition(":")
    low, dash, high = hosts.partition("-")
    low = address(low) if low else ""
    high = address(high) if dash else low
    if low and (family(low) is not family(high) or number(high) < number(low)):
        raise BadInput("", f"the address range {hosts!r} runs backwards", f"write {high}-{low}")
    ports, _, base = ports.partition("/")
    first, last = port_range(ports, "-") if ports else (-1, -1)
    return Range(low, high, first, last, port(base) if base else -1)


def _range(said: Said, to: Range) -> Range:
    return Range(
        to.low,
        to.high,
        to.first,
        to.last,
        to.base,
        "--random" in said,
        "--random-fully" in said,
        "--persistent" in said,
    )


def _nat(kind: Callable[[Range], t.Target], option: str) -> Extension:
    def make(said: Said) -> t.Target:
        if option not in said:
            raise BadInput("", f"the target does not say where to: {option} is missing", f"write {option} ADDRESS")
        return kind(_range(said, _to(said[option][0])))

    return Extension({option: 1, "--random": 0, "--random-fully": 0, "--persistent": 0}, make)


def _nat_ports(kind: Callable[[Range], t.Target]) -> Extension:
    def make(said: Said) -> t.Target:
        first, last = port_range(said["--to-ports"][0], "-") if "--to-ports" in said else (-1, -1)
        return kind(_range(said, Range(first=first, last=last)))

    return Extension({"--to-ports": 1, "--random": 0, "--random-fully": 0}, make)


SHORT_REJECTS = {
    "net-unreach": "icmp-net-unreachable", "host-unreach": "icmp-host-unreachable", "proto-unreach": "icmp-proto-unreachable",
    "port-unreach": "icmp-port-unreachable", "net-prohib": "icmp-net-prohibited", "host-prohib": "icmp-host-prohibited",
    "admin-prohib": "icmp-admin-prohibited", "tcp-rst": "tcp-reset", "no-route": "icmp6-no-route",
    "adm-prohibited": "icmp6-adm-prohibited",
    "addr-unreach": "icmp6-addr-unreachable", "policy-fail": "icmp6-policy-fail", "reject-route": "icmp6-reject-route",
}  # fmt: skip


def _reject(said: Said) -> t.Target:
    kind = said.get("--reject-with", ("",))[0]
    kind = SHORT_REJECTS.get(kind, kind)
    if kind and kind not in REJECTS and kind != "tcp-reset":
        raise BadInput("", f"{kind!r} is not a way to reject", f"write one of {', '.join([*REJECTS, 'tcp-reset'])}")
    return t.Reject(kind)


def _ttl(hop_limit: bool) -> Extension:
    word = "hl" if hop_limit else "ttl"

    def make(said: Said) -> t.Target:
        for op in ("set", "inc", "dec"):
            if f"--{word}-{op}" in said:
                return t.SetTtl(op, whole(said[f"--{word}-{op}"][0], 255), hop_limit)
        raise BadInput("", f"{word.upper()} does not say what to do", f"write --{word}-set N, -inc N or -dec N")

    return Extension({f"--{word}-{op}": 1 for op in ("set", "inc", "dec")}, make)


def _ct(said: Said) -> t.Target:
    return t.NoTrack()


_MARKS = {f"--{op}-mark": 1 for op in ("set", "and", "or", "xor")} | {"--set-xmark": 1}
EXTENSIONS: dict[str, Extension] = {
    "ACCEPT": Extension({}, lambda said: t.Accept()),
    "DROP": Extension({}, lambda said: t.Drop()),
    "RETURN": Extension({}, lambda said: t.Return()),
    "REJECT": Extension({"--reject-with": 1}, _reject),
    "MARK": Extension(_MARKS, _mark),
    "CONNMARK": Extension(
        {**_MARKS, "--save-mark": 0, "--restore-mark": 0, "--mask": 1, "--nfmask": 1, "--ctmask": 1}, _connmark
    ),
    "DNAT": _nat(t.Dnat, "--to-destination"),
    "SNAT": _nat(t.Snat, "--to-source"),
    "MASQUERADE": _nat_ports(t.Masquerade),
    "REDIRECT": _nat_ports(t.Redirect),
    "CT": Extension({"--notrack": 0}, _ct),
    "NOTRACK": Extension({}, _ct),
    "TTL": _ttl(False),
    "HL": _ttl(True),
}
# Targets that only tell somebody: the packet goes on to the next rule.
TELLING = ("LOG", "NFLOG", "ULOG", "TRACE", "AUDIT", "CHECKSUM", "LED")
# Targets that do something which the model does not act out; their lines are named.
FOREIGN = (
    "CLASSIFY", "CLUSTERIP", "CONNSECMARK", "DNPT", "DSCP", "ECN", "HMARK", "IDLETIMER", "NETMAP", "NFQUEUE", "QUEUE", "RATEEST",
    "SECMARK", "SET", "SNPT", "SYNPROXY", "TCPMSS", "TCPOPTSTRIP", "TEE", "TOS", "TPROXY", "CT",
)  # fmt: skip


def _range_text(to: Range, option: str) -> str:
    ports = "" if to.first < 0 else port_text(to.first, to.last, "-") + (f"/{to.base}" if to.base >= 0 else "")
    hosts = to.low if to.low == to.high else f"{to.low}-{to.high}"
    if ports and ":" in hosts:
        hosts = f"[{hosts}]"
    separator = ":" if ports and option != "--to-ports" else ""
    words = [option, f"{hosts}{separator}{ports}"] if hosts or ports else []
    words += ["--random"] if to.random else []
    words += ["--random-fully"] if to.fully else []
    return " ".join(words + (["--persistent"] if to.persistent else []))


def _connmark_text(target: t.SetConnMark) -> str:
    if target.op == "set":
        return f"CONNMARK --set-xmark {target.value:#x}/{target.ctmask:#x}"
    return f"CONNMARK --{target.op}-mark --nfmask {target.nfmask:#x} --ctmask {target.ctmask:#x}"


TEXTS: dict[type, Callable] = {
    t.Accept: lambda a: "ACCEPT",
    t.Drop: lambda a: "DROP",
    t.Return: lambda a: "RETURN",
    t.Jump: lambda a: a.chain,
    t.Reject: lambda a: f"REJECT --reject-with {a.kind}" if a.kind else "REJECT",
    t.SetMark: lambda a: f"MARK --set-xmark {a.value:#x}/{a.mask:#x}",
    t.SetConnMark: _connmark_text,
    t.NoTrack: lambda a: "CT --notrack",
    t.SetTtl: lambda a: f"{'HL --hl' if a.hop_limit else 'TTL --ttl'}-{a.op} {a.value}",
    t.Log: lambda a: " ".join([a.name, *map(quoted, a.words)]),
    t.UnknownTarget: lambda a: " ".join([a.name, *(quoted(w) if set(w) & {" ", '"'} or not w else w for w in a.words)]),
    t.Dnat: lambda a: f"DNAT {_range_text(a.to, '--to-destination')}",
    t.Snat: lambda a: f"SNAT {_range_text(a.to, '--to-source')}",
    t.Masquerade: lambda a: f"MASQUERADE {_range_text(a.to, '--to-ports')}".strip(),
    t.Redirect: lambda a: f"REDIRECT {_range_text(a.to, '--to-ports')}".strip(),
}
