"""The order and the form in which nft gives back the values that it was given (nft 1.0.6, tried)."""

from collections.abc import Sequence

from ...packet.address import Family, Prefix, number, spelled
from .ruleset import Anonymous, Constant, Expression, Range

PROTOCOLS = {"icmp": 1, "tcp": 6, "udp": 17, "icmpv6": 58, "sctp": 132, "udplite": 136}


def place(key: tuple[Constant, ...]) -> int:
    """Where nft prints an element of a set among its fellows.

    A lone address or number stands by its value. The parts of a concatenation lie in the kernel's registers, each
    padded to four bytes in network order; nft 1.0 takes the whole as one number of the machine, in which the last part
    weighs most and the first byte of each least (src/mergesort.c; tried on little-endian machines).
    """
    if len(key) == 1:
        return _value(key[0])
    return int.from_bytes(b"".join(map(_register, key)), "little")


def _value(part: Constant) -> int:
    if isinstance(part, str):
        return PROTOCOLS[part] if part in PROTOCOLS else number(part)
    if isinstance(part, Prefix):
        return part.network
    return number(part.first) if isinstance(part, Range) else part


def _register(part: Constant) -> bytes:
    if isinstance(part, int):
        return part.to_bytes(2, "big") + b"\0\0"
    if part in PROTOCOLS:
        return PROTOCOLS[str(part)].to_bytes(4, "little")
    return _value(part).to_bytes(16 if isinstance(part, str) and ":" in part else 4, "big")


def merged(blocks: Sequence[Prefix]) -> Expression:
    """The set of these blocks as nft gives it back: sorted, what overlaps or touches made one; one block stands bare.

    A whole that is no block is printed as a range.
    """
    if len(blocks) == 1:
        return _bare(blocks[0])
    spans: list[list[int]] = []
    for block in sorted(blocks, key=lambda one: one.network):
        last = block.network | (((1 << block.family.bits) - 1) ^ block.mask)
        if spans and block.network <= spans[-1][1] + 1:
            spans[-1][1] = max(spans[-1][1], last)
        else:
            spans.append([block.network, last])
    return Anonymous(tuple(_span(first, last, blocks[0].family) for first, last in spans))


def _bare(block: Prefix) -> Constant:
    return block.first if block.is_host else block


def _span(first: int, last: int, of: Family) -> Constant:
    size = last - first + 1
    if size & (size - 1) or first % size:
        return Range(spelled(first, of), spelled(last, of))
    return _bare(Prefix(first, ((1 << of.bits) - 1) ^ (size - 1), of))
