"""What stands in kube-proxy's table without any Service: hooks, the checks they lead to, the sets those ask.

Check it against nftablesBaseChains, nftablesJumpChains and setupNFTables (pkg/proxy/nftables/proxier.go).
"""

from collections.abc import Mapping, Sequence

from ....linux.netfilter.nft.order import merged
from ....linux.netfilter.nft.ruleset import (
    Bits,
    Chain,
    Concat,
    Ct,
    Element,
    Fib,
    Hook,
    Mangle,
    Masquerade,
    Match,
    Meta,
    Named,
    Payload,
    Reject,
    Rule,
    Set,
    Statement,
    Verdict,
    VerdictMap,
)
from ....linux.packet.address import prefix
from . import names
from .settings import NftablesSettings

BEFORE_DNAT, DNAT, FILTER, SNAT = -110, -100, 0, 100
NEW = Match(Ct("state"), "new", "in")
PROTOCOL, PORT = Meta("l4proto"), Payload("th", "dport")
PORTS = Concat((PROTOCOL, PORT))
FULLY_RANDOM = Masquerade("fully-random")
DROP = Verdict("drop")
REJECTION = {4: Reject("icmp", "port-unreachable"), 6: Reject("icmpv6", "port-unreachable")}
# A base chain, where the kernel enters it, and the chains it asks about a new connection.
CHECKS = (
    ("filter-prerouting-pre-dnat", Hook("filter", "prerouting", BEFORE_DNAT), (names.FIREWALL_CHECK,)),
    ("filter-output-pre-dnat", Hook("filter", "output", BEFORE_DNAT), (names.FIREWALL_CHECK,)),
    ("filter-input", Hook("filter", "input", FILTER), (names.NODEPORT_CHECK, names.SERVICE_CHECK)),
    ("filter-forward", Hook("filter", "forward", FILTER), (names.SERVICE_CHECK, names.CLUSTER_IPS_CHECK)),
    ("filter-output", Hook("filter", "output", FILTER), (names.SERVICE_CHECK, names.CLUSTER_IPS_CHECK)),
)
TRANSLATIONS = (
    ("nat-prerouting", Hook("nat", "prerouting", DNAT), names.SERVICES),
    ("nat-output", Hook("nat", "output", DNAT), names.SERVICES),
    ("nat-postrouting", Hook("nat", "postrouting", SNAT), names.MASQUERADING),
)
REJECT_COMMENT = "helper for @no-endpoint-services / @no-endpoint-nodeports"
Elements = Mapping[str, Sequence[Element]]


def marking(to: NftablesSettings) -> Mangle:
    """The packet's source shall be masqueraded when it leaves."""
    return Mangle(Meta("mark"), Bits("|", Meta("mark"), to.mark))


def fixed_sets(to: NftablesSettings, elements: Elements) -> list[Set]:
    """The sets and maps that are always there. Where NodePorts answer everywhere, no set says where."""
    ip, portal = to.address_type, (to.address_type, "inet_proto", "inet_service")
    ports = portal[1:]
    nodeport_ips = tuple(Element((one,)) for one in to.node_ports_on or ())
    every = (
        (names.HAIRPIN, (ip, *portal), "", "service hairpin connections"),
        (names.CLUSTER_IPS, (ip,), "", "Active ClusterIPs"),
        (names.NODEPORT_IPS, (ip,), "", "IPs that accept NodePort traffic"),
        (names.NOBODY_SERVICES, portal, "verdict", "vmap to drop or reject packets to services with no endpoints"),
        (
            names.NOBODY_NODEPORTS,
            ports,
            "verdict",
            "vmap to drop or reject packets to service nodeports with no endpoints",
        ),
        (names.FIREWALL_IPS, portal, "verdict", "destinations that are subject to LoadBalancerSourceRanges"),
        (names.SERVICE_IPS, portal, "verdict", "ClusterIP, ExternalIP and LoadBalancer IP traffic"),
        (names.SERVICE_NODEPORTS, ports, "verdict", "NodePort traffic"),
    )
    known = {**elements, names.NODEPORT_IPS: nodeport_ips}
    return [
        Set(name, types, known.get(name, ()), of, comment)
        for name, types, of, comment in every
        if name != names.NODEPORT_IPS or to.node_ports_on is not None
    ]


def fixed_chains(to: NftablesSettings) -> list[Chain]:
    """The base chains, and the chains they jump to."""
    found = [
        Chain(name, tuple(Rule((NEW, Verdict("jump", chain))) for chain in chains), hook)
        for name, hook, chains in CHECKS
    ]
    found += [Chain(name, (Rule((Verdict("jump", chain),)),), hook) for name, hook, chain in TRANSLATIONS]
    daddr = Payload(to.protocol, "daddr")
    portal = Concat((daddr, PROTOCOL, PORT))
    nobody_port = VerdictMap(PORTS, Named(names.NOBODY_NODEPORTS))
    return [
        *found,
        Chain(names.NODEPORT_CHECK, (Rule((*_on_this_node(to)[-1:], nobody_port)),)),
        Chain(names.SERVICE_CHECK, (Rule((VerdictMap(portal, Named(names.NOBODY_SERVICES)),)),)),
        Chain(names.FIREWALL_CHECK, (Rule((VerdictMap(portal, Named(names.FIREWALL_IPS)),)),)),
        Chain(names.SERVICES, _services(to, portal)),
        Chain(names.MASQUERADING, _masquerading(to)),
        Chain(names.CLUSTER_IPS_CHECK, _cluster_ips_check(to)),
        Chain(names.REJECT, (Rule((REJECTION[to.family.number],)),), comment=REJECT_COMMENT),
    ]


def _on_this_node(to: NftablesSettings) -> tuple[Statement, ...]:
    """Whether a packet is for an address on which NodePorts answer: in the set, or any local one but loopback."""
    daddr = Payload(to.protocol, "daddr")
    if to.node_ports_on is not None:
        return (Match(daddr, Named(names.NODEPORT_IPS)),)
    loopback = prefix("127.0.0.0/8") if to.family.number == 4 else "::1"
    return (Match(Fib(("daddr",), "type"), "local"), Match(daddr, loopback, "!="))


def _services(to: NftablesSettings, portal: Concat) -> tuple[Rule, ...]:
    """One look-up leads to the Service. Before it, who is no pod but asks for a ClusterIP is marked: another node's
    answer would not come back through here.
    """
    asked = Match(Payload(to.protocol, "daddr"), Named(names.CLUSTER_IPS))
    found: list[Rule] = []
    if to.masquerade_all:
        found.append(Rule((asked, marking(to)), "masquerade all clusterIP traffic"))
    elif to.strangers is not None:
        found.append(Rule((asked, to.strangers, marking(to)), "masquerade clusterIP traffic from outside cluster"))
    node_port = VerdictMap(PORTS, Named(names.SERVICE_NODEPORTS))
    return (
        *found,
        Rule((VerdictMap(portal, Named(names.SERVICE_IPS)),)),
        Rule((*_on_this_node(to), node_port)),
    )


def _masquerading(to: NftablesSettings) -> tuple[Rule, ...]:
    """The mark is taken off, for a tunnel would send the packet through here again (k/k#92035). A pod that was led to
    itself is masqueraded too, or it would answer itself directly.
    """
    mark = Meta("mark")
    marked = Match(Bits("&", mark, to.mark), 0, "!=")
    ends = Concat((Payload(to.protocol, "saddr"), Payload(to.protocol, "daddr"), PROTOCOL, PORT))
    return (
        Rule((marked, Mangle(mark, Bits("^", mark, to.mark)), FULLY_RANDOM)),
        Rule((Match(Ct("status"), "dnat", "in"), Match(ends, Named(names.HAIRPIN)), FULLY_RANDOM)),
    )


def _cluster_ips_check(to: NftablesSettings) -> tuple[Rule, ...]:
    """What is still for a ClusterIP behind the translation was for a port that its Service has not."""
    daddr = Payload(to.protocol, "daddr")
    known = Rule(
        (Match(daddr, Named(names.CLUSTER_IPS)), REJECTION[to.family.number]),
        "Reject traffic to invalid ports of ClusterIPs",
    )
    if not to.service_ranges:
        return (known,)
    free = Rule((Match(daddr, merged(to.service_ranges)), DROP), "Drop traffic to unallocated ClusterIPs")
    return (known, free)
