"""The five hooks of netfilter, and which tables a packet meets at each, in the order of their priorities
(include/uapi/linux/netfilter_ipv4.h, enum nf_ip_hook_priorities)."""

from __future__ import annotations

from .rules import Ruleset

LAST = 1 << 31
PRIORITY = {
    "raw": -300,
    "conntrack": -200,
    "mangle": -150,
    "nat dst": -100,
    "filter": 0,
    "security": 50,
    "nat src": 100,
}
ASKED = {
    "PREROUTING": ("raw", "conntrack", "mangle", "nat dst"),
    "INPUT": ("mangle", "filter", "security", "nat src", "confirm"),
    "FORWARD": ("mangle", "filter", "security"),
    "OUTPUT": ("raw", "conntrack", "mangle", "nat dst", "filter", "security"),
    "POSTROUTING": ("mangle", "nat src", "confirm"),
}
# What the kernel does with a packet that every table at a hook let go on (the okfn of NF_HOOK).
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


class Path:
    """For one set of rules: the stage after each stage of each hook. Tables without a rule are not on the way."""

    def __init__(self, rules: Ruleset):
        self.first: dict[str, str] = {}
        self.after: dict[str, str] = {}
        for hook, names in ASKED.items():
            stages = [f"{name.split()[0]} {hook}" for name in names if _has_work(rules, name.split()[0], hook)]
            self.first[hook] = [*stages, BEHIND[hook]][0]
            self.after |= dict(zip(stages, [*stages, BEHIND[hook]][1:], strict=True))


def _has_work(rules: Ruleset, table: str, hook: str) -> bool:
    if table in ("conntrack", "confirm"):
        return rules.tracks
    if table == "nat":
        return rules.tracks and "nat" in rules.tables
    chain = rules.chain(table, hook)
    return chain is not None and (bool(chain.rules) or chain.policy not in ("", "ACCEPT"))
