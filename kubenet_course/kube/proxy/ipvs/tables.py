"""All that kube-proxy leaves on a node in IPVS mode, and what becomes of it when a Service changes."""

from collections.abc import Iterable, Sequence
from functools import cached_property

from msgspec import Struct

from ....errors import BadInput
from ....linux.netfilter.ipset.sets import IpSet
from ....linux.packet.address import FAMILIES, Address
from ....linux.stack.ipvs.servers import VirtualServer
from ...api.config import IPVS_SCHEDULERS
from ...api.objects import EndpointSlice, KubeProxyConfiguration, Service
from ..node import DEFAULTS, NodeFacts, is_loopback, settings
from ..services import Services, by_service
from . import sets
from .rules import iptables_text
from .service import IpvsSettings, Part, counts, own_addresses, part

DEVICE = "kube-ipvs0"  # a dummy device: its addresses make the kernel take packets for Services as its own
SYSCTLS = {  # IPVS must keep connections where conntrack can see them, and forget those of a server that is gone
    "net.ipv4.vs.conntrack": 1,
    "net.ipv4.vs.expire_nodest_conn": 1,
    "net.ipv4.vs.expire_quiescent_template": 1,
    "net.ipv4.ip_forward": 1,
}
STRICT_ARP = {"net.ipv4.conf.all.arp_ignore": 1, "net.ipv4.conf.all.arp_announce": 2}


class IpvsTables:
    """Virtual servers, ipsets, addresses and rules of one node and family. Never changed; `resync` makes a new one."""

    def __init__(self, to: IpvsSettings, services: Services, parts: Sequence[Part]):
        self.to, self.services, self.parts = to, services, parts

    @cached_property
    def servers(self) -> tuple[VirtualServer, ...]:
        """Sorted as text. Where two Services ask for one address and port, the later one has it."""
        found = {server.key: server for one in self.parts for server in one.servers}
        return tuple(found[key] for key in sorted(found))

    @cached_property
    def members(self) -> dict[str, set[str]]:
        """The members of every set that has any, by its name for IPv4."""
        found: dict[str, set[str]] = {}
        for one in self.parts:
            for name, member in one.members:
                found.setdefault(name, set()).add(member)
        bound = {ip for one in self.parts for ip in one.bound}
        return found | ({sets.IPVS_IPS: bound} if bound else {})

    @property
    def ipsets(self) -> tuple[IpSet, ...]:
        """All sets, those without members too, for rules ask them."""
        of, held = self.to.shared.family, self.members
        return tuple(
            IpSet(sets.set_name(name, of), kind.type, of, tuple(sorted(held.get(name, ()))))
            for name, kind in sets.KINDS.items()
        )

    @property
    def addresses(self) -> tuple[Address, ...]:
        """What kube-ipvs0 answers for; kube-proxy does not count loopback and link-local addresses as bound."""
        of = self.to.shared.family
        return tuple(sorted(ip for ip in self.members.get(sets.IPVS_IPS, ()) if counts(ip, of)))

    @property
    def sysctls(self) -> dict[str, int]:
        """What kube-proxy sets when it starts. With strictARP the node is silent about addresses on kube-ipvs0."""
        return SYSCTLS | (STRICT_ARP if self.to.strict_arp else {})

    @property
    def iptables(self) -> str:
        refusals = [refusal for one in self.parts for refusal in one.refusals]
        return iptables_text(self.members, refusals, self.to.shared)

    def resync(self, service: tuple[str, str], slices: Sequence[EndpointSlice]) -> "IpvsTables":
        """The same after the slices of one Service have become these: all other shares are taken over as they are."""
        parts = list(self.parts)
        for index in self.services.places.get(service, ()):
            parts[index] = part(self.services.ports[index], slices, self.to)
        return IpvsTables(self.to, self.services.resync(service, slices), parts)

    def difference(self, before: "IpvsTables") -> "Difference":
        """What has to be told to the kernel to come here from there: only shares that are not the same are looked at."""
        pairs = [(old, new) for old, new in zip(before.parts, self.parts, strict=True) if old is not new]
        old_servers = {server.key: server for old, _ in pairs for server in old.servers}
        new_servers = {server.key: server for _, new in pairs for server in new.servers}
        old_members = {member for old, _ in pairs for member in old.members}
        new_members = {member for _, new in pairs for member in new.members}
        return Difference(
            tuple(server for key, server in sorted(new_servers.items()) if old_servers.get(key) != server),
            tuple(server for key, server in sorted(old_servers.items()) if key not in new_servers),
            tuple(sorted(new_members - old_members)),
            tuple(sorted(old_members - new_members)),
        )


class Difference(Struct, frozen=True):
    """Virtual servers that are new or have other real servers, those that go, and members of sets that come and go."""

    servers: tuple[VirtualServer, ...]
    gone: tuple[VirtualServer, ...]
    members: tuple[tuple[str, str], ...]
    gone_members: tuple[tuple[str, str], ...]


def ipvs_settings(configuration: KubeProxyConfiguration, node: NodeFacts, services: Services) -> IpvsSettings:
    """Raises BadInput for a scheduler that kube-proxy does not know."""
    scheduler = configuration.ipvs.scheduler or "rr"
    if scheduler not in IPVS_SCHEDULERS:
        right = f"write one of {', '.join(IPVS_SCHEDULERS)}"
        raise BadInput(
            "KubeProxyConfiguration: ipvs.scheduler", f'it is "{scheduler}", which kube-proxy has not', right
        )
    shared = settings(configuration, node, services.family)
    own = own_addresses(shared)
    chosen = own if shared.node_ports_on is None else shared.node_ports_on
    node_ips = tuple(ip for ip in chosen if not is_loopback(ip))
    return IpvsSettings(shared, scheduler, frozenset(own), node_ips, configuration.ipvs.strict_arp)


def ipvs_tables(services: Services, node: NodeFacts, configuration: KubeProxyConfiguration = DEFAULTS) -> IpvsTables:
    """What one node's kube-proxy writes for all Services of a family."""
    to = ipvs_settings(configuration, node, services)
    return IpvsTables(to, services, [part(port, services.slices_of(port), to) for port in services.ports])


def tables_of(
    services: Iterable[Service],
    slices: Iterable[EndpointSlice],
    node: NodeFacts,
    configuration: KubeProxyConfiguration = DEFAULTS,
    family: int = 4,
) -> IpvsTables:
    """The same from plain lists of objects."""
    return ipvs_tables(Services(services, by_service(slices), FAMILIES[family]), node, configuration)
