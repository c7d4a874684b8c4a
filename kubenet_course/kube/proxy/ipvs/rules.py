"""The iptables rules that IPVS mode still needs, as kube-proxy gives them to iptables-restore.

IPVS rewrites the destination only; that a source is to be masqueraded, and that a host's own ports cannot be reached by
a Service's address, must be said by rules. They ask sets, so their number does not grow with the Services.
Check it against writeIptablesRules (pkg/proxy/ipvs/proxier.go).
"""

from collections.abc import Iterable, Iterator, Sequence

from ....linux.netfilter.xt.basic import Interface, Source
from ....linux.packet.address import IPV4, Family
from ..node import Settings
from . import sets
from .service import Refusal

SERVICES, POSTROUTING, NODE_PORT = "KUBE-SERVICES", "KUBE-POSTROUTING", "KUBE-NODE-PORT"
LOAD_BALANCER, MARK_MASQ, FORWARD = "KUBE-LOAD-BALANCER", "KUBE-MARK-MASQ", "KUBE-FORWARD"
FIREWALL, SOURCE_RANGES = "KUBE-PROXY-FIREWALL", "KUBE-SOURCE-RANGES-FIREWALL"
FILTER, OUT_FILTER = "KUBE-IPVS-FILTER", "KUBE-IPVS-OUT-FILTER"
CHAINS = {
    "nat": (SERVICES, POSTROUTING, NODE_PORT, LOAD_BALANCER, MARK_MASQ),
    "filter": (FORWARD, NODE_PORT, FIREWALL, SOURCE_RANGES, FILTER, OUT_FILTER),
}
# Table, base chain, where it jumps to, and the jump's comment. kube-proxy puts each first in its chain.
JUMPS = (
    ("nat", "OUTPUT", SERVICES, "kubernetes service portals"),
    ("nat", "PREROUTING", SERVICES, "kubernetes service portals"),
    ("nat", "POSTROUTING", POSTROUTING, "kubernetes postrouting rules"),
    ("filter", "FORWARD", FORWARD, "kubernetes forwarding rules"),
    ("filter", "INPUT", NODE_PORT, "kubernetes health check rules"),
    ("filter", "INPUT", FIREWALL, "kube-proxy firewall rules"),
    ("filter", "FORWARD", FIREWALL, "kube-proxy firewall rules"),
    ("filter", "INPUT", FILTER, "kubernetes ipvs access filter"),
    ("filter", "OUTPUT", OUT_FILTER, "kubernetes ipvs access filter"),
)
# Per table: a set, the chain that asks it, what the packet shows it, where it leads, and the protocol ("" for any).
# A set without members is not asked. Local NodePorts stand before all NodePorts: whose policy is Local keeps its source.
ASKED: dict[str, tuple[tuple[str, str, str, str, str], ...]] = {
    "nat": (
        (sets.LOOP_BACK, POSTROUTING, "dst,dst,src", "MASQUERADE", ""),
        (sets.BALANCER, SERVICES, "dst,dst", LOAD_BALANCER, ""),
        (sets.BALANCER_LOCAL, LOAD_BALANCER, "dst,dst", "RETURN", ""),
        *(
            row
            for protocol, shows in (("tcp", "dst"), ("udp", "dst"), ("sctp", "dst,dst"))
            for row in (
                (sets.NODE_PORTS[protocol][1], NODE_PORT, shows, "RETURN", protocol),
                (sets.NODE_PORTS[protocol][0], NODE_PORT, shows, MARK_MASQ, protocol),
            )
        ),
    ),
    "filter": (
        (sets.BALANCER_FIREWALL, FIREWALL, "dst,dst", SOURCE_RANGES, ""),
        (sets.BALANCER_SOURCE_CIDR, SOURCE_RANGES, "dst,dst,src", "RETURN", ""),
        (sets.BALANCER_SOURCE_IP, SOURCE_RANGES, "dst,dst,src", "RETURN", ""),
    ),
}
LET_THROUGH = (
    (sets.BALANCER, "dst,dst"),
    (sets.CLUSTER_IP, "dst,dst"),
    (sets.EXTERNAL, "dst,dst"),
    (sets.EXTERNAL_LOCAL, "dst,dst"),
    (sets.HEALTH_CHECK, "dst"),
)


def iptables_text(used: Iterable[str], refusals: Sequence[Refusal], to: Settings, random_fully: bool = False) -> str:
    """Both tables. `used`: the sets that have members. `random_fully`: whether iptables can spread masqueraded ports."""
    held = frozenset(used)
    rules = {"nat": list(_nat(held, to, random_fully)), "filter": list(_filter(held, refusals, to))}
    lines: list[str] = []
    for table, found in rules.items():
        lines += [f"*{table}", *(f":{chain} - [0:0]" for chain in CHAINS[table])]
        lines += [*(f"-A {rule}" for rule in found), "COMMIT"]
    return "".join(f"{line}\n" for line in lines)


def jumps_text(of: Family) -> str:
    """The jumps from the base chains, as commands."""
    program = "iptables" if of is IPV4 else "ip6tables"
    rows = (f'{program} -t {table} -I {base} -m comment --comment "{said}" -j {to}' for table, base, to, said in JUMPS)
    return "".join(f"{row}\n" for row in rows)


def _comment(text: str) -> str:
    return f'-m comment --comment "{text}"'


def _in(name: str, shows: str, of: Family) -> str:
    return f"-m set --match-set {sets.set_name(name, of)} {shows}"


def _said(name: str, shows: str, of: Family) -> str:
    """A set asked under its own comment."""
    return f"{_comment(sets.KINDS[name].comment)} {_in(name, shows, of)}"


def _asking(table: str, held: frozenset[str], of: Family) -> Iterator[str]:
    for name, chain, shows, target, protocol in ASKED[table]:
        if name in held:
            yield f"{chain} {f'-p {protocol} ' if protocol else ''}{_said(name, shows, of)} -j {target}"


def _nat(held: frozenset[str], to: Settings, random_fully: bool) -> Iterator[str]:
    yield f"{SERVICES} -s {'127.0.0.0/8' if to.family is IPV4 else '::1/128'} -j RETURN"
    yield from _asking("nat", held, to.family)
    if sets.CLUSTER_IP in held:
        yield _strangers(to)
    if sets.EXTERNAL in held:
        yield f"{SERVICES} {_said(sets.EXTERNAL, 'dst,dst', to.family)} -j {MARK_MASQ}"
    for name in (sets.EXTERNAL, sets.EXTERNAL_LOCAL):
        if name in held:
            asked = f"{SERVICES} {_said(name, 'dst,dst', to.family)}"
            yield f"{asked} -m physdev ! --physdev-is-in -m addrtype ! --src-type LOCAL -j ACCEPT"
            yield f"{asked} -m addrtype --dst-type LOCAL -j ACCEPT"
    yield f"{SERVICES} -m addrtype --dst-type LOCAL -j {NODE_PORT}"
    yield f"{LOAD_BALANCER} -j {MARK_MASQ}"
    for name in (sets.CLUSTER_IP, sets.BALANCER):
        if name in held:
            yield f"{SERVICES} {_in(name, 'dst,dst', to.family)} -j ACCEPT"
    mark = f"{to.mark:#x}"
    yield f"{POSTROUTING} -m mark ! --mark {mark}/{mark} -j RETURN"
    yield f"{POSTROUTING} -j MARK --xor-mark {mark}"
    more = " --random-fully" if random_fully else ""
    yield f"{POSTROUTING} {_comment('kubernetes service traffic requiring SNAT')} -j MASQUERADE{more}"
    yield f"{MARK_MASQ} -j MARK --or-mark {mark}"


def _strangers(to: Settings) -> str:
    """Who is no pod is masqueraded. Where nothing tells pods, at least the node itself, which takes the Service's own
    address as its source, for that is on kube-ipvs0.
    """
    match to.local:
        case _ if to.masquerade_all:
            shows, more = "dst,dst", ""
        case Source(prefix=block):
            shows, more = "dst,dst", f" ! -s {block}"
        case Interface(name=name):
            shows, more = "dst,dst", f" ! -i {name}"
        case _:
            shows, more = "src,dst", ""
    return f"{SERVICES} {_said(sets.CLUSTER_IP, shows, to.family)}{more} -j {MARK_MASQ}"


def _filter(held: frozenset[str], refusals: Sequence[Refusal], to: Settings) -> Iterator[str]:
    yield from _asking("filter", held, to.family)
    yield f"{SOURCE_RANGES} -j DROP"
    for one in refusals:
        virtual = f"-m ipvs --vaddr {one.address} --vproto {one.protocol} --vport {one.port}"
        yield f"{OUT_FILTER} -s {one.address} {virtual} -j DROP"
    mark = f"{to.mark:#x}"
    yield f"{FORWARD} {_comment('kubernetes forwarding rules')} -m mark --mark {mark}/{mark} -j ACCEPT"
    known = _comment("kubernetes forwarding conntrack rule")
    yield f"{FORWARD} {known} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"
    yield f"{NODE_PORT} {_said(sets.HEALTH_CHECK, 'dst', to.family)} -j ACCEPT"
    for name, shows in LET_THROUGH:
        yield f"{FILTER} {_in(name, shows, to.family)} -j RETURN"
    yield f"{FILTER} -m conntrack --ctstate NEW {_in(sets.IPVS_IPS, 'dst', to.family)} -j REJECT"
