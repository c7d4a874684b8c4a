"""What one Service port adds to the table: the elements that lead to it, and its chains.

Check it against the loop over svcPortMap in syncProxyRules (pkg/proxy/nftables/proxier.go).
"""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from ....linux.netfilter.nft.order import merged
from ....linux.netfilter.nft.ruleset import (
    Chain,
    Concat,
    Dnat,
    Element,
    Fib,
    Lookup,
    Match,
    Named,
    Numgen,
    Pairs,
    Payload,
    Rule,
    Set,
    Update,
    Verdict,
    VerdictMap,
)
from ....linux.packet.address import Address, prefix
from ...api.objects import EndpointSlice
from ..endpoint import endpoints
from ..service_port import ServicePort
from ..topology import Endpoints, Reach, reach
from . import names
from .frame import DROP, PROTOCOL, marking
from .settings import NftablesSettings

REFUSED = Verdict("goto", names.REJECT)
FROM_HERE = Match(Fib(("saddr",), "type"), "local")
MOST = 65535  # members of an affinity set: what nft takes where a rule may add to a set and nobody says


class Part(Struct, frozen=True):
    """A Service port's share of the table: elements with the name of their set, sets, and chains of its own."""

    elements: tuple[tuple[str, Element], ...]
    sets: tuple[Set, ...]
    chains: tuple[Chain, ...]


def part(port: ServicePort, slices: Sequence[EndpointSlice], to: NftablesSettings) -> Part:
    """The share of one Service port on one node."""
    seen = reach(endpoints(slices, port.port, to.family), port, to.node.name, to.node.zone)
    affinity = _affinity_sets(port, seen, to) if port.sticky else ()
    return Part(tuple(_elements(port, seen, to)), affinity, tuple(_chains(port, seen, to)))


# -- elements -------------------------------------------------------------------------------------------------------


def _elements(port: ServicePort, seen: Reach, to: NftablesSettings) -> Iterator[tuple[str, Element]]:
    own = names.base(port)
    protocol, number = port.protocol, port.port.port
    for one in seen.all:
        if one.node and one.node == to.node.name:
            yield names.HAIRPIN, Element((one.address, one.address, protocol, one.port))
    yield names.CLUSTER_IPS, Element((port.cluster_ip,))
    portal = (port.cluster_ip, protocol, number)
    if seen.internal(port):
        policy = names.LOCAL_POLICY if port.internal_local else names.CLUSTER_POLICY
        yield names.SERVICE_IPS, Element(portal, Verdict("goto", f"{policy}{own}"))
    else:
        yield names.NOBODY_SERVICES, Element(portal, _without(seen), port.text)
    for ip in (*port.external_ips, *port.vips):
        yield from _entrance((ip, protocol, number), names.SERVICE_IPS, names.NOBODY_SERVICES, port, seen, own)
    for ip in port.vips if port.source_ranges else ():
        yield names.FIREWALL_IPS, Element((ip, protocol, number), Verdict("goto", f"{names.FIREWALL}{own}"))
    if port.port.node_port:
        key = (protocol, port.port.node_port)
        yield from _entrance(key, names.SERVICE_NODEPORTS, names.NOBODY_NODEPORTS, port, seen, own)


def _entrance(
    key: tuple[Address | int, ...], served: str, nobody: str, port: ServicePort, seen: Reach, own: str
) -> Iterator[tuple[str, Element]]:
    """A way in from outside. Under policy Local without a local endpoint both maps have it: pods and the node itself
    are led on, what is left is dropped.
    """
    if seen.anybody:
        yield served, Element(key, Verdict("goto", f"{names.EXTERNAL}{own}"))
    if not seen.external(port):
        yield nobody, Element(key, _without(seen), port.text)


def _without(seen: Reach) -> Verdict:
    """Nobody anywhere: the client is told. Somebody, but not in reach of this node: silence."""
    return DROP if seen.anybody else REFUSED


# -- chains ---------------------------------------------------------------------------------------------------------


def _chains(port: ServicePort, seen: Reach, to: NftablesSettings) -> Iterator[Chain]:
    own = names.base(port)
    if port.sticky:
        for one in seen.all:
            name = names.base(port, one)
            remembered = Update(f"{names.AFFINITY}{name}", Payload(to.protocol, "saddr"))
            translated = Rule((Match(PROTOCOL, port.protocol), Dnat(one.address, one.port)))
            yield Chain(f"{names.ENDPOINT}{name}", (Rule((remembered,)), translated))
    if seen.cluster:
        yield Chain(f"{names.CLUSTER_POLICY}{own}", _choose(port, seen.cluster, to))
    if seen.local:
        yield Chain(f"{names.LOCAL_POLICY}{own}", _choose(port, seen.local, to))
    if seen.anybody and port.is_external:
        yield Chain(f"{names.EXTERNAL}{own}", tuple(_external(port, seen, to, own)))
    if port.vips and port.source_ranges:
        yield Chain(f"{names.FIREWALL}{own}", (_firewall(port, to),))


def _choose(port: ServicePort, chosen: Endpoints, to: NftablesSettings) -> tuple[Rule, ...]:
    """One endpoint by lot, in one rule; with affinity first the one that this client had."""
    lot = Numgen("random", len(chosen))
    if not port.sticky:
        rows = tuple((number, Concat((one.address, one.port))) for number, one in enumerate(chosen))
        return (Rule((Match(PROTOCOL, port.protocol), Dnat(Lookup(lot, Pairs(rows)), family=to.protocol))),)
    bases = [names.base(port, one) for one in chosen]
    gotos = [Verdict("goto", f"{names.ENDPOINT}{base}") for base in bases]
    source = Payload(to.protocol, "saddr")
    before = (
        Rule((Match(source, Named(f"{names.AFFINITY}{base}")), goto)) for base, goto in zip(bases, gotos, strict=True)
    )
    return (*before, Rule((VerdictMap(lot, Pairs(tuple(enumerate(gotos)))),)))


def _external(port: ServicePort, seen: Reach, to: NftablesSettings, own: str) -> Iterator[Rule]:
    """Under policy Local the client's address is kept; pods and the node itself are led to all endpoints all the
    same.
    """
    cluster = Verdict("goto", f"{names.CLUSTER_POLICY}{own}")
    if not port.external_local:
        yield Rule((marking(to),), "masquerade")
    else:
        if to.pods is not None:
            yield Rule((to.pods, cluster), "short-circuit pod traffic")
        yield Rule((FROM_HERE, marking(to)), "masquerade local traffic")
        yield Rule((FROM_HERE, cluster), "short-circuit local traffic")
    if seen.external(port):
        yield Rule((Verdict("goto", f"{names.LOCAL_POLICY}{own}") if port.external_local else cluster,))


def _firewall(port: ServicePort, to: NftablesSettings) -> Rule:
    """Who is in no range is dropped. The node itself may use the balancer's address as its own source."""
    allowed = list(port.source_ranges)
    if any(to.ip in block for block in port.source_ranges):
        allowed += [prefix(ip) for ip in port.vips]
    return Rule((Match(Payload(to.protocol, "saddr"), merged(allowed), "!="), DROP))


def _affinity_sets(port: ServicePort, seen: Reach, to: NftablesSettings) -> tuple[Set, ...]:
    """Which clients an endpoint has had lately: one set for each."""
    return tuple(
        Set(
            f"{names.AFFINITY}{names.base(port, one)}",
            (to.address_type,),
            flags=("dynamic", "timeout"),
            timeout=port.sticky,
            size=MOST,
        )
        for one in seen.all
    )
