"""Policies compiled for one node: for each pod and direction a chain, for each peer a set of addresses.

Every rule looks at packets as the pod's end of the cable sees them: after a Service's address was replaced. A packet of
a known connection is accepted first, so what is written here decides new connections only. Accepting means *return*: the
other end may be a pod of the same node, whose own chain must be asked too. What a node sends to its own pods does not
pass FORWARD, and is allowed by that.
"""

from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Literal

from msgspec import Struct

from ....errors import BadInput
from ....linux.packet.address import Prefix, prefix
from ..judge.decide import isolates
from ..judge.fits import block_fits, node_fits, pods_fit
from ..judge.values import (
    DIRECTIONS,
    BlockPeer,
    Direction,
    DomainPeer,
    NodePeer,
    Peer,
    PodPeer,
    Policy,
    PolicyRule,
    Ports,
)
from ..judge.world import PolicyWorld, Who

Verdict = Literal["return", "drop", "next"]  # next: go on to the chain of the next tier, and do not come back


class Addresses(Struct, frozen=True, gc=False):
    """A set of addresses of one family: blocks, and what is taken out of them."""

    blocks: tuple[Prefix, ...]
    excluded: tuple[Prefix, ...] = ()

    @property
    def name(self) -> str:
        """At most 31 characters (IPSET_MAXNAMELEN), and the same for the same addresses."""
        said = f"{self.blocks}{self.excluded}"
        return f"KUBE-POL-{sha256(said.encode()).hexdigest()[:16].upper()}"


class Line(Struct, frozen=True, gc=False):
    """A rule of a chain: from or to these addresses (None: any), at these ports (None: any), and what then."""

    verdict: Verdict
    peers: Addresses | None
    ports: Ports | None
    comment: str


class Chain(Struct, frozen=True, gc=False):
    """The rules for one pod in one direction. The second part holds the tiers behind Admin."""

    pod: Who
    direction: Direction
    address: str
    admin: tuple[Line, ...]
    rest: tuple[Line, ...]

    @property
    def name(self) -> str:
        """At most 28 characters (XT_EXTENSION_MAXNAMELEN less one)."""
        said = f"{self.pod} {self.direction} {self.address}"
        return f"KUBE-POL-{self.direction[0].upper()}-{sha256(said.encode()).hexdigest()[:14].upper()}"

    @property
    def next(self) -> str:
        return f"{self.name}-N"


class Program(Struct, frozen=True, gc=False):
    """All chains of a node in one family, and what could not be compiled."""

    family: int
    chains: tuple[Chain, ...]
    left_out: tuple[str, ...] = ()

    @property
    def sets(self) -> dict[str, Addresses]:
        lines = [line for chain in self.chains for line in (*chain.admin, *chain.rest)]
        return {line.peers.name: line.peers for line in lines if line.peers is not None}


def program(world: PolicyWorld, node: str, family: int) -> Program:
    """What a plugin would write on a node. Raises BadInput where there is no such node."""
    known = {*world.nodes, *(pod.node for pod in world.pods.values() if pod.node)}
    if node not in known:
        right = f"name one of {', '.join(sorted(known)[:9]) or 'none: no pod says its node'}"
        raise BadInput("--node", f"there is no node {node!r}", right)
    compiler = _Compiler(world, family)
    chains = []
    for pod in world.pods.values():
        if pod.node != node or pod.host_network:
            continue
        for ip in compiler.addresses(pod):
            chains += [made for direction in DIRECTIONS if (made := compiler.chain(pod, ip, direction))]
    return Program(family, tuple(chains), tuple(dict.fromkeys(compiler.left_out)))


class _Compiler:
    def __init__(self, world: PolicyWorld, family: int):
        self.world, self.family = world, family
        self.left_out: list[str] = []

    def addresses(self, one: Who) -> list[str]:
        return [ip for ip in one.addresses if (":" in ip) == (self.family == 6)]

    def chain(self, pod: Who, ip: str, direction: Direction) -> Chain | None:
        """None where no policy has anything to say of the pod in this direction."""
        world = self.world
        admin = [line for policy in self._selecting("Admin", pod) for line in self._tier(policy, pod, direction)]
        named = isolates(world, direction, pod)
        rest = [line for policy in named for line in self._named(policy, pod, direction)]
        if named:
            names = " ".join(policy.name for policy in named)
            rest.append(Line("drop", None, None, f"no rule of {names} fits"))
        else:
            baseline = [
                one for policy in self._selecting("Baseline", pod) for one in self._tier(policy, pod, direction)
            ]
            rest = [Line("return", *line[1:]) if line[0] == "next" else Line(*line) for line in map(_parts, baseline)]
        if not admin and not rest:
            return None
        return Chain(pod, direction, ip, tuple(admin), tuple(rest))

    def _selecting(self, tier: Literal["Admin", "Baseline"], pod: Who) -> Iterator[Policy]:
        for group in self.world.groups(tier):
            for policy in group:
                if pods_fit(self.world, policy.subject, pod):
                    yield policy

    def _tier(self, policy: Policy, pod: Who, direction: Direction) -> Iterator[Line]:
        verdicts: dict[str, Verdict] = {"Accept": "return", "Deny": "drop", "Pass": "next"}
        for rule in policy.rules(direction) or ():
            yield from self._lines(policy, rule, pod, direction, verdicts[rule.action])

    def _named(self, policy: Policy, pod: Who, direction: Direction) -> Iterator[Line]:
        for rule in policy.rules(direction) or ():
            yield from self._lines(policy, rule, pod, direction, "return")

    def _lines(
        self, policy: Policy, rule: PolicyRule, pod: Who, direction: Direction, verdict: Verdict
    ) -> Iterator[Line]:
        comment = f"{policy.name} {rule.path}"
        for peer in rule.peers if rule.peers is not None else (None,):
            if isinstance(peer, DomainPeer):
                self.left_out.append(f"{policy} {rule.path}: {peer} are not known; the rule fits nothing here")
                continue
            for ports in rule.ports or (None,):
                for peers, at in self._resolved(peer, ports, pod, direction):
                    if peers is None or peers.blocks:
                        yield Line(verdict, peers, at, comment)

    def _resolved(
        self, peer: Peer | None, ports: Ports | None, pod: Who, direction: Direction
    ) -> Iterator[tuple[Addresses | None, Ports | None]]:
        """A port by name becomes numbers: the pod's own for ingress, for egress each receiver's."""
        if ports is None or not ports.name:
            yield self._set(peer), ports
        elif direction == "ingress":
            for protocol, number in _called(ports, pod):
                yield self._set(peer), Ports(protocol, number, number)
        else:
            found: dict[tuple[str, int], list[Who]] = {}
            for one in self._members(peer):
                for called in _called(ports, one):
                    found.setdefault(called, []).append(one)
            for (protocol, number), receivers in sorted(found.items()):
                yield self._hosts(receivers), Ports(protocol, number, number)

    def _members(self, peer: Peer | None) -> Iterable[Who]:
        """The pods and nodes that a peer surely fits."""
        world = self.world
        every = [*world.pods.values(), *world.nodes.values()]
        match peer:
            case None:
                return every
            case PodPeer():
                return [one for one in every if pods_fit(world, peer, one)]
            case BlockPeer():
                return [one for one in every if block_fits(peer, one, self.family)]
            case NodePeer():
                return [one for one in every if node_fits(world, peer, one)]
        return ()

    def _set(self, peer: Peer | None) -> Addresses | None:
        if peer is None:
            return None
        if not isinstance(peer, BlockPeer):
            return self._hosts(self._members(peer))
        if peer.block.family.number != self.family:
            return Addresses(())
        return Addresses((peer.block,), tuple(sorted(peer.excluded, key=str)))

    def _hosts(self, members: Iterable[Who]) -> Addresses:
        found = {ip for one in members for ip in self.addresses(one)}
        return Addresses(tuple(prefix(ip) for ip in sorted(found)))


def _called(ports: Ports, one: Who) -> list[tuple[str, int]]:
    """What a member's containers call so: protocol and number."""
    return sorted((at, number) for name, at, number in one.ports if name == ports.name and ports.protocol in ("", at))


def _parts(line: Line) -> tuple:
    return line.verdict, line.peers, line.ports, line.comment
