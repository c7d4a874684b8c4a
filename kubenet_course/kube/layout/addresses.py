"""Addresses by their place in a range, and the networks that a Layout names."""

from __future__ import annotations

from ...linux.packet.address import Address, Prefix, family, prefix, spelled
from ..api.layout import Beyond, LayoutSpec


def nth(block: Prefix, number: int) -> Address:
    """An address of a block, counted from its first, which is number 0."""
    return spelled(block.network + number, block.family)


def gateways(one: Beyond) -> dict[int, Address]:
    """Per family, the router's address in a network: the first of its range."""
    return {family(text).number: nth(prefix(text), 1) for text in one.ranges}


def lengths(one: Beyond) -> dict[int, int]:
    return {family(text).number: prefix(text).length for text in one.ranges}


def network_of(spec: LayoutSpec, name: str, ip: Address) -> tuple[Beyond, Prefix]:
    """A network by its name, and the range of it that holds an address. Raises LookupError where there is none."""
    for one in spec.networks:
        for text in one.ranges:
            if one.name == name and ip in prefix(text):
                return one, prefix(text)
    raise LookupError(name)
