"""The table that kube-proxy 1.36 leaves in nftables mode, and what it changes there when a Service changes."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

from msgspec.structs import replace

from ....linux.netfilter.nft.order import place
from ....linux.netfilter.nft.ruleset import Element, Ruleset, Table, table
from ....linux.netfilter.nft.write import element_text, rule_text, set_text
from ....linux.packet.address import FAMILIES, Prefix
from ...api.objects import EndpointSlice, KubeProxyConfiguration, Service
from ..node import DEFAULTS, NodeFacts
from ..services import Services, by_service
from . import names
from .frame import fixed_chains, fixed_sets
from .service import Part, part
from .settings import NftablesSettings, nftables_settings


class Synced:
    """What a node's kube-proxy has written for every Service port of a family. Never changed; `resync` makes a new one."""

    def __init__(self, to: NftablesSettings, services: Services, parts: Sequence[Part]):
        self.to, self.services, self.parts = to, services, parts

    @cached_property
    def table(self) -> Table:
        """The whole table, its elements in the order in which nft prints them."""
        held: dict[str, dict[tuple[object, ...], Element]] = {}
        for one in self.parts:
            for name, element in one.elements:
                held.setdefault(name, {})[element.key] = element
        elements = {name: sorted(rows.values(), key=lambda row: place(row.key)) for name, rows in held.items()}
        sets = fixed_sets(self.to, elements) + [found for one in self.parts for found in one.sets]
        chains = fixed_chains(self.to) + [found for one in self.parts for found in one.chains]
        return table(self.to.protocol, names.TABLE, sets, chains, "rules for kube-proxy")

    def resync(self, service: tuple[str, str], slices: Sequence[EndpointSlice]) -> "Synced":
        """The same after the slices of one Service have become these: all other shares are taken over as they are."""
        parts = list(self.parts)
        for index in self.services.places.get(service, ()):
            parts[index] = part(self.services.ports[index], slices, self.to)
        return Synced(self.to, self.services.resync(service, slices), parts)


def synced(
    services: Services,
    node: NodeFacts,
    configuration: KubeProxyConfiguration = DEFAULTS,
    service_ranges: tuple[Prefix, ...] = (),
) -> Synced:
    """All Service ports of a family as one node writes them."""
    to = nftables_settings(configuration, node, services.family, service_ranges)
    return Synced(to, services, [part(port, services.slices_of(port), to) for port in services.ports])


def nftables_rules(
    services: Services,
    node: NodeFacts,
    configuration: KubeProxyConfiguration = DEFAULTS,
    service_ranges: tuple[Prefix, ...] = (),
) -> Ruleset:
    """kube-proxy's table of one family on one node."""
    return Ruleset((synced(services, node, configuration, service_ranges).table,))


def rules_of(
    services: Iterable[Service],
    slices: Iterable[EndpointSlice],
    node: NodeFacts,
    configuration: KubeProxyConfiguration = DEFAULTS,
    family: int = 4,
    service_ranges: tuple[Prefix, ...] = (),
) -> Ruleset:
    """The same from plain lists of objects."""
    return nftables_rules(Services(services, by_service(slices), FAMILIES[family]), node, configuration, service_ranges)


# -- what changes -----------------------------------------------------------------------------------------------------


def transaction(before: Synced, after: Synced) -> str:
    """The commands that lead from one to the other, as `nft -f` takes them: whole or not at all.

    Like kube-proxy's partial sync: chains of what changed are emptied and written again, elements taken away and added.
    """
    lines: list[str] = []
    for old, new in zip(before.parts, after.parts, strict=True):
        if old is not new and old != new:
            lines += _commands(old, new, f"{after.to.protocol} {names.TABLE}")
    return "".join(f"{line}\n" for line in lines)


def _commands(old: Part, new: Part, where: str) -> Iterator[str]:
    for chain in new.chains:
        if chain not in old.chains:
            yield f"add chain {where} {chain.name}"
            yield f"flush chain {where} {chain.name}"
    for name, element in old.elements:
        if (name, element) not in new.elements:
            key = element_text(replace(element, value=None, comment=""))
            yield f"delete element {where} {name} {{ {key} }}"
    for one in new.sets:
        if one not in old.sets:
            yield f"add set {where} {one.name} {{ {set_text(one)} }}"
    for chain in new.chains:
        if chain not in old.chains:
            yield from (f"add rule {where} {chain.name} {rule_text(rule)}" for rule in chain.rules)
    for name, element in new.elements:
        if (name, element) not in old.elements:
            yield f"add element {where} {name} {{ {element_text(element)} }}"
    kept = {chain.name for chain in new.chains}
    stale = [chain.name for chain in old.chains if chain.name not in kept]
    yield from (f"flush chain {where} {name}" for name in stale)
    yield from (f"delete chain {where} {name}" for name in stale)
    yield from (f"delete set {where} {one.name}" for one in old.sets if one not in new.sets)
