"""What the expressions of nftables read: of a packet, of its connection, of the machine, of chance (net/netfilter/nft_*.c).

A reading answers a value, or None where there is nothing to read: then the rule does not hold (NFT_BREAK), whichever way it asks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from msgspec import Struct

from ...namespace.fib import address_types
from ...namespace.skb import NO_CONNECTION, UNTRACKED, Skb
from ...packet.address import Prefix, family, number
from ...packet.packet import ICMP, length
from ..statement import Place
from .ruleset import Range


class Reading(Struct, frozen=True):
    """What every reading is: it makes the kernel track connections or not, leaves a trace or not."""

    tracks: ClassVar[bool] = False
    counts: ClassVar[bool] = False

    def read(self, skb: Skb, at: Place) -> Any:
        return None


def _port(which: str, *protocols: str) -> Callable[[Skb], Any]:
    """A port, of these protocols."""
    return lambda skb: getattr(skb.packet.flow, which) if skb.packet.flow.proto in protocols else None


CHECKSUM = -1  # what stands there in an ICMP header: no value that a rule could mean


def _third(skb: Skb) -> Any:
    """`th dport`: bytes 2 and 3 behind the IP header, whatever the protocol."""
    return CHECKSUM if skb.packet.flow.proto in ICMP else FIELDS["ported dport"](skb)


def _first(skb: Skb) -> Any:
    """`th sport`: bytes 0 and 1; of ICMP type and code."""
    return skb.packet.flow.dport if skb.packet.flow.proto in ICMP else FIELDS["ported sport"](skb)


def _address(which: str, of: int) -> Callable[[Skb], Any]:
    def read(skb: Skb) -> Any:
        found = getattr(skb.packet.flow, which)
        return found if family(found).number == of else None

    return read


def _known(read: Callable[[Skb], Any]) -> Callable[[Skb], Any]:
    """Of a packet without a connection there is nothing to read but its state."""
    return lambda skb: None if skb.connection is NO_CONNECTION or skb.connection is UNTRACKED else read(skb)


STATUS = {"seen-reply": 2, "assured": 4, "confirmed": 8, "snat": 16, "dnat": 32}


def _status(skb: Skb) -> int:
    """enum ip_conntrack_status, as far as the model keeps it."""
    known = skb.connection
    held = zip(STATUS.values(), (known.seen_reply, known.assured, known.confirmed, known.snat, known.dnat), strict=True)
    return sum(bit for bit, is_set in held if is_set)


def _state(skb: Skb) -> str:
    known = skb.connection is not NO_CONNECTION
    return (skb.ctinfo if known else "INVALID").lower()


PORTED = ("tcp", "udp", "sctp", "dccp", "udplite")
# By the name that nft writes; the short names are those of all packets, of whatever family and protocol.
FIELDS: dict[str, Callable[[Skb], Any]] = {
    "saddr": lambda skb: skb.packet.flow.src,
    "daddr": lambda skb: skb.packet.flow.dst,
    "sport": lambda skb: skb.packet.flow.sport,
    "dport": lambda skb: skb.packet.flow.dport,
    "l4proto": lambda skb: skb.packet.flow.proto,
    "mark": lambda skb: skb.mark,
    "iifname": lambda skb: skb.dev_in,
    "oifname": lambda skb: skb.dev_out,
    "iif": lambda skb: skb.dev_in or None,
    "oif": lambda skb: skb.dev_out or None,
    "length": lambda skb: length(skb.packet),
    "nfproto": lambda skb: f"ipv{family(skb.packet.flow.dst).number}",
    "protocol": lambda skb: "ip" if family(skb.packet.flow.dst).number == 4 else "ip6",
    "ip protocol": lambda skb: skb.packet.flow.proto if family(skb.packet.flow.dst).number == 4 else None,
    "ip ttl": lambda skb: skb.packet.ttl if family(skb.packet.flow.dst).number == 4 else None,
    "ip6 hoplimit": lambda skb: skb.packet.ttl if family(skb.packet.flow.dst).number == 6 else None,
    "icmp type": lambda skb: skb.packet.icmp_type if skb.packet.flow.proto == "icmp" else None,
    "icmpv6 type": lambda skb: skb.packet.icmp_type if skb.packet.flow.proto in ICMP[1:] else None,
    "ct state": _state,
    "ct status": _known(_status),
    "ct mark": _known(lambda skb: skb.connection.mark),
    "ct direction": _known(lambda skb: "reply" if skb.reply else "original"),
}
FIELDS |= {
    f"{ip} {name}": _address(short, of)
    for ip, of in (("ip", 4), ("ip6", 6))
    for name, short in (("saddr", "src"), ("daddr", "dst"))
}
FIELDS |= {f"{proto} {which}": _port(which, proto) for proto in PORTED for which in ("sport", "dport")}
FIELDS |= {f"ported {which}": _port(which, *PORTED) for which in ("sport", "dport")}
FIELDS |= {"th sport": _first, "th dport": _third}


BEHIND_IP = ("sport", "dport", " type")  # ends of the names of what stands behind the IP header


class Field(Reading, frozen=True):
    """A field by its name in FIELDS."""

    name: str

    @property
    def tracks(self) -> bool:  # type: ignore[override]
        return self.name.startswith("ct ")

    def read(self, skb: Skb, at: Place) -> Any:
        if skb.packet.is_later_piece and self.name.endswith(BEHIND_IP):  # nft_payload_eval: fragoff
            return None
        return FIELDS[self.name](skb)


class Constant(Reading, frozen=True):
    """A value that stands in the rule."""

    value: Any

    def read(self, skb: Skb, at: Place) -> Any:
        return self.value


class Joined(Reading, frozen=True):
    """Several taken as one: `ip daddr . th dport`. Where one is missing, all are."""

    parts: tuple[Reading, ...]

    @property
    def tracks(self) -> bool:  # type: ignore[override]
        return any(part.tracks for part in self.parts)

    @property
    def counts(self) -> bool:  # type: ignore[override]
        return any(part.counts for part in self.parts)

    def read(self, skb: Skb, at: Place) -> Any:
        found = tuple(part.read(skb, at) for part in self.parts)
        return None if None in found else found


class Bitwise(Reading, frozen=True):
    """Two numbers joined bit by bit: `meta mark | 0x4000` (nft_bitwise.c)."""

    operator: str
    left: Reading
    right: Reading

    @property
    def tracks(self) -> bool:  # type: ignore[override]
        return self.left.tracks or self.right.tracks

    def read(self, skb: Skb, at: Place) -> Any:
        one, other = self.left.read(skb, at), self.right.read(skb, at)
        if one is None or other is None:
            return None
        return {"&": one & other, "|": one | other, "^": one ^ other}[self.operator]


KINDS = ("LOCAL", "ANYCAST", "MULTICAST", "BROADCAST", "UNREACHABLE", "PROHIBIT", "BLACKHOLE", "UNICAST", "UNSPEC")


class AddressKind(Reading, frozen=True):
    """`fib daddr type`: what an address is to this machine (nft_fib_ipv4.c, nft_fib_ipv6.c)."""

    end: str
    device: str = ""

    def read(self, skb: Skb, at: Place) -> Any:
        flow = skb.packet.flow
        dev = {"iif": skb.dev_in, "oif": skb.dev_out, "": ""}[self.device]
        types = address_types(at.kernel.ns.fib, flow.src if self.end == "saddr" else flow.dst, dev)
        return next(kind.lower() for kind in KINDS if kind in types)


class Lot(Reading, frozen=True):
    """`numgen random mod N`: each number below N is as likely. It is drawn by halves, so that all outcomes can be told."""

    counts: ClassVar[bool] = True
    mod: int
    offset: int = 0

    def read(self, skb: Skb, at: Place) -> Any:
        low, size = 0, self.mod
        while size > 1:
            left = size // 2
            if at.kernel.choices.happens(("numgen", at.kernel.ns.name, self.mod, low, size), left / size):
                size = left
            else:
                low, size = low + left, size - left
        return low + self.offset


@dataclass(slots=True)
class Turns:
    """The number that each `numgen inc` has given last, by family, rule and place in the rule."""

    last: dict[tuple, int] = field(default_factory=dict)


class InTurn(Reading, frozen=True):
    """`numgen inc mod N`: 0 for the first packet, then one more each time, and from the beginning again (nft_ng_inc_gen)."""

    counts: ClassVar[bool] = True
    mod: int
    offset: int = 0
    number: int = 0

    def read(self, skb: Skb, at: Place) -> Any:
        last, mine = at.kernel.remembers[Turns].last, (at.rule, self.number)
        last[mine] = (last.get(mine, -1) + 1) % self.mod
        return last[mine] + self.offset


@dataclass(frozen=True, eq=False)
class Members:
    """What a set or map holds: values by their keys, and beside them those that stand for many: blocks and ranges."""

    exact: dict[Any, Any]
    wide: tuple[tuple[Any, Any], ...] = ()

    def get(self, key: Any) -> Any:
        """The value under a key; None where there is none."""
        found = self.exact.get(key)
        if found is None and self.wide:
            found = next((value for row, value in self.wide if covers(row, key)), None)
        return found


def covers(row: Any, value: Any) -> bool:
    """Whether a key of a set stands for a value: itself, a block or range that has it, or all parts of a concatenation."""
    if isinstance(row, tuple):
        return isinstance(value, tuple) and len(row) == len(value) and all(map(covers, row, value))
    if isinstance(row, Prefix):
        return isinstance(value, str) and value in row
    if isinstance(row, Range):
        return _place(row.first) <= _place(value) <= _place(row.last)
    if isinstance(row, str) and row.endswith("*") and isinstance(value, str):
        return value.startswith(row[:-1])
    return row == value


def _place(value: Any) -> int:
    return value if isinstance(value, int) else number(value)


def is_wide(row: Any) -> bool:
    """Whether a key stands for more than one value."""
    if isinstance(row, tuple):
        return any(map(is_wide, row))
    return isinstance(row, Prefix | Range) or (isinstance(row, str) and row.endswith("*"))


class Found(Reading, frozen=True):
    """What a map holds under a key: `numgen random mod 2 map { ... }`."""

    key: Reading
    members: Members

    @property
    def tracks(self) -> bool:  # type: ignore[override]
        return self.key.tracks

    @property
    def counts(self) -> bool:  # type: ignore[override]
        return self.key.counts

    def read(self, skb: Skb, at: Place) -> Any:
        key = self.key.read(skb, at)
        return None if key is None else self.members.get(key)
