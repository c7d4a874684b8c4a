"""The chains that are a Service port's own: who is masqueraded, who may come in, which endpoint it is.

Check it against syncProxyRules and writeServiceToEndpointRules (pkg/proxy/iptables/proxier.go).
"""

from collections.abc import Sequence
from functools import lru_cache

from ....linux.netfilter.nat import Range
from ....linux.netfilter.rules import Chain, Rule
from ....linux.netfilter.statement import Jump, Test
from ....linux.netfilter.xt.addrtype import AddrType
from ....linux.netfilter.xt.basic import Destination, Loaded, Protocol, Source
from ....linux.netfilter.xt.comment import Comment
from ....linux.netfilter.xt.nat import Dnat
from ....linux.netfilter.xt.recent import Recent
from ....linux.netfilter.xt.standard import Continue
from ....linux.netfilter.xt.statistic import Random
from ....linux.packet.address import host, prefix
from .. import chain_names as names
from ..endpoint import Endpoint
from ..node import Settings
from ..service_port import ServicePort
from ..topology import Reach
from .service import asked

TO_MASQ = Jump(names.MARK_MASQ)
FROM_HERE = AddrType(src=frozenset({"LOCAL"}))
ALL_ONES = {4: "255.255.255.255", 6: "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}


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
    ends = {one: endpoint_chain(port, one) for one in reach.all}
    for chain, endpoints in ((cluster, reach.cluster), (local, reach.local)):
        if endpoints:
            rows = [(ends[one], () if terse else (Comment(text=f"{port.text} -> {one}"),)) for one in endpoints]
            lists.setdefault(chain, []).extend(_choose(port, rows, to))
    for endpoint, chain in ends.items():
        lists[chain] = _endpoint(port, endpoint, chain, to, terse)
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
    tests = asked(port, port.cluster_ip, comment)
    if to.masquerade_all:
        return [Rule(tests, TO_MASQ)]
    return [Rule(_with_local(to.not_local, tests), TO_MASQ)] if to.not_local else []


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


def _choose(port: ServicePort, rows: Sequence[tuple[str, tuple[Test, ...]]], to: Settings) -> list[Rule]:
    """The endpoint that this client had before, else one by lot: the first of n with 1/n, the next of the rest with
    1/(n-1). A row is an endpoint's chain and the comment that stands before its rules.
    """
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


def _endpoint(port: ServicePort, endpoint: Endpoint, chain: str, to: Settings, terse: bool) -> list[Rule]:
    """A pod that reaches itself is masqueraded, or it would answer itself directly. Everybody is translated."""
    comment = () if terse else (Comment(text=port.text),)
    kept = (Recent(action="set", name=chain, mask=ALL_ONES[to.family.number]),) if port.sticky else ()
    translated = Dnat(Range(endpoint.address, endpoint.address, endpoint.port, endpoint.port))
    return [
        Rule((Source(prefix=host(endpoint.address)), *comment), TO_MASQ),
        Rule((Protocol(name=port.protocol), *comment, *kept, Loaded(name=port.protocol)), translated),
    ]
