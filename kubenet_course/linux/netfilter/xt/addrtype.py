"""`-m addrtype`: what kind of address an address is to this machine (net/netfilter/xt_addrtype.c)."""

from __future__ import annotations

from typing import ClassVar

from ...namespace.fib import address_types
from ...namespace.skb import Skb
from ...packet.address import IPV4, Address, family
from ..statement import Place, Test
from .reading import Given, Match, listed

TYPES = ("UNSPEC", "UNICAST", "LOCAL", "BROADCAST", "ANYCAST", "MULTICAST", "BLACKHOLE", "UNREACHABLE", "PROHIBIT")


class AddrType(Test, frozen=True, kw_only=True):
    """`-m addrtype` (xt_addrtype.c): what kind of address the source and the destination are to this machine.

    An empty set is not asked. With `limit` "in" or "out" only that device's addresses count as local.
    """

    module: ClassVar[str] = "addrtype"
    src: frozenset[str] = frozenset()
    dst: frozenset[str] = frozenset()
    not_src: bool = False
    not_dst: bool = False
    limit: str = ""

    def run(self, skb: Skb, at: Place) -> bool:
        flow, dev = skb.packet.flow, {"in": skb.dev_in, "out": skb.dev_out, "": ""}[self.limit]
        if self.src and _is_one_of(self.src, flow.src, at, dev) is self.not_src:
            return False
        return not self.dst or _is_one_of(self.dst, flow.dst, at, dev) is not self.not_dst

    def written(self) -> str:
        sides = (("src", self.src, self.not_src), ("dst", self.dst, self.not_dst))
        parts = [f"{'! ' if no else ''}--{side}-type {_type_text(types)}" for side, types, no in sides if types]
        return " ".join([*parts, f"--limit-iface-{self.limit}"] if self.limit else parts)


SHAPES = frozenset({"UNSPEC", "UNICAST", "MULTICAST"})  # what an IPv6 address tells by itself


def _is_one_of(wanted: frozenset[str], subject: Address, at: Place, dev: str) -> bool:
    """IPv4 asks for any of the types; IPv6 for all that the address itself tells, then for any of the rest (match_type6)."""
    types = address_types(at.kernel.ns.fib, subject, dev)
    if family(subject) is IPV4:
        return bool(wanted & types)
    rest = wanted - SHAPES
    return wanted & SHAPES <= types and (not rest or bool(rest & types))


def _type_text(types: frozenset[str]) -> str:
    return ",".join(word for word in TYPES if word in types)


def _addrtype(given: tuple[Given, ...]) -> tuple[Test, ...]:
    said = {name: (words, no) for name, words, no in given}
    limits = [name.removeprefix("--limit-iface-") for name in said if name.startswith("--limit")]
    src, not_src = said.get("--src-type", (("",), False))
    dst, not_dst = said.get("--dst-type", (("",), False))
    types = [frozenset(listed(words[0], TYPES, "type of address")) if words[0] else frozenset() for words in (src, dst)]
    return (AddrType(src=types[0], dst=types[1], not_src=not_src, not_dst=not_dst, limit="".join(limits)),)


MATCHES = {
    "addrtype": Match({"--src-type": 1, "--dst-type": 1, "--limit-iface-in": 0, "--limit-iface-out": 0}, _addrtype)
}
