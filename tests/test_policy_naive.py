"""Two ways in the package (one pair judged; all pairs as sets) against a third that shares nothing with them."""

import json
import random

import pytest

from kubenet_course.kube.manifest.read import read_text
from kubenet_course.kube.policy.judge.decide import decide
from kubenet_course.kube.policy.judge.values import Port
from kubenet_course.kube.policy.judge.world import PolicyWorld
from kubenet_course.kube.policy.pairs.matrix import PairMatrix, digit
from kubenet_course.kube.policy.pairs.samples import outsiders
from tests.policy_naive import Maker, Naive

WORLDS, A_BATCH = 240, 24


def read_items(items):
    return PolicyWorld(read_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items})))


@pytest.mark.parametrize("first", range(0, WORLDS, A_BATCH))
def test_random_worlds_have_one_answer_whichever_way_it_is_worked_out(first):
    for seed in range(first, first + A_BATCH):
        items = Maker(seed).world()
        world, naive = read_items(items), Naive(items)
        names = list(world.pods)
        assert names == sorted(naive.pods)
        for number, protocol in ((80, "TCP"), (53, "UDP")):
            port = Port(number, protocol)
            matrix = PairMatrix(world, port)
            rows = list(matrix.text(matrix.combined, 2))
            for row, source in zip(rows, names, strict=True):
                expected = [naive.outcomes(source, to, number, protocol) for to in names]
                said = "".join(digit(None if len(one) > 1 else one == {True}) for one in expected)
                judged = "".join(digit(decide(world, world.pods[source], world.pods[to], port).allowed) for to in names)
                assert (seed, source, judged) == (seed, source, said)
                assert (seed, source, row) == (seed, source, said)


def two_families(items, seed):
    """The same world where a pod may have a second family, or only the other one."""
    draw = random.Random(seed)
    for at, one in enumerate(items):
        if one["kind"] == "Pod" and not one["spec"]["hostNetwork"]:
            ips = [[one["status"]["podIP"]], [one["status"]["podIP"], f"fd00::{at}"], [f"fd00::{at}"]][
                draw.randint(0, 2)
            ]
            one["status"] |= {"podIP": ips[0], "podIPs": [{"ip": ip} for ip in ips]}
        if one["kind"] == "NetworkPolicy" and one["spec"].get("ingress") and draw.random() < 0.5:
            one["spec"]["ingress"][0]["from"] = [{"ipBlock": {"cidr": "fd00::/123"}}]
    return items


@pytest.mark.parametrize("first", range(0, 60, 20))
def test_sets_agree_with_pairs_for_nodes_strangers_and_two_families(first):
    for seed in range(first, first + 20):
        world = read_items(two_families(Maker(seed).world(), seed))
        members = [*world.pods.values(), *world.nodes.values(), *outsiders([world])]
        matrix = PairMatrix(world, Port(80), members)
        for row, source in zip(matrix.text(matrix.combined, 2), members, strict=True):
            judged = "".join(digit(decide(world, source, to, Port(80)).allowed) for to in members)
            assert (seed, str(source), row) == (seed, str(source), judged)


def test_random_worlds_hold_every_kind_of_answer():
    """The comparison above would prove nothing if all answers were alike."""
    answers = {"0": 0, "1": 0, "?": 0}
    for seed in range(60):
        world = read_items(Maker(seed).world())
        matrix = PairMatrix(world, Port(80))
        for row in matrix.text(matrix.combined, 2):
            for one in row:
                answers[one] += 1
    assert all(count > 50 for count in answers.values()), answers
