"""kube-controller-manager's network flags: what they mean, what it refuses, how much a plan holds."""

import pytest

from kubenet_course.errors import BadInput
from kubenet_course.kube.manifest.read import read_text
from kubenet_course.kube.model.cluster import Cluster, checked
from kubenet_course.kube.nodeipam.kcm_flags import ControllerExit, Flags, configured, parse_flags
from kubenet_course.kube.nodeipam.node_ipam import capacity

ON = "--allocate-node-cidrs=true"


@pytest.mark.parametrize(
    "story, flags, error",
    [
        ("no cluster range", "", "invalid CIDR[0]: <nil> (invalid CIDR address: )"),
        ("no range at all", "--cluster-cidr=banana", "invalid CIDR[0]: <nil> (invalid CIDR address: banana)"),
        (
            "a space behind the comma",
            "--cluster-cidr=10.0.0.0/16,|fd00::/48",
            "invalid CIDR[1]: <nil> (invalid CIDR address:  fd00::/48)",
        ),
        (
            "two ranges of one family",
            "--cluster-cidr=10.0.0.0/16,10.1.0.0/16",
            "len of ClusterCIDRs==2 and they are not configured as dual stack (at least one from each IPFamily",
        ),
        (
            "three ranges",
            "--cluster-cidr=10.0.0.0/16,fd00::/48,10.1.0.0/16",
            "length of clusterCIDRs is:3 more than max allowed of 2",
        ),
        (
            "the node's prefix is shorter than the cluster's",
            "--cluster-cidr=10.0.0.0/25",
            (
                "Controller: Invalid --cluster-cidr, mask size of cluster CIDR must be less than or equal to "
                "--node-cidr-mask-size configured for CIDR family"
            ),
        ),
        (
            "one mask for two families",
            "--cluster-cidr=10.0.0.0/16,fd00::/48 --node-cidr-mask-size=24",
            "usage of --node-cidr-mask-size is not allowed with dual-stack clusters",
        ),
        (
            "the plain mask and a family's",
            ("--cluster-cidr=10.0.0.0/16 --node-cidr-mask-size=24 --node-cidr-mask-size-ipv4=24"),
            (
                "usage of --node-cidr-mask-size-ipv4 and --node-cidr-mask-size-ipv6 is not allowed if "
                "--node-cidr-mask-size is set. For dual-stack clusters please unset it and use IPFamily specific flags"
            ),
        ),
        (
            "IPv6's mask for an IPv4 cluster",
            "--cluster-cidr=10.0.0.0/16 --node-cidr-mask-size-ipv6=64",
            "usage of --node-cidr-mask-size-ipv6 is not allowed for a single-stack IPv4 cluster",
        ),
        (
            "IPv4's mask for an IPv6 cluster",
            "--cluster-cidr=fd00::/48 --node-cidr-mask-size-ipv4=24",
            "usage of --node-cidr-mask-size-ipv4 is not allowed for a single-stack IPv6 cluster",
        ),
        (
            "three Service ranges",
            ("--cluster-cidr=10.0.0.0/16 --service-cluster-ip-range=10.1.0.0/16,fd00::/112,10.2.0.0/16"),
            "--service-cluster-ip-range can not contain more than two entries",
        ),
        (
            "two Service ranges of one family",
            ("--cluster-cidr=10.0.0.0/16 --service-cluster-ip-range=10.1.0.0/16,10.2.0.0/16"),
            "serviceCIDR and secondaryServiceCIDR are not dualstack (from different IPfamiles)",
        ),
        (
            "the cloud is to give blocks, and there is none",
            ("--cluster-cidr=10.0.0.0/16 --cidr-allocator-type=CloudAllocator"),
            "--cidr-allocator-type is set to 'CloudAllocator' but cloud provider is not configured",
        ),
        (
            "an allocator that does not exist",
            "--cluster-cidr=10.0.0.0/16 --cidr-allocator-type=Mine",
            "invalid CIDR allocator type: Mine",
        ),
    ],
)
def test_flags_that_the_controller_manager_refuses(story, flags, error):
    with pytest.raises(ControllerExit) as refusal:
        configured(parse_flags([ON, *(flag.replace("|", " ") for flag in flags.split())]))
    assert str(refusal.value) == error


@pytest.mark.parametrize(
    "story, flags, masks",
    [
        ("defaults", "--cluster-cidr=10.0.0.0/16,fd00::/48", (24, 64)),
        ("the mask may equal the cluster's", "--cluster-cidr=10.0.0.0/24", (24,)),
        ("the plain mask serves IPv6 too", "--cluster-cidr=fd00::/64 --node-cidr-mask-size=80", (80,)),
        ("zero means not set", "--cluster-cidr=10.0.0.0/16 --node-cidr-mask-size=0", (24,)),
        ("host bits are cut off", "--cluster-cidr=10.0.3.7/16", (24,)),
        ("leading zeros are decimal", "--cluster-cidr=010.000.000.000/016", (24,)),
        ("the last of two counts", "--cluster-cidr=banana --cluster-cidr=10.0.0.0/16", (24,)),
        ("an integer as Go writes them: hexadecimal", "--cluster-cidr=10.0.0.0/16 --node-cidr-mask-size=0x1a", (26,)),
        ("octal", "--cluster-cidr=10.0.0.0/16 --node-cidr-mask-size=030", (24,)),
        ("with a sign and a separator", "--cluster-cidr=10.0.0.0/16 --node-cidr-mask-size=+2_5", (25,)),
        ("underscores are hyphens", "--cluster_cidr=10.0.0.0/16 --node_cidr_mask_size=25", (25,)),
    ],
)
def test_flags_that_it_takes(story, flags, masks):
    configuration = configured(parse_flags([ON, *flags.split()]))
    assert configuration.node_masks == masks
    assert str(configuration.cluster_cidrs[0]) in ("10.0.0.0/16", "10.0.0.0/24", "fd00::/64")


def test_the_defaults_are_the_managers_own():
    assert parse_flags([]) == Flags(False, "RangeAllocator", "", True, 0, 0, 0, "")
    assert configured(parse_flags(["--cluster-cidr=banana"])) is None  # not even read while nothing is allocated


@pytest.mark.parametrize(
    "flag",
    [
        "--cluster-cider=10.0.0.0/16",
        "--allocate-node-cidrs=maybe",
        "--node-cidr-mask-size=wide",
        "--node-cidr-mask-size=4294967320",
        "stray",
    ],
)
def test_flags_that_are_none_are_bad_input(flag):
    with pytest.raises(BadInput):
        parse_flags([flag])


@pytest.mark.parametrize(
    "story, flags, nodes, addresses, pods",
    [
        ("a /16 in /24: the kubelet's 110 is less than the 253 that host-local has", "10.244.0.0/16", 256, 256, 110),
        ("a /16 in /25", "10.244.0.0/16 --node-cidr-mask-size=25", 512, 128, 110),
        (
            "a /16 in /26: 64 without network, gateway and broadcast",
            "10.244.0.0/16 --node-cidr-mask-size=26",
            1024,
            64,
            61,
        ),
        ("a /31 has no room", "10.244.0.0/16 --node-cidr-mask-size=31", 32768, 2, 0),
        ("IPv6", "fd00:10:244::/56", 256, 2**64, 110),
        ("of two families the poorer counts", "10.244.0.0/20,fd00:10:244::/56", 16, 256, 110),
    ],
)
def test_what_a_plan_holds(story, flags, nodes, addresses, pods):
    fits = capacity(configured(parse_flags([ON, *f"--cluster-cidr={flags}".split()])))
    assert (fits.nodes, fits.addresses_per_node, fits.pods_per_node) == (nodes, addresses, pods)


@pytest.mark.parametrize(
    "story, size, where, what",
    [
        ("no number", "wide", "text: document 1 (ClusterConfiguration): controllerManager.extraArgs: --node-cidr-mask-size",
         "'wide' is not an integer"),
        ("blocks larger than the range", "15", "the nodes' blocks", "kube-controller-manager exits: Controller: Invalid"),
        ("a prefix longer than an address", "33", "the nodes' blocks", "10.1.0.0/16 holds none"),
    ],
)  # fmt: skip
def test_a_size_in_the_clusters_configuration_that_cannot_be(story, size, where, what):
    configuration = (
        "{apiVersion: kubeadm.k8s.io/v1beta4, kind: ClusterConfiguration, networking: {podSubnet: 10.1.0.0/16}, "
        f"controllerManager: {{extraArgs: [{{name: node-cidr-mask-size, value: '{size}'}}]}}}}"
    )
    with pytest.raises(BadInput) as refusal:
        checked(Cluster(read_text(f"{configuration}\n---\n{{apiVersion: v1, kind: Node, metadata: {{name: node-1}}}}")))
    assert refusal.value.where == where
    assert refusal.value.what.startswith(what)
