"""`-j REJECT`: the packet ends, and its sender is told (ipt_REJECT.c, ip6t_REJECT.c)."""

from __future__ import annotations

from typing import ClassVar

from ....errors import BadInput
from ...namespace.skb import Skb, Verdict
from ...stack.icmp import REJECTS
from ..statement import Place, Target
from .reading import Extension, Said


class Reject(Target, frozen=True):
    """`-j REJECT --reject-with KIND`; without a kind, port unreachable."""

    place: ClassVar = ("REJECT", "filter", ())
    kind: str

    def run(self, skb: Skb, at: Place) -> Verdict:
        return Verdict("REJECT", self.kind)

    def written(self) -> str:
        return f"-j REJECT --reject-with {self.kind}" if self.kind else "-j REJECT"


SHORT_REJECTS = {
    "net-unreach": "icmp-net-unreachable", "host-unreach": "icmp-host-unreachable", "proto-unreach": "icmp-proto-unreachable",
    "port-unreach": "icmp-port-unreachable", "net-prohib": "icmp-net-prohibited", "host-prohib": "icmp-host-prohibited",
    "admin-prohib": "icmp-admin-prohibited", "tcp-rst": "tcp-reset", "no-route": "icmp6-no-route",
    "adm-prohibited": "icmp6-adm-prohibited",
    "addr-unreach": "icmp6-addr-unreachable", "policy-fail": "icmp6-policy-fail", "reject-route": "icmp6-reject-route",
}  # fmt: skip


def _reject(said: Said) -> Target:
    kind = said.get("--reject-with", ("",))[0]
    kind = SHORT_REJECTS.get(kind, kind)
    if kind and kind not in REJECTS and kind != "tcp-reset":
        raise BadInput("", f"{kind!r} is not a way to reject", f"write one of {', '.join([*REJECTS, 'tcp-reset'])}")
    return Reject(kind)


TARGETS = {"REJECT": Extension({"--reject-with": 1}, _reject)}
