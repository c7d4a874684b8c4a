"""Schedulers over a workload: each expectation is counted by hand or follows from the scheduler's definition."""

from __future__ import annotations

from itertools import pairwise

import pytest

from kubenet_course.errors import BadInput
from kubenet_course.kube.balance.spread import PODS, WAYS, carried_out, spread
from kubenet_course.kube.balance.workload import WORKLOADS, Connection, Draws, connections

FOUR = PODS["alike"]


def one_each(*opens: int, work: int = 12) -> list[Connection]:
    """A request a client, at these times, on connections of their own."""
    return [Connection(at, client, ((at, work),)) for client, at in enumerate(opens)]


def staying(count: int) -> list[Connection]:
    return [Connection(at, at, ((at, 12),), True) for at in range(count)]


def test_the_draws_are_those_of_mulberry32():
    """The first three numbers of seed 1, as the widely used JavaScript version gives them, times 2^32."""
    draws = Draws(1)
    assert [draws.below(1 << 32) for _ in range(3)] == [2693262067, 11749833, 2265367787]


def test_pods_that_are_idle_take_turns_under_rr_and_lc_but_sed_and_nq_take_the_first():
    alone = one_each(*range(0, 800, 100))  # each is done long before the next comes
    got = {name: carried_out(name, alone, FOUR).got for name in ("rr", "lc", "sed", "nq")}
    assert got == {"rr": (2, 2, 2, 2), "lc": (2, 2, 2, 2), "sed": (8, 0, 0, 0), "nq": (8, 0, 0, 0)}


@pytest.mark.parametrize("workload", WORKLOADS)
@pytest.mark.parametrize("pods", PODS)
def test_while_all_weights_are_one_sed_and_nq_are_the_same(workload, pods):
    for nodes in (1, 5):
        one, other = (spread(name, workload, pods, nodes, 7) for name in ("sed", "nq"))
        assert (one.got, one.waits) == (other.got, other.waits)


def test_a_request_waits_for_what_stands_before_it_in_its_pods_queue():
    made = carried_out("dh", one_each(0, 2, 4), FOUR)  # all three to one pod, 12 ms of work each
    assert made.waits == (12, 22, 32) and sorted(made.got) == [0, 0, 0, 3]


def test_a_slow_pod_needs_four_times_as_long_and_a_broken_one_answers_at_once():
    assert carried_out("rr", one_each(0), (1, 4, 4, 4)).waits == (48,)
    broken = carried_out("rr", one_each(0), (0, 4, 4, 4))
    assert (broken.waits, broken.errors) == ((1,), 1)


@pytest.mark.parametrize("name", ["rr", "lc", "sed", "nq"])
@pytest.mark.parametrize(
    "nodes, got", [(1, (10, 10, 10, 10)), (10, (10, 10, 10, 10)), (20, (20, 20, 0, 0)), (40, (40, 0, 0, 0))]
)
def test_every_node_begins_with_the_same_pod(name, nodes, got):
    """40 connections that stay open. With 20 nodes each has two: one for the first pod, one for the second."""
    assert carried_out(name, staying(40), FOUR, nodes).got == got


@pytest.mark.parametrize("name", ["random", "sh", "dh"])
def test_what_draws_or_hashes_does_not_care_how_many_nodes_there_are(name):
    assert len({spread(name, "long", "alike", nodes, 5).got for nodes in (1, 7, 40)}) == 1


def test_who_is_hashed_by_its_address_always_meets_the_same_pod():
    for client in range(5):
        again = [Connection(at, client, ((at, 12),)) for at in range(0, 900, 50)]
        assert sorted(carried_out("sh", again, FOUR).got) == [0, 0, 0, 18]


@pytest.mark.parametrize("kind", WORKLOADS)
def test_a_workload_is_in_order_of_time_and_another_seed_draws_another(kind):
    one = connections(kind, 3)
    assert all(before.opens <= after.opens for before, after in pairwise(one))
    assert one == connections(kind, 3) != connections(kind, 4)
    assert all(work > 0 and at >= connection.opens for connection in one for at, work in connection.requests)


def test_the_long_workload_is_forty_connections_of_which_eight_send_most():
    many = [len(one.requests) for one in connections("long", 1)]
    assert (many.count(25), many.count(5)) == (8, 32)


@pytest.mark.parametrize("scheduler", WAYS)
def test_nothing_is_lost(scheduler):
    for workload in WORKLOADS:
        made = spread(scheduler, workload, "unequal", 6, 2)
        asked = connections(workload, 2)
        assert sum(made.got) == len(asked)
        assert sum(made.served) == len(made.waits) == sum(len(one.requests) for one in asked)


@pytest.mark.parametrize(
    "wrong",
    [("best", "short", "alike", 1), ("rr", "huge", "alike", 1), ("rr", "short", "odd", 1), ("rr", "short", "alike", 0)],
)
def test_what_is_not_offered_is_refused(wrong):
    with pytest.raises(BadInput):
        spread(*wrong)
