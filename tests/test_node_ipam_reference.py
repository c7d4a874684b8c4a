"""The real controller's answers, replayed: same flags, same operations, same blocks, same events."""

import json
from pathlib import Path

import pytest

from kubenet_course.kube.nodeipam.kcm_flags import parse_flags
from kubenet_course.kube.nodeipam.node_world import NodeWorld

CAPTURES = sorted((Path(__file__).parent.parent / "data/reference/node-ipam-1.36.2").glob("*.json"))


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_every_node_gets_the_block_that_the_real_controller_gave_it(path):
    capture = json.loads(path.read_text())
    world = NodeWorld(parse_flags(capture["flags"]))
    world.start()
    for step in capture["steps"]:
        if step["op"] == "create-node":
            refusal = world.create(step["node"], tuple(step["given"] or ()))
            assert bool(refusal) == bool(step["api_error"]), step
            assert refusal or list(world.nodes[step["node"]]) == (step["podCIDRs"] or []), step
        elif step["op"] == "delete-node":
            assert world.delete(step["node"]) == ""
        else:
            assert step["op"] == "restart-controller"
            world.start()
    assert {name: list(cidrs) for name, cidrs in world.nodes.items()} == capture["final"]
    assert [event.reason for event in world.events] == [event["reason"] for event in capture["events"]]


def test_there_are_captures_to_replay():
    assert len(CAPTURES) >= 3
