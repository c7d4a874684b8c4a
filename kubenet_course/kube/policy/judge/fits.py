"""Whether a rule fits a connection: True, False, or None where what would decide is not known."""

from collections.abc import Iterable

from msgspec import Struct

from ....linux.packet.address import Address
from .values import BlockPeer, Direction, DomainPeer, NodePeer, Peer, PodPeer, PolicyRule, Port, Ports
from .world import PolicyWorld, Who

Fits = bool | None


class Ask(Struct, frozen=True, gc=False):
    """One direction of one connection: the pod whose policies are asked, the other end, the port at the receiver."""

    direction: Direction
    subject: Who
    other: Who
    port: Port
    family: int  # 4 or 6; 0 where the ends share none

    @property
    def receiver(self) -> Who:
        return self.subject if self.direction == "ingress" else self.other


def any_of(found: Iterable[Fits]) -> Fits:
    answer: Fits = False
    for one in found:
        if one:
            return True
        answer = None if one is None else answer
    return answer


def all_of(found: Iterable[Fits]) -> Fits:
    answer: Fits = True
    for one in found:
        if one is False:
            return False
        answer = None if one is None else answer
    return answer


def rule_fits(world: PolicyWorld, rule: PolicyRule, ask: Ask) -> Fits:
    """A port *and* a peer; where one of the lists is absent, it does not restrict."""
    if rule.ports is not None and not any(port_fits(one, ask) for one in rule.ports):
        return False
    if rule.peers is None:
        return True
    return any_of(peer_fits(world, one, ask.other, ask.family) for one in rule.peers)


def port_fits(ports: Ports, ask: Ask) -> bool:
    """A name means what the receiver's containers call so, under the same protocol."""
    if ports.name:
        protocol = ports.protocol or ask.port.protocol
        asked = (ports.name, protocol, ask.port.number)
        return protocol == ask.port.protocol and asked in ask.receiver.ports
    return ports.protocol == ask.port.protocol and ports.first <= ask.port.number <= ports.last


def peer_fits(world: PolicyWorld, peer: Peer, other: Who, family: int) -> Fits:
    match peer:
        case PodPeer():
            return pods_fit(world, peer, other)
        case BlockPeer():
            return block_fits(peer, other, family)
        case NodePeer():
            return node_fits(world, peer, other)
        case DomainPeer():
            return None if other.kind == "host" or any("cluster.local" in name for name in peer.names) else False


def pods_fit(world: PolicyWorld, peer: PodPeer, other: Who) -> Fits:
    """A pod of the host's network is seen as its node, so no selector of pods fits it."""
    if other.kind != "pod" or other.host_network:
        return False
    if peer.namespace is not None:
        return other.namespace == peer.namespace and peer.pods.fits(other.labels)
    return all_of((peer.pods.fits(other.labels), namespace_fits(world, peer, other.namespace)))


def namespace_fits(world: PolicyWorld, peer: PodPeer, name: str) -> Fits:
    labels = world.namespaces.get(name)
    return peer.namespaces.fits(labels) if labels is not None else peer.namespaces.fits_unknown(name)


def block_fits(peer: BlockPeer, other: Who, family: int) -> Fits:
    """By the address in the family of the connection. A pod without an address: nobody knows yet."""
    if not other.addresses:
        return None
    asked = [ip for ip in other.addresses if not family or (":" in ip) == (family == 6)]
    return any(ip in peer.block and not any(ip in part for part in peer.excluded) for ip in asked)


def node_fits(world: PolicyWorld, peer: NodePeer, other: Who) -> Fits:
    """Whoever has an address of the node: the node, its pods of the host's network."""
    if other.kind == "pod" and not other.host_network:
        return False
    node = seen_as_node(world, other)
    if node is not None:
        return peer.nodes.fits(node.labels)
    return None if other.kind != "host" or not world.nodes else False


def seen_as_node(world: PolicyWorld, other: Who) -> Who | None:
    """The node that the other end is, or whose network it shares."""
    if other.kind == "pod":
        return world.nodes.get(other.node) if other.host_network else None
    if other.kind == "node":
        return world.nodes.get(other.name)
    return world.node_at(other.addresses[0])


def shared_family(source: Who, to: Who, wanted: int = 0) -> int:
    """The family of a connection: the receiver's first that the sender has as well."""
    if wanted or not (source.addresses and to.addresses):
        return wanted
    has = {_family(ip) for ip in source.addresses}
    return next((of for of in map(_family, to.addresses) if of in has), 0)


def _family(ip: Address) -> int:
    return 6 if ":" in ip else 4
