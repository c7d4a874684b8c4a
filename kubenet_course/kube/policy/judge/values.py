"""What policies say, as values: every default filled in, every absence given its meaning, all kinds in one form.

`None` for peers or ports always means *no restriction*; an empty tuple means *nothing fits*.
"""

from typing import Literal

from msgspec import Struct

from ....linux.packet.address import Prefix
from .selector import Selector

Direction = Literal["ingress", "egress"]
Action = Literal["Accept", "Deny", "Pass"]
Tier = Literal["Admin", "NetworkPolicy", "Baseline"]
DIRECTIONS: tuple[Direction, Direction] = ("ingress", "egress")
PROTOCOLS = ("TCP", "UDP", "SCTP")


class Port(Struct, frozen=True, gc=False, order=True):
    """A destination port that is asked for."""

    number: int
    protocol: str = "TCP"

    def __str__(self) -> str:
        return f"{self.number}/{self.protocol}"


class Ports(Struct, frozen=True, gc=False, order=True):
    """Numbers first..last of a protocol, or a port by name; protocol "" means the one that the container declares."""

    protocol: str
    first: int = 0
    last: int = 65535
    name: str = ""

    def __str__(self) -> str:
        if self.name:
            return f"port {self.name}" + (f"/{self.protocol}" if self.protocol else "")
        if (self.first, self.last) == (0, 65535):
            return f"every port of {self.protocol}"
        last = "" if self.last == self.first else f"-{self.last}"
        return f"port {self.first}{last}/{self.protocol}"


class PodPeer(Struct, frozen=True, gc=False):
    """Pods by label, in one namespace (`namespace`), or in all that a selector fits."""

    pods: Selector
    namespaces: Selector = Selector()
    namespace: str | None = None

    def __str__(self) -> str:
        pods = f"pods with {self.pods}" if self.pods.demands else "all pods"
        if self.namespace is not None:
            return f"{pods} in namespace {self.namespace}"
        return f"{pods} in {f'namespaces with {self.namespaces}' if self.namespaces.demands else 'all namespaces'}"


class BlockPeer(Struct, frozen=True, gc=False):
    """Addresses of a block, but for those of other blocks within it."""

    block: Prefix
    excluded: tuple[Prefix, ...] = ()

    def __str__(self) -> str:
        return f"addresses of {self.block}" + (f" except {', '.join(map(str, self.excluded))}" if self.excluded else "")


class NodePeer(Struct, frozen=True, gc=False):
    """Nodes by label, that is: the addresses in their status."""

    nodes: Selector

    def __str__(self) -> str:
        return f"nodes with {self.nodes}" if self.nodes.demands else "all nodes"


class DomainPeer(Struct, frozen=True, gc=False):
    """Whatever addresses a name resolves to at that moment: no file says which."""

    names: tuple[str, ...]

    def __str__(self) -> str:
        return f"the addresses of {', '.join(self.names)}"


Peer = PodPeer | BlockPeer | NodePeer | DomainPeer


class PolicyRule(Struct, frozen=True, gc=False):
    """Connections with one of the peers at one of the ports, and what becomes of them."""

    path: str  # where it stands in its policy, such as spec.ingress[0]
    peers: tuple[Peer, ...] | None
    ports: tuple[Ports, ...] | None
    action: Action = "Accept"
    name: str = ""
    peer_paths: tuple[str, ...] = ()  # where each peer stands
    unknown: bool = False  # it has a peer of a version to come, and fails closed

    def __str__(self) -> str:
        return self.path + (f" ({self.name})" if self.name else "")


class Policy(Struct, frozen=True, gc=False):
    """Rules for some pods. In tier NetworkPolicy a direction with a tuple of rules is isolated, even without any."""

    name: str  # "namespace/name", or the bare name of a kind without namespace
    kind: str
    tier: Tier
    subject: PodPeer
    ingress: tuple[PolicyRule, ...] | None = None
    egress: tuple[PolicyRule, ...] | None = None
    priority: int = 0

    def rules(self, direction: Direction) -> tuple[PolicyRule, ...] | None:
        return self.ingress if direction == "ingress" else self.egress

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"
