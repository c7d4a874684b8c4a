"""`kubenet plan`: the story told by options, the answer in JSON and in words."""

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from kubenet_course.cli.plan import command

CAPTURES = sorted((Path(__file__).parent.parent / "data/reference/node-ipam-1.36.2").glob("*.json"))
ON = ("--allocate-node-cidrs=true", "--cluster-cidr=10.244.0.0/22")


def ran(*arguments):
    """The command's exit code and what it printed."""
    result = CliRunner().invoke(command, arguments)
    return result.exit_code, result.output


def answer(*arguments):
    return json.loads(ran(*arguments, "--json")[1])


def blocks(reply):
    return {node["name"]: node["podCIDRs"] for node in reply["nodes"]}


def as_options(step):
    if step["op"] == "restart-controller":
        return ["--restart"]
    if step["op"] == "delete-node":
        return ["--delete", step["node"]]
    return ["--node", step["node"] + (f"={','.join(step['given'])}" if step["given"] else "")]


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_a_recorded_story_has_its_recorded_end(path):
    capture = json.loads(path.read_text())
    reply = answer(*capture["flags"], *(option for step in capture["steps"] for option in as_options(step)))
    assert blocks(reply) == capture["final"]
    assert [step["op"] for step in reply["steps"]] == [step["op"] for step in capture["steps"]]
    given = [step["podCIDRs"] for step in capture["steps"] if step["op"] == "create-node"]
    assert [step["podCIDRs"] for step in reply["steps"] if step["op"] == "create-node"] == given
    assert reply["error"] is None


@pytest.mark.parametrize(
    "story, options, expected",
    [
        ("options are told in their order", "--node a --delete a --node b --node c", {"b": 1, "c": 2}),
        ("the same ones in another order", "--node a --node b --node c --delete a", {"b": 1, "c": 2}),
        ("a restart stands between", "--node a --node b --delete a --restart --node c", {"b": 1, "c": 0}),
        ("and is no restart when it stands last", "--node a --node b --delete a --node c --restart", {"b": 1, "c": 2}),
        ("with = as well", "--node=a --delete=a --node=b", {"b": 1}),
        ("a block of its own", "--node a=10.244.0.0/24 --node b", {"a": 0, "b": 1}),
        (
            "many at once, and then some",
            "--nodes 2 --node x --nodes=1",
            {"node-1": 0, "node-2": 1, "x": 2, "node-3": 3},
        ),
    ],
)
def test_order_matters(story, options, expected):
    reply = answer(*ON, *options.split())
    assert {name: int(cidrs[0].split(".")[2]) for name, cidrs in blocks(reply).items()} == expected


@pytest.mark.parametrize("spelling", ["--allocate-node-cidrs", "--allocate-node-cidrs=true", "--allocate-node-cidrs=1",
                                      "--allocate_node_cidrs=T"])  # fmt: skip
def test_a_boolean_has_several_spellings(spelling):
    assert blocks(answer("--cluster-cidr", "10.244.0.0/16", spelling, "--node", "a")) == {"a": ["10.244.0.0/24"]}


@pytest.mark.parametrize(
    "story, options, second",
    [
        ("with a space", "--cluster-cidr 10.244.0.0/16 --node-cidr-mask-size 26", "10.244.0.64/26"),
        ("with underscores", "--cluster_cidr 10.244.0.0/16 --node_cidr-mask_size=26", "10.244.0.64/26"),
        ("of two the last counts", "--cluster-cidr=banana --cluster-cidr=10.244.0.0/16", "10.244.1.0/24"),
        ("also behind the nodes", "--cluster-cidr=10.9.0.0/16 --node=x --cluster-cidr=10.244.0.0/16", "10.244.2.0/24"),
        ("an empty one is not said", "--cluster-cidr=10.244.0.0/16 --service-cluster-ip-range=", "10.244.1.0/24"),
        ("off again", "--cluster-cidr=10.244.0.0/16 --allocate-node-cidrs=false", ""),
    ],
)
def test_flags_are_written_as_the_manager_takes_them(story, options, second):
    reply = answer("--allocate-node-cidrs", *options.split(), "--nodes=2")
    assert blocks(reply)["node-2"] == ([second] if second else [])


def test_without_allocate_node_cidrs_no_node_gets_a_block_and_that_is_said():
    code, text = ran("--cluster-cidr=10.244.0.0/16", "--nodes=1")
    assert (code, text.splitlines()) == (0, [
        "node-1  (no block)",
        "--allocate-node-cidrs is false, its default: no controller runs, no node gets a block",
    ])  # fmt: skip
    assert answer("--allocate-node-cidrs=false", "--nodes=1")["capacity"] is None


def test_the_plan_in_words():
    assert ran(*ON, "--service-cluster-ip-range=10.96.0.0/12", "--nodes=2") == (0, (
        "node-1  10.244.0.0/24\n"
        "node-2  10.244.1.0/24\n"
        "capacity: 4 nodes, 256 addresses a node, 110 pods a node\n"
    ))  # fmt: skip


def test_the_plan_in_json_has_what_cli_md_promises():
    reply = answer(*ON, "--nodes=5")
    assert reply["nodes"][3:] == [{"name": "node-4", "podCIDRs": ["10.244.3.0/24"]}, {"name": "node-5", "podCIDRs": []}]
    (event,) = reply["events"]
    assert (event["node"], event["reason"], event["type"]) == ("node-5", "CIDRNotAvailable", "Normal")
    assert event["message"] == "Node node-5 status is now: CIDRNotAvailable"
    assert reply["capacity"] == {"nodes": 4, "addresses_per_node": 256, "pods_per_node": 110}
    assert reply["error"] is None


def test_a_plan_that_does_not_hold_answers_no():
    assert ran(*ON, "--nodes=4")[0] == 0
    assert ran(*ON, "--nodes=5")[0] == 1


def test_what_the_controller_manager_refuses_is_the_answer():
    code, text = ran("--allocate-node-cidrs", "--cluster-cidr=10.244.0.0/25", "--nodes=1")
    assert code == 1
    assert text.splitlines()[-1].startswith("kube-controller-manager exits: Controller: Invalid --cluster-cidr")
    reply = answer("--allocate-node-cidrs", "--cluster-cidr=10.244.0.0/25", "--nodes=1")
    assert (reply["capacity"], blocks(reply)) == (None, {"node-1": []})


def test_a_foreign_block_ends_the_controller_at_the_restart_only():
    assert answer(*ON, "--node=x=10.9.0.0/24")["error"] is None
    reply = answer(*ON, "--node=x=10.9.0.0/24", "--restart", "--node=y")
    assert "cidr 10.9.0.0/24 is out the range of cluster cidr 10.244.0.0/22" in reply["error"]
    assert blocks(reply) == {"x": ["10.9.0.0/24"], "y": []}
    assert reply["steps"][1] == {"op": "restart-controller", "error": reply["error"]}


def test_what_the_api_server_refuses_is_no_node_and_the_story_goes_on():
    code, text = ran(*ON, "--node=a=10.244.0.1/24", "--node=b", "--delete=c", "--json")
    reply = json.loads(text)
    assert (code, blocks(reply)) == (1, {"b": ["10.244.0.0/24"]})
    assert reply["steps"][0]["api_error"].endswith("must not have bits set beyond the prefix length")
    assert reply["steps"][2]["api_error"] == 'nodes "c" not found'


def test_help_names_every_flag_with_its_default():
    text = " ".join(ran("--help")[1].split())
    assert "--allocate-node-cidrs BOOL" in text
    assert "[default: false]" in text
    assert "[default: RangeAllocator]" in text


def test_the_plan_in_the_forms_of_kubectl():
    code, said = ran(*ON, "--nodes=2", "-o", "yaml")
    assert code == 0
    assert yaml.safe_load(said) == answer(*ON, "--nodes=2")
    assert ran(*ON, "--nodes=2", "-o", "name")[1] == "node/node-1\nnode/node-2\n"
    assert "node-2  10.244.1.0/24 (10.244.1.0 to 10.244.1.255)" in ran(*ON, "--nodes=2", "-o", "wide")[1]
    assert ran(*ON, "--nodes=2", "--json", "-o", "name")[0] == 2
