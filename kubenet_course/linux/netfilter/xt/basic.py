"""What every rule can ask without any `-m`: -s, -d, -i, -o, -p, -f (struct ipt_ip, ip_packet_match in ip_tables.c)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...namespace.skb import Skb
from ...packet.address import Address, Prefix, number, prefix
from ..iptables.words import protocol
from ..statement import NO_KEY, Place, Test
from .reading import each


class Source(Test, frozen=True, kw_only=True):
    """`-s`: the source lies in a block."""

    prefix: Prefix

    def run(self, skb: Skb, at: Place) -> bool:
        return (number(skb.packet.flow.src) & self.prefix.mask == self.prefix.network) is not self.negated

    @property
    def addresses(self) -> tuple[Address, ...]:
        return (self.prefix.first,)

    def written(self) -> str:
        return f"{self.no}-s {self.prefix}"


class Destination(Test, frozen=True, kw_only=True):
    """`-d`: the destination lies in a block."""

    prefix: Prefix

    @property
    def key(self) -> tuple[str, tuple[Any, ...]]:
        return NO_KEY if self.negated or not self.prefix.is_host else ("dst", (self.prefix.first,))

    def run(self, skb: Skb, at: Place) -> bool:
        return (number(skb.packet.flow.dst) & self.prefix.mask == self.prefix.network) is not self.negated

    @property
    def addresses(self) -> tuple[Address, ...]:
        return (self.prefix.first,)

    def written(self) -> str:
        return f"{self.no}-d {self.prefix}"


class Interface(Test, frozen=True, kw_only=True):
    """`-i` or `-o`: the packet came in by, or will leave by, a device; a `+` at the end stands for any rest of the name."""

    name: str
    out: bool = False

    def asks(self, skb: Skb, at: Place) -> bool:
        came = "" if at.hook == "OUTPUT" else skb.dev_in  # what IPVS leads through it has come in, but not by this hook
        dev = skb.dev_out if self.out else came
        return dev.startswith(self.name[:-1]) if self.name.endswith("+") else dev == self.name

    def written(self) -> str:
        return f"{self.no}{'-o' if self.out else '-i'} {self.name}"


class Protocol(Test, frozen=True, kw_only=True):
    """`-p`: the protocol, by name, or by number where it has none."""

    name: str

    def run(self, skb: Skb, at: Place) -> bool:
        return (skb.packet.flow.proto == self.name) is not self.negated

    @property
    def protocol(self) -> str:  # type: ignore[override]
        return self.name

    def written(self) -> str:
        return f"{self.no}-p {self.name}"


class Fragment(Test, frozen=True):
    """`-f`: a second or further fragment. Where connections are tracked, pieces are put together before any rule sees them."""

    def asks(self, skb: Skb, at: Place) -> bool:
        return skb.packet.is_later_piece

    def written(self) -> str:
        return f"{self.no}-f"


class Loaded(Test, frozen=True, kw_only=True):
    """`-m tcp` and the like without any option: it asks nothing."""

    name: str

    @property
    def module(self) -> str:  # type: ignore[override]
        return self.name


def _block(kind: type) -> Callable[..., Test]:
    return lambda text, negated: kind(prefix=prefix(text), negated=negated)


MATCHES = {
    "": each(
        {
            "-s": _block(Source),
            "-d": _block(Destination),
            "-i": lambda text, negated: Interface(name=text, negated=negated),
            "-o": lambda text, negated: Interface(name=text, out=True, negated=negated),
            "-p": lambda text, negated: Protocol(name=protocol(text), negated=negated),
            "-f": lambda negated: Fragment(negated),
        },
        {"-f": 0},
    )
}
