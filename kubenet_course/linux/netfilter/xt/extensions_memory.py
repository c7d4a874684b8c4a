"""The options of the matches that look into the kernel's memory, read and written: conntrack, addrtype, statistic, recent..."""

from __future__ import annotations

from collections.abc import Callable

from ....errors import BadInput
from ...packet.address import Prefix, address, prefix
from ..iptables.words import PROTOCOLS, port_range, port_text, protocol, quoted, whole
from . import matches as m
from . import matches_memory as mm
from .extensions import WRITTEN, Given, Module


def _words(text: str, known: tuple[str, ...], what: str) -> tuple[str, ...]:
    words = tuple(text.upper().split(","))
    unknown = [word for word in words if word not in known]
    if unknown:
        raise BadInput("", f"{unknown[0]!r} is not a {what}", f"write some of {', '.join(known)}")
    return tuple(word for word in known if word in words)


def _condition(name: str, words: tuple[str, ...], negated: bool) -> mm.CtCondition:
    what, text = name.removeprefix("--"), words[0]
    values: tuple
    if what == "ctstate":
        values = _words(text, mm.STATES, "connection state")
    elif what == "ctstatus":
        values = _words(text, mm.STATUSES, "connection status")
    elif what == "ctdir":
        values = _words(text, ("ORIGINAL", "REPLY"), "direction")
    elif what == "ctproto":
        values = (protocol(text),)
    elif what == "ctexpire":
        low, colon, high = text.partition(":")
        values = (whole(low or "0"), whole(high or "4294967295") if colon else whole(low))
    else:
        values = port_range(text) if what.endswith("port") else (prefix(text),)
    return mm.CtCondition(what=what, values=values, negated=negated)


def _conntrack(given: tuple[Given, ...]) -> tuple[m.Test, ...]:
    order = tuple(mm.CONDITIONS)
    rows = sorted((_condition(*row) for row in given), key=lambda row: order.index(row.what))
    return (mm.Conntrack(conditions=tuple(rows)),)


def _state(given: tuple[Given, ...]) -> tuple[m.Test, ...]:
    rows = tuple(_condition("--ctstate", words, no) for _, words, no in given)
    return (mm.Conntrack(conditions=rows, older=True),)


TYPES = ("UNSPEC", "UNICAST", "LOCAL", "BROADCAST", "ANYCAST", "MULTICAST", "BLACKHOLE", "UNREACHABLE", "PROHIBIT")


def _addrtype(given: tuple[Given, ...]) -> tuple[m.Test, ...]:
    said = {name: (words, no) for name, words, no in given}
    limits = [name.removeprefix("--limit-iface-") for name in said if name.startswith("--limit")]
    src, not_src = said.get("--src-type", (("",), False))
    dst, not_dst = said.get("--dst-type", (("",), False))
    types = [frozenset(_words(words[0], TYPES, "type of address")) if words[0] else frozenset() for words in (src, dst)]
    return (mm.AddrType(src=types[0], dst=types[1], not_src=not_src, not_dst=not_dst, limit="".join(limits)),)


def _statistic(given: tuple[Given, ...]) -> tuple[m.Test, ...]:
    said = {name: (words, no) for name, words, no in given}
    if "--probability" in said:
        words, no = said["--probability"]
        return (mm.Random(of_2_31=_of_2_31(words[0]), negated=no),)
    if "--every" not in said:
        raise BadInput(
            "",
            "statistic has neither --probability nor --every",
            "write --mode random --probability P, or --mode nth --every N",
        )
    words, no = said["--every"]
    every = whole(words[0])
    packet = whole(said.get("--packet", (("0",), False))[0][0])
    if packet >= every:
        right = f"--every is at least 1, --packet less than that: from 0 to {max(every, 1) - 1}"
        raise BadInput("", f"packet {packet} is not one of every {every}", right)
    return (mm.Nth(every=every, packet=packet, negated=no),)


def _of_2_31(text: str) -> int:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise BadInput("", f"{text!r} is not a probability", "write one from 0 to 1")
    return round(share * (1 << 31))


def _recent(given: tuple[Given, ...]) -> tuple[m.Test, ...]:
    said = {name.removeprefix("--"): words for name, words, _ in given}
    actions = [action for action in ("set", "rcheck", "update", "remove") if action in said]
    if len(actions) != 1:
        raise BadInput("", "recent needs one of --set, --rcheck, --update, --remove", "write exactly one of them")
    return (
        mm.Recent(
            action=actions[0],
            name=said.get("name", ("DEFAULT",))[0],
            seconds=whole(said.get("seconds", ("0",))[0]),
            reap="reap" in said,
            hitcount=whole(said.get("hitcount", ("0",))[0], 255),
            source="rdest" not in said,
            mask=address(said.get("mask", ("255.255.255.255",))[0]),
            negated=any(no for name, _, no in given if name == f"--{actions[0]}"),
        ),
    )


PER = {"s": "second", "m": "minute", "h": "hour", "d": "day"}


def _limit(given: tuple[Given, ...]) -> tuple[m.Test, ...]:
    said = {name: words[0] for name, words, _ in given}
    rate, _, per = said.get("--limit", "3/hour").partition("/")
    if per and per[:1] not in PER:
        raise BadInput("", f"{per!r} is not a time", "write second, minute, hour or day")
    burst, times = whole(said.get("--limit-burst", "5"), 10000), whole(rate, 10000)
    if not times:
        raise BadInput("", f"{said['--limit']!r} lets nothing pass", "write at least 1/day")
    return (mm.Limit(rate=times, per=PER[(per or "second")[0]], burst=burst),)


_ONE = {f"--{what}": 1 for what in mm.CONDITIONS}
_RECENT = {"--set": 0, "--rcheck": 0, "--update": 0, "--remove": 0, "--reap": 0, "--rsource": 0, "--rdest": 0}
STATEFUL: dict[str, Module] = {
    "conntrack": Module(_ONE, _conntrack),
    "state": Module({"--state": 1}, _state),
    "addrtype": Module({"--src-type": 1, "--dst-type": 1, "--limit-iface-in": 0, "--limit-iface-out": 0}, _addrtype),
    "statistic": Module({"--mode": 1, "--probability": 1, "--every": 1, "--packet": 1}, _statistic),
    "recent": Module({**_RECENT, "--name": 1, "--seconds": 1, "--hitcount": 1, "--mask": 1}, _recent),
    "limit": Module({"--limit": 1, "--limit-burst": 1}, _limit),
}


def _no(test: m.Test) -> str:
    return "! " if test.negated else ""


def _conditions(test: mm.Conntrack) -> str:
    name = {"ctstate": "state"} if test.older else {}
    return " ".join(f"{_no(row)}--{name.get(row.what, row.what)} {_value(row)}" for row in test.conditions)


def _value(row: mm.CtCondition) -> str:
    if row.what.endswith("port") or row.what == "ctexpire":
        return port_text(*row.values)
    if row.what == "ctproto":
        return str(PROTOCOLS.get(row.values[0], row.values[0]))
    if isinstance(row.values[0], Prefix) and row.values[0].is_host:
        return row.values[0].first
    return ",".join(map(str, row.values))


def _type_text(test: mm.AddrType) -> str:
    sides = (("src", test.src, test.not_src), ("dst", test.dst, test.not_dst))
    parts = [f"{'! ' if no else ''}--{side}-type {_listed(types)}" for side, types, no in sides if types]
    return " ".join([*parts, f"--limit-iface-{test.limit}"] if test.limit else parts)


def _listed(types: frozenset[str]) -> str:
    return ",".join(word for word in TYPES if word in types)


def _recent_text(test: mm.Recent) -> str:
    parts = [f"{_no(test)}--{test.action}"]
    parts += [f"--seconds {test.seconds}"] if test.seconds else []
    parts += ["--reap"] if test.reap else []
    parts += [f"--hitcount {test.hitcount}"] if test.hitcount else []
    return " ".join(
        [*parts, f"--name {quoted(test.name)}", f"--mask {test.mask}", "--rsource" if test.source else "--rdest"]
    )


def _limit_text(test: mm.Limit) -> str:
    burst = f" --limit-burst {test.burst}" if test.burst != 5 else ""
    return f"--limit {test.rate}/{test.per.replace('second', 'sec').replace('minute', 'min')}{burst}"


_TEXTS: dict[type, Callable] = {
    mm.Conntrack: _conditions,
    mm.AddrType: _type_text,
    mm.Random: lambda t: f"--mode random {_no(t)}--probability {t.of_2_31 / (1 << 31):.11f}",
    mm.Nth: lambda t: f"--mode nth {_no(t)}--every {t.every}" + f" --packet {t.packet}",
    mm.Recent: _recent_text,
    mm.Limit: _limit_text,
}
WRITTEN.update(_TEXTS)
