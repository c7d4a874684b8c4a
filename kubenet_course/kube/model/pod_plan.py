"""The pods of a cluster with what their manifests leave out: a node from the scheduler, addresses from the node's
block.
"""

from collections.abc import Mapping
from functools import cached_property
from heapq import heapify, heapreplace

from msgspec.structs import replace

from ...errors import BadInput
from ...linux.packet.address import Address, address, family, spelled
from ..api.objects import Pod
from ..manifest.collection import Objects
from .node_plan import Machine

Addresses = tuple[Address, ...]


class Placed:
    """Pods by node. Addresses of a node's pods are worked out when one of them is first asked for."""

    def __init__(self, objects: Objects, machines: Mapping[str, Machine]):
        self.machines = machines
        self.on: dict[str, list[Pod]] = {name: [] for name in machines}
        self.pods: dict[tuple[str, str], Pod] = {}
        self.waiting: list[Pod] = []  # no node, because there is none or because no scheduler has given one
        self._addresses: dict[tuple[str, str], Addresses] = {}
        self._done: set[str] = set()
        homeless = []
        for pod in objects.pods:
            if pod.is_over:
                continue
            on = self.on.get(pod.spec.node_name)
            if on is not None:
                on.append(pod)
                self.pods[pod.key] = pod
            elif pod.spec.node_name:
                self.pods[pod.key] = pod
            elif pod.is_pending:
                self.waiting.append(pod)
                self.pods[pod.key] = pod
            else:
                homeless.append(pod)
        self._schedule(homeless)

    def _schedule(self, homeless: list[Pod]) -> None:
        """Each goes to the node with the fewest pods, the first of several."""
        fewest = [(len(pods), place, name) for place, (name, pods) in enumerate(self.on.items())]
        heapify(fewest)
        for pod in homeless:
            if not fewest:
                self.waiting.append(pod)
                continue
            count, place, name = fewest[0]
            heapreplace(fewest, (count + 1, place, name))
            placed = replace(pod, spec=replace(pod.spec, node_name=name))
            self.on[name].append(placed)
            self.pods[pod.key] = placed

    def addresses(self, pod: Pod) -> Addresses:
        """A pod's addresses, one of each family; with hostNetwork its node's; () for a pod that has none yet."""
        key = pod.key
        if key in self._addresses:
            return self._addresses[key]
        node = self.pods.get(key, pod).spec.node_name
        said = tuple(map(address, pod.addresses))
        if (
            not node
            or node not in self.machines
            or (said and not pod.spec.host_network)
            or (pod.is_pending and not said)
        ):
            return said
        if pod.spec.host_network:
            return tuple(self.machines[node].ips.values())
        if node not in self._done:
            self._give(node)
        return self._addresses[key]

    def is_bridged(self, pod: Pod) -> bool:
        """Whether its addresses lie in its node's blocks: then it is on the node's bridge. Else a route leads to each address."""
        blocks = self.machines[pod.spec.node_name].blocks
        return all((block := blocks.get(family(ip).number)) is not None and ip in block for ip in self.addresses(pod))

    @cached_property
    def strangers(self) -> dict[str, tuple[Address, ...]]:
        """Per node, the addresses of its pods that lie outside its blocks (EKS, Calico, Cilium give them elsewhere)."""
        found = {}
        for node, pods in self.on.items():
            apart = [pod for pod in pods if not pod.spec.host_network and pod.addresses and not self.is_bridged(pod)]
            if apart:
                found[node] = tuple(ip for pod in apart for ip in self.addresses(pod))
        return found

    def _give(self, node: str) -> None:
        """The bridge keeps the block's first address; the others are given in turn, but for those that pods have
        already.
        """
        self._done.add(node)
        own = [pod for pod in self.on[node] if not pod.spec.host_network]
        waiting = [pod for pod in own if not pod.addresses and not pod.is_pending]
        taken = {address(ip) for pod in own for ip in pod.addresses}
        given: dict[tuple[str, str], list[Address]] = {pod.key: [] for pod in waiting}
        for block in self.machines[node].blocks.values():
            value, last = block.network + 2, block.network | ~block.mask & ((1 << block.family.bits) - 1)
            for pod in waiting:
                while (ip := spelled(value, block.family)) in taken:
                    value += 1
                if value >= last:
                    raise BadInput(
                        str(pod),
                        f"{node} has no address left in {block}",
                        "put fewer pods on a node, or give it a larger block",
                    )
                given[pod.key].append(ip)
                value += 1
        self._addresses.update({key: tuple(ips) for key, ips in given.items()})


def check_pods(objects: Objects, placed: Placed) -> None:
    """Raises BadInput for pods on a node that is not there, and for an address that two pods have."""
    seen: dict[Address, Pod] = {}
    for pod in placed.pods.values():
        node = pod.spec.node_name
        if node and node not in placed.machines:
            known = ", ".join(list(placed.machines)[:5])
            said = f"there is no node {node!r}" + ("" if known else ", and no Node at all")
            raise BadInput(
                f"{objects.where(pod)}: spec.nodeName", said, f"name one of {known}" if known else "give the Nodes too"
            )
        for ip in map(address, () if pod.spec.host_network else pod.addresses):
            if ip in seen:
                raise BadInput(
                    f"{objects.where(pod)}: status.podIP", f"{ip} is {seen[ip]}'s too", "give each pod its own address"
                )
            seen[ip] = pod


def of_family(addresses: Addresses, of: int) -> Address:
    """The address of a family, or ""."""
    return next((ip for ip in addresses if family(ip).number == of), "")
