"""What a ReplicaSet and a Deployment decide, by hand from the rules of their controllers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubenet_course.kube.workload.api import BudgetSpec, DeploymentSpec, RollingUpdate, Strategy
from kubenet_course.kube.workload.budget import desired_healthy, disruptions_allowed, grants
from kubenet_course.kube.workload.deployment import Counts, Scaled, fenceposts, is_complete, next_step, resolve
from kubenet_course.kube.workload.nodes import lost
from kubenet_course.kube.workload.replicaset import Candidate, victims
from kubenet_course.linux.timeline import NEVER, SECOND


def spec(replicas, surge="25%", unavailable="25%"):
    return DeploymentSpec(
        replicas=replicas, strategy=Strategy(rolling_update=RollingUpdate(max_surge=surge, max_unavailable=unavailable))
    )


@pytest.mark.parametrize(
    ("replicas", "surge", "unavailable", "expected"),
    [
        (10, "25%", "25%", (3, 2)),  # up for the surge, down for what may be missing
        (4, "25%", "25%", (1, 1)),
        (1, "25%", "25%", (1, 0)),
        (3, "10%", "10%", (1, 0)),
        (3, 0, "10%", (0, 1)),  # both come to nothing: one may be missing, or nothing would move
        (2, 1, 5, (1, 2)),  # no more can be missing than there are
        (0, "25%", "25%", (0, 0)),
    ],
)
def test_percentages_of_surge_are_rounded_up_and_of_unavailability_down(replicas, surge, unavailable, expected):
    assert fenceposts(spec(replicas, surge, unavailable)) == expected


def test_a_deployment_first_scales_up_as_far_as_the_surge_lets_it():
    assert next_step(spec(4), Counts(0, 0, 0), [Counts(4, 4, 4)]) == [Scaled(None, 1)]


def test_then_it_takes_away_as_many_as_may_be_missing():
    assert next_step(spec(4), Counts(1, 1, 0), [Counts(4, 4, 4)]) == [Scaled(0, 3)]


def test_it_waits_while_new_pods_are_not_available():
    assert next_step(spec(4), Counts(2, 2, 0), [Counts(3, 3, 3)]) == []


def test_old_pods_that_do_not_serve_are_taken_away_first_and_cost_nothing():
    step = next_step(spec(4, 1, 0), Counts(1, 1, 0), [Counts(1, 1, 0), Counts(3, 3, 3)])
    assert step == []  # five wanted, four must stay, the new one is not available: none may go
    step = next_step(spec(4, 1, 0), Counts(1, 1, 1), [Counts(1, 1, 0), Counts(3, 3, 3)])
    assert step == [Scaled(0, 0)]


def test_recreate_waits_until_the_old_pods_are_gone():
    told = DeploymentSpec(replicas=2, strategy=Strategy(type="Recreate"))
    assert next_step(told, Counts(0, 0, 0), [Counts(2, 2, 2)]) == [Scaled(0, 0)]
    assert next_step(told, Counts(0, 0, 0), [Counts(0, 1, 0)]) == []
    assert next_step(told, Counts(0, 0, 0), [Counts(0, 0, 0)]) == [Scaled(None, 2)]


PART = st.one_of(st.integers(0, 6), st.integers(0, 100).map(lambda number: f"{number}%"))


@given(st.integers(1, 12), PART, PART, st.randoms(use_true_random=False))
def test_surge_and_unavailability_are_kept_whatever_becomes_available_when(replicas, surge, unavailable, chance):
    """Pods become available in any order; old ones go at once. Each step keeps both limits, and it ends."""
    told = spec(replicas, surge, unavailable)
    most, least = fenceposts(told)
    new, old = Counts(0, 0, 0), [Counts(replicas, replicas, replicas)]
    for _ in range(400):
        for step in next_step(told, new, old):
            if step.old is None:
                new = Counts(step.wanted, step.wanted, new.available)
            else:
                old[step.old] = Counts(step.wanted, step.wanted, min(step.wanted, old[step.old].available))
        assert new.wanted + old[0].wanted <= replicas + most
        assert new.available + old[0].available >= replicas - least
        if new.available < new.wanted and chance.random() < 0.5:
            new = Counts(new.wanted, new.there, new.available + 1)
    assert is_complete(told, new, old)


def pod(name, **more):
    return Candidate(
        **{"name": name, "node": "n1", "phase": "Running", "is_ready": True, "created": 0, "ready_since": 0, **more}
    )


@pytest.mark.parametrize(
    ("story", "first", "other"),
    [
        ("without a node", pod("b", node=""), pod("a", phase="Pending")),
        ("pending before running", pod("b", phase="Pending"), pod("a", is_ready=False)),
        ("not ready before ready", pod("b", is_ready=False), pod("a", cost=-5)),
        ("the cheaper one", pod("b", cost=-1), pod("a")),
        ("ready for less long", pod("b", ready_since=900 * SECOND), pod("a", restarts=9)),
        ("restarted more often", pod("b", restarts=2), pod("a", created=900 * SECOND)),
        ("the younger one", pod("b", created=900 * SECOND), pod("a")),
    ],
)
def test_a_replicaset_takes_away_first(story, first, other):
    assert victims([other, first], 1, 1000 * SECOND) == ["b"]


def test_of_two_on_one_node_one_goes_before_the_one_that_is_alone():
    listed = [pod("a", node="n2"), pod("b"), pod("c")]
    assert victims(listed, 1, 10 * SECOND) == ["b"]


def test_ages_of_one_order_of_magnitude_count_as_equal():
    older, younger = pod("a", ready_since=0), pod("b", ready_since=100 * SECOND)
    assert victims([younger, older], 1, 1000 * SECOND) == ["a"]  # 1000 s and 900 s: the name decides


@pytest.mark.parametrize(
    ("budget", "healthy", "allowed"),
    [
        (BudgetSpec(min_available=3), 4, 1),
        (BudgetSpec(min_available=3), 3, 0),
        (BudgetSpec(min_available="50%"), 4, 2),  # of five: three must stay, rounded up... of four: two
        (BudgetSpec(max_unavailable=1), 4, 1),
        (BudgetSpec(max_unavailable="30%"), 4, 2),  # 1.2 is rounded up to two
        (BudgetSpec(max_unavailable=0), 4, 0),
        (BudgetSpec(max_unavailable=1), 2, 0),
    ],
)
def test_a_budget_grants_what_is_above_the_healthy_pods_that_it_wants(budget, healthy, allowed):
    assert disruptions_allowed(budget, healthy, 4) == allowed


def test_a_budget_of_half_of_five_wants_three():
    assert desired_healthy(BudgetSpec(min_available="50%"), 5) == 3
    assert resolve("50%", 5, up=False) == 2


def test_a_lost_node_is_unknown_after_its_grace_and_its_pods_are_deleted_five_minutes_later():
    then = lost(107 * SECOND)  # the lease was renewed at 100
    assert (then.unknown, then.evicts) == (155 * SECOND, 455 * SECOND)


def test_a_node_that_is_back_in_time_has_lost_nothing():
    assert lost(107 * SECOND, returns=140 * SECOND).unknown == NEVER
    assert lost(107 * SECOND, returns=300 * SECOND).evicts == NEVER


@pytest.mark.parametrize(
    ("policy", "healthy", "phase", "is_ready", "granted"),
    [
        ("IfHealthyBudget", 3, "Running", True, False),
        ("IfHealthyBudget", 3, "Running", False, True),  # three are healthy, three are wanted: this one serves nobody
        ("IfHealthyBudget", 2, "Running", False, False),
        ("AlwaysAllow", 2, "Running", False, True),
        ("IfHealthyBudget", 2, "Pending", False, True),
        ("IfHealthyBudget", 4, "Running", True, True),
    ],
)
def test_a_pod_that_does_not_serve_may_go_only_while_the_budget_is_kept(policy, healthy, phase, is_ready, granted):
    budget = BudgetSpec(min_available=3, unhealthy_pod_eviction_policy=policy)
    assert grants(budget, healthy, 4, phase, is_ready) is granted
