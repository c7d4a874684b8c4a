"""What each statement and expression of nftables becomes in the evaluator; what it does not know becomes NotKnown."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from msgspec.structs import replace

from ...namespace.skb import ACCEPT, DROP
from ...namespace.skb import Verdict as Said
from ..nat import Range
from ..statement import Goto, Jump
from ..statement import Statement as Acting
from ..xt.ct import NoTrack
from ..xt.limit import Limit as PacketLimit
from ..xt.nat import Masquerade as Masquerading
from ..xt.nat import Redirect as Redirecting
from ..xt.standard import Accept, Continue, Drop, Return
from . import ruleset as nft
from .duration import nanoseconds
from .readings import (
    FIELDS,
    STATUS,
    AddressKind,
    Bitwise,
    Constant,
    Field,
    Found,
    InTurn,
    Joined,
    Lot,
    Members,
    Reading,
    is_wide,
)
from .statements import (
    AnyBit,
    Between,
    Compare,
    Count,
    InSet,
    NotKnown,
    Rejected,
    SetMark,
    Translate,
    Update,
    VerdictMap,
)
from .write import statement as written

PROTOCOLS = {
    "icmpv6": "ipv6-icmp",
    1: "icmp",
    6: "tcp",
    17: "udp",
    58: "ipv6-icmp",
    132: "sctp",
    136: "udplite",
    33: "dccp",
}
OF_PROTOCOL = ("meta l4proto", "ip protocol", "l4proto")
MARKS = {"mark": False, "ct mark": True}
REJECTS = {
    ("icmp", "port-unreachable"): ("", ""), ("icmpv6", "port-unreachable"): ("", ""), ("icmpx", "port-unreachable"): ("", ""),
    ("icmp", "net-unreachable"): ("icmp-net-unreachable",) * 2, ("icmp", "host-unreachable"): ("icmp-host-unreachable",) * 2,
    ("icmp", "prot-unreachable"): ("icmp-proto-unreachable",) * 2, ("icmp", "net-prohibited"): ("icmp-net-prohibited",) * 2,
    ("icmp", "host-prohibited"): ("icmp-host-prohibited",) * 2, ("icmp", "admin-prohibited"): ("icmp-admin-prohibited",) * 2,
    ("icmpv6", "no-route"): ("icmp6-no-route",) * 2, ("icmpv6", "admin-prohibited"): ("icmp6-adm-prohibited",) * 2,
    ("icmpv6", "addr-unreachable"): ("icmp6-addr-unreachable",) * 2, ("icmpv6", "policy-fail"): ("icmp6-policy-fail",) * 2,
    ("icmpv6", "reject-route"): ("icmp6-reject-route",) * 2, ("tcp reset", ""): ("tcp-reset",) * 2,
    ("icmpx", "admin-prohibited"): ("icmp-admin-prohibited", "icmp6-adm-prohibited"),
    ("icmpx", "no-route"): ("icmp-net-unreachable", "icmp6-no-route"),
    ("icmpx", "host-unreachable"): ("icmp-host-unreachable", "icmp6-addr-unreachable"),
}  # fmt: skip
# Statements that only note something; and those of which a program decides what becomes of the packet.
NOTING = ("log",)
NOTED = ("counter name", 'xt match "comment"', "xt match comment", "xt target LOG", 'xt target "LOG"')
TAKING = ("queue", "tproxy", "synproxy")


class NotActed(Exception):
    """The model does not act this out."""


class Sets(Protocol):
    """What a table's rules look up in it."""

    name: str

    def members(self, name: str) -> Members: ...

    def set(self, name: str) -> nft.Set: ...


def acting(rule: nft.Rule, sets: Sets) -> tuple[Acting, ...]:
    """The statements of a rule, in order. What is not known at its end may decide what becomes of the packet."""
    made = [_acting(one, sets, at) for at, one in enumerate(rule.statements)]
    counters = [at for at, one in enumerate(made) if isinstance(one, Count)]
    for number, at in enumerate(counters):
        made[at] = Count(number=number)
    if made and isinstance(made[-1], NotKnown):
        made[-1] = replace(made[-1], ways=(True, ACCEPT, DROP))
    return tuple(made)


def _acting(one: nft.Statement, sets: Sets, at: int) -> Acting:
    try:
        return STATEMENTS[type(one)](one, sets, at)
    except NotActed:
        return _unknown(nft.Unknown(written(one)), sets, at)


# -- expressions ----------------------------------------------------------------------------------------------------


def reading(one: Any, sets: Sets, at: int = 0) -> Reading:
    """How an expression is read of a packet."""
    match one:
        case nft.Payload(protocol=protocol, field=name):
            return _field(f"{protocol} {name}")
        case nft.Meta(key=key):
            return _field(key)
        case nft.Ct(key=key):
            return _field(f"ct {key}")
        case nft.Concat(parts=parts):
            return Joined(tuple(reading(part, sets, at) for part in parts))
        case nft.Numgen(mode="random", mod=mod, offset=offset):
            return Lot(mod, offset)
        case nft.Numgen(mode="inc", mod=mod, offset=offset):
            return InTurn(mod, offset, at)
        case nft.Fib(result="type", flags=flags) if flags[0] in ("saddr", "daddr") and len(flags) < 3:
            return AddressKind(flags[0], flags[1] if len(flags) > 1 else "")
        case nft.Bits(operator=operator, left=left, right=right):
            return Bitwise(operator, reading(left, sets, at), reading(right, sets, at))
        case nft.Lookup(key=key, data=data):
            return Found(reading(key, sets, at), _held(data, sets, _names_protocol(key)))
        case int() | str() | nft.Range():
            return Constant(one)
    raise NotActed


def _field(name: str) -> Reading:
    if name not in FIELDS:
        raise NotActed
    return Field(name)


def plain(one: Any, protocol: bool = False) -> Any:
    """A constant as readings give it: a concatenation as a tuple, a protocol by the name that packets have."""
    if isinstance(one, nft.Concat):
        return tuple(plain(part) for part in one.parts)
    if isinstance(one, nft.Foreign | nft.Named):
        raise NotActed
    if protocol or one == "icmpv6":
        return PROTOCOLS.get(one, one)
    return one


def members(rows: Iterable[tuple[Any, Any]], protocol: bool = False) -> Members:
    """What a set holds: keys with what stands under them, True where it is a set."""
    held = [(plain(key, protocol), True if value is None else value) for key, value in rows]
    return Members({k: v for k, v in held if not is_wide(k)}, tuple((k, v) for k, v in held if is_wide(k)))


def _held(data: Any, sets: Sets, protocol: bool = False) -> Members:
    if isinstance(data, nft.Named):
        return sets.members(data.name)
    return members(((key, value_of(value)) for key, value in data.pairs), protocol)


def value_of(value: Any) -> Any:
    """What stands under a key of a map: a verdict to run, or a constant."""
    return verdict(value) if isinstance(value, nft.Verdict) else None if value is None else plain(value)


def _names_protocol(one: Any) -> bool:
    return one in (nft.Meta("l4proto"), nft.Payload("ip", "protocol"), nft.Payload("ip6", "nexthdr"))


# -- statements -----------------------------------------------------------------------------------------------------


def verdict(one: nft.Verdict) -> Acting:
    """Where the walk goes on."""
    if one.chain:
        return Jump(one.chain) if one.kind == "jump" else Goto(one.chain)
    return {"accept": Accept(), "drop": Drop(), "return": Return(), "continue": Continue()}[one.kind]


def _match(one: nft.Match, sets: Sets, at: int) -> Acting:
    left, protocol = reading(one.left, sets, at), _names_protocol(one.left)
    if one.operator in ("<", ">", "<=", ">="):
        bound = one.right
        if not isinstance(bound, int):
            raise NotActed
        low = {"<": 0, "<=": 0, ">": bound + 1, ">=": bound}[one.operator]
        high = {"<": bound - 1, "<=": bound}.get(one.operator, 1 << 128)
        return Between(reading=left, low=low, high=high)
    if isinstance(one.right, nft.Named):
        return _in_set(one, left, sets)
    rows = one.right.elements if isinstance(one.right, nft.Anonymous) else (one.right,)
    if one.left == nft.Ct("status"):
        return _status(one, left, rows)
    negated = one.operator == "!="
    if isinstance(one.left, nft.Meta | nft.Payload | nft.Ct | nft.Concat | nft.Fib | nft.Bits | nft.Numgen):
        return Compare(reading=left, members=members(((row, None) for row in rows), protocol), negated=negated)
    raise NotActed


def _status(one: nft.Match, left: Reading, rows: Iterable[Any]) -> Acting:
    bits = sum(STATUS.get(row, 0) for row in rows if isinstance(row, str))
    if one.operator != "in" or not all(row in STATUS for row in rows):
        raise NotActed
    return AnyBit(reading=left, bits=bits)


def _in_set(one: nft.Match, left: Reading, sets: Sets) -> Acting:
    name, negated = one.right.name, one.operator == "!="  # type: ignore[union-attr]
    held, given = sets.members(name), sets.set(name)
    if "dynamic" in given.flags or "timeout" in given.flags or given.timeout:
        return InSet(set=f"{sets.name}/{name}", element=left, members=held, negated=negated)
    return Compare(reading=left, members=held, negated=negated)


def _mangle(one: nft.Mangle, sets: Sets, at: int) -> Acting:
    name = {nft.Meta("mark"): "mark", nft.Ct("mark"): "ct mark"}.get(one.key)  # type: ignore[arg-type]
    if name is None:
        raise NotActed
    return SetMark(reading(one.value, sets, at), MARKS[name])


def _flags(text: str) -> Range:
    said = text.split(",") if text else []
    return Range(random="random" in said, fully="fully-random" in said, persistent="persistent" in said)


def _nat(end: str) -> Callable[[Any, Sets, int], Acting]:
    def make(one: Any, sets: Sets, at: int) -> Acting:
        address = one.address
        if isinstance(address, nft.Anonymous | nft.Named | nft.Foreign):
            raise NotActed
        to = Constant("") if address is None else reading(address, sets, at)
        return Translate(end, to, Constant(one.port), _flags(one.flags))

    return make


def _ported(port: Any, flags: str) -> Range:
    first, last = (port.first, port.last) if hasattr(port, "first") else (-1, -1) if port is None else (port, port)
    to = _flags(flags)
    return Range(first=first, last=last, random=to.random, fully=to.fully, persistent=to.persistent)


def _reject(one: nft.Reject, sets: Sets, at: int) -> Acting:
    if (one.type, one.code) not in REJECTS:
        raise NotActed
    return Rejected(REJECTS[one.type, one.code])


def _update(one: nft.Update, sets: Sets, at: int) -> Acting:
    given = sets.set(one.set)
    timeout = nanoseconds(one.timeout) if one.timeout else given.timeout * 1_000_000_000
    name = f"{sets.name}/{one.set}"
    return Update(
        set=name, element=reading(one.element, sets, at), timeout=timeout, operator=one.operator, size=given.size
    )


def _limit(one: nft.Limit, sets: Sets, at: int) -> Acting:
    if one.per not in ("second", "minute", "hour", "day"):
        raise NotActed
    return PacketLimit(rate=one.rate, per=one.per, burst=one.burst, negated=one.over)


def _unknown(one: nft.Unknown, sets: Sets, at: int) -> Acting:
    """What only notes lets the packet go on; a program that takes the packet decides; of the rest nobody knows."""
    word = one.text.split(maxsplit=1)[0] if one.text else ""
    if word in NOTING or one.text.startswith(NOTED):
        return Continue()
    if word in TAKING:
        return Ending(Said("HANDED_OVER", word))
    return NotKnown(one.text, (False, True), "ct " in one.text)


class Ending(Acting, frozen=True):
    """A statement that always says the same."""

    said: Said

    def run(self, skb: Any, at: Any) -> Any:
        return self.said


STATEMENTS: dict[type, Callable[[Any, Sets, int], Acting]] = {
    nft.Match: _match,
    nft.Verdict: lambda one, sets, at: verdict(one),
    nft.VerdictMap: lambda one, sets, at: VerdictMap(
        element=reading(one.key, sets, at), verdicts=_held(one.data, sets, _names_protocol(one.key))
    ),
    nft.Mangle: _mangle,
    nft.Masquerade: lambda one, sets, at: Masquerading(_ported(one.port, one.flags)),
    nft.Redirect: lambda one, sets, at: Redirecting(_ported(one.port, one.flags)),
    nft.Dnat: _nat("dst"),
    nft.Snat: _nat("src"),
    nft.Reject: _reject,
    nft.Update: _update,
    nft.Counter: lambda one, sets, at: Count(),
    nft.Limit: _limit,
    nft.Notrack: lambda one, sets, at: NoTrack(),
    nft.Unknown: _unknown,
}
