"""What a kube-proxy knows of its own node, and what its configuration makes of that.

Check it against cmd/kube-proxy/app/server.go and server_linux.go (getLocalDetectors),
pkg/proxy/util/nodeport_addresses.go
and pkg/proxy/util/localdetector.go.
"""

from collections.abc import Iterable

from msgspec import Struct

from ...linux.netfilter.statement import Test
from ...linux.netfilter.xt.basic import Interface, Source
from ...linux.packet.address import IPV4, Address, Family, Prefix, address, family, prefix
from ..api.objects import KubeProxyConfiguration

DEFAULTS = KubeProxyConfiguration(api_version=KubeProxyConfiguration.api[0])
LOOPBACK: dict[int, Address] = {4: "127.0.0.1", 6: "::1"}


class NodeFacts(Struct, frozen=True):
    """One node. `ips` are its own addresses, primary first; `others` those on its further devices, such as its
    bridge.
    """

    name: str
    zone: str = ""
    pod_cidrs: tuple[str, ...] = ()
    ips: tuple[Address, ...] = ()
    others: tuple[Address, ...] = ()
    nfacct: bool = True  # whether its kernel has named counters (xt_nfacct)

    def ip(self, of: Family) -> Address:
        """The address by which kube-proxy knows its node; the loopback address where it has none of the family."""
        return next((ip for ip in self.ips if family(ip) is of), LOOPBACK[of.number])

    def addresses(self, of: Family) -> tuple[Address, ...]:
        """Every address that the node answers for in a family, sorted."""
        every = {*self.ips, *self.others, *LOOPBACK.values()}
        return tuple(sorted(ip for ip in every if family(ip) is of))


class Settings(Struct, frozen=True):
    """A configuration, made definite for one node and family.

    `local` is the test that a packet comes from a pod, None where nothing tells. `node_ports_on`: the addresses on
    which
    NodePorts answer, None for all of them.
    """

    node: NodeFacts
    family: Family
    ip: Address
    mark: int
    masquerade_all: bool
    local: Test | None
    node_ports_on: tuple[Address, ...] | None
    localhost_node_ports: bool
    liberal: bool

    @property
    def not_local(self) -> Test | None:
        """The opposite test."""
        match self.local:
            case Source(prefix=block):
                return Source(prefix=block, negated=True)
            case Interface(name=name):
                return Interface(name=name, negated=True)
        return None


def settings(configuration: KubeProxyConfiguration, node: NodeFacts, of: Family) -> Settings:
    """What iptables mode makes of a configuration on a node."""
    ip = node_ip(configuration, node, of)
    ranges = node_port_ranges(configuration.node_port_addresses, ip, of)
    everywhere = any(block.length == 0 for block in ranges)
    on_loopback = of is IPV4 and any("127.0.0.0" in block or block.first.startswith("127.") for block in ranges)
    localhost = configuration.iptables.localhost_node_ports and on_loopback
    chosen = [ip for ip in node.addresses(of) if any(ip in block for block in ranges)]
    return Settings(
        node,
        of,
        ip,
        1 << configuration.iptables.masquerade_bit,
        configuration.iptables.masquerade_all,
        local_test(configuration, node, of),
        None if everywhere else tuple(ip for ip in chosen if localhost or not is_loopback(ip)),
        localhost,
        configuration.conntrack.tcp_be_liberal,
    )


def is_loopback(ip: Address) -> bool:
    return ip == "::1" or (ip.startswith("127.") and ":" not in ip)


def node_ip(configuration: KubeProxyConfiguration, node: NodeFacts, of: Family) -> Address:
    """The address that kube-proxy takes for its node's: the one it is told to bind to, else the node's own."""
    bound = configuration.bind_address
    return address(bound) if bound and bound not in ("0.0.0.0", "::") and family(bound) is of else node.ip(of)


def node_port_ranges(wanted: Iterable[str], ip: Address, of: Family) -> tuple[Prefix, ...]:
    """Ranges of a family; without any, all of it. The word `primary` stands for the node's own address."""
    texts = tuple(wanted)
    if texts == ("primary",):
        texts = () if is_loopback(ip) else (ip,)
    found = tuple(block for block in map(prefix, texts) if block.family is of)
    return found or (prefix("0.0.0.0/0" if of is IPV4 else "::/0"),)


def local_test(configuration: KubeProxyConfiguration, node: NodeFacts, of: Family) -> Test | None:
    """How a packet from a pod of this node is told from all others."""
    match configuration.detect_local_mode:
        case "BridgeInterface":
            return Interface(name=configuration.detect_local.bridge_interface)
        case "InterfaceNamePrefix":
            return Interface(name=f"{configuration.detect_local.interface_name_prefix}+")
        case "NodeCIDR":
            texts = list(node.pod_cidrs)
        case _:
            texts = [text.strip() for text in configuration.cluster_cidr.split(",") if text.strip()]
    blocks = [block for block in map(prefix, texts) if block.family is of]
    return Source(prefix=blocks[0]) if blocks else None
