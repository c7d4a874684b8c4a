"""The kind Layout, which is the course's own: what lies around a cluster, and what of the cluster the world can see.

Kubernetes has no kind for the network that a cluster stands in. docs/layout.md describes every field.
"""

from typing import Annotated, ClassVar, Literal

from msgspec import Meta, field

from .base import Metadata, Name, Object, Port, Protocol, Read

Kind = Literal["isolated", "flat", "island"]
Routes = Literal["bgp", "cloud"]
Action = Literal["accept", "drop", "reject"]
Names = Annotated[str, Meta(min_length=1, max_length=12, pattern=r"\A[a-z]([-a-z0-9]*[a-z0-9])?\Z")]
USUAL_PORTS = (80, 443)


class Host(Read, frozen=True, gc=False):
    """A machine outside the cluster, and the TCP ports on which a program listens there."""

    address: str
    name: str = ""
    ports: tuple[Port, ...] = USUAL_PORTS


class Beyond(Read, frozen=True, gc=False):
    """A network of the same organisation behind the router, such as an office."""

    name: Names
    ranges: tuple[str, ...]
    hosts: tuple[Host, ...] = ()


class Translation(Read, frozen=True, gc=False):
    """Sources that leave the border under a public address of their own."""

    source: str = field(name="from")
    destination: str = field(name="to")


class Internet(Read, frozen=True, gc=False):
    """The world behind the border router. With `nat` the border masquerades private sources; `translations` come first."""

    hosts: tuple[Host, ...] = ()
    nat: bool = True
    translations: tuple[Translation, ...] = ()


class FirewallRule(Read, frozen=True, gc=False):
    """One line of the router's firewall, for new connections; the first that fits decides, and what no line fits passes."""

    action: Action
    source: str = field(default="", name="from")
    destination: str = field(default="", name="to")
    protocol: Protocol = "TCP"
    port: Port | None = None


class EgressGateway(Read, frozen=True, gc=False):
    """Pods (`namespace/name`) whose packets to some destinations leave the cluster by one node, with one of its addresses."""

    name: Names
    pods: tuple[str, ...]
    node: Name
    address: str = ""
    to: tuple[str, ...] = ("0.0.0.0/0",)


class SecondInterface(Read, frozen=True, gc=False):
    """A second device of a node, eth1, with an address in one of the networks behind the router."""

    node: Name
    network: Names
    address: str
    rules: bool = True  # answers leave by the device whose address was asked (`ip rule from`)


class Part(Read, frozen=True, gc=False):
    """What can be said of any cluster: its layout, and how the world learns its pods' addresses."""

    layout: Kind = "island"
    routes: Routes = "bgp"
    non_masquerade_cidrs: tuple[str, ...] | None = field(default=None, name="nonMasqueradeCIDRs")
    advertise: Literal["blocks", "range"] = "blocks"


class OtherCluster(Part, frozen=True, gc=False, kw_only=True):
    """Another cluster beside this one: so many nodes, and on each of them a pod that listens on port 8080."""

    name: Names
    nodes: Annotated[int, Meta(ge=1, le=50)] = 2
    node_subnet: str = "192.168.2.0/24"
    pod_subnet: str = "10.245.0.0/16"


class LayoutSpec(Part, frozen=True, gc=False):
    """This cluster's part, and everything around it."""

    node_subnets: tuple[str, ...] = ()
    mtu: Annotated[int, Meta(ge=1, le=65535)] = 1500
    provider: Literal["", "AWS", "Azure"] = ""
    source_check: bool = False
    overlap: Literal["refused", "allowed"] = "refused"
    networks: tuple[Beyond, ...] = ()
    internet: Internet | None = None
    firewall: tuple[FirewallRule, ...] = ()
    clusters: tuple[OtherCluster, ...] = ()
    egress_gateways: tuple[EgressGateway, ...] = ()
    second_interfaces: tuple[SecondInterface, ...] = ()


class Layout(Object, frozen=True, gc=False, tag="Layout"):
    """How this cluster stands in the wider network."""

    api: ClassVar[tuple[str, ...]] = ("kubenet.course/v1",)
    metadata: Metadata  # type: ignore[assignment]
    spec: LayoutSpec = LayoutSpec()

    def __str__(self) -> str:
        return f"Layout {self.metadata.name}"
