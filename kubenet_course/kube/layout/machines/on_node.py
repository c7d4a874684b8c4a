"""All rules of a node that are not kube-proxy's: egress gateways first, then masquerading and forwarding."""

from __future__ import annotations

from typing import Any

from ....linux.packet.address import Prefix
from ...proxy.iptables.frame import Frame
from . import egress, masquerade


def beside_proxy(cluster: Any, name: str, pods: Prefix, block: Prefix) -> Frame:
    """The rules of one node in the family of its block."""
    usual = masquerade.rules(cluster.part, pods, block)
    first = egress.rules(cluster, name, block.family.number)
    if not first:
        return usual
    nat = usual.get("nat", {})
    return {**usual, "nat": {**nat, "POSTROUTING": (*first, *nat.get("POSTROUTING", ()))}}
