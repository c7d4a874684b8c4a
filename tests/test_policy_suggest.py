"""`suggest`: its edits, written into the manifests by hand, flip the verdict of a second evaluator; fewer do not."""

import copy
import itertools
import random
import re

import pytest

from kubenet_course.kube.policy.changes.suggest import allow, deny
from kubenet_course.kube.policy.judge.values import Port
from tests.policy_naive import Maker, Naive
from tests.test_policy_naive import read_items

STEP = re.compile(r"([A-Za-z]+)|\[(\d+)\]")


def named(items, name):
    for one in items:
        metadata = one["metadata"]
        full = f"{metadata['namespace']}/{metadata['name']}" if "namespace" in metadata else metadata["name"]
        if full == name and one["kind"].endswith("NetworkPolicy"):
            return one
    raise AssertionError(f"no policy {name}")


def written(items, edits):
    """The manifests after some edits, each done as its words say."""
    made = copy.deepcopy(items)
    for edit in edits:
        if edit.op == "create":
            made.append(edit.value)
            continue
        steps = [int(index) if index else name for name, index in STEP.findall(edit.path)]
        here = named(made, edit.policy)
        for step in steps[:-1]:
            here = here[step]
        if edit.op == "add":
            here[steps[-1]] = [*(here.get(steps[-1]) or []), edit.value]
        elif edit.op == "set":
            here[steps[-1]] = edit.value
        elif edit.op == "insert":
            here.insert(steps[-1], edit.value)
        else:
            del here[steps[-1]]
    return made


def asked(seed):
    """A random world, and a pair in it that has a certain answer."""
    items = Maker(seed).world()
    naive, draw = Naive(items), random.Random(seed)
    pairs = list(itertools.permutations(naive.pods, 2))
    draw.shuffle(pairs)
    for source, to in pairs[:5]:
        found = naive.outcomes(source, to, 80, "TCP")
        if len(found) == 1:
            yield items, source, to, found == {True}


def flips(items, source, to, wanted):
    return Naive(items).outcomes(source, to, 80, "TCP") == {wanted}


def removals(items):
    """Every single removal of a rule, a peer or a port from a NetworkPolicy."""
    for place, one in enumerate(items):
        if one["kind"] != "NetworkPolicy":
            continue
        for way, word in (("ingress", "from"), ("egress", "to")):
            for at, rule in enumerate(one["spec"].get(way) or []):
                yield place, (way, at), None
                for part in (word, "ports"):
                    if len(rule.get(part) or []) > 1:
                        yield from ((place, (way, at, part), index) for index in range(len(rule[part])))


def without(items, chosen):
    made = copy.deepcopy(items)
    for place, path, index in sorted(chosen, key=str, reverse=True):
        here = made[place]["spec"]
        if index is None:
            here[path[0]][path[1]] = None
        elif here[path[0]][path[1]] is not None:
            here[path[0]][path[1]][path[2]][index] = None
    for one in made:
        for way, word in (("ingress", "from"), ("egress", "to")) if one["kind"] == "NetworkPolicy" else ():
            rules = [rule for rule in one["spec"].get(way) or [] if rule is not None]
            for rule in rules:
                for part in (word, "ports"):
                    if rule.get(part):
                        rule[part] = [entry for entry in rule[part] if entry is not None]
            if one["spec"].get(way):
                one["spec"].setdefault("policyTypes", ["Ingress"] + ["Egress"] * bool(one["spec"].get("egress")))
                one["spec"][way] = rules
    return made


def one_addition(items):
    """Each policy with a rule that allows everything, in one direction or the other."""
    for place, one in enumerate(items):
        if one["kind"] == "NetworkPolicy":
            for way in ("ingress", "egress"):
                made = copy.deepcopy(items)
                made[place]["spec"][way] = [*(one["spec"].get(way) or []), {}]
                yield made
        elif one["kind"] == "ClusterNetworkPolicy":
            for way, word in (("ingress", "from"), ("egress", "to")):
                made = copy.deepcopy(items)
                rule = {
                    "action": "Accept",
                    word: [{"namespaces": {}}, *([{"networks": ["0.0.0.0/0"]}] * (word == "to"))],
                }
                made[place]["spec"][way] = [rule, *(one["spec"].get(way) or [])]
                yield made


def as_few_as_possible(items, edits, source, to, wanted):
    edits = [one for one in edits if one.op != "set"]
    if wanted and len(edits) > 1:
        assert not any(flips(made, source, to, True) for made in one_addition(items))
    if not wanted and len(edits) > 1:
        for chosen in itertools.combinations(list(removals(items)), min(len(edits) - 1, 2)):
            assert not flips(without(items, chosen), source, to, False), chosen


@pytest.mark.parametrize("first", range(0, 48, 12))
def test_the_edits_flip_the_verdict_and_fewer_of_their_kind_do_not(first):
    for seed in range(first, first + 12):
        for items, source, to, allowed in asked(seed):
            world = read_items(items)
            edits = (deny if allowed else allow)(world, world.pods[source], world.pods[to], Port(80))
            if edits is None:
                pods = [Naive(items).pods[name]["spec"] for name in (source, to)]
                assert any(pod["hostNetwork"] for pod in pods), (seed, source, to)
                continue
            assert flips(written(items, edits), source, to, not allowed), (seed, source, to, edits)
            as_few_as_possible(items, edits, source, to, not allowed)
