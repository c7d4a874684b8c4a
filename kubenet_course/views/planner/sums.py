"""The sums of an address plan: the flags that say it, who gets a block, what is left over, and which ranges collide.

Nothing is computed twice: the manager's flags are read and refused by `kube.kcm_flags`, blocks are given by
`kube.node_ipam`, as in a real kube-controller-manager. Ranges are read as the control plane reads them.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from msgspec import Struct

from ...errors import BadInput
from ...kube.model.ranges import NODES, PODS, SERVICES
from ...kube.nodeipam.cidr import Cidr, parse_sloppy
from ...kube.nodeipam.cidr_set import CidrSet, span
from ...kube.nodeipam.kcm_flags import ControllerExit, configured, parse_flags
from ...kube.nodeipam.node_ipam import MAX_PODS, Assigned, Capacity, capacity, start, sync
from ...kube.service.service_ipam import service_range

MOST_NODES = 5000  # what one cluster is meant for at most
Span = tuple[int, int]  # numbers of blocks, from the first up to and without the second


class Wishes(Struct, frozen=True):
    """What one plans with. Where several ranges may stand, a comma is between them.

    `pods`: pods a node, the kubelet's --max-pods. `node_network`: the machines' own addresses. `company`: networks that
    the pods shall reach, or be reached from. The `second_` ones count only with `second`.
    """

    cluster_cidr: str = str(PODS[4])
    node_mask: int = 24
    nodes: int = 100
    pods: int = MAX_PODS
    service_range: str = str(SERVICES[4])
    second: bool = False
    second_cidr: str = str(PODS[6])
    second_mask: int = 64
    second_services: str = str(SERVICES[6])
    node_network: str = f"{NODES[4]},{NODES[6]}"
    company: str = "10.0.0.0/16"


class Pool(Struct, frozen=True):
    """One cluster range filled. `given`: the blocks' numbers in order of the nodes; `leaked`: those taken for nobody;
    `touched`: who else has addresses there.
    """

    pool: CidrSet
    given: tuple[int, ...]
    leaked: tuple[int, ...]
    touched: dict[str, Span]

    @property
    def reserved(self) -> int:
        """Addresses of a block that no pod can have: the network's, the bridge's, in IPv4 the broadcast address."""
        return min(3 if self.pool.cluster.bits == 32 else 2, self.addresses)

    @property
    def addresses(self) -> int:
        """Addresses of one block: 2 ** (32 - mask), for IPv6 2 ** (128 - mask)."""
        return self.pool.block(0).size


class Check(Struct, frozen=True):
    """Two ranges compared. `shared` is what both have, empty where that is nothing; `said` what it would mean."""

    one: str
    other: str
    shared: str = ""
    said: str = ""

    def __str__(self) -> str:
        if not self.shared:
            return self.said or f"{self.one} and {self.other} share no address"
        return f"{self.one} and {self.other} share {self.shared}: {self.said}"


class Plan(Struct, frozen=True):
    """What becomes of the wishes. `refusal` is kube-controller-manager's own sentence; with one, no node gets a block."""

    wishes: Wishes
    flags: tuple[str, ...]
    refusal: str
    pools: tuple[Pool, ...] = ()
    room: Capacity = Capacity(0, 0, 0)
    checks: tuple[Check, ...] = ()

    @property
    def served(self) -> int:
        """How many of the nodes have a block."""
        return min((len(pool.given) for pool in self.pools), default=0)

    @property
    def first_without(self) -> str:
        """The first node that gets nothing; empty where all get their block."""
        return f"node-{self.served + 1}" if self.served < self.wishes.nodes else ""

    @property
    def pods_per_node(self) -> int:
        """What a node can run: as many pods as wanted, if its block has the addresses."""
        return self.room.pods_per_node

    @property
    def leaked(self) -> int:
        """Blocks that were taken for nodes whose other block failed, and not put back: one for each node so far."""
        return sum(len(pool.leaked) for pool in self.pools)

    @property
    def is_good(self) -> bool:
        """Every node has a block, every wanted pod an address, and nothing collides."""
        fits = not self.first_without and self.pods_per_node >= self.wishes.pods
        return fits and not self.refusal and not any(check.shared or check.said for check in self.checks)


def flags_for(wishes: Wishes) -> tuple[str, ...]:
    """The flags as one writes them behind `kube-controller-manager`."""
    ranges = [wishes.cluster_cidr, *[wishes.second_cidr] * wishes.second]
    services = [wishes.service_range, *[wishes.second_services] * wishes.second]
    masks = [("", wishes.node_mask)]
    if wishes.second:
        sizes = zip(ranges, (wishes.node_mask, wishes.second_mask), strict=True)
        masks = [("-ipv6" if ":" in text else "-ipv4", mask) for text, mask in sizes]
    return (
        "--allocate-node-cidrs=true",
        f"--cluster-cidr={','.join(ranges)}",
        *(f"--node-cidr-mask-size{of}={mask}" for of, mask in masks),
        f"--service-cluster-ip-range={','.join(services)}",
    )


def planned(wishes: Wishes) -> Plan:
    """A controller is started with these flags, and one node after the other asks it for its block."""
    flags, checks = flags_for(wishes), tuple(_checks(wishes))
    try:
        configuration = configured(parse_flags(flags))
        assert configuration is not None  # --allocate-node-cidrs is always among these flags
        allocator = start(configuration, {})
        room = capacity(configuration, wishes.pods)
    except (ControllerExit, BadInput) as refusal:
        return Plan(wishes, flags, str(refusal), checks=checks)
    given: list[list[int]] = [[] for _ in allocator.pools]
    leaked: list[list[int]] = [[] for _ in allocator.pools]
    for number in range(1, wishes.nodes + 1):
        before = [pool.taken for pool in allocator.pools]
        outcome = sync(allocator, f"node-{number}", ())
        into = given if isinstance(outcome, Assigned) else leaked
        for index, pool in enumerate(allocator.pools):
            if pool.taken > before[index]:
                into[index].append((pool.next_candidate - 1) % pool.blocks)
    filled = zip(allocator.pools, given, leaked, strict=True)
    pools = tuple(Pool(pool, tuple(ours), tuple(lost), _touched(pool, wishes)) for pool, ours, lost in filled)
    return Plan(wishes, flags, "", pools, room, checks)


def named(wishes: Wishes) -> dict[str, list[str]]:
    """All ranges of a plan by who uses them."""
    listed = {
        "pods": [wishes.cluster_cidr, *[wishes.second_cidr] * wishes.second],
        "Services": [wishes.service_range, *[wishes.second_services] * wishes.second],
        "nodes": [wishes.node_network],
        "company": [wishes.company],
    }
    return {
        name: [part for text in texts for part in text.split(",") if part.strip()] for name, texts in listed.items()
    }


def _read(text: str) -> Cidr | None:
    try:
        return parse_sloppy(text.strip())
    except ValueError:
        return None


def _readable(texts: list[str]) -> list[Cidr]:
    return [cidr for cidr in map(_read, texts) if cidr is not None]


def _touched(pool: CidrSet, wishes: Wishes) -> dict[str, Span]:
    """Which blocks of a range others have addresses in, by who they are: from the first to the last of them."""
    found: dict[str, Span] = {}
    for name, texts in named(wishes).items():
        spans = [span(pool, cidr) for cidr in _readable(texts) if pool.cluster.overlaps(cidr)]
        if name != "pods" and spans:
            found[name] = min(begin for begin, _ in spans), max(end for _, end in spans)
    return found


MEANS = {
    ("pods", "Services"): "kube-proxy would translate a pod's address away; the controller gives none of these blocks",
    ("pods", "nodes"): "an answer to a node would be looked for among pods",
    ("pods", "company"): "pods cannot reach these machines, nor they the pods, without translation",
    ("Services", "nodes"): "what is sent to a node would be taken for a Service",
    ("Services", "company"): "pods that ask these machines would be answered by Services",
}


def _checks(wishes: Wishes) -> Iterator[Check]:
    """Every pair of ranges that must not share an address; and texts of others' ranges that are none."""
    ranges = named(wishes)
    for (one, other), means in MEANS.items():
        pairs = product(_readable(ranges[one]), _readable(ranges[other]))
        shared = [max(pair, key=lambda cidr: cidr.length) for pair in pairs if pair[0].overlaps(pair[1])]
        texts = dict.fromkeys(map(str, shared))
        yield Check(one, other, ", ".join(texts), means if texts else "")
    for name in ("Services", "nodes", "company"):
        for text in ranges[name]:
            if _read(text) is None:
                yield Check(name, "", said=f"{name}: {text.strip()!r} is no range; write one like 10.0.0.0/16")
    for cidr in _readable(ranges["Services"]):
        try:
            service_range(cidr)
        except ValueError as refusal:
            yield Check("Services", "", said=f"{cidr} as Service range: the API server refuses it, {refusal}")
