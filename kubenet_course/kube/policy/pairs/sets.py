"""Rules as sets of classes: whom a peer fits, where a port fits, whom a policy selects. Each is worked out once."""

from ..judge.fits import block_fits, node_fits
from ..judge.selector import Selector
from ..judge.values import BlockPeer, DomainPeer, NodePeer, Peer, PodPeer, Policy, PolicyRule, Ports
from ..judge.world import PolicyWorld
from .classes import NONE, Bits, Classes, Index, bits, places


class Sets:
    def __init__(self, world: PolicyWorld, classes: Classes):
        self.world, self.classes = world, classes
        first = classes.first
        self.special = bits((at for at, one in enumerate(first) if one.kind != "pod" or one.host_network), classes.size)
        self.pods = Index([one.labels for one in first])
        homes: dict[str, list[int]] = {}
        for at, one in enumerate(first):
            homes.setdefault(one.namespace, []).append(at)
        plain = ~self.special
        self.homes = {name: bits(rows, classes.size) & plain for name, rows in homes.items()}
        self.names = list(self.homes)
        self.namespaces = Index([world.namespaces.get(name, {}) for name in self.names])
        self.unknown = bits((at for at, name in enumerate(self.names) if name not in world.namespaces), len(self.names))
        self._joined: dict[int, int] = {}
        self._peers: dict[Peer, Bits] = {}
        self._named: dict[tuple[str, str], int] = {}
        self.all = Bits(classes.all, classes.all)

    def members(self, homes: int) -> int:
        """The classes in a set of namespaces."""
        known = self._joined.get(homes)
        if known is None:
            known = 0
            for at in places(homes):
                known |= self.homes[self.names[at]]
            self._joined[homes] = known
        return known

    def in_namespaces(self, selector: Selector) -> Bits:
        fitting = self.namespaces.fitting(selector) & ~self.unknown
        found = Bits(self.members(fitting), self.members(fitting))
        for at in places(self.unknown):
            name = self.names[at]
            fits, home = selector.fits_unknown(name), self.homes[name]
            found |= Bits(home if fits else 0, 0 if fits is False else home)
        return found

    def peer(self, peer: Peer) -> Bits:
        known = self._peers.get(peer)
        if known is None:
            known = self._peers[peer] = self._peer(peer)
        return known

    def _peer(self, peer: Peer) -> Bits:
        classes = self.classes
        match peer:
            case PodPeer():
                pods = self.pods.fitting(peer.pods)
                if peer.namespace is not None:
                    home = self.homes.get(peer.namespace, 0) & pods
                    return Bits(home, home)
                return self.in_namespaces(peer.namespaces) & Bits(pods, pods)
            case BlockPeer():
                hit = classes.block(peer.block)
                for part in peer.excluded:
                    hit &= ~classes.block(part)
                found = Bits(hit & ~self.special, (hit | classes.homeless) & ~self.special)
                return found | self._each(lambda one: block_fits(peer, one, classes.family))
            case NodePeer():
                return self._each(lambda one: node_fits(self.world, peer, one))
            case DomainPeer():
                local = any("cluster.local" in name for name in peer.names)
                return self._each(lambda one: None if local or one.kind == "host" else False) | (
                    Bits(0, classes.all) if local else NONE
                )

    def _each(self, fits) -> Bits:
        """Nodes, hosts and pods of the host's network, one by one: they are few."""
        sure = may = 0
        for at in places(self.special):
            answer = fits(self.classes.first[at])
            sure |= (answer is True) << at
            may |= (answer is not False) << at
        return Bits(sure, may)

    def peers(self, rule: PolicyRule) -> Bits:
        if rule.peers is None:
            return self.all
        found = NONE
        for peer in rule.peers:
            found |= self.peer(peer)
        return found

    def ports(self, rule: PolicyRule) -> int:
        """The receivers at which the asked port is one of the rule's."""
        if rule.ports is None:
            return self.classes.all
        found = 0
        for one in rule.ports:
            found |= self._at(one)
        return found

    def _at(self, ports: Ports) -> int:
        port, classes = self.classes.port, self.classes
        if ports.protocol not in ("", port.protocol):
            return 0
        if not ports.name:
            return classes.all if ports.first <= port.number <= ports.last else 0
        key = ports.name, port.protocol
        if key not in self._named:
            asked = (*key, port.number)
            self._named[key] = bits((at for at, one in enumerate(classes.first) if asked in one.ports), classes.size)
        return self._named[key]

    def subject(self, policy: Policy) -> Bits:
        """Whom a policy selects. Pods of the host's network are subject to none."""
        return self.peer(policy.subject)
