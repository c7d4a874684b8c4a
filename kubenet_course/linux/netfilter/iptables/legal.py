"""What can be written as a rule and yet no kernel takes: targets out of their place, addresses of the other family
(the `table`, `hooks` and `checkentry` of net/netfilter/xt_*.c, net/ipv4/netfilter/ipt_REJECT.c)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ....errors import BadInput
from ...packet.address import FAMILIES, Address, family
from ..rules import Rule, Table
from ..statement import Goto, Jump
from .words import shown

# An address behind an option, by its looks: enough to tell that a large dump holds no other family.
LOOKS = {
    4: re.compile(r"[sden] \[?\d+\.\d+\.\d+\.\d"),
    6: re.compile(r"[sden] \[?[0-9a-fA-F]{0,4}:[0-9a-fA-F]{0,4}:"),
}


LEADING = (Jump, Goto)


def check_place(table: str, base_chains: tuple[str, ...], chain: str, rule: Rule) -> None:
    """Refuses a rule that leads into a base chain, or whose target cannot act where it stands."""
    target = rule.target
    if isinstance(target, LEADING):
        if target.chain in base_chains:
            raise BadInput("", f"{target.chain} is a base chain of {table}", "a rule can lead to user chains only")
        return
    place = getattr(target, "place", None)
    if place is not None:
        name, home, hooks = place
        if table != home:
            raise BadInput("", f"{name} cannot act in {table}", f"it belongs into {home}")
        if hooks and chain in base_chains and chain not in hooks:
            raise BadInput("", f"{name} cannot act in {chain}", f"it belongs into {' or '.join(hooks)}")


def _addresses(rule: Rule) -> Iterator[Address]:
    for statement in (*rule.tests, rule.target):
        yield from statement.addresses


def family_in(tables: Mapping[str, Table], text: str, where: str, begins: int = 1) -> int:
    """4 or 6, by the addresses in the rules; 0 where there are none. A dump has one family: both in one are refused."""
    seen = [number for number, looks in LOOKS.items() if looks.search(text)]
    if len(seen) < 2:
        return seen[0] if seen else 0
    found = 0
    for rule in (rule for table in tables.values() for chain in table.chains.values() for rule in chain.rules):
        for address in _addresses(rule):
            of = family(address).number
            if found and of != found:
                line = [line.strip() for line in text.split("\n")].index(rule.text) + begins
                raise BadInput(
                    f"{where}:{line}",
                    f"{address} is an {FAMILIES[of].name} address among {FAMILIES[found].name} ones: {shown(rule.text)}",
                    "iptables-save holds the one family, ip6tables-save the other",
                )
            found = of
    return found
