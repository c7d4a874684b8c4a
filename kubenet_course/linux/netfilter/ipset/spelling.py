"""How ipset spells the parts of a member, and what it takes for one: ranges stand for each of their members
(lib/parse.c, lib/icmp.c and lib/print.c of ipset)."""

from __future__ import annotations

from collections.abc import Iterator

from ....errors import BadInput
from ...packet.address import IPV4, Address, Family, address, family, mask_of, number, prefix, spelled
from ..iptables.words import port, protocol, whole

MOST = 65536  # members that one line may stand for
ICMP_NAMES = {
    "echo-reply": (0, 0), "network-unreachable": (3, 0), "host-unreachable": (3, 1), "protocol-unreachable": (3, 2),
    "port-unreachable": (3, 3), "fragmentation-needed": (3, 4), "source-route-failed": (3, 5), "network-unknown": (3, 6),
    "host-unknown": (3, 7), "network-prohibited": (3, 9), "host-prohibited": (3, 10), "TOS-network-unreachable": (3, 11),
    "TOS-host-unreachable": (3, 12), "communication-prohibited": (3, 13), "host-precedence-violation": (3, 14),
    "precedence-cutoff": (3, 15), "source-quench": (4, 0), "network-redirect": (5, 0), "host-redirect": (5, 1),
    "TOS-network-redirect": (5, 2), "TOS-host-redirect": (5, 3), "echo-request": (8, 0), "router-advertisement": (9, 0),
    "router-solicitation": (10, 0), "ttl-zero-during-transit": (11, 0), "ttl-zero-during-reassembly": (11, 1),
    "ip-header-bad": (12, 0), "required-option-missing": (12, 1), "timestamp-request": (13, 0), "timestamp-reply": (14, 0),
    "address-mask-request": (17, 0), "address-mask-reply": (18, 0),
}  # fmt: skip
ICMP6_NAMES = {
    "no-route": (1, 0), "communication-prohibited": (1, 1), "address-unreachable": (1, 3), "port-unreachable": (1, 4),
    "packet-too-big": (2, 0), "ttl-zero-during-transit": (3, 0), "ttl-zero-during-reassembly": (3, 1), "bad-header": (4, 0),
    "unknown-header-type": (4, 1), "unknown-option": (4, 2), "echo-request": (128, 0), "echo-reply": (129, 0),
    "router-solicitation": (133, 0), "router-advertisement": (134, 0), "neighbour-solicitation": (135, 0),
    "neighbour-advertisement": (136, 0), "redirect": (137, 0),
}  # fmt: skip
NAMES = {"icmp": ICMP_NAMES, "ipv6-icmp": ICMP6_NAMES}
OTHER_NAMES = {"ping": "echo-request", "pong": "echo-reply", "neighbor-solicitation": "neighbour-solicitation"}
OTHER_NAMES |= {"neighbor-advertisement": "neighbour-advertisement"}
SPELLED = {proto: {value: name for name, value in names.items()} for proto, names in NAMES.items()}
WITH_PORTS = ("tcp", "udp", "sctp", "udplite")


def port_key(text: str) -> tuple[str, int]:
    """`tcp:80`, `icmp:echo-request`, `gre:0`: a protocol and its port, or 256 times its type and its code."""
    proto, _, rest = text.rpartition(":")
    if rest.isdigit():
        return proto, int(rest)
    kind, code = icmp(proto, rest)
    return proto, kind << 8 | code


def icmp(proto: str, text: str) -> tuple[int, int]:
    """A message by its name, or as `type/code`."""
    found = NAMES.get(proto, {}).get(OTHER_NAMES.get(text, text))
    if found is not None:
        return found
    kind, slash, code = text.partition("/")
    if proto not in NAMES or not slash:
        raise BadInput("", f"{proto}:{text} is not a port", "write tcp:80, icmp:echo-request or icmp:8/0")
    return whole(kind, 255, "ICMP type"), whole(code, 255, "ICMP code")


def ports(text: str) -> Iterator[str]:
    """The protocols and ports that a word stands for: `80` is tcp:80, `udp:5-7` three of them."""
    name, colon, rest = text.rpartition(":")
    proto = protocol(name) if colon else "tcp"
    if proto in NAMES:
        kind = icmp(proto, rest)
        yield f"{proto}:{SPELLED[proto].get(kind) or '/'.join(map(str, kind))}"
        return
    if proto not in WITH_PORTS:
        if rest != "0":
            raise BadInput("", f"{proto} has no ports", f"write {proto}:0")
        yield f"{proto}:0"
        return
    yield from (f"{proto}:{one}" for one in _numbers(rest))


def _numbers(text: str) -> range:
    low, dash, high = text.partition("-")
    first, last = sorted((port(low), port(high) if dash else port(low)))
    return range(first, last + 1)


def numbers(text: str, allowed: str) -> Iterator[str]:
    """The members of a bitmap of ports that a word stands for."""
    first, last = map(int, allowed.split("-"))
    for one in _numbers(text.rpartition(":")[2]):
        if not first <= one <= last:
            raise BadInput("", f"{one} is out of the set's range", f"write a port from {first} to {last}")
        yield str(one)


def _ends(text: str, of: Family) -> tuple[int, int]:
    """The first and the last address of an address, a block, or a range of IPv4."""
    low, dash, high = text.partition("-")
    if dash and of is IPV4:
        first, last = sorted((number(_of(low, of)), number(_of(high, of))))
        return first, last
    block = prefix(text)
    _of(block.first, of)
    return block.network, block.network | ~block.mask & mask_of(of.bits, of)


def _of(text: str, of: Family) -> Address:
    found = address(text)
    if family(found) is not of:
        raise BadInput("", f"{found} is not an {of.name} address", f"the set holds {of.name} addresses")
    return found


def addresses(text: str, of: Family) -> Iterator[str]:
    """The addresses that a word stands for."""
    if "/" not in text and "-" not in text:
        yield _of(text, of)
        return
    first, last = _ends(text, of)
    if last - first >= MOST:
        raise BadInput("", f"{text} stands for more than {MOST} addresses", "use a set of networks, such as hash:net")
    yield from (spelled(value, of) for value in range(first, last + 1))


def networks(text: str, of: Family) -> Iterator[str]:
    """The networks that a word stands for: of a range the fewest that make it up. One of a single address is spelled as that."""
    first, last = _ends(text, of)
    if "-" not in text and prefix(text).length == 0:
        raise BadInput(
            "", f"{text} has no bits that count", "a set of networks holds them from /1 on: write two of those"
        )
    while first <= last:
        free = first & -first if first else 1 << of.bits
        while free > last - first + 1:
            free >>= 1
        length = of.bits - (free.bit_length() - 1)
        yield spelled(first, of) + (f"/{length}" if length < of.bits else "")
        first += free
