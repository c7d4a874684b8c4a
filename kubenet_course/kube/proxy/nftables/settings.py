"""What nftables mode makes of a configuration on a node (cmd/kube-proxy/app/server_linux.go, proxier.go)."""

from msgspec import Struct
from msgspec.structs import replace

from ....linux.netfilter.nft.ruleset import Constant, Match, Meta, Payload
from ....linux.netfilter.xt.basic import Interface, Source
from ....linux.packet.address import Address, Family, Prefix, prefix
from ...api.objects import KubeProxyConfiguration
from ...model.ranges import Ranges
from ..node import NodeFacts, is_loopback, local_test, node_ip, node_port_ranges

UNSAID = (prefix("10.96.0.0/12"), prefix("fd00:10:96::/112"))


class NftablesSettings(Struct, frozen=True):
    """A configuration, made definite. `node_ports_on`: the addresses on which NodePorts answer, None for all.

    `pods` and `strangers` are the two answers to "does it come from a pod of this node?", None where nothing tells.
    `service_ranges`: where ClusterIPs come from, as the ServiceCIDR objects say.
    """

    node: NodeFacts
    family: Family
    ip: Address
    mark: int
    masquerade_all: bool
    pods: Match | None
    strangers: Match | None
    node_ports_on: tuple[Address, ...] | None
    service_ranges: tuple[Prefix, ...]

    @property
    def protocol(self) -> str:
        """The word for this family in nft: ip, ip6."""
        return "ip" if self.family.number == 4 else "ip6"

    @property
    def address_type(self) -> str:
        return f"ipv{self.family.number}_addr"


def nftables_settings(
    configuration: KubeProxyConfiguration, node: NodeFacts, of: Family, service_ranges: tuple[Prefix, ...] = ()
) -> NftablesSettings:
    """Where no nodePortAddresses are given, this mode answers on the node's own address only; never on 127.0.0.1."""
    ip = node_ip(configuration, node, of)
    blocks = node_port_ranges(configuration.node_port_addresses or ("primary",), ip, of)
    everywhere = any(block.length == 0 for block in blocks)
    chosen = (own for own in node.addresses(of) if any(own in block for block in blocks) and not is_loopback(own))
    pods = _pods(configuration, node, of)
    return NftablesSettings(
        node,
        of,
        ip,
        1 << configuration.nftables.masquerade_bit,
        configuration.nftables.masquerade_all,
        pods,
        replace(pods, operator="!=") if pods else None,
        None if everywhere else tuple(chosen),
        tuple(block for block in service_ranges if block.family is of),
    )


def _pods(configuration: KubeProxyConfiguration, node: NodeFacts, of: Family) -> Match | None:
    match local_test(configuration, node, of):
        case Source(prefix=block):
            right: Constant = block.first if block.is_host else block
            return Match(Payload("ip" if of.number == 4 else "ip6", "saddr"), right)
        case Interface(name=name):
            return Match(Meta("iifname"), f"{name[:-1]}*" if name.endswith("+") else name)
    return None


def service_ranges(known: Ranges) -> tuple[Prefix, ...]:
    """Where ClusterIPs come from, as the cluster's files say; else as kubeadm has it, and for IPv6 as the course has it."""
    return tuple(known.services.values()) if "services" in known.said else UNSAID
