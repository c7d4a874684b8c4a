"""The modes of kube-proxy whose rules a packet can be led through, each beside the rules of other programs on the node."""

from collections.abc import Callable, Mapping
from typing import Any

from ...linux.netfilter.nft.load import loaded
from ...linux.netfilter.rules import Chain, Ruleset, Table
from ...linux.packet.address import Prefix
from ..api.objects import KubeProxyConfiguration
from .iptables.frame import BASE, Frame
from .iptables.rows import IptablesServices
from .iptables.rules import iptables_rules
from .ipvs.loaded import ipvs_rules
from .ipvs.tables import ipvs_tables
from .nftables.rules import nftables_rules
from .node import NodeFacts
from .other.userspace import portals, userspace_rules


def _iptables(
    services: IptablesServices, node: NodeFacts, said: KubeProxyConfiguration, ranges: Any, others: Frame
) -> Ruleset:
    return iptables_rules(services, node, said, others)


def _nftables(
    services: IptablesServices, node: NodeFacts, said: KubeProxyConfiguration, ranges: Any, others: Frame
) -> Ruleset:
    return Ruleset({**_alone(others), **loaded(nftables_rules(services, node, said, ranges), services.family.number)})


def _ipvs(
    services: IptablesServices, node: NodeFacts, said: KubeProxyConfiguration, ranges: Any, others: Frame
) -> Ruleset:
    return ipvs_rules(ipvs_tables(services, node, said), others)


def _userspace(
    services: IptablesServices, node: NodeFacts, said: KubeProxyConfiguration, ranges: Any, others: Frame
) -> Ruleset:
    return userspace_rules(portals(services), node, services, others)


def _ebpf(
    services: IptablesServices, node: NodeFacts, said: KubeProxyConfiguration, ranges: Any, others: Frame
) -> Ruleset:
    return Ruleset(_alone(others))


USERSPACE, EBPF = "userspace", "ebpf"  # modes that no kube-proxy of today has: only `questions.other` asks in them
RULES: dict[str, Callable[..., Ruleset]] = {
    "iptables": _iptables, "nftables": _nftables, "ipvs": _ipvs, USERSPACE: _userspace, EBPF: _ebpf,
}  # fmt: skip
FOLLOWED = ("iptables", "nftables", "ipvs")


def rules_in(
    mode: str,
    services: IptablesServices,
    node: NodeFacts,
    configuration: KubeProxyConfiguration,
    service_ranges: tuple[Prefix, ...],
    others: Frame,
) -> Ruleset:
    """All rules of a node in one family: kube-proxy's in this mode, and `others` in the tables of iptables."""
    return RULES.get(mode, _iptables)(services, node, configuration, service_ranges, others)


def _alone(others: Frame) -> Mapping[str, Table]:
    """The tables of iptables with nothing in them but the rules of other programs."""
    found = {}
    for name, added in others.items():
        base = {chain: Chain(chain, added.get(chain, ()), "ACCEPT") for chain in BASE[name]}
        found[name] = Table(name, base | {chain: Chain(chain, added[chain]) for chain in added if chain not in base})
    return found
