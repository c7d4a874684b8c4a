"""DNAT, SNAT, MASQUERADE, REDIRECT: where a new connection is translated to (net/netfilter/xt_nat.c, xt_MASQUERADE.c,
xt_REDIRECT.c). Their options are of one kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from msgspec.structs import replace

from ....errors import BadInput
from ...namespace.skb import DROP, Skb
from ...packet.address import Address, address, family, number
from ..iptables.words import port, port_range, port_text
from ..nat import Range, translate
from ..statement import Answer, Place, Target
from .reading import Extension, Said


class Dnat(Target, frozen=True):
    """`-j DNAT --to-destination`: the connection is answered from elsewhere (xt_nat.c)."""

    place: ClassVar = ("DNAT", "nat", ("PREROUTING", "OUTPUT"))
    tracks: ClassVar[bool] = True
    to: Range

    def run(self, skb: Skb, at: Place) -> Answer:
        return translate(skb, self.to, "dst", at.kernel)

    @property
    def addresses(self) -> tuple[Address, ...]:
        return (self.to.low,) if self.to.low else ()

    def written(self) -> str:
        return f"-j DNAT {range_text(self.to, '--to-destination')}"


class Snat(Target, frozen=True):
    """`-j SNAT --to-source`: the connection seems to come from elsewhere (xt_nat.c)."""

    place: ClassVar = ("SNAT", "nat", ("POSTROUTING", "INPUT"))
    tracks: ClassVar[bool] = True
    to: Range

    def run(self, skb: Skb, at: Place) -> Answer:
        return translate(skb, self.to, "src", at.kernel)

    @property
    def addresses(self) -> tuple[Address, ...]:
        return (self.to.low,) if self.to.low else ()

    def written(self) -> str:
        return f"-j SNAT {range_text(self.to, '--to-source')}"


class Masquerade(Target, frozen=True):
    """`-j MASQUERADE`: SNAT to the address that the outgoing device has towards the next hop (nf_nat_masquerade.c)."""

    place: ClassVar = ("MASQUERADE", "nat", ("POSTROUTING",))
    tracks: ClassVar[bool] = True
    to: Range = Range()

    def run(self, skb: Skb, at: Place) -> Answer:
        source = at.kernel.source_towards(skb)
        if not source:
            return DROP
        return translate(skb, replace(self.to, low=source, high=source), "src", at.kernel)

    def written(self) -> str:
        return f"-j MASQUERADE {range_text(self.to, '--to-ports')}".strip()


class Redirect(Target, frozen=True):
    """`-j REDIRECT`: DNAT to this machine itself: to the first address of the device it came in by (nf_nat_redirect.c)."""

    place: ClassVar = ("REDIRECT", "nat", ("PREROUTING", "OUTPUT"))
    tracks: ClassVar[bool] = True
    to: Range = Range()

    def run(self, skb: Skb, at: Place) -> Answer:
        here = at.kernel.own_address(skb, at.hook)
        if not here:
            return DROP
        return translate(skb, replace(self.to, low=here, high=here), "dst", at.kernel)

    def written(self) -> str:
        return f"-j REDIRECT {range_text(self.to, '--to-ports')}".strip()


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


def _nat(kind: Callable[[Range], Target], option: str) -> Extension:
    def make(said: Said) -> Target:
        if option not in said:
            raise BadInput("", f"the target does not say where to: {option} is missing", f"write {option} ADDRESS")
        return kind(_range(said, _to(said[option][0])))

    return Extension({option: 1, "--random": 0, "--random-fully": 0, "--persistent": 0}, make)


def _nat_ports(kind: Callable[[Range], Target]) -> Extension:
    def make(said: Said) -> Target:
        first, last = port_range(said["--to-ports"][0], "-") if "--to-ports" in said else (-1, -1)
        return kind(_range(said, Range(first=first, last=last)))

    return Extension({"--to-ports": 1, "--random": 0, "--random-fully": 0}, make)


def range_text(to: Range, option: str) -> str:
    ports = "" if to.first < 0 else port_text(to.first, to.last, "-") + (f"/{to.base}" if to.base >= 0 else "")
    hosts = to.low if to.low == to.high else f"{to.low}-{to.high}"
    if ports and ":" in hosts:
        hosts = f"[{hosts}]"
    separator = ":" if ports and option != "--to-ports" else ""
    words = [option, f"{hosts}{separator}{ports}"] if hosts or ports else []
    words += ["--random"] if to.random else []
    words += ["--random-fully"] if to.fully else []
    return " ".join(words + (["--persistent"] if to.persistent else []))


TARGETS = {
    "DNAT": _nat(Dnat, "--to-destination"),
    "SNAT": _nat(Snat, "--to-source"),
    "MASQUERADE": _nat_ports(Masquerade),
    "REDIRECT": _nat_ports(Redirect),
}
