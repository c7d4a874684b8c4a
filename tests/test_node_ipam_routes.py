"""The cloud's route table: one row a block, as long as there is room."""

import pytest

from kubenet_course.kube.nodeipam.cidr import parse_sloppy
from kubenet_course.kube.nodeipam.cloud_routes import LIMITS, CloudRoute, reconcile

PODS = (parse_sloppy("10.244.0.0/16"), parse_sloppy("fd00:10:244::/56"))
NODES = {"node-1": ("10.244.0.0/24",), "node-2": ("10.244.1.0/24",)}
OFFICE = CloudRoute("172.16.0.0/12", "gateway")


def reached(turn):
    return {condition.node: not condition.status for condition in turn.conditions}


def test_each_block_leads_to_its_node():
    turn = reconcile(NODES, [], PODS, limit=50)
    assert turn.routes == (CloudRoute("10.244.0.0/24", "node-1"), CloudRoute("10.244.1.0/24", "node-2"))
    assert reached(turn) == {"node-1": True, "node-2": True}
    assert reconcile(NODES, turn.routes, PODS, limit=50).routes == turn.routes


def test_a_node_with_two_blocks_needs_two_rows():
    assert len(reconcile({"node-1": ("10.244.0.0/24", "fd00:10:244::/64")}, [], PODS, 50).routes) == 2


def test_rows_of_nodes_that_are_gone_are_deleted_before_new_ones_are_added():
    old = reconcile(NODES, [], PODS, limit=2).routes
    turn = reconcile({"node-2": ("10.244.1.0/24",), "node-3": ("10.244.2.0/24",)}, old, PODS, limit=2)
    assert [route.node for route in turn.routes] == ["node-2", "node-3"]


def test_a_block_that_moved_to_another_node_moves_its_row():
    old = [CloudRoute("10.244.0.0/24", "node-9")]
    assert reconcile({"node-1": ("10.244.0.0/24",)}, old, PODS, 50).routes == (CloudRoute("10.244.0.0/24", "node-1"),)


def test_the_rows_of_others_stay_and_take_room():
    turn = reconcile(NODES, [OFFICE], PODS, limit=2)
    assert turn.routes == (OFFICE, CloudRoute("10.244.0.0/24", "node-1"))
    assert turn.refused == (CloudRoute("10.244.1.0/24", "node-2"),)
    assert reached(turn) == {"node-1": True, "node-2": False}
    assert [condition.reason for condition in turn.conditions] == ["RouteCreated", "NoRouteCreated"]


@pytest.mark.parametrize(
    "story, destination, stays",
    [
        ("a part of the cluster's range", "10.244.9.0/24", False),
        ("a row that begins where the range begins, and ends behind it", "10.244.0.0/15", False),
        ("a row that ends where the range ends, and begins before it", "fd00:10:200::/41", False),
        ("a row around the range that neither begins nor ends in it", "10.0.0.0/8", True),
        ("the way to everywhere else", "0.0.0.0/0", True),
        ("no range at all: a prefix list's name", "pl-6da54004", True),
    ],
)
def test_whose_rows_are_deleted(story, destination, stays):
    ranges = (parse_sloppy("10.244.0.0/16"), parse_sloppy("fd00:10:240::/42"))
    row = CloudRoute(destination, "firewall")
    assert (row in reconcile(NODES, [row], ranges, limit=50).routes) is stays


def test_a_node_without_a_block_is_told_nothing_until_a_row_is_taken_from_it():
    assert reached(reconcile({"node-1": ()}, [], PODS, 50)) == {}
    assert reached(reconcile({"node-1": ()}, [CloudRoute("10.244.0.0/24", "node-1")], PODS, 50)) == {"node-1": False}


def test_past_the_providers_limit_new_nodes_are_unreachable():
    many = {f"node-{number}": (f"10.244.{number}.0/24",) for number in range(10)}
    assert sum(reached(reconcile(many, [], PODS, limit=7)).values()) == 7
    assert LIMITS["Azure"] == 400
