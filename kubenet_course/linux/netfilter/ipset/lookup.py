"""Asking a set about a packet, and changing it by a rule (ip_set_test, ip_set_add and ip_set_del in ip_set_core.c).

What rules put in and take out is the kernel's memory; the set itself never changes.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from ...namespace.kernel import Kernel
from ...namespace.memory import SECOND
from ...namespace.skb import Skb
from ...packet.packet import length
from ..statement import LookUps
from .sets import LIST_SET, Element, IpSet, Key, everything, keys, shown_by

FOR_EVER, GONE = -1, 0  # as the moment at which a member's time is over


@dataclass(slots=True)
class Changed:
    """What rules have done to the sets of one kernel: by set and key, when the member's time is over; and what members counted."""

    until: dict[str, dict[Key, int]] = field(default_factory=dict)
    packets: Counter = field(default_factory=Counter)
    bytes: Counter = field(default_factory=Counter)


def _lives(kernel: Kernel, one: IpSet, key: Key) -> Element | None:
    """A member, if the set has it and its time is not over."""
    changed = kernel.remembers[Changed].until.get(one.name)
    if changed is not None and key in changed:
        until = changed[key]
        return Element() if until == FOR_EVER or kernel.now < until else None
    found = one.elements.get(key)
    return None if found is None or (found.timeout and kernel.now >= found.timeout * SECOND) else found


def _masks(kernel: Kernel, one: IpSet) -> tuple[int, ...]:
    added = kernel.remembers[Changed].until.get(one.name)
    return tuple(sorted({*one.masks, *(mask for mask, _ in added)}, reverse=True)) if added else one.masks


def member(kernel: Kernel, one: IpSet, skb: Skb, sides: tuple[str, ...]) -> tuple[Key, Element] | None:
    """The member that has what the packet shows: of several networks the longest."""
    shown = shown_by(one, skb.packet.flow, sides)
    if shown is None:
        return None
    for key in keys(one, shown, _masks(kernel, one)):
        found = _lives(kernel, one, key)
        if found is not None:
            return key, found
    return None


def holds(kernel: Kernel, name: str, skb: Skb, sides: tuple[str, ...], return_nomatch: bool = False) -> bool | None:
    """Whether a set holds a packet. None: there is no such set, or its type is not known here.

    A member with `nomatch` is an exception: the set does not hold it, unless `--return-nomatch` asks for just these.
    """
    one = kernel.ns.sets.get(name)
    if one is None or not one.understood:
        return None
    if one.type == LIST_SET:
        answers = [holds(kernel, inner, skb, sides, return_nomatch) for _, (inner,) in one.elements]
        return True if True in answers else None if None in answers else False
    kernel.remembers[LookUps].count += 1
    found = member(kernel, one, skb, sides)
    if found is None:
        return False
    key, element = found
    matched = element.nomatch is return_nomatch
    if matched and "counters" in one.options:
        kernel.remembers[Changed].packets[name, key] += 1
        kernel.remembers[Changed].bytes[name, key] += length(skb.packet)
    return matched


def change(kernel: Kernel, name: str, skb: Skb, sides: tuple[str, ...], adds: bool, timeout: int, again: bool) -> bool:
    """Adds what the packet shows to a set, or takes it out. `again`: a member that is there already gets its time anew.

    False: there is no such set, or its type is not known here. A network is added as long as the longest that the set has.
    """
    one = kernel.ns.sets.get(name)
    if one is None or not one.understood:
        return False
    if one.type == LIST_SET:
        return all(change(kernel, inner, skb, sides, adds, timeout, again) for _, (inner,) in one.elements)
    shown = shown_by(one, skb.packet.flow, sides)
    if shown is None:
        return True
    key = next(keys(one, shown, _masks(kernel, one) or (everything(one.family),)))
    there = _lives(kernel, one, key)
    changed = kernel.remembers[Changed].until.setdefault(name, {})
    if not adds:
        changed[key] = GONE
    elif there is None or again:
        seconds = max(one.timeout, 0) if timeout < 0 else timeout
        changed[key] = kernel.now + seconds * SECOND if seconds and one.timeout >= 0 else FOR_EVER
    return True
