"""A set: its type, its members, and which of them has a packet's addresses and ports (net/netfilter/ipset/ip_set_hash_gen.h).

What is a member is compared as a key: one part for each word of the type. A network is kept under its mask, so that of
several that hold an address the longest is found first (mtype_test_cidrs).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any, NamedTuple

from msgspec import Struct

from ...packet.address import IPV4, Address, Family, family, mask_of, number, prefix
from ...packet.packet import Flow
from ..iptables.words import split
from .spelling import NAMES, WITH_PORTS, port_key

BITMAP_PORT, LIST_SET = "bitmap:port", "list:set"
# The parts of each type; a packet shows each of them its source or its destination (IPSET_DIM_*_SRC).
PARTS: dict[str, tuple[str, ...]] = {
    "hash:ip": ("ip",),
    "hash:net": ("net",),
    "hash:ip,port": ("ip", "port"),
    "hash:net,port": ("net", "port"),
    "hash:ip,port,ip": ("ip", "port", "ip"),
    "hash:ip,port,net": ("ip", "port", "net"),
    BITMAP_PORT: ("number",),
    LIST_SET: ("set",),
}
Key = tuple[int, tuple]  # the mask of its network (all ones without one), and its parts


class Element(NamedTuple):
    """What a set keeps beside a member. `timeout`: the seconds that it had when the set was made, 0 for ever."""

    timeout: int = 0
    nomatch: bool = False
    packets: int = 0
    bytes: int = 0


PLAIN = Element()


class IpSet(Struct, frozen=True, dict=True):
    """A set: its name and type, such as hash:ip,port, and its members as `ipset save` spells them: 10.96.0.1,tcp:443.

    Behind a member may stand `timeout 30`, `nomatch`, `packets 1 bytes 60`, `comment "text"`. `words` are those behind the
    type in `ipset create`; none stand for what that takes when nothing is said.
    """

    name: str
    type: str
    family: Family = IPV4
    members: tuple[str, ...] = ()
    words: str = ""

    @property
    def parts(self) -> tuple[str, ...]:
        return PARTS.get(self.type, ())

    @property
    def understood(self) -> bool:
        """Whether the model knows its type, and all that was said when it was made."""
        return self.type in PARTS and not {"netmask", "bitmask", "markmask"} & set(self.options)

    @cached_property
    def options(self) -> dict[str, str]:
        """The words behind its type: those that have a value, and those that stand alone, with an empty one."""
        found, words = {}, self.words.split()
        while words:
            word = words.pop(0)
            found[word] = words.pop(0) if words and word not in ALONE else ""
        return found

    @property
    def timeout(self) -> int:
        """The seconds that a member has, 0 for ever; -1 where members have no time at all."""
        return int(self.options.get("timeout", -1))

    @cached_property
    def elements(self) -> dict[Key, Element]:
        """Every member by its key. Of a list, the names of its sets in order."""
        return {key_of(self, member.split(" ", 1)[0]): element_of(member) for member in self.members}

    @cached_property
    def masks(self) -> tuple[int, ...]:
        """The masks of its networks, longest first."""
        return tuple(sorted({mask for mask, _ in self.elements}, reverse=True))


ALONE = ("counters", "comment", "skbinfo", "forceadd", "nomatch")


def element_of(member: str) -> Element:
    """What stands behind a member."""
    if " " not in member:
        return PLAIN
    words = split(member)[1:]
    after = dict(zip(words, [*words[1:], ""], strict=True))
    timeout, packets, octets = (int(after.get(name, 0)) for name in ("timeout", "packets", "bytes"))
    return Element(timeout, "nomatch" in after, packets, octets)


def key_of(one: IpSet, text: str) -> Key:
    """The key of a member that is spelled as `ipset save` does it."""
    mask, key = everything(one.family), list[Any]()
    for part, word in zip(one.parts, text.split(","), strict=True):
        if part == "net":
            block = prefix(word)
            mask = block.mask
            key.append(block.network)
        elif part == "port":
            key.append(port_key(word))
        else:
            key.append(int(word) if part == "number" else word)
    return mask, tuple(key)


def everything(of: Family) -> int:
    """The mask of a single address."""
    return mask_of(of.bits, of)


def shown_by(one: IpSet, flow: Flow, sides: tuple[str, ...]) -> tuple | None:
    """What a packet shows a set: a value for each part, from its `src` or its `dst`. None where it has no such thing."""
    if len(sides) < len(one.parts) or (one.parts != ("number",) and family(flow.dst) is not one.family):
        return None
    if one.type == BITMAP_PORT and flow.proto not in ("tcp", "udp"):
        return None
    return tuple(_value(part, flow, side) for part, side in zip(one.parts, sides, strict=False))


def _value(part: str, flow: Flow, side: str) -> tuple[str, int] | int | Address:
    address, port = (flow.src, flow.sport) if side == "src" else (flow.dst, flow.dport)
    if part == "port":
        return flow.proto, flow.dport if flow.proto in NAMES else port if flow.proto in WITH_PORTS else 0
    return port if part == "number" else number(address) if part == "net" else address


def keys(one: IpSet, shown: tuple, masks: tuple[int, ...]) -> Iterator[Key]:
    """The keys under which a set may have what a packet shows, the longest network first."""
    if "net" not in one.parts:
        yield everything(one.family), shown
        return
    at = one.parts.index("net")
    for mask in masks:
        yield mask, (*shown[:at], shown[at] & mask, *shown[at + 1 :])
