"""Stories that chance makes, told to the model and to the plainest controller there can be (`node_ipam_naive`)."""

import ipaddress
import random

import pytest
from node_ipam_naive import Naive

from kubenet_course.kube.nodeipam.kcm_flags import parse_flags
from kubenet_course.kube.nodeipam.node_world import NodeWorld

FOUR, SIX = ipaddress.ip_network("10.244.0.0/16"), ipaddress.ip_network("fd00:10:244::/48")
NAMES = [f"n{number}" for number in range(9)]


def range_of(chance, family, lengths):
    """A range within (or around, where it is larger) the family's; one in four has host bits."""
    length = chance.choice(lengths)
    address = family.network_address + chance.randrange(4) * (family.num_addresses >> 4) + chance.randrange(3)
    whole = ipaddress.ip_network((address, length), strict=False)
    return f"{address}/{length}" if chance.random() < 0.25 else str(whole)


def flags_of(chance):
    """Cluster ranges with up to 64 blocks, Services inside, around and elsewhere, masks by any of the three flags."""
    four = range_of(chance, FOUR, [18, 20, 21, 22, 22, 23, 24])
    six = range_of(chance, SIX, [58, 60, 61, 62, 62, 63, 64])
    wrong = [[four, four], [four, six, four], [range_of(chance, FOUR, [25])], [range_of(chance, SIX, [47, 65])]]
    clusters = chance.choice([[four]] * 12 + [[six]] * 8 + [[four, six]] * 8 + [[six, four]] * 8 + wrong)
    services = [
        range_of(chance, *chance.choice([(FOUR, [8, 16, 20, 22, 24, 26]), (SIX, [40, 62, 64, 72, 112])]))
        for _ in range(chance.choice([0, 1, 1, 2]))
    ]
    masks = {
        "plain": chance.choice([64, 66] if ":" in clusters[0] else [24, 25]) if chance.random() < 0.15 else 0,
        "four": chance.choice([20, 24, 25, 26]) if chance.random() < 0.15 else 0,
        "six": chance.choice([60, 64, 65, 66]) if chance.random() < 0.15 else 0,
    }
    return {"clusters": clusters, "services": services, **masks}


def block_of(chance, cluster):
    """podCIDRs that somebody wrote by hand: a block of the range, less, more, or of another range or family."""
    whole = ipaddress.ip_network(cluster, strict=False)
    if chance.random() < 0.15:
        return chance.choice(["172.16.0.0/24", "2001:db8::/64"])
    length = max(0, min(whole.prefixlen + chance.choice([-2, 0, 1, 2, 2, 3, 4]), whole.max_prefixlen))
    place = whole.network_address + chance.randrange(whole.num_addresses)
    return str(ipaddress.ip_network((place, length), strict=False))


def line_of(chance, clusters):
    """One thing that happens: mostly nodes come, some with blocks of their own, some go, and the controller restarts."""
    name, what = chance.choice(NAMES), chance.random()
    if what < 0.45:
        return "create", name
    if what < 0.6:
        order = chance.choice([clusters, clusters, clusters[::-1], clusters[:1]])
        return "create", name, tuple(block_of(chance, cluster) for cluster in order)
    return ("delete", name) if what < 0.93 else ("start",)


def told(flags):
    """The same flags on the manager's command line."""
    arguments = ["--allocate-node-cidrs", f"--cluster-cidr={','.join(flags['clusters'])}"]
    arguments.append(f"--service-cluster-ip-range={','.join(flags['services'])}")
    names = {"plain": "node-cidr-mask-size", "four": "node-cidr-mask-size-ipv4", "six": "node-cidr-mask-size-ipv6"}
    return parse_flags(arguments + [f"--{name}={flags[key]}" for key, name in names.items()])


@pytest.mark.parametrize("seed", range(200))
def test_model_and_naive_controller_tell_the_same_story(seed):
    chance = random.Random(seed)
    flags = flags_of(chance)
    naive, world = Naive(**flags), NodeWorld(told(flags))
    naive.start(), world.start()
    for _ in range(30):
        line = line_of(chance, flags["clusters"])
        answers = [getattr(one, line[0])(*line[1:]) for one in (naive, world)]
        assert line == ("start",) or answers[0] is (answers[1] == ""), line
        assert (world.nodes, world.error) == (naive.nodes, naive.error), line
        if naive.sets:
            assert [[pool.uses(at) for at in range(pool.blocks)] for pool in world.allocator.pools] == [
                one.bits for one in naive.sets
            ]
            assert [pool.next_candidate for pool in world.allocator.pools] == [one.candidate for one in naive.sets]
        assert world.now == naive.now
