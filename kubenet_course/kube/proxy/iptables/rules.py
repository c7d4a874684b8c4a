"""kube-proxy in iptables mode: Services and their slices become the rules of one node, rule for rule as 1.36 writes
them.

Rules are made when they are looked up: following one packet past ten thousand Services costs one Service's rules. Rule
numbers, lengths and texts are those of the whole.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from ....linux.netfilter.rules import Chain, Ruleset, Table
from ....linux.packet.address import FAMILIES
from ...api.objects import EndpointSlice, KubeProxyConfiguration, Service
from .. import chain_names as names
from ..node import DEFAULTS, NodeFacts, settings
from ..services import by_service
from .frame import BASE, JUMPS, Frame, fixed, node_port_jumps
from .rows import IptablesServices, NodeView, SharedChain, SharedRows
from .service import SHARED


@dataclass(frozen=True)
class ProxyRuleset(Ruleset):
    """kube-proxy's rules; that they need connection tracking is known without looking at them."""

    tracks = True  # type: ignore[assignment]


def iptables_rules(
    services: IptablesServices,
    node: NodeFacts,
    configuration: KubeProxyConfiguration = DEFAULTS,
    others: Frame | None = None,
) -> Ruleset:
    """The rules of one node and family, all of whose tables were empty before.

    `others`: rules that other programs add, per table and chain; in a base chain they stand behind kube-proxy's.
    """
    view = NodeView(services, settings(configuration, node, services.family))
    ours = fixed(view.settings)
    others = others or {}
    tables = {}
    for table, base in BASE.items():
        added = others.get(table, {})
        chains: dict[str, Chain] = {}
        for name in base:
            chains[name] = Chain(name, JUMPS[table].get(name, ()) + added.get(name, ()), "ACCEPT")
        for name, rules in (ours[table] | {name: rules for name, rules in added.items() if name not in base}).items():
            chains[name] = Chain(name, rules)
        for number, (of, name) in enumerate(SHARED):
            if of == table:
                last = node_port_jumps(view.settings) if (table, name) == ("nat", names.SERVICES) else ()
                chains[name] = SharedChain(name, SharedRows(view, number, last))  # type: ignore[arg-type]
        tables[table] = Table(table, NatChains(chains, view) if table == "nat" else _sorted(chains))
    return ProxyRuleset(tables)


def rules_of(
    services: Iterable[Service],
    slices: Iterable[EndpointSlice],
    node: NodeFacts,
    configuration: KubeProxyConfiguration = DEFAULTS,
    family: int = 4,
) -> Ruleset:
    """The same from plain lists of objects."""
    return iptables_rules(IptablesServices(services, by_service(slices), FAMILIES[family]), node, configuration)


def _sorted(chains: dict[str, Chain]) -> dict[str, Chain]:
    """Base chains first, the rest by name, as iptables-save prints them."""
    return {
        name: chains[name]
        for name in sorted(chains, key=lambda name: ("", "") if chains[name].policy else ("user", name))
    }


class NatChains(Mapping[str, Chain]):
    """The chains of the nat table. Those of a Service port are made when one of them is first asked for."""

    def __init__(self, always: dict[str, Chain], view: NodeView):
        self.always = _sorted(always)
        self.view = view

    def __getitem__(self, name: str) -> Chain:
        found = self.always.get(name)
        return found if found is not None else self.view.chain(name)

    def __iter__(self) -> Iterator[str]:
        base = [name for name, chain in self.always.items() if chain.policy]
        yield from base
        yield from self._rest

    @cached_property
    def _rest(self) -> list[str]:
        return sorted([name for name, chain in self.always.items() if not chain.policy] + self.view.chain_names())

    def __len__(self) -> int:
        return len(self.always) + self.view.chain_count
