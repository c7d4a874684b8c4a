"""Every recorded truth table of an independent evaluator, off the diagonal: by pair, as sets, and from the command line."""

import json

import pytest
from click.testing import CliRunner

from kubenet_course.cli import kubenet
from kubenet_course.kube.manifest.read import read_text
from kubenet_course.kube.policy.judge.decide import decide
from kubenet_course.kube.policy.judge.values import Port
from kubenet_course.kube.policy.judge.world import PolicyWorld
from kubenet_course.kube.policy.lint.whole import lint
from kubenet_course.kube.policy.pairs.matrix import PairMatrix
from tests.policy_reference import CASES, case, items

TABLES = ("ingress", "egress", "combined")


def the_world(told):
    return PolicyWorld(read_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items(told)})))


def off_diagonal(rows):
    return [row[:at] + row[at + 1 :] for at, row in enumerate(rows)]


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_every_table_is_equal(path):
    told = case(path)
    world = the_world(told)
    assert list(world.pods) == told["order"]
    for asked, tables in told["tables"].items():
        protocol, number = asked.split("/")
        matrix = PairMatrix(world, Port(int(number), protocol))
        for which, name in enumerate(TABLES):
            assert off_diagonal(matrix.text(getattr(matrix, name), which)) == off_diagonal(tables[name]), (asked, name)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_every_pair_is_equal(path):
    told = case(path)
    world = the_world(told)
    for asked, tables in told["tables"].items():
        protocol, number = asked.split("/")
        for at, source in enumerate(told["order"]):
            for place, to in enumerate(told["order"]):
                verdict = decide(world, world.pods[source], world.pods[to], Port(int(number), protocol))
                if at != place:
                    assert verdict.allowed is (tables["combined"][at][place] == "1"), (asked, source, to)


def test_the_command_line_prints_the_same_tables(tmp_path):
    told = case(CASES[0])
    path = tmp_path / "case.json"
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items(told)}))
    asked = [f"{number}/{protocol}" for protocol, number in (one.split("/") for one in told["tables"])]
    command = ["policy", "matrix", str(path), "--json", *(f"--port={one}" for one in asked)]
    answer = json.loads(CliRunner().invoke(kubenet, command).stdout)
    assert answer["pods"] == told["order"]
    for one, (_, tables) in zip(asked, told["tables"].items(), strict=True):
        for name in TABLES:
            assert off_diagonal(answer[name][one]) == off_diagonal(tables[name])


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_what_lint_says_of_a_recorded_set_is_true(path):
    """Each finding that a table can show is looked up in the recorded table, not in the package."""
    told = case(path)
    world = the_world(told)
    by_name = {f"{one['metadata']['namespace']}/{one['metadata']['name']}": one for one in told["policies"]}
    for finding in lint(world):
        assert finding.policy in by_name
        if "53/UDP" in finding.says:
            spec = by_name[finding.policy]["spec"]
            types = spec.get("policyTypes") or (["Ingress", "Egress"] if spec.get("egress") else ["Ingress"])
            assert "Egress" in types
