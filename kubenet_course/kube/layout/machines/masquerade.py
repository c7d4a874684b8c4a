"""Who leaves a node under whose address: what flanneld or ip-masq-agent writes beside kube-proxy's rules, by layout.

Check the agent's chain against kubernetes-sigs/ip-masq-agent, cmd/ip-masq-agent/ip-masq-agent.go (syncMasqRules): it asks
for the destination alone. Whose packet it is, it does not ask.
"""

from __future__ import annotations

from collections.abc import Iterable

from ....linux.netfilter.nat import Range
from ....linux.netfilter.rules import Rule
from ....linux.netfilter.statement import Jump
from ....linux.netfilter.xt.addrtype import AddrType
from ....linux.netfilter.xt.basic import Destination
from ....linux.netfilter.xt.comment import Comment
from ....linux.netfilter.xt.nat import Masquerade
from ....linux.netfilter.xt.standard import Return
from ....linux.packet.address import Prefix, prefix
from ...api.layout import Part
from ...network import flannel
from ...proxy.iptables.frame import Frame

CHAIN = "IP-MASQ-AGENT"
LINK_LOCAL = {4: prefix("169.254.0.0/16"), 6: prefix("fe80::/10")}
# What the agent leaves alone where its configuration names no ranges: the private ones of RFC 1918.
PRIVATE = tuple(map(prefix, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
UNIQUE_LOCAL = prefix("fc00::/7")  # IPv6's private addresses (RFC 4193)


def rules(part: Part | None, pods: Prefix, block: Prefix) -> Frame:
    """The rules of a node beside kube-proxy's. A cluster without a layout is an island that flanneld masquerades."""
    if part is None or (part.layout == "island" and part.non_masquerade_cidrs is None):
        return flannel.rules(pods, block)
    if part.layout == "island":
        return {
            "nat": agent(map(prefix, part.non_masquerade_cidrs or ()), pods.family.number),
            **flannel.forwarding(pods),
        }
    return flannel.forwarding(pods)


def agent(ranges: Iterable[Prefix], of: int) -> dict[str, tuple[Rule, ...]]:
    """The nat chains of ip-masq-agent in one family: whatever goes to none of the ranges takes the node's address."""
    stays = Comment(text="ip-masq-agent: local traffic is not subject to MASQUERADE")
    leaves = Comment(text="ip-masq-agent: outbound traffic is subject to MASQUERADE (must be last in chain)")
    jump = Comment(
        text=f"ip-masq-agent: ensure nat POSTROUTING directs all non-LOCAL destination traffic to our custom {CHAIN} chain"
    )
    excepted = [LINK_LOCAL[of], *(one for one in ranges if one.family.number == of)]
    chain = [Rule((stays, Destination(prefix=one)), Return()) for one in excepted]
    elsewhere = AddrType(dst=frozenset({"LOCAL"}), not_dst=True)
    return {
        "POSTROUTING": (Rule((jump, elsewhere), Jump(CHAIN)),),
        CHAIN: (*chain, Rule((leaves,), Masquerade(Range()))),
    }


def is_private(block: Prefix) -> bool:
    """Whether the internet has no route to a range because anybody may use it (RFC 1918, RFC 4193)."""
    return any(one.family is block.family and block.first in one for one in (*PRIVATE, UNIQUE_LOCAL))
