"""The rules of one Service port: how it is recognised, and where it then leads.

Check it against the loop over svcPortMap in syncProxyRules (pkg/proxy/iptables/proxier.go).
"""

from functools import lru_cache

from msgspec import Struct

from ...linux.address import Address, prefix
from ...linux.matches import Comment, Destination, Loaded, PortRange, Protocol, Source, Test
from ...linux.matches_memory import AddrType, Nfacct, Random, Recent
from ...linux.rules import Chain, Rule
from ...linux.targets import Accept, Continue, Dnat, Drop, Jump, Range, Reject, Target
from . import chain_names as names
from .endpoint import Endpoint
from .iptables_frame import LOOPBACK
from .node import Settings
from .service_port import ServicePort
from .topology import Endpoints, Reach

TO_MASQ = Jump(names.MARK_MASQ)
FROM_HERE = AddrType(src=frozenset({"LOCAL"}))
TO_HERE = AddrType(dst=frozenset({"LOCAL"}))
REJECT = {4: Reject("icmp-port-unreachable"), 6: Reject("icmp6-port-unreachable")}
ALL_ONES = {4: "255.255.255.255", 6: "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}
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


def _asked(port: ServicePort, ip: Address, *tests: Test, dport: int = 0) -> tuple[Test, ...]:
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
        return Rule(_asked(port, ip, Comment(text=f"{port.text} {said}")), Jump(f"{chain}{port.letters}"))

    policy = names.LOCAL_POLICY if port.internal_local else names.CLUSTER_POLICY
    found = [portal(port.cluster_ip, "cluster IP", policy)] if answers.internal else []
    if answers.anybody:
        found += [portal(ip, "external IP", names.EXTERNAL) for ip in port.external_ips]
        balanced = names.SOURCE_RANGES if port.source_ranges else names.EXTERNAL
        found += [portal(ip, "loadbalancer IP", balanced) for ip in port.vips]
    return tuple(found)


def _node_port(port: ServicePort, to: Settings) -> tuple[Rule, ...]:
    comment, jump, number = Comment(text=port.text), Jump(f"{names.EXTERNAL}{port.letters}"), port.port.node_port
    rule = Rule(_asked(port, "", comment, dport=number), jump)
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
    return Rule(_asked(port, ip, Comment(text=f"{port.text} has {said}"), *tests, dport=dport), target)


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
    return tuple(Rule(_asked(port, ip, comment), Drop()) for ip in port.vips)


def own_chains(port: ServicePort, reach: Reach, to: Settings, terse: bool) -> dict[str, Chain]:
    """The chains that are a Service port's own, in nat. `terse`: in a large cluster endpoints go without comments."""
    if not reach.anybody:
        return {}
    lists: dict[str, list[Rule]] = {}
    cluster, local = f"{names.CLUSTER_POLICY}{port.letters}", f"{names.LOCAL_POLICY}{port.letters}"
    policy = local if port.internal_local else cluster
    if reach.internal(port):
        lists[policy] = _masquerade_strangers(port, to)
    if port.is_external:
        lists[f"{names.EXTERNAL}{port.letters}"] = _external(port, reach, to, cluster, local)
    if port.vips and port.source_ranges:
        lists[f"{names.SOURCE_RANGES}{port.letters}"] = _source_ranges(port, to)
    for chain, endpoints in ((cluster, reach.cluster), (local, reach.local)):
        if endpoints:
            lists.setdefault(chain, []).extend(_choose(port, endpoints, to, terse))
    for endpoint in reach.all:
        lists[endpoint_chain(port, endpoint)] = _endpoint(port, endpoint, to, terse)
    return {name: Chain(name, tuple(rules)) for name, rules in lists.items()}


def endpoint_chain(port: ServicePort, endpoint: Endpoint) -> str:
    return f"{names.ENDPOINT}{names.letters(port.text, port.protocol, str(endpoint))}"


def own_names(port: ServicePort, reach: Reach) -> list[str]:
    """The names of `own_chains`, without making them."""
    if not reach.anybody:
        return []
    found = [f"{names.EXTERNAL}{port.letters}"] if port.is_external else []
    found += [f"{names.SOURCE_RANGES}{port.letters}"] if port.vips and port.source_ranges else []
    found += [f"{names.CLUSTER_POLICY}{port.letters}"] if reach.cluster else []
    found += [f"{names.LOCAL_POLICY}{port.letters}"] if reach.local else []
    return found + [endpoint_chain(port, endpoint) for endpoint in reach.all]


def _masquerade_strangers(port: ServicePort, to: Settings) -> list[Rule]:
    """Who is no pod may have come from another network; its answer must come back through here."""
    comment = Comment(text=f"{port.text} cluster IP")
    asked = _asked(port, port.cluster_ip, comment)
    if to.masquerade_all:
        return [Rule(asked, TO_MASQ)]
    return [Rule(_with_local(to.not_local, asked), TO_MASQ)] if to.not_local else []


def _with_local(local: Test, tests: tuple[Test, ...]) -> tuple[Test, ...]:
    """A source stands before the destination, a device behind it."""
    if isinstance(local, Source):
        return (local, *tests)
    at = 1 if tests and isinstance(tests[0], Destination) else 0
    return (*tests[:at], local, *tests[at:])


def _external(port: ServicePort, reach: Reach, to: Settings, cluster: str, local: str) -> list[Rule]:
    """Under policy Local the client's address is kept; pods and the node itself are led to all endpoints all the
    same.
    """
    what = f"for {port.text} external destinations"
    if not port.external_local:
        found = [Rule((Comment(text=f"masquerade traffic {what}"),), TO_MASQ)]
    else:
        pods = (Comment(text=f"pod traffic {what}"),)
        found = [Rule(_with_local(to.local, pods), Jump(cluster))] if to.local else []
        found.append(Rule((Comment(text=f"masquerade LOCAL traffic {what}"), FROM_HERE), TO_MASQ))
        found.append(Rule((Comment(text=f"route LOCAL traffic {what}"), FROM_HERE), Jump(cluster)))
    if reach.external(port):
        found.append(Rule((), Jump(local if port.external_local else cluster)))
    return found


def _source_ranges(port: ServicePort, to: Settings) -> list[Rule]:
    """Who is in no range falls out of the chain untranslated, and KUBE-PROXY-FIREWALL drops it."""
    comment, jump = Comment(text=f"{port.text} loadbalancer IP"), Jump(f"{names.EXTERNAL}{port.letters}")
    sources = list(port.source_ranges)
    if any(to.ip in block for block in port.source_ranges):
        sources += [prefix(ip) for ip in port.vips]  # the node itself may use the address as its own source
    found = [Rule((Source(prefix=block), comment) if block.length else (comment,), jump) for block in sources]
    end = f"other traffic to {port.text} will be dropped by {names.PROXY_FIREWALL}"
    return [*found, Rule((Comment(text=end),), Continue())]


def _choose(port: ServicePort, endpoints: Endpoints, to: Settings, terse: bool) -> list[Rule]:
    """The endpoint that this client had before, else one by lot: the first of n with 1/n, the next of the rest with
    1/(n-1).
    """
    rows = [(endpoint_chain(port, one), () if terse else (Comment(text=f"{port.text} -> {one}"),)) for one in endpoints]
    found: list[Rule] = []
    if port.sticky:
        mask = ALL_ONES[to.family.number]
        for chain, comment in rows:
            seen = Recent(action="rcheck", seconds=port.sticky, reap=True, name=chain, mask=mask)
            found.append(Rule((*comment, seen), Jump(chain)))
    for left, (chain, comment) in zip(range(len(rows), 0, -1), rows, strict=True):
        lot = (one_in(left),) if left > 1 else ()
        found.append(Rule((*comment, *lot), Jump(chain)))
    return found


@lru_cache(maxsize=1 << 12)
def one_in(count: int) -> Random:
    """1/n: kube-proxy writes ten decimals, the kernel keeps 31 bits of them."""
    return Random(of_2_31=round(float(f"{1 / count:.10f}") * (1 << 31)))


def _endpoint(port: ServicePort, endpoint: Endpoint, to: Settings, terse: bool) -> list[Rule]:
    """A pod that reaches itself is masqueraded, or it would answer itself directly. Everybody is translated."""
    comment = () if terse else (Comment(text=port.text),)
    chain = endpoint_chain(port, endpoint)
    kept = (Recent(action="set", name=chain, mask=ALL_ONES[to.family.number]),) if port.sticky else ()
    translated = Dnat(Range(endpoint.address, endpoint.address, endpoint.port, endpoint.port))
    return [
        Rule((Source(prefix=prefix(endpoint.address)), *comment), TO_MASQ),
        Rule((Protocol(name=port.protocol), *comment, *kept, Loaded(name=port.protocol)), translated),
    ]
