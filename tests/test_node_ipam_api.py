"""What the API server says to Nodes before any controller hears of them."""

import pytest

from kubenet_course.kube.nodeipam.kcm_flags import parse_flags
from kubenet_course.kube.nodeipam.node_api import refused
from kubenet_course.kube.nodeipam.node_world import NodeWorld


def running():
    world = NodeWorld(parse_flags(["--allocate-node-cidrs=true", "--cluster-cidr=10.244.0.0/22"]))
    world.start()
    return world


@pytest.mark.parametrize(
    "story, name, pod_cidrs, said",
    [
        ("no range", "n", "banana", 'spec.podCIDRs[0]: Invalid value: "banana": must be a valid CIDR value'),
        ("a mask too long", "n", "10.244.0.0/33", 'Invalid value: "10.244.0.0/33": must be a valid CIDR value'),
        ("host bits, refused since 1.36", "n", "10.244.0.1/24", "must not have bits set beyond the prefix length"),
        ("leading zeros, refused since 1.36", "n", "010.244.0.0/24", "must not have leading 0s in IP or prefix length"),
        ("IPv4 dressed as IPv6", "n", "::ffff:10.244.0.0/120", "must not have an IPv4-mapped IPv6 address"),
        (
            "two of a family",
            "n",
            "10.244.0.0/24,10.244.1.0/24",
            'spec.podCIDRs: Invalid value: ["10.244.0.0/24","10.244.1.0/24"]: may specify no more than one CIDR',
        ),
        ("three", "n", "10.244.0.0/24,fd00::/64,fd01::/64", "may specify no more than one CIDR for each IP family"),
        ("a name that is no subdomain", "Node_1", "", 'metadata.name: Invalid value: "Node_1"'),
    ],
)
def test_nodes_that_the_api_server_refuses_are_not_created(story, name, pod_cidrs, said):
    world = running()
    assert said in world.create(name, tuple(pod_cidrs.split(",")) if pod_cidrs else ())
    assert world.nodes == {}
    assert world.trace == []


def test_a_name_is_taken_once_and_only_what_is_there_can_go():
    world = running()
    world.create("a")
    assert world.create("a") == 'nodes "a" already exists'
    assert world.delete("b") == 'nodes "b" not found'


def test_several_complaints_stand_in_one_message():
    assert refused("n", ("10.244.0.0/33", "fd00::1/64")) == (
        'Node "n" is invalid: [spec.podCIDRs[0]: Invalid value: "10.244.0.0/33": '
        "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64), "
        'spec.podCIDRs[1]: Invalid value: "fd00::1/64": must not have bits set beyond the prefix length, '
        "spec.podCIDRs: Internal error: invalid PodCIDRs. failed to check with dual stack with error:"
        "invalid CIDR[0]: <nil> (invalid CIDR address: 10.244.0.0/33), "
        'spec.podCIDRs: Invalid value: ["10.244.0.0/33","fd00::1/64"]: '
        "may specify no more than one CIDR for each IP family]"
    )


def test_another_spelling_of_ipv6_is_taken_and_kept_as_it_was_written():
    world = running()
    assert world.create("n", ("FD00:0:0:1::/64",)) == ""
    assert world.nodes["n"] == ("FD00:0:0:1::/64",)
