"""The files that set a cluster up: kubeadm's ClusterConfiguration, kube-proxy's configuration, a CNI list.

Check them against cmd/kubeadm/app/apis/kubeadm/v1beta4/types.go, staging/src/k8s.io/kube-proxy/config/v1alpha1/types.go
and the CNI specification 1.1.0, section 1.
"""

from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta, field

from .base import Read


class Configuration(Read, frozen=True, gc=False, tag_field="kind"):
    """A document that configures a program; it has no name."""

    api: ClassVar[tuple[str, ...]] = ()
    api_version: str

    def __str__(self) -> str:
        return type(self).__name__


class Networking(Read, frozen=True, gc=False):
    """Ranges as text; two with a comma in a dual-stack cluster."""

    pod_subnet: str = ""
    service_subnet: str = ""
    dns_domain: str = "cluster.local"


class Argument(Read, frozen=True, gc=False):
    name: str
    value: str = ""


class ControllerManager(Read, frozen=True, gc=False):
    """extraArgs: a list since v1beta4, a mapping before."""

    unread: ClassVar[str] = "extraVolumes extraEnvs"
    extra_args: tuple[Argument, ...] | dict[str, str] = ()


class ClusterConfiguration(Configuration, frozen=True, gc=False, tag="ClusterConfiguration"):
    """What `kubeadm init --config` reads: the ranges of pods and Services."""

    unread: ClassVar[str] = (
        "etcd kubernetesVersion controlPlaneEndpoint apiServer scheduler dns proxy certificatesDir imageRepository "
        "featureGates clusterName encryptionAlgorithm certificateValidityPeriod caCertificateValidityPeriod metadata "
        "useHyperKubeImage"
    )
    api: ClassVar[tuple[str, ...]] = ("kubeadm.k8s.io/v1beta4", "kubeadm.k8s.io/v1beta3", "kubeadm.k8s.io/v1beta2")
    networking: Networking = Networking()
    controller_manager: ControllerManager = ControllerManager()

    @property
    def manager_flags(self) -> dict[str, str]:
        """Flags for kube-controller-manager, by name."""
        given = self.controller_manager.extra_args
        return given if isinstance(given, dict) else {one.name: one.value for one in given}


MarkBit = Annotated[int, Meta(ge=0, le=31)]


class ProxyIptables(Read, frozen=True, gc=False):
    unread: ClassVar[str] = "syncPeriod minSyncPeriod"
    masquerade_bit: MarkBit = 14
    masquerade_all: bool = False
    localhost_node_ports: bool = True


class ProxyNftables(Read, frozen=True, gc=False):
    unread: ClassVar[str] = "syncPeriod minSyncPeriod"
    masquerade_bit: MarkBit = 14
    masquerade_all: bool = False


# What kube-proxy lets one choose (validateIPVSSchedulerMethod in pkg/proxy/apis/config/validation, and mh since 1.32).
IPVS_SCHEDULERS = ("rr", "wrr", "lc", "wlc", "lblc", "lblcr", "sh", "dh", "sed", "nq", "mh")


class ProxyIpvs(Read, frozen=True, gc=False, rename={"exclude_cidrs": "excludeCIDRs", "strict_arp": "strictARP"}):
    unread: ClassVar[str] = "syncPeriod minSyncPeriod tcpTimeout tcpFinTimeout udpTimeout"
    scheduler: str = "rr"
    exclude_cidrs: tuple[str, ...] = ()
    strict_arp: bool = False


class DetectLocal(Read, frozen=True, gc=False):
    bridge_interface: str = ""
    interface_name_prefix: str = ""


class ProxyConntrack(Read, frozen=True, gc=False):
    unread: ClassVar[str] = "maxPerCore min tcpEstablishedTimeout tcpCloseWaitTimeout udpTimeout udpStreamTimeout"
    tcp_be_liberal: bool = False


class KubeProxyConfiguration(Configuration, frozen=True, gc=False, tag="KubeProxyConfiguration"):
    """How kube-proxy works on every node. The empty mode is iptables."""

    unread: ClassVar[str] = (
        "featureGates clientConnection logging hostnameOverride healthzBindAddress metricsBindAddress "
        "bindAddressHardFail enableProfiling showHiddenMetricsForVersion portRange "
        "oomScoreAdj configSyncPeriod winkernel udpIdleTimeout"
    )
    api: ClassVar[tuple[str, ...]] = ("kubeproxy.config.k8s.io/v1alpha1",)
    mode: Literal["", "iptables", "ipvs", "nftables", "kernelspace"] = ""
    bind_address: str = ""
    cluster_cidr: str = field(default="", name="clusterCIDR")
    node_port_addresses: tuple[str, ...] = ()
    detect_local_mode: Literal["", "ClusterCIDR", "NodeCIDR", "BridgeInterface", "InterfaceNamePrefix"] = ""
    detect_local: DetectLocal = DetectLocal()
    iptables: ProxyIptables = ProxyIptables()
    nftables: ProxyNftables = ProxyNftables()
    ipvs: ProxyIpvs = ProxyIpvs()
    conntrack: ProxyConntrack = ProxyConntrack()


class Conflist(Read, frozen=True, gc=False):
    """A CNI network: plugins in order. Each plugin's own keys are its own affair, so they are kept as they stand."""

    unread: ClassVar[str] = "cniVersions disableCheck disableGC loadOnlyInlinedPlugins"
    name: str = ""
    cni_version: str = ""
    plugins: tuple[dict[str, Any], ...] = ()

    @property
    def types(self) -> tuple[str, ...]:
        return tuple(str(plugin.get("type", "")) for plugin in self.plugins)

    def __str__(self) -> str:
        return f"CNI list {self.name}"
