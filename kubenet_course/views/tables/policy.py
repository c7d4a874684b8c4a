"""The rules that choose a routing table, and the rows of the tables that they choose, as `ip rule` and `ip route` show them."""

from __future__ import annotations

from ...linux.namespace.netns import Netns
from ...linux.namespace.policy import EVERYONES
from ...shell.rows import policy_text, route_text
from .table import Table, table


def ip_rules(ns: Netns, of: int = 4) -> Table:
    """What a machine's `ip rule` says, in order, each with the rows of its table where that is not one of the usual three."""
    usual, rows = EVERYONES[of], []
    lines = ns.policy.get(of) or usual
    for rule in lines:
        text = policy_text(rule).removeprefix(f"priority {rule.priority} ")
        found = [route_text(row).removesuffix(f" table {rule.table}") for row in ns.routes if row.table == rule.table]
        rows.append((rule.priority, text, "; ".join(found) if rule not in usual else "as ever"))
    marked = [number for number, rule in enumerate(lines) if rule not in usual]
    return table(f"ip rule on {ns.name}", ("priority", "rule", "rows of its table"), rows, (1, 2), marked)
