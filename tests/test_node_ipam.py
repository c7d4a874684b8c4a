"""Every node a block: stories of nodes that come and go, told to the model of kube-controller-manager 1.36."""

import itertools

import pytest

from kubenet_course.kube.nodeipam.kcm_flags import configured, parse_flags
from kubenet_course.kube.nodeipam.node_ipam import Assigned, Capacity, Failed, capacity
from kubenet_course.kube.nodeipam.node_world import NodeWorld

ON = "--allocate-node-cidrs=true"
FOUR = (ON, "--cluster-cidr=10.244.0.0/22")  # four blocks of /24
PAIR = (ON, "--cluster-cidr=10.244.0.0/21,fd00:10:244::/63")  # eight IPv4 blocks, two IPv6 blocks


def told(flags, story):
    """A story in one line: `n1` registers, `n1=CIDR,CIDR` too with blocks of its own, `-n1` is deleted, `restart`."""
    world = NodeWorld(parse_flags(flags))
    world.start()
    for word in story.split():
        name, _, cidrs = word.partition("=")
        if word == "restart":
            world.start()
        elif word.startswith("-"):
            assert world.delete(word[1:]) == ""
        else:
            assert world.create(name, tuple(cidrs.split(",")) if cidrs else ()) == ""
    return world


def thirds(world):
    """The third octet of each node's IPv4 block: node by node, `-` where there is none."""
    return " ".join(f"{name}:{cidrs[0].split('.')[2] if cidrs else '-'}" for name, cidrs in world.nodes.items())


@pytest.mark.parametrize(
    "story, told_of, expected",
    [
        ("blocks are given in order", "a b c", "a:0 b:1 c:2"),
        ("a freed block rests until the search has gone round", "a b -a c d e", "b:1 c:2 d:3 e:0"),
        ("the search goes on behind the block given last", "a b c d -b -c e -d f g", "a:0 e:1 f:2 g:3"),
        ("after a restart the lowest free block is next", "a b c -a -b restart d e", "c:2 d:0 e:1"),
        ("a node that brings a block keeps it, and it is not given again", "a x=10.244.1.0/24 b", "a:0 x:1 b:2"),
        ("a block brought along is freed with its node", "x=10.244.0.0/24 -x a", "a:0"),
        ("half a block brought along uses up the whole block", "x=10.244.1.128/25 a b", "x:1 a:0 b:2"),
        ("two blocks brought along as one are both used", "x=10.244.0.0/23 a b", "x:0 a:2 b:3"),
        ("the whole range brought along leaves nothing", "x=10.244.0.0/22 a", "x:0 a:-"),
        ("a range around the cluster's uses up all of it, and frees all of it", "x=10.0.0.0/8 a -x", "a:0"),
        (
            "two nodes may bring the same block; the first to go frees it for others",
            "x=10.244.0.0/24 y=10.244.0.0/24 -x a b c d",
            "y:0 a:0 b:1 c:2 d:3",
        ),
        ("a foreign block is tolerated while the controller runs", "x=172.16.0.0/24 a", "x:0 a:0"),
        ("the fifth of four waits", "a b c d e", "a:0 b:1 c:2 d:3 e:-"),
        ("who waits gets the first block that comes free", "a b c d e -c", "a:0 b:1 d:3 e:2"),
        ("who waits is served before the next that comes", "a b c d e -c f", "a:0 b:1 d:3 e:2 f:-"),
        (
            "of two that wait the later one is served first: its retries are closer",
            "a b c d e f -a",
            "b:1 c:2 d:3 e:- f:0",
        ),
        ("and then the earlier one", "a b c d e f -a -b", "c:2 d:3 e:1 f:0"),
        ("a node that waits may leave", "a b c d e -e -a f", "b:1 c:2 d:3 f:0"),
        ("a node of the same name starts anew", "a b -a a", "b:1 a:2"),
    ],
)
def test_a_story_of_four_blocks(story, told_of, expected):
    assert thirds(told(FOUR, told_of)) == expected


@pytest.mark.parametrize(
    "story, services, first, left",
    [
        ("Services elsewhere take nothing", "10.96.0.0/16", "10.244.0.0/24", 256),
        ("Services at the start of the range take the first blocks", "10.244.0.0/22", "10.244.4.0/24", 252),
        ("Services smaller than a block take the block", "10.244.0.0/28", "10.244.1.0/24", 255),
        ("Services in the middle leave a hole", "10.244.128.0/17", "10.244.0.0/24", 128),
        ("Services equal to the range take all of it", "10.244.0.0/16", None, 0),
        ("Services around the range take all of it", "10.0.0.0/8", None, 0),
        ("the second range of Services counts too", "fd00:10:96::/112,10.244.0.0/24", "10.244.1.0/24", 255),
        ("a range that cannot be read protects nothing", "10.244.0.0/33", "10.244.0.0/24", 256),
    ],
)
def test_service_ranges_inside_the_cluster_range_are_never_given(story, services, first, left):
    flags = (ON, "--cluster-cidr=10.244.0.0/16", f"--service-cluster-ip-range={services}")
    assert told(flags, "a").nodes["a"] == ((first,) if first else ())
    assert capacity(configured(parse_flags(flags))).nodes == left


def test_a_full_range_is_said_in_one_event_that_is_counted_up():
    world = told(FOUR, "a b c d e")
    (event,) = world.events
    assert (event.node, event.reason, event.type) == ("e", "CIDRNotAvailable", "Normal")
    assert event.message == "Node e status is now: CIDRNotAvailable"
    assert event.count == 9  # at 0, 5, 15, 35, 75, 155, 315, 635, 1275 milliseconds; then two seconds are over
    assert world.waiting["e"].message == (
        "failed to allocate cidr from cluster cidr at idx:0: "
        "CIDR allocation failed; there are no remaining CIDRs left to allocate in the accepted range"
    )


def test_after_a_restart_the_same_news_is_a_new_event():
    assert [event.node for event in told(FOUR, "a b c d e restart").events] == ["e", "e"]


def test_a_node_that_comes_back_under_its_name_is_another_node():
    assert [(event.node, event.count) for event in told(FOUR, "a b c d e -e e").events] == [("e", 9), ("e", 9)]


class TestDualStack:
    def test_a_node_gets_one_block_of_each_range_in_the_order_of_the_flag(self):
        assert told(PAIR, "a").nodes["a"] == ("10.244.0.0/24", "fd00:10:244::/64")
        turned = (ON, "--cluster-cidr=fd00:10:244::/63,10.244.0.0/21")
        assert told(turned, "a").nodes["a"] == ("fd00:10:244::/64", "10.244.0.0/24")

    def test_masks_of_the_families_are_their_own(self):
        flags = (
            ON,
            "--cluster-cidr=10.244.0.0/16,fd00:10:244::/56",
            "--node-cidr-mask-size-ipv4=26",
            "--node-cidr-mask-size-ipv6=72",
        )
        assert told(flags, "a b").nodes["b"] == ("10.244.0.64/26", "fd00:10:244:0:100::/72")

    def test_when_the_second_family_is_full_each_try_leaks_a_block_of_the_first(self):
        world = told(PAIR, "a b c")  # c takes 2, 3, 4, ... and gives none back
        assert world.nodes["c"] == ()
        assert world.allocator.pools[0].taken == 8
        assert "idx:0" in world.waiting["c"].message  # by now the IPv4 range is what is empty

    def test_only_a_restart_finds_the_leaked_blocks_again(self):
        assert told(PAIR, "a b c -a").nodes["c"] == ("10.244.0.0/24", "fd00:10:244::/64")
        assert told(PAIR, "a b c -c restart").allocator.pools[0].taken == 2

    def test_a_node_with_one_block_in_a_dual_stack_cluster_is_left_as_it_is(self):
        assert told(PAIR, "x=10.244.0.0/24 a").nodes == {
            "x": ("10.244.0.0/24",),
            "a": ("10.244.1.0/24", "fd00:10:244::/64"),
        }

    def test_a_pair_that_is_half_foreign_is_half_marked(self):
        world = told(PAIR, "x=10.244.0.0/24,2001:db8::/64 a")
        assert world.nodes["a"] == ("10.244.1.0/24", "fd00:10:244::/64")
        assert world.events == []  # the real controller writes a log line only


@pytest.mark.parametrize(
    "story, flags, nodes, error",
    [
        (
            "a block outside the cluster range",
            FOUR,
            "x=172.16.0.0/24",
            (
                "failed to mark cidr[172.16.0.0/24] at idx [0] as occupied for node: x: "
                "cidr 172.16.0.0/24 is out the range of cluster cidr 10.244.0.0/22"
            ),
        ),
        (
            "the first in order of name is named",
            FOUR,
            "y=172.16.0.0/24 x=172.17.0.0/24",
            (
                "failed to mark cidr[172.17.0.0/24] at idx [0] as occupied for node: x: "
                "cidr 172.17.0.0/24 is out the range of cluster cidr 10.244.0.0/22"
            ),
        ),
        (
            "a pair in a cluster of one family",
            FOUR,
            "x=10.244.0.0/24,fd00::/64",
            "node:x has an allocated cidr: fd00::/64 at index:1 that does not exist in cluster cidrs configuration",
        ),
        (
            "the families the other way round",
            PAIR,
            "x=fd00:10:244::/64,10.244.0.0/24",
            (
                "failed to mark cidr[fd00:10:244::/64] at idx [0] as occupied for node: x: "
                "cidr fd00:10:244::/64 is out the range of cluster cidr 10.244.0.0/21"
            ),
        ),
    ],
)
def test_what_is_tolerated_at_run_time_ends_the_controller_at_start(story, flags, nodes, error):
    world = told(flags, nodes)
    assert world.error is None
    world.start()
    assert world.error == error
    world.create("later")
    assert world.nodes["later"] == ()


def test_once_the_foreign_node_is_gone_the_controller_starts_again():
    world = told(FOUR, "a x=172.16.0.0/24 restart -x restart b")
    assert (world.error, thirds(world)) == (None, "a:0 b:1")


def test_stop_it_change_the_world_start_it_again_and_it_converges():
    world = told(FOUR, "a b")
    world.stop()
    world.create("c")
    world.delete("a")
    assert (thirds(world), len(world.trace)) == ("b:1 c:-", 2)  # nobody was there to hear it
    world.start()
    assert thirds(world) == "b:1 c:0"
    assert [str(deed).split("s  ")[1] for deed in world.trace[2:]] == [
        "listed  b: has its podCIDRs: marked as used",
        "listed  c: podCIDRs := 10.244.0.0/24",
    ]


def test_the_trace_holds_the_row_that_decided():
    world = told(FOUR, "a b c d e -a")
    deeds = [deed for deed in world.trace if deed.node == "e"]
    assert isinstance(deeds[0].outcome, Failed)
    assert (deeds[-1].heard, type(deeds[-1].outcome)) == ("retry", Assigned)


def test_retries_wait_twice_as_long_each_time():
    moments = [deed.at // 1000 for deed in told(FOUR, "a b c d e").trace if deed.node == "e"]
    assert [after - before for before, after in itertools.pairwise(moments)] == [5 * 2**n for n in range(8)]


class TestImpossibleMasks:
    """A node mask longer than an address is not refused at start. The API server refuses each block instead."""

    def test_no_node_gets_a_block_and_the_event_says_that_the_assignment_failed(self):
        world = told((ON, "--cluster-cidr=10.244.0.0/16", "--node-cidr-mask-size=33"), "a")
        assert (world.error, world.nodes["a"]) == (None, ())
        assert {event.reason for event in world.events} == {"CIDRAssignmentFailed"}
        assert 'Invalid value: "<nil>"' in world.waiting["a"].message
        assert capacity(configured(world.flags)) == Capacity(0, 0, 0)

    def test_a_node_that_has_a_block_ends_the_controller_at_start(self):
        world = told((ON, "--cluster-cidr=10.244.0.0/16", "--node-cidr-mask-size=33"), "a=10.244.0.0/24 restart")
        assert world.error == (
            "failed to mark cidr[10.244.0.0/24] at idx [0] as occupied for node: a: invalid IP: <nil>"
        )

    def test_more_than_sixteen_bits_are_too_many_for_ipv6_only(self):
        six = NodeWorld(parse_flags([ON, "--cluster-cidr=fd00:10:244::/47"]))
        six.start()
        assert six.error == "New CIDR set failed; the node CIDR size is too big"
        assert told((ON, "--cluster-cidr=10.0.0.0/8", "--node-cidr-mask-size=30"), "a b").nodes["b"] == ("10.0.0.4/30",)
