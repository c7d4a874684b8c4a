"""Rolling updates with clients sending: what a good one loses (nothing), what a naive one loses, and why."""

import pytest

from kubenet_course.kube.kubelet.behaviour_file import behaviour_of
from kubenet_course.kube.kubelet.spec import Container, Handler, HTTPGet, Lifecycle, PodSpec, Probe, Sleep
from kubenet_course.kube.workload.api import (
    BudgetSpec,
    DeploymentSpec,
    RollingUpdate,
    Selector,
    Strategy,
    Template,
    TemplateMetadata,
)
from kubenet_course.kube.workload.rollout import answer, rollout

SEEDS = range(25)
READY = Probe(http_get=HTTPGet(path="/", port=80), period_seconds=2)


def deployment(replicas=4, surge=1, unavailable=0, hook=0, **more):
    cycle = Lifecycle(pre_stop=Handler(sleep=Sleep(seconds=hook))) if hook else None
    web = Container(name="web", readiness_probe=READY, lifecycle=cycle)
    template = Template(metadata=TemplateMetadata(labels={"app": "web"}), spec=PodSpec(containers=(web,)))
    strategy = Strategy(rolling_update=RollingUpdate(max_surge=surge, max_unavailable=unavailable))
    return DeploymentSpec(
        **{
            "replicas": replicas,
            "selector": Selector(match_labels={"app": "web"}),
            "template": template,
            "strategy": strategy,
            **more,
        }
    )


def told(web=None, **more):
    program = {"startsAfter": 2, "answersAfter": 0.05, **(web or {})}
    return behaviour_of({"containers": {"web": program}, "clients": {"count": 6, "every": 0.1}, **more})


GRACEFUL = {"shutdown": {"takes": 1, "finishes": True}}


@pytest.mark.parametrize("connections", ["short", "long"])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_rollout_that_drains_loses_no_request(seed, connections):
    """Nobody may be missing, SIGTERM waits longer than any kube-proxy, and what has come is finished."""
    clients = {"count": 6, "every": 0.1, "connections": connections}
    spec = deployment(hook=3)
    world = rollout("web", spec, spec, told(GRACEFUL, clients=clients), 90, seed=seed)
    assert world.is_complete
    assert world.tally.sent > 3000
    assert (world.tally.lost, dict(world.tally.by_cause)) == ([], {})
    assert world.tally.served >= world.tally.sent - 6  # those of the last moment are still under way


@pytest.mark.parametrize("seed", SEEDS)
def test_a_naive_rollout_loses_requests_and_every_one_of_them_is_explained(seed):
    spec = deployment(surge="25%", unavailable="25%")
    world = rollout("web", spec, spec, told(), 90, seed=seed)
    assert world.is_complete
    assert len(world.tally.lost) == world.tally.failed > 0
    deleted = {one.name: one.t for one in world.events if one.what == "deleted"}
    for one in world.tally.lost:
        assert one.t >= deleted[one.pod]
        slowest = 1.0 + 0.05  # the slowest kube-proxy, and an answer that was under way
        assert one.t <= deleted[one.pod] + slowest
        assert one.cause.split(":")[0] in ("refused", "reset", "no answer")
        assert "heard of the deletion" in one.said


@pytest.mark.parametrize("seed", range(8))
def test_a_hook_shorter_than_the_slowest_kube_proxy_still_loses_requests(seed):
    slow = {"network": {"nodes": 3, "fastest": 4, "slowest": 6}}
    short = rollout("web", deployment(hook=2), deployment(hook=2), told(GRACEFUL, **slow), 150, seed=seed)
    long = rollout("web", deployment(hook=7), deployment(hook=7), told(GRACEFUL, **slow), 150, seed=seed)
    assert short.tally.failed > 0
    assert long.tally.failed == 0


@pytest.mark.parametrize("seed", SEEDS)
def test_surge_and_unavailability_hold_for_every_seed(seed):
    spec = deployment(replicas=6, surge="30%", unavailable=1)
    world = rollout("web", spec, spec, told(), 80, seed=seed)
    assert world.most_pods <= 8
    available, least = set(), 99
    for one in world.events:
        if one.t < 29:
            available = available | {one.name} if one.what == "ready" else available
            continue
        if one.what == "ready":
            available.add(one.name)
        elif one.what in ("deleted", "not ready"):
            available.discard(one.name)
        least = min(least, len(available))
    assert least >= 5


def test_a_rollout_whose_new_pods_never_get_ready_halts_and_says_so_at_its_deadline():
    spec = deployment(progress_deadline_seconds=60)
    world = rollout("web", spec, spec, told(newContainers={"web": {"startsAfter": 99999}}), 200)
    assert not world.is_complete
    assert world.tally.failed == 0  # the old ones serve on
    late = [one.t for one in world.events if one.said == "ProgressDeadlineExceeded"]
    assert [round(one) for one in late] == [90]
    assert sum(one.is_ready for one in world.pods) == 4


def test_a_rollout_without_a_readiness_probe_succeeds_with_broken_pods():
    web = Container(name="web")
    template = Template(metadata=TemplateMetadata(labels={"app": "web"}), spec=PodSpec(containers=(web,)))
    spec = deployment(template=template)
    world = rollout("web", spec, spec, told(newContainers={"web": {"warmAfter": 99999}}), 120)
    assert world.is_complete
    assert world.tally.by_cause["error: still warming up"] > 1000


def test_min_ready_seconds_holds_each_step_back():
    def lasts(seconds):
        spec = deployment(min_ready_seconds=seconds)
        world = rollout("web", spec, spec, told(GRACEFUL), 250)
        assert world.is_complete
        return max(one.t for one in world.events if one.said == "NewReplicaSetAvailable")

    assert lasts(10) >= lasts(0) + 35  # four steps


def test_an_undone_rollout_goes_back_to_the_pods_that_were_well():
    spec = deployment(hook=3)
    bad = told(GRACEFUL, newContainers={"web": {"startsAfter": 99999}}, actions=[{"at": 60, "do": "undo"}])
    world = rollout("web", spec, spec, bad, 150)
    assert world.is_complete
    assert world.tally.failed == 0
    assert {one.number for one in world.revisions} == {2, 3}


def test_a_paused_rollout_stands_still_until_it_is_resumed():
    spec = deployment()
    actions = [{"at": 31, "do": "pause"}, {"at": 70, "do": "resume"}]
    world = rollout("web", spec, spec, told(actions=actions), 140)
    scaled = [one.t for one in world.events if one.what == "scaled" and one.t > 31]
    assert min(scaled) >= 70
    assert world.is_complete


def test_recreate_leaves_a_gap():
    spec = deployment(strategy=Strategy(type="Recreate"))
    world = rollout("web", spec, spec, told(), 90)
    assert world.is_complete
    assert world.tally.by_cause["refused: the Service has no endpoint"] > 50
    assert world.most_pods == 4


@pytest.mark.parametrize("seed", SEEDS)
def test_a_drain_never_goes_below_the_budget_and_loses_nothing(seed):
    spec = deployment(replicas=6, hook=3)
    quiet = told(GRACEFUL, rollsOutAt=100_000, actions=[{"at": 20, "do": "drain", "node": "node-1"}])
    world = rollout("web", spec, spec, quiet, 120, seed=seed, budget=BudgetSpec(min_available=5))
    ready, least = set(), 99
    for one in world.events:
        ready = ready | {one.name} if one.what == "ready" else ready - {one.name} if one.what == "deleted" else ready
        if one.t > 19:
            least = min(least, len(ready))
    assert least >= 5
    assert [pod.name for pod in world.pods if pod.node == "node-1"] == []
    assert any(one.said.startswith("429") for one in world.events)
    assert sum(pod.is_ready for pod in world.pods) == 6
    assert world.tally.failed == 0


def test_a_drain_without_a_budget_takes_all_pods_of_the_node_at_once():
    spec = deployment(replicas=6)
    world = rollout(
        "web", spec, spec, told(rollsOutAt=100_000, actions=[{"at": 20, "do": "drain", "node": "node-1"}]), 60
    )
    granted = [one.t for one in world.events if one.said == "granted"]
    assert granted == [20.0, 20.0]


def test_a_lost_nodes_pods_answer_nobody_until_the_node_is_unknown_and_are_replaced_after_five_minutes():
    spec = deployment(replicas=3)
    world = rollout(
        "web", spec, spec, told(rollsOutAt=100_000, actions=[{"at": 27, "do": "lose", "node": "node-2"}]), 450
    )
    assert max(one.t for one in world.tally.lost) < 27 + 55 + 6  # the timeout of a client
    assert {one.cause for one in world.tally.lost} == {"no answer: the node is lost"}
    created = [one.t for one in world.events if one.what == "created"]
    assert len(created) == 4 and created[-1] > 370
    assert {pod.phase for pod in world.pods} == {"Running"}  # never Unknown


def test_a_node_that_is_back_before_five_minutes_keeps_its_pods_and_a_later_one_ends_them():
    def story(returns, until):
        action = {"at": 27, "do": "lose", "node": "node-2", "returns": returns}
        spec = deployment(replicas=3)
        return rollout("web", spec, spec, told(rollsOutAt=100_000, actions=[action]), until)

    soon, late = story(200, 260), story(500, 560)
    assert sum(one.what == "created" for one in soon.events) == 3
    assert sum(pod.is_ready for pod in soon.pods) == 3
    assert [round(one.t) for one in soon.events if one.what == "not ready"] == [75]
    assert sum(one.what == "created" for one in late.events) == 4
    assert [round(one.t) for one in late.events if one.what == "gone"] == [500]


def test_the_answer_has_what_the_command_line_promises():
    spec = deployment()
    found = answer(rollout("web", spec, spec, told(), 60))
    requests = found["requests"]
    assert set(found) >= {"events", "requests", "complete"}
    assert set(requests) >= {"sent", "served", "failed", "by_cause"}
    assert requests["failed"] == sum(requests["by_cause"].values())


def test_retries_turn_most_losses_into_served_requests():
    spec = deployment(surge="25%", unavailable="25%")
    retrying = told(clients={"count": 6, "every": 0.1, "retries": 2})
    once, again = rollout("web", spec, spec, told(), 90), rollout("web", spec, spec, retrying, 90)
    assert again.tally.retried > 0
    assert again.tally.failed < once.tally.failed


def test_a_story_told_twice_is_the_same_story():
    spec = deployment()
    assert answer(rollout("web", spec, spec, told(), 60, seed=3)) == answer(
        rollout("web", spec, spec, told(), 60, seed=3)
    )


BALANCED = {"nodes": 3, "balancer": {"every": 2, "unhealthy": 2}}


def balanced_drain(hook, seed):
    """Six pods on three nodes, two on each; those of node-1 are drained, and clients come by a load balancer."""
    spec = deployment(replicas=6, hook=hook)
    story = told(GRACEFUL, rollsOutAt=100_000, network=BALANCED, actions=[{"at": 20, "do": "drain", "node": "node-1"}])
    return rollout("web", spec, spec, story, 60, seed=seed)


@pytest.mark.parametrize("seed", range(8))
def test_a_load_balancer_needs_longer_than_a_kube_proxy_to_see_that_a_node_has_no_pod_left(seed):
    """It asks every 2 s and believes the second no: 4 s, and a kube-proxy's second before that."""
    short, long = balanced_drain(1, seed), balanced_drain(8, seed)
    assert short.tally.by_cause["no answer: the node has no endpoint of its own"] > 0
    assert all(20 < one.t < 20 + 1 + 4 + 1 for one in short.tally.lost)
    assert long.tally.failed == 0


def test_readiness_flaps_where_there_are_too_few_pods_for_the_load():
    """45 requests a second, and a pod that answers late above 20. Three pods have 15 each, two have 22 or 23."""
    web = {"load": {"above": 20, "answersAfter": 3}, "answersAfter": 0.01}
    loaded = told(web, clients={"count": 9, "every": 0.2}, rollsOutAt=100_000)

    def flaps(replicas):
        spec = deployment(replicas=replicas)
        return sum(one.what == "not ready" for one in rollout("web", spec, spec, loaded, 60).events)

    assert flaps(2) > flaps(4) == 0


@pytest.mark.parametrize("mode", ["iptables", "nftables"])
def test_through_kube_proxys_own_rules_a_rollout_that_drains_loses_nothing_and_a_naive_one_does(mode):
    network = {"nodes": 3, "rules": mode}
    careful, naive = deployment(hook=3), deployment(surge="25%", unavailable="25%")
    world = rollout("web", careful, careful, told(GRACEFUL, network=network), 60, seed=1)
    assert world.is_complete
    assert (world.tally.lost, world.tally.sent > 2000) == ([], True)
    lossy = rollout("web", naive, naive, told(network=network), 60, seed=1)
    assert lossy.tally.failed > 0


@pytest.mark.parametrize("mode", ["iptables", "nftables"])
def test_through_the_rules_of_policy_local_a_drained_node_drops_until_the_balancer_has_seen_it(mode):
    network = {**BALANCED, "rules": mode}
    spec = deployment(replicas=6, hook=1)
    story = told(GRACEFUL, rollsOutAt=100_000, network=network, actions=[{"at": 20, "do": "drain", "node": "node-1"}])
    lossy = rollout("web", spec, spec, story, 60, seed=1)
    assert lossy.tally.by_cause["no answer: the node has no endpoint of its own"] > 0
    assert all(20 < one.t < 20 + 1 + 4 + 1 for one in lossy.tally.lost)


def test_the_rules_spread_requests_as_evenly_as_drawing_does():
    """Chi-square with three degrees of freedom: above 16.3 in one of a thousand seeds."""
    spec = deployment()
    story = told(clients={"count": 6, "every": 0.05}, rollsOutAt=100_000, network={"rules": "iptables"})
    world = rollout("web", spec, spec, story, 40, seed=5)
    served = [len(pod.boxes[0].arrivals) for pod in world.pods]  # of the last second: 120 requests
    assert sum((one - 30) ** 2 / 30 for one in served) < 16.3
