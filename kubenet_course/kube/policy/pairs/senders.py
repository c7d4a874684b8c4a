"""For a sender: all receivers that some ingress rule opens to it.

A rule's peer asks for a namespace, for labels, or for an address. Senders that agree in what is asked share the answer,
so that a hundred thousand classes cost a few hundred unions.
"""

from collections.abc import Mapping

from ..judge.fits import block_fits, namespace_fits, peer_fits
from ..judge.selector import NAME_LABEL
from ..judge.values import BlockPeer, Peer, PodPeer
from ..judge.world import PolicyWorld, Who
from .classes import NONE, Bits
from .sets import Sets


class Senders:
    def __init__(self, sets: Sets, world: PolicyWorld, allowed: Mapping[Peer | None, int]):
        self.sets, self.classes, self.world, self.allowed = sets, sets.classes, world, allowed
        self.anybody = allowed.get(None, 0)
        self.homes: dict[str, list[tuple[PodPeer, int]]] = {}
        self.wide: list[tuple[PodPeer, int]] = []
        self.blocks: list[tuple[BlockPeer, int]] = []
        self.others: list[tuple[Peer, int]] = []
        for peer, to in allowed.items():
            if isinstance(peer, PodPeer):
                self._pods(peer, to)
            elif isinstance(peer, BlockPeer):
                self.blocks.append((peer, to))
            elif peer is not None:
                self.others.append((peer, to))
        asked = self.classes.asked
        self._pod_keys = asked.pods
        self._home_keys = {key: values for key, values in asked.namespaces.items() if key != NAME_LABEL}
        self._known: dict[object, Bits] = {}

    def _pods(self, peer: PodPeer, to: int) -> None:
        """Peers that name their namespaces stand with these; the others with all."""
        named = [set(one.values) for one in peer.namespaces.demands if one.key == NAME_LABEL and one.operator == "In"]
        if peer.namespace is not None:
            self.homes.setdefault(peer.namespace, []).append((peer, to))
        elif named:
            for name in sorted(set.intersection(*named)):
                self.homes.setdefault(name, []).append((peer, to))
        else:
            self.wide.append((peer, to))

    def reach(self, at: int) -> Bits:
        one = self.classes.first[at]
        if self.sets.special >> at & 1:
            each = ((peer_fits(self.world, peer, one, self.classes.family), to) for peer, to in self._all())
            return self._union(each) | Bits(self.anybody, self.anybody)
        ip = self.classes.address(one)
        labels = self.classes.asked.label_key(one.labels, self._pod_keys)
        parts = [
            self._kept(("home", one.namespace, labels), lambda: self._pods_in(one, self.homes.get(one.namespace, []))),
            self._kept(("wide", self._home(one), labels), lambda: self._pods_in(one, self.wide)),
            self._kept(self.classes.lies(ip), lambda: self._of_blocks(one)),
        ]
        sure = may = self.anybody
        for part in parts:
            if part.may:
                same = part.sure is part.may and sure is may
                sure |= part.sure
                may = sure if same else may | part.may
        found = Bits(sure, may)
        if self.others:
            found |= self._union((peer_fits(self.world, peer, one, 0), to) for peer, to in self.others)
        return found

    def _home(self, one: Who) -> object:
        labels = self.world.namespaces.get(one.namespace)
        unclear = labels is None or self.sets.classes.asked.negates_names
        return one.namespace if unclear else self.classes.asked.label_key(labels or {}, self._home_keys)

    def _kept(self, key: object, make) -> Bits:
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = make()
        return known

    def _pods_in(self, one: Who, rows: list[tuple[PodPeer, int]]) -> Bits:
        return self._union((self._fits(peer, one), to) for peer, to in rows)

    def _fits(self, peer: PodPeer, one: Who) -> bool | None:
        if not peer.pods.fits(one.labels):
            return False
        return True if peer.namespace is not None else namespace_fits(self.world, peer, one.namespace)

    def _of_blocks(self, one: Who) -> Bits:
        """Here a pod has an address of the family, or is not known to have any."""
        if one.addresses and self.classes.address(one) is None:
            return NONE
        return self._union((block_fits(peer, one, self.classes.family), to) for peer, to in self.blocks)

    def _all(self):
        return ((peer, to) for peer, to in self.allowed.items() if peer is not None)

    def _union(self, rows) -> Bits:
        sure = doubt = 0
        for fits, to in rows:
            if fits:
                sure |= to
            elif fits is None:
                doubt |= to
        return Bits(sure, sure | doubt if doubt else sure)
