"""Chapter 13: the model's kernels with policies in their rules, the explorer, and the exercises on policies."""

from __future__ import annotations

import json
from random import Random

import pytest
import yaml

from kubenet_course.data import data
from kubenet_course.errors import BadInput
from kubenet_course.kube.model.cluster import cluster
from kubenet_course.kube.policy.enforce.kernels import Enforced
from kubenet_course.kube.policy.judge.decide import decide
from kubenet_course.kube.policy.judge.values import Port
from kubenet_course.kube.questions.ask import request
from kubenet_course.learn.bank import find, of_chapter
from kubenet_course.learn.bank.ch13 import made, texts
from kubenet_course.learn.bank.ch13.recall import ALLOWED, BY_EGRESS, BY_INGRESS, answer, cases
from kubenet_course.learn.questions.feedback import RIGHT, UNREADABLE, WRONG, judged
from kubenet_course.learn.worlds.shop import SHOP, Tiers, pairs, shop
from kubenet_course.linux.namespace.memory import Memory
from kubenet_course.linux.verdicts import verdict
from kubenet_course.views.policies.asked import allowed, asked
from kubenet_course.views.policies.beside import beside
from kubenet_course.views.policies.explorer import Explorer
from kubenet_course.views.policies.parts import switched, switches
from tests.policy_naive import Maker
from tests.test_policy_naive import read_items

CLUSTER = data("policies/shop.yaml")
GUESTS_OUT = """
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: guests-out}
spec:
  tier: Admin
  priority: 10
  subject: {namespaces: {matchLabels: {purpose: shop}}}
  ingress:
  - {name: scrapers, action: Pass, from: [{namespaces: {matchLabels: {purpose: monitoring}}}]}
  - {name: guests, action: Deny, from: [{namespaces: {matchLabels: {purpose: guest}}}]}
"""
BASELINE = GUESTS_OUT.replace("tier: Admin", "tier: Baseline").replace("guests-out", "last").replace("Pass", "Deny")
BLOCK = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: block, namespace: shop}
spec:
  podSelector: {}
  ingress:
  - from: [{ipBlock: {cidr: 10.244.0.0/16, except: [10.244.1.0/24]}}]
"""
SETS = {
    "no policy": (),
    "the application": (texts.application(SHOP),),
    "default deny": (texts.deny(SHOP),),
    "a tier before it": (GUESTS_OUT, texts.metrics(SHOP)),
    "a tier behind it": (BASELINE, texts.db(SHOP)),
    "a block of addresses": (BLOCK, texts.dns(SHOP)),
}


# --- the model's kernels


@pytest.mark.parametrize("policies", SETS.values(), ids=SETS)
def test_a_packet_in_the_model_gets_through_where_the_evaluator_allows_it(policies):
    made_of, world = cluster([CLUSTER]), shop(*policies)
    kernels = Enforced(made_of, world)
    for source in world.pods.values():
        for to in world.pods.values():
            for port in (8080, 9100) if source is not to else ():
                sent = request(made_of, str(source), f"{to}:{port}", world=kernels)
                is_through = verdict(sent).name in ("delivered", "refused")  # refused: nobody listens there
                assert is_through is decide(world, source, to, Port(port)).allowed, (str(source), str(to), port)


@pytest.mark.parametrize("seed", range(540, 546))
def test_it_does_so_under_random_policies_too(seed):
    world = read_items(Maker(seed).world())
    made_of = cluster_of(world)
    kernels = Enforced(made_of, world)
    for source in world.pods.values():
        for to in world.pods.values():
            said = decide(world, source, to, Port(53, "UDP")).allowed
            if source is to or said is None or source.host_network or to.host_network:
                continue
            sent = request(made_of, str(source), f"{to}:53/udp", world=kernels)
            assert (verdict(sent).name != "timeout") is said, (str(source), str(to))


def cluster_of(world):
    from kubenet_course.kube.model.cluster import Cluster

    return Cluster(world.objects)


def test_policies_come_after_translation_and_the_trace_names_the_policy_that_dropped_the_packet():
    made_of = cluster([CLUSTER])
    wrong = Enforced(made_of, shop(texts.api(SHOP, port=80)))
    sent = request(made_of, "pod/shop/web-1", "service/shop/api:80", world=wrong)
    dropped = next(step for step in sent.steps if step.end == "dropped" and step.stage == "filter FORWARD")
    assert (dropped.namespace, dropped.skb.packet.flow.dst, dropped.skb.packet.flow.dport) == (
        "node-2",
        "10.244.2.11",
        8080,
    )
    assert "no rule of shop/api fits" in dropped.why[-1].rule.text
    right = Enforced(made_of, shop(texts.api(SHOP)))
    assert verdict(request(made_of, "pod/shop/web-1", "service/shop/api:80", world=right)).name == "delivered"


def test_the_client_is_refused_by_reject_and_waits_after_drop():
    made_of, world = cluster([CLUSTER]), shop(texts.db(SHOP))
    asking = ("pod/guest/visitor", "service/shop/db:5432")
    found = [verdict(request(made_of, *asking, world=Enforced(made_of, world, one))).name for one in ("DROP", "REJECT")]
    assert found == ["timeout", "refused"]


def test_a_reset_behind_a_bridge_is_not_translated_back_and_the_client_ignores_it():
    """As measured on a real kernel, 6.18: REJECT of a packet that came by a bridge port answers by that port at once."""
    made_of = cluster([CLUSTER])
    kernels = Enforced(made_of, shop(texts.web(SHOP), texts.db(SHOP)), "REJECT --reject-with tcp-reset")
    asking = (
        "service/shop/web:80",
        "pod/shop/web-1:8080",
        "service/shop/db:5432",
    )  # web-1 is on the visitor's own node
    found = [verdict(request(made_of, "pod/guest/visitor", to, world=kernels)).name for to in asking]
    assert found == ["timeout", "refused", "refused"]


def test_a_known_connection_goes_on_and_a_forgotten_one_does_not():
    made_of, memory = cluster([CLUSTER]), Memory()
    asking = ("pod/guest/visitor", "service/shop/db:5432")
    request(made_of, *asking, memory=memory)
    kernels = Enforced(made_of, shop(texts.db(SHOP)))
    assert verdict(request(made_of, *asking, memory=memory, world=kernels)).name == "delivered"
    assert verdict(request(made_of, *asking, memory=Memory(), world=kernels)).name == "timeout"


def test_the_kubelet_probes_a_pod_under_a_default_deny():
    made_of = cluster([CLUSTER])
    kernels = Enforced(made_of, shop(texts.deny(SHOP)))
    assert verdict(request(made_of, "node/node-1", "pod/shop/web-1:8080", world=kernels)).name == "delivered"


# --- the explorer


def test_the_explorers_square_is_what_the_evaluator_says_with_any_rule_switched_off():
    world = shop(texts.application(SHOP), GUESTS_OUT)
    explorer = Explorer(world, "8080/TCP", "9100/TCP")
    for off in ([], ["shop/default-deny"], ["guests-out spec.ingress[1]", "shop/web"], switches(world)):
        explorer.choose(port="9100/TCP", off=off)
        for who, row in zip(explorer.pods, explorer.rows, strict=True):
            for to, said in zip(explorer.pods, row, strict=True):
                assert (said == "1") is decide(explorer.now, who, to, Port(9100)).allowed


def test_a_policy_without_its_rules_still_isolates_and_one_that_is_off_does_not():
    world = shop(texts.db(SHOP))
    without_rule = world.under(switched(world.policies, ["shop/db spec.ingress[0]"]))
    assert allowed(without_rule, "api-1 -> db-0:5432", "visitor -> db-0:5432") == ()
    without_policy = world.under(switched(world.policies, ["shop/db"]))
    assert len(allowed(without_policy, "api-1 -> db-0:5432", "visitor -> db-0:5432")) == 2


def test_the_explorer_says_in_text_what_it_shows():
    explorer = Explorer(shop(texts.db(SHOP)), "5432/TCP", title="The database", cell=("visitor", "db-0"))
    said = repr(explorer)
    assert "The database: 5432/TCP" in said and "visitor to db-0 is denied" in said and "shop/db" in said
    assert "<table" in explorer._repr_mimebundle_()["text/html"]


@pytest.mark.parametrize("wrong", [{"port": "1/TCP"}, {"cell": ("visitor", "nobody")}, {"off": ["shop/none"]}], ids=str)
def test_what_the_explorer_does_not_have_is_refused_in_one_sentence(wrong):
    with pytest.raises(BadInput, match="is none of these"):
        Explorer(shop(texts.db(SHOP))).choose(**wrong)


def test_the_explorer_refuses_policies_whose_verdict_is_undefined():
    other = GUESTS_OUT.replace("guests-out", "other")
    with pytest.raises(BadInput, match="share a priority"):
        Explorer(shop(GUESTS_OUT, other))


def test_a_question_that_is_no_connection_is_refused():
    for text in ("web-1", "web-1 -> api-1", "nobody -> api-1:80", "web-1 -> api-1:http", "web-1 -> service none:80"):
        with pytest.raises(BadInput):
            asked(shop(), text)


def test_two_texts_side_by_side_mark_the_lines_that_differ():
    said = str(beside("a:\n- b\n  c", "a:\n- b\n- c", ("one", "two")))
    assert [line for line in said.splitlines() if line.startswith(">")] == [">   c", "> - c"]


# --- the exercises

# By hand, from the page "Network Policies" of the documentation and the reference of NetworkPolicySpec, in the order of the cases.
BY_HAND = (
    ALLOWED, BY_INGRESS, ALLOWED, BY_INGRESS, BY_INGRESS, BY_EGRESS, BY_INGRESS, ALLOWED, BY_INGRESS, BY_EGRESS,
)  # fmt: skip


@pytest.mark.parametrize("of", [SHOP, Tiers("clinic", 3000, 9000, 6379, 2112, 5353)], ids=lambda of: of.namespace)
def test_each_cell_to_predict_is_as_the_documentation_says(of):
    found = tuple(answer(of.under(case.policies), case.line) for case in cases(of))
    assert found == BY_HAND
    assert all(case.wrong != right for case, right in zip(cases(of), BY_HAND, strict=True))


@pytest.mark.parametrize("exercise", of_chapter("13"), ids=lambda one: one.id)
def test_the_first_four_variants_ask_four_different_things(exercise):
    asked_of = [exercise.instance(variant) for variant in range(4)]
    words = [(one.because, one.hints, one.asks.split(" of ")[-1][-200:]) for one in asked_of]
    assert len(set(words)) == 4


def application_by_others(of: Tiers) -> str:
    """The same requirements as variant 2 of 13-tiers asks (metrics and DNS), written by another hand: JSON, names of ports, In."""
    edge = {"namespaceSelector": {"matchExpressions": [{"key": "purpose", "operator": "In", "values": ["edge"]}]}}
    monitoring = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}},
        "podSelector": {"matchLabels": {"app": "prometheus"}},
    }
    dns = {"to": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}],
           "ports": [{"port": "dns", "protocol": "UDP"}, {"port": "dns-tcp"}]}  # fmt: skip
    pod = texts.tier
    scrape = {"from": [monitoring], "ports": [{"port": "metrics"}]}
    tiers = {
        "web": ({"from": [edge], "ports": [{"port": "http"}]}, {"to": [pod("api")], "ports": [{"port": of.api}]}),
        "api": (
            {"from": [pod("web")], "ports": [{"port": of.api}]},
            {"to": [pod("db")], "ports": [{"port": "postgres"}]},
        ),
        "db": ({"from": [pod("api")], "ports": [{"port": of.db}]}, None),
    }
    items = [
        {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": name, "namespace": of.namespace},
         "spec": {"podSelector": {"matchLabels": {"tier": name}}, "policyTypes": ["Egress", "Ingress"],
                  "ingress": [into, scrape], "egress": [dns, *([out] if out else [])]}}
        for name, (into, out) in tiers.items()
    ]  # fmt: skip
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})


def test_policies_of_another_hand_that_meet_the_requirements_are_right_as_well():
    exercise = find("13-tiers")
    of = tiers_of(exercise, 2)
    assert judged(exercise, application_by_others(of), 2).state == RIGHT


def tiers_of(exercise, variant) -> Tiers:
    """The application of a variant, read from its reference solution."""
    docs = list(yaml.safe_load_all(exercise.instance(variant).solution))
    by_name = {doc["metadata"]["name"]: doc for doc in docs}

    def port(name, way):
        return by_name[name]["spec"][way][0]["ports"][0]["port"]

    metrics = port("allow-metrics", "ingress")
    return Tiers(docs[0]["metadata"]["namespace"], port("web", "ingress"), port("api", "ingress"), port("db", "ingress"),
                 metrics, port("allow-dns", "egress"))  # fmt: skip


@pytest.mark.parametrize("text", [
    "what?", "a: [", "kind: Pod", "apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: {ports: [{port: 1}]}",
    texts.deny(SHOP).replace("policyTypes", "policyType"), texts.dns(SHOP).replace("podSelector: {}", "podSelector: []"),
    texts.db(SHOP).replace("port: 5432", "port: 70000"), BLOCK.replace("10.244.1.0/24", "10.1.0.0/24"),
])  # fmt: skip
def test_what_the_api_server_would_not_take_is_no_attempt(text):
    assert judged("13-tiers", text).state == UNREADABLE


def test_the_first_wrong_pair_is_named_and_nothing_of_the_solution():
    told = judged("13-tiers", texts.deny(Tiers("nowhere")), 0)
    assert told.state == WRONG and len(told.findings) == 1
    assert "must be allowed, and is denied" in told.findings[0].said or "must be denied" in told.findings[0].said


@pytest.mark.parametrize("fault", made.FAULTS)
def test_each_broken_set_locks_prometheus_out_and_nobody_else(fault):
    broken = SHOP.under(texts.application(SHOP, metrics=""), made.FAULTS[fault][0](SHOP))
    whole = SHOP.under(texts.application(SHOP))
    before, now = pairs(SHOP, whole), pairs(SHOP, broken)
    lost = {pair for pair, said in before.items() if said and not now[pair]}
    assert {("prometheus", one, "9100/TCP") for one in ("web-1", "api-1", "db-0")} <= lost
    assert {who for who, _, _ in lost} == {"prometheus"} or fault == "sender"


def test_without_the_policy_that_has_the_hole_the_connection_is_denied_and_without_another_it_is_not():
    for variant in range(8):
        instance = find("13-hole").instance(variant)
        for slip in instance.slips:
            assert slip.evidence.rows[0][1] == "allowed", (variant, slip.answer)


def test_every_policy_that_can_be_chosen_is_shown_and_no_two_are_the_same():
    for variant in range(8):
        instance = find("13-minimal").instance(variant)
        shown = yaml.safe_load(instance.look)
        assert {f"`{name}`" for name in shown} == {one.text for one in instance.statements}
        assert len({json.dumps(spec) for spec in shown.values()}) == 4


def test_a_change_that_is_reviewed_changes_what_is_marked_and_nothing_else():
    for variant in range(8):
        instance = find("13-review").instance(variant)
        right = {one.text for one in instance.statements if one.right}
        assert 1 <= len(right) <= 2 and len(instance.statements) == len(right) + 3


def test_later_variants_draw_at_random_and_the_first_in_turn():
    drawn = [texts.in_turn("x", Random(f"x:{variant}"), 4) for variant in range(40)]
    assert drawn[:4] == [0, 1, 2, 3] and set(drawn[4:]) == {0, 1, 2, 3}


@pytest.mark.parametrize("variant", range(4))
def test_a_selector_that_lets_in_a_copied_label_of_any_namespace_does_not_pass(variant):
    """Today no other pod has the label of Prometheus; anybody who may create a pod could give it to one."""
    exercise = find("13-monitoring")
    home = "namespaceSelector: {matchLabels: {purpose: monitoring}}"
    right = exercise.instance(variant).solution
    assert home in right
    told = judged(exercise, right.replace(home, "namespaceSelector: {}"), variant)
    assert told.state == WRONG
    assert "Which namespace does this peer name?" in str(told)
