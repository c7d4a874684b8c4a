"""What each way between nodes costs, and what it asks of the machines in between."""

from __future__ import annotations

from ...linux.namespace.overhead import overhead, payload, room
from .table import Table, table


def envelopes(lan: int = 1500) -> Table:
    """Each way between nodes: what it adds, what is left, who has to know pods, and whether one can read it on the way."""
    ways = (("routes, host or cloud", (), "everybody in between", "yes"),
            ("VXLAN over IPv4", (("vxlan", 4),), "the nodes", "yes"), ("VXLAN over IPv6", (("vxlan", 6),), "the nodes", "yes"),
            ("GENEVE over IPv4", (("geneve", 4),), "the nodes", "yes"), ("IP in IP", (("ipip", 4),), "the nodes", "yes"),
            ("WireGuard over IPv4", (("wireguard", 4),), "the nodes", "no"),
            ("WireGuard over IPv6", (("wireguard", 6),), "the nodes", "no"),
            ("VXLAN inside of WireGuard", (("wireguard", 4), ("vxlan", 4)), "the nodes", "no"))  # fmt: skip
    rows = []
    for name, around, knows, readable in ways:
        left = room(lan, *around)
        rows.append((name, sum(overhead(*one) for one in around), left, payload(left, 4, "tcp"), knows, readable))
    heads = ("way", "adds bytes", "MTU of the pods", "largest TCP segment", "must know pods", "readable on the way")
    return table(f"On a LAN with an MTU of {lan}", heads, rows)
