"""What a Service port adds to the chains that all Services share: how it is recognised, and where it then leads.

Check it against the loop over svcPortMap in syncProxyRules (pkg/proxy/iptables/proxier.go).
"""

from msgspec import Struct

from ....linux.netfilter.rules import Rule
from ....linux.netfilter.statement import Jump, Target, Test
from ....linux.netfilter.xt.addrtype import AddrType
from ....linux.netfilter.xt.basic import Destination, Protocol
from ....linux.netfilter.xt.comment import Comment
from ....linux.netfilter.xt.nfacct import Nfacct
from ....linux.netfilter.xt.ports import PortRange
from ....linux.netfilter.xt.reject import Reject
from ....linux.netfilter.xt.standard import Accept, Drop
from ....linux.packet.address import Address, prefix
from .. import chain_names as names
from ..node import Settings
from ..service_port import ServicePort
from .frame import LOOPBACK

TO_HERE = AddrType(dst=frozenset({"LOCAL"}))
REJECT = {4: Reject("icmp-port-unreachable"), 6: Reject("icmp6-port-unreachable")}
Shared = dict[tuple[str, str], tuple[Rule, ...]]
# The chains that all Services share, by table.
SHARED = (
    ("nat", names.SERVICES),
    ("nat", names.NODEPORTS),
    ("filter", names.SERVICES),
    ("filter", names.EXTERNAL_SERVICES),
    ("filter", names.NODEPORTS),
    ("filter", names.PROXY_FIREWALL),
)


class Answers(Struct, frozen=True, gc=False):
    """What decides how a Service port stands in the shared chains: who answers at all, for its ClusterIP, from
    outside.
    """

    anybody: bool
    internal: bool
    external: bool


EVERYBODY, NOBODY = Answers(True, True, True), Answers(False, False, False)


def asked(port: ServicePort, ip: Address, *tests: Test, dport: int = 0) -> tuple[Test, ...]:
    """`-d IP -p PROTO TESTS -m PROTO --dport PORT`, in the order in which iptables-save prints them."""
    number = dport or port.port.port
    where = (Destination(prefix=prefix(ip)),) if ip else ()
    return (*where, Protocol(name=port.protocol), *tests, PortRange(low=number, high=number))


def shared_counts(port: ServicePort, answers: Answers) -> tuple[int, ...]:
    """How many rules `shared_rules` has in each of SHARED, without making them."""
    outer = len(port.external_ips) + len(port.vips)
    node_port = 1 if port.port.node_port else 0
    ranges = bool(answers.anybody and port.vips and port.source_ranges)
    return (
        int(answers.internal) + (outer if answers.anybody else 0),
        node_port if answers.anybody else 0,
        int(not answers.internal),
        0 if answers.external else outer + node_port,
        int(bool(port.health_check)),
        len(port.vips) if ranges else 0,
    )


def shared_rules(port: ServicePort, answers: Answers, to: Settings) -> Shared:
    """What a Service port adds to the chains that all Services share."""
    found: Shared = {
        SHARED[0]: _portals(port, answers),
        SHARED[1]: _node_port(port, to) if answers.anybody and port.port.node_port else (),
        SHARED[2]: () if answers.internal else (_refusal(port, answers, to, port.cluster_ip),),
        SHARED[3]: () if answers.external else _outer_refusals(port, answers, to),
        SHARED[4]: _health_check(port),
        SHARED[5]: _source_firewall(port) if answers.anybody and port.source_ranges else (),
    }
    return found


def _portals(port: ServicePort, answers: Answers) -> tuple[Rule, ...]:
    def portal(ip: Address, said: str, chain: str) -> Rule:
        return Rule(asked(port, ip, Comment(text=f"{port.text} {said}")), Jump(f"{chain}{port.letters}"))

    policy = names.LOCAL_POLICY if port.internal_local else names.CLUSTER_POLICY
    found = [portal(port.cluster_ip, "cluster IP", policy)] if answers.internal else []
    if answers.anybody:
        found += [portal(ip, "external IP", names.EXTERNAL) for ip in port.external_ips]
        balanced = names.SOURCE_RANGES if port.source_ranges else names.EXTERNAL
        found += [portal(ip, "loadbalancer IP", balanced) for ip in port.vips]
    return tuple(found)


def _node_port(port: ServicePort, to: Settings) -> tuple[Rule, ...]:
    comment, jump, number = Comment(text=port.text), Jump(f"{names.EXTERNAL}{port.letters}"), port.port.node_port
    rule = Rule(asked(port, "", comment, dport=number), jump)
    if not counts_localhost(to):
        return (rule,)
    counted = (Destination(prefix=LOOPBACK), *rule.tests, Nfacct(name="localhost_nps_accepted_pkts"))
    return (Rule(counted, jump), rule)


def counts_localhost(to: Settings) -> bool:
    """Whether NodePorts on 127.0.0.1, are counted: each NodePort then has two rules."""
    return to.localhost_node_ports and to.node.nfacct


def _refusal(port: ServicePort, answers: Answers, to: Settings, ip: Address, *tests: Test, dport: int = 0) -> Rule:
    """Nobody anywhere: the client is told. Somebody, but not in reach of this node: silence."""
    said = "no local endpoints" if answers.anybody else "no endpoints"
    target: Target = Drop() if answers.anybody else REJECT[to.family.number]
    return Rule(asked(port, ip, Comment(text=f"{port.text} has {said}"), *tests, dport=dport), target)


def _outer_refusals(port: ServicePort, answers: Answers, to: Settings) -> tuple[Rule, ...]:
    found = [_refusal(port, answers, to, ip) for ip in (*port.external_ips, *port.vips)]
    if port.port.node_port:
        found.append(_refusal(port, answers, to, "", TO_HERE, dport=port.port.node_port))
    return tuple(found)


def _health_check(port: ServicePort) -> tuple[Rule, ...]:
    if not port.health_check:
        return ()
    comment, number = Comment(text=f"{port.text} health check node port"), port.health_check
    return (Rule((Protocol(name="tcp"), comment, PortRange(low=number, high=number)), Accept()),)


def _source_firewall(port: ServicePort) -> tuple[Rule, ...]:
    comment = Comment(text=f"{port.text} traffic not accepted by {names.SOURCE_RANGES}{port.letters}")
    return tuple(Rule(asked(port, ip, comment), Drop()) for ip in port.vips)
