"""The objects of another cluster beside this one, from the few words that a Layout has for it."""

from __future__ import annotations

from ....linux.packet.address import Address, Prefix, prefix, spelled
from ...api.base import Metadata, PodMetadata
from ...api.config import ClusterConfiguration, Networking
from ...api.core import Container, ContainerPort, Node, NodeAddress, NodeSpec, NodeStatus, Pod, PodSpec
from ...api.layout import Layout, LayoutSpec, OtherCluster
from ...manifest.collection import Objects

FIRST_NODE, PORT = 11, 8080
NODE_MASK = {4: 24, 6: 64}


def objects(said: OtherCluster) -> Objects:
    """So many nodes in its node subnet, each with one pod, web-1 and so on; blocks and addresses come from its own controllers."""
    nodes, pods = prefix(said.node_subnet), prefix(said.pod_subnet)
    first = nodes.network + FIRST_NODE - 1
    part = {name: getattr(said, name) for name in ("layout", "routes", "non_masquerade_cidrs", "advertise")}
    return Objects(
        nodes=[_node(number, spelled(first + number, nodes.family), _block(pods, number)) for number in _count(said)],
        pods=[_pod(number) for number in _count(said)],
        cluster=_networking(pods),
        layout=Layout(api_version=Layout.api[0], metadata=Metadata(name=said.name), spec=LayoutSpec(**part)),
    )


def _count(said: OtherCluster) -> range:
    return range(1, said.nodes + 1)


def _block(pods: Prefix, number: int) -> str:
    """The course's plan gives node-1 the block number 1; a range that has no block of that number leaves it to the controller."""
    length = NODE_MASK[pods.family.number]
    return (
        f"{spelled(pods.network + (number << pods.family.bits - length), pods.family)}/{length}"
        if number >> max(0, length - pods.length) == 0
        else ""
    )


def _node(number: int, ip: Address, block: str) -> Node:
    status = NodeStatus(addresses=(NodeAddress(type="InternalIP", address=ip),))
    spec = NodeSpec(pod_cidr=block)
    return Node(api_version="v1", metadata=Metadata(name=f"node-{number}"), spec=spec, status=status)


def _pod(number: int) -> Pod:
    container = Container(name="web", ports=(ContainerPort(container_port=PORT),))
    spec = PodSpec(node_name=f"node-{number}", containers=(container,))
    return Pod(api_version="v1", metadata=PodMetadata(name=f"web-{number}"), spec=spec)


def _networking(pods: Prefix) -> ClusterConfiguration:
    return ClusterConfiguration(api_version=ClusterConfiguration.api[0], networking=Networking(pod_subnet=str(pods)))
