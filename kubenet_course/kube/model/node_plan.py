"""The nodes of a cluster with what their manifests leave out: a block for pods from the node IPAM controller, an
address.
"""

from collections.abc import Iterator
from itertools import pairwise

from msgspec import Struct
from msgspec.structs import replace

from ...errors import BadInput
from ...linux.packet.address import FAMILIES, Address, Prefix, address, family, prefix, spelled
from ..api.objects import ZONE, Node
from ..manifest.collection import Objects
from ..nodeipam import node_ipam
from ..nodeipam.kcm_flags import ControllerExit, Flags, configured, parse_flags
from .ranges import MANY_NODES, MOST_SMALL, NODES, Ranges, covering

FIRST_NODE = 11  # 192.168.1.11 is the first node of the address plan
MASK_FLAGS = ("node-cidr-mask-size", "node-cidr-mask-size-ipv4", "node-cidr-mask-size-ipv6")
Blocks = dict[str, tuple[str, ...]]  # by node: its podCIDRs


class Machine(Struct, frozen=True):
    """A node made definite: its blocks by family (as far as it has any), its addresses by family, its zone."""

    node: Node
    blocks: dict[int, Prefix]
    ips: dict[int, Address]
    zone: str = ""

    @property
    def name(self) -> str:
        return self.node.metadata.name

    def gateway(self, of: int) -> Address:
        """The block's first address, which its bridge has."""
        return spelled(self.blocks[of].network + 1, self.blocks[of].family)


def machines(objects: Objects, ranges: Ranges, blocks: Blocks) -> dict[str, Machine]:
    """All nodes by name, in the order in which they stand, with the blocks that they have."""
    ips = _addresses(objects, ranges)
    return {
        node.metadata.name: Machine(
            node,
            {block.family.number: block for block in map(prefix, blocks[node.metadata.name])},
            ips[node.metadata.name],
            node.metadata.labels.get(ZONE, ""),
        )
        for node in objects.nodes
    }


def check_nodes(objects: Objects, found: dict[str, Machine], ranges: Ranges) -> None:
    """Raises BadInput for blocks and addresses that no network could be built with."""
    if "pods" in ranges.said:
        _inside(objects, ranges)
    _apart(objects, found)
    if "pods" in ranges.said:
        _outside(objects, found, ranges)


def _outside(objects: Objects, found: dict[str, Machine], ranges: Ranges) -> None:
    """Nodes live outside the pods' range, or their answers would be looked for among pods."""
    for machine in found.values():
        for of, ip in machine.ips.items():
            if of in ranges.pods and ip in ranges.pods[of]:
                where = f"{objects.where(machine.node)}: status.addresses"
                raise BadInput(
                    where, f"{ip} lies within podSubnet {ranges.pods[of]}", "give nodes addresses of their own"
                )


def _inside(objects: Objects, ranges: Ranges) -> None:
    for node in objects.nodes:
        for text in node.pod_cidrs:
            block = prefix(text)
            whole = ranges.pods.get(block.family.number)
            if whole is None or block.first not in whole:
                inside = f"within podSubnet {', '.join(map(str, ranges.pods.values()))}"
                raise BadInput(
                    f"{objects.where(node)}: spec.podCIDRs", f"{text} lies outside", f"write a block {inside}"
                )


def said_blocks(objects: Objects) -> Blocks:
    """The blocks that nodes say they have."""
    return {node.metadata.name: node.pod_cidrs for node in objects.nodes}


def given_blocks(objects: Objects, ranges: Ranges) -> Blocks:
    """The same, and for nodes without one what the controller would give; unless their pods show that it gives none: a pod
    with an address from elsewhere means that another program hands out addresses. Raises BadInput where none is left.
    """
    known = said_blocks(objects)
    if all(known.values()):
        return known
    given = _allocated(objects, ranges, known)
    for pod in objects.pods:
        node = pod.spec.node_name
        if pod.spec.host_network or pod.is_over or known.get(node, ("",)):
            continue
        mine = [prefix(text) for text in given[node]]
        if any(not any(address(ip) in block for block in mine) for ip in pod.addresses):
            return known
    return given


def _allocated(objects: Objects, ranges: Ranges, known: Blocks) -> Blocks:
    """The controller starts, reads what there is, and gives blocks to the rest, in order."""
    flags = replace(
        _masks(objects),
        allocate_node_cidrs=True,
        cluster_cidr=",".join(str(ranges.pods[of]) for of in ranges.families),
        service_cluster_ip_range=",".join(str(ranges.services[of]) for of in ranges.families),
    )
    try:
        configuration = configured(flags)
        if configuration is None:
            return known
        allocator = node_ipam.start(configuration, known)
    except ControllerExit as refusal:
        raise BadInput(
            "the nodes' blocks", f"kube-controller-manager exits: {refusal}", "write a podSubnet that they fit in"
        ) from None
    if not node_ipam.capacity(configuration).nodes:
        raise BadInput(
            "the nodes' blocks", f"{flags.cluster_cidr} holds none", "write another podSubnet or node-cidr-mask-size"
        )
    found = dict(known)
    for node in objects.nodes:
        if not node.pod_cidrs:
            outcome = node_ipam.sync(allocator, node.metadata.name, ())
            if not isinstance(outcome, node_ipam.Assigned):
                raise BadInput(objects.where(node), f"no block is left for it: {outcome}", "write a larger podSubnet")
            found[node.metadata.name] = outcome.pod_cidrs
    return found


def _masks(objects: Objects) -> Flags:
    """The blocks' sizes, where the cluster's configuration says them."""
    if objects.cluster is None:
        return Flags()
    said = objects.cluster.manager_flags
    try:
        return parse_flags(f"--{name}={said[name]}" for name in MASK_FLAGS if name in said)
    except BadInput as refusal:
        where = f"{objects.where(objects.cluster)}: controllerManager.extraArgs: {refusal.where}"
        raise BadInput(where, refusal.what, refusal.right) from None


def _addresses(objects: Objects, ranges: Ranges) -> dict[str, dict[int, Address]]:
    """InternalIPs as nodes have them, the rest counted up from the plan's first."""
    found: dict[str, dict[int, Address]] = {}
    taken: dict[Address, Node] = {}
    for node in objects.nodes:
        mine: dict[int, Address] = {}
        for one in node.status.addresses:
            if one.type == "InternalIP":
                mine.setdefault(family(one.address).number, address(one.address))
        for ip in mine.values():
            if ip in taken:
                raise BadInput(
                    f"{objects.where(node)}: status.addresses",
                    f"{ip} is {taken[ip]}'s too",
                    "give each node its own address",
                )
            taken[ip] = node
        found[node.metadata.name] = mine
    silent = {name for name, ips in found.items() if not ips}  # a node that says one family has no other
    many = MANY_NODES if len(objects.nodes) > MOST_SMALL else NODES
    for of in ranges.families:
        known = [ips[of] for ips in found.values() if of in ips]
        where = covering(known, FAMILIES[of], many[of].length) if known else many[of]
        counted = _free(where, taken)
        for name, ips in found.items():
            if of not in ips and (known or name in silent):
                ips[of] = next(counted)
    return found


def _free(where: Prefix, taken: dict[Address, Node]) -> Iterator[Address]:
    value = where.network + FIRST_NODE
    last = where.network | ~where.mask & ((1 << where.family.bits) - 1)
    while value < last:
        ip = spelled(value, where.family)
        if ip not in taken:
            yield ip
        value += 1
    raise BadInput("the nodes' addresses", f"{where} has no more", "write status.addresses for every node")


def _apart(objects: Objects, found: dict[str, Machine]) -> None:
    """No two nodes' blocks share an address: a packet would not know where to go."""
    for of in FAMILIES:
        rows = sorted(
            ((one.blocks[of].network, -one.blocks[of].mask, one) for one in found.values() if of in one.blocks),
            key=lambda row: row[:2],
        )
        for (_, _, one), (_, _, other) in pairwise(rows):
            if other.blocks[of].first in one.blocks[of]:
                raise BadInput(
                    f"{objects.where(other.node)}: spec.podCIDRs",
                    f"{other.blocks[of]} overlaps {one.blocks[of]} of {one.node}",
                    "give each node a block of its own",
                )
