"""The five hooks of netfilter, and who is asked at each, in order (net/netfilter/core.c, nf_hook_entries_grow).

A hook is a list of entries by priority (enum nf_ip_hook_priorities in include/uapi/linux/netfilter_ipv4.h); among equals the one
that was registered last is asked first. Entries come from the base chains of tables, and from connection tracking itself.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from .rules import Base, Chain, Ruleset, Table, Turn

FIRST, LAST = -(1 << 31), (1 << 31) - 1
CONNTRACK, NAT_DST, NAT_SRC = -200, -100, 100
# What the kernel does with a packet that every entry of a hook let go on (the okfn of NF_HOOK).
BEHIND = {
    "PREROUTING": "route_input",
    "INPUT": "local_deliver",
    "FORWARD": "ip_output",
    "OUTPUT": "ip_output",
    "POSTROUTING": "neigh_output",
}
# The same for a packet that a bridge has (net/bridge/br_netfilter_hooks.c).
BEHIND_BRIDGED = {
    "route_input": "br_nf_pre_routing_finish",
    "ip_output": "br_nf_forward_finish",
    "neigh_output": "br_dev_queue_push_xmit",
}
# The tables of iptables: the priority of their chains, which are named like their hooks.
IPTABLES = {"raw": -300, "mangle": -150, "filter": 0, "security": 50}
# Where IPVS is asked (ip_vs_ops4 in net/netfilter/ipvs/ip_vs_core.c): answers of servers before requests.
IPVS_AT = (
    ("INPUT", NAT_SRC - 2, "ip_vs_out"),
    ("INPUT", NAT_SRC - 1, "ip_vs_in"),
    ("OUTPUT", NAT_DST + 1, "ip_vs_out"),
    ("OUTPUT", NAT_DST + 2, "ip_vs_in"),
    ("FORWARD", NAT_SRC - 1, "ip_vs_forward_icmp"),
    ("FORWARD", NAT_SRC, "ip_vs_out"),
)
NAT_AT = {"PREROUTING": NAT_DST, "OUTPUT": NAT_DST, "INPUT": NAT_SRC, "POSTROUTING": NAT_SRC}


class Entry(Struct, frozen=True):
    """One that is asked at a hook. `kind` says what it is: filter, route or nat (chains of rules), conntrack or confirm, or one
    of IPVS.

    Its `stage` names it in traces. Of nat there is one entry a hook, with the chains of all nat tables in it.
    """

    hook: str
    priority: int
    kind: str
    stage: str
    chains: tuple[tuple[str, str], ...] = ()  # (table, chain)


def base_of(table: Table, chain: Chain) -> Base | None:
    """Where a chain is registered: as it says itself, or as the table of iptables does in which it stands."""
    if chain.base is not None or chain.name not in BEHIND:
        return chain.base
    if table.name == "nat":
        return Base(chain.name, NAT_AT.get(chain.name, NAT_SRC), "nat")
    if table.name not in IPTABLES:
        return None
    is_route = (table.name, chain.name) == ("mangle", "OUTPUT")
    return Base(chain.name, IPTABLES[table.name], "route" if is_route else "filter")


def registered(rules: Ruleset) -> Iterator[tuple[Table, Chain, Base]]:
    """The base chains of a rule set in the order in which they were registered. In a table of iptables they are known by name,
    so the others, which may be thousands that nobody has made yet, are not looked at.
    """
    for table in rules.tables.values():
        names = BEHIND if table.name == "nat" or table.name in IPTABLES else table.chains
        for chain in (table.chains[name] for name in names if name in table.chains):
            base = base_of(table, chain)
            if base is not None:
                yield table, chain, base


def entries(rules: Ruleset, balanced: bool = False) -> dict[str, tuple[Entry, ...]]:
    """Who is asked at each hook, in order; IPVS too, where it is `balanced`. Base chains that let everything pass are left out."""
    return {hook: tuple(_in_order(found, rules, "")) for hook, found in _at_hooks(rules, balanced).items()}


def _at_hooks(rules: Ruleset, balanced: bool = False) -> dict[str, list[Entry]]:
    """Who is asked at each hook, those that were registered last at the end."""
    found = [Entry(hook, at, kind, f"{kind} {hook}") for hook, at, kind in IPVS_AT if balanced]
    if rules.tracks:
        found += [Entry(hook, CONNTRACK, "conntrack", f"conntrack {hook}") for hook in ("PREROUTING", "OUTPUT")]
        found += [Entry(hook, LAST, "confirm", f"confirm {hook}") for hook in ("INPUT", "POSTROUTING")]
    nat: list[Entry] = []
    for table, chain, base in registered(rules):
        if base.kind == "nat":
            nat.append(_entry(table, chain, base))
        elif chain.rules or chain.policy not in ("", "ACCEPT"):
            found.append(_entry(table, chain, base))
    if nat and rules.tracks:
        for hook, at in NAT_AT.items():
            here = _in_order([one for one in nat if one.hook == hook], rules, "nat")
            found.append(Entry(hook, at, "nat", f"nat {hook}", tuple(one.chains[0] for one in here)))
    return {hook: [one for one in found if one.hook == hook] for hook in BEHIND}


def _entry(table: Table, chain: Chain, base: Base) -> Entry:
    return Entry(base.hook, base.priority, base.kind, f"{table.name} {chain.name}", ((table.name, chain.name),))


def _in_order(found: list[Entry], rules: Ruleset, within: str) -> list[Entry]:
    """By priority; among equals as the rule set says, else the one that was registered last first."""

    def turn(row: tuple[int, Entry]) -> tuple[int, int, int]:
        number, entry = row
        told = rules.turns.get((entry.hook, entry.priority, within), ())
        return entry.priority, told.index(entry.stage) if entry.stage in told else 0, -number

    return [entry for _, entry in sorted(enumerate(found), key=turn)]


def ties(rules: Ruleset) -> dict[Turn, tuple[str, ...]]:
    """Where several tables stand at one hook with one priority: the stages there. No dump tells who was registered last.

    The chains of one table are listed as they were registered: their order is known.
    """
    found: dict[Turn, list[Entry]] = {}
    for here in _at_hooks(rules).values():
        for entry in here:
            found.setdefault((entry.hook, entry.priority, ""), []).append(entry)
    for table, chain, base in registered(rules) if rules.tracks else ():
        if base.kind == "nat" and chain.rules:
            found.setdefault((base.hook, base.priority, "nat"), []).append(_entry(table, chain, base))
    several = {
        turn: here for turn, here in found.items() if len({one.chains[0][0] if one.chains else "" for one in here}) > 1
    }
    return {turn: tuple(one.stage for one in reversed(here)) for turn, here in several.items()}


class Path:
    """For one set of rules: the entry behind each stage, the first stage of each hook, and the stage after each stage."""

    def __init__(self, rules: Ruleset, balanced: bool = False):
        self.entries: dict[str, Entry] = {}
        self.first: dict[str, str] = {}
        self.after: dict[str, str] = {}
        # Connection tracking puts pieces together in front of all others (nf_defrag, priority -400).
        self.defrags = {hook: f"defrag {hook}" for hook in ("PREROUTING", "OUTPUT") if rules.tracks}
        for hook, asked in entries(rules, balanced).items():
            stages = [entry.stage for entry in asked]
            self.entries |= zip(stages, asked, strict=True)
            self.first[hook] = [*stages, BEHIND[hook]][0]
            self.after |= zip(stages, [*stages, BEHIND[hook]][1:], strict=True)
