"""`kubenet policy` as a person or a script sees it: shapes, exit codes, and what each answer must say."""

import json

import pytest
import yaml
from click.testing import CliRunner

from kubenet_course.cli import kubenet
from kubenet_course.errors import BadInput
from tests.policy_world import PODS, cluster_policy, pod, policy, text

WEB, DB = {"matchLabels": {"app": "web"}}, {"matchLabels": {"app": "db"}}
ONLY_FRONT = policy(podSelector=DB, ingress=[
    {"from": [{"podSelector": {"matchLabels": {"app": "web", "tier": "db"}}}], "ports": [{"port": 80}]}])  # fmt: skip
SERVICE = {
    "apiVersion": "v1", "kind": "Service", "metadata": {"name": "db", "namespace": "x"},
    "spec": {"selector": {"app": "db"}, "ports": [{"port": 5432, "targetPort": 80}]},
}  # fmt: skip


@pytest.fixture
def file(tmp_path):
    def written(*policies, pods=None, name="w.json"):
        path = tmp_path / name
        path.write_text(text([*(PODS if pods is None else pods), *policies]))
        return str(path)

    return written


def run(*args):
    answer = CliRunner().invoke(kubenet, ["policy", *args], standalone_mode=False)
    if answer.exception:
        raise answer.exception
    return answer.return_value, answer.stdout


def asked(path, source="pod/x/a", to="pod/x/b", port="80/TCP", *more):
    code, said = run("why", path, "--from", source, "--to", to, "--port", port, "--json", *more)
    return code, json.loads(said)


def test_why_names_the_policy_and_what_the_nearest_rule_lacks(file):
    code, said = asked(file(ONLY_FRONT))
    assert (code, said["allowed"], said["certain"]) == (1, False, True)
    assert [(one["policy"], one["direction"], one["rule"]) for one in said["because"]] == [("x/p", "ingress", None)]
    assert "x/p spec.ingress[0]: it would fit but for label tier=db of pod/x/a" in said["would_change_it"]
    assert [one["rule"] for one in said["near"]] == ["spec.ingress[0]"]


def test_why_names_the_rule_that_allows(file):
    code, said = asked(file(policy(ingress=[{}, {"from": [{"podSelector": DB}]}])))
    assert (code, said["allowed"]) == (0, True)
    assert ("x/p", "ingress", "spec.ingress[0]") in [(e["policy"], e["direction"], e["rule"]) for e in said["because"]]
    assert "without x/p spec.ingress[0] it would be denied for ingress" in said["would_change_it"]


def test_what_is_not_certain_has_exit_code_3_and_says_on_what_it_hangs(file):
    rules = [{"action": action, "from": [{"namespaces": {}}]} for action in ("Accept", "Deny")]
    code, said = asked(file(*(cluster_policy(f"c{at}", ingress=[rule]) for at, rule in enumerate(rules))))
    assert (code, said["allowed"], said["certain"]) == (3, None, False)
    assert [one["policy"] for one in said["hangs_on"]] == ["c0", "c1"]
    shown = run("why", file(*[cluster_policy(f"c{at}", ingress=[rule]) for at, rule in enumerate(rules)]),
                "--from", "pod/x/a", "--to", "pod/x/b", "--port", "80")  # fmt: skip
    assert shown[1].startswith("not certain:")


def test_beside_a_policy_that_only_some_plugin_knows_no_answer_is_certain(file):
    foreign = {"apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy", "metadata": {"name": "c", "namespace": "x"}}
    code, said = asked(file(ONLY_FRONT, foreign))
    assert (code, said["allowed"], said["certain"]) == (3, None, False)
    assert any("CiliumNetworkPolicy (cilium.io/v2) is not understood" in one["says"] for one in said["hangs_on"])
    assert run("matrix", file(ONLY_FRONT, foreign), "--port", "80")[0] == 3


@pytest.mark.parametrize(
    "story, policies, source, to, words",
    [
        ("a connection that exists", [policy()], "pod/x/a", "pod/x/b", "exists already"),
        ("a pod of the host's network", [policy(ingress=[{"from": [{"podSelector": WEB, "namespaceSelector": {}}]}])],
            "pod/y/host", "pod/x/b", "network; most plugins see it as its node"),
        ("an address that was translated", [policy(ingress=[{"from": [{"ipBlock": {"cidr": "8.8.8.0/24"}}]}])],
            "host/8.8.8.8", "pod/x/b", "whether a plugin asks before or after a Service"),
    ],
)  # fmt: skip
def test_what_the_api_leaves_to_the_plugin_is_said(file, story, policies, source, to, words):
    assert any(words in one for one in asked(file(*policies), source, to)[1]["left_to_plugin"])


def test_many_questions_have_an_answer_a_line(file, tmp_path):
    packets = tmp_path / "p.jsonl"
    rows = [
        {"from": "pod/x/a", "to": "pod/x/b", "port": "80/TCP"},
        {"from": "host/8.8.8.8", "to": "pod/x/c", "port": 1},
    ]
    packets.write_text("".join(json.dumps(row) + "\n" for row in rows))
    code, said = run("why", file(ONLY_FRONT), "--packets", str(packets))
    assert code == 0
    assert [json.loads(line)["allowed"] for line in said.splitlines()] == [False, True]


def test_a_service_is_asked_at_the_port_of_its_pods(file):
    """Policies apply after translation."""
    code, said = asked(file(SERVICE, ONLY_FRONT), to="service/x/db", port="5432/TCP")
    assert (code, said["allowed"]) == (1, False)
    assert said["behind"] == [{"pod": "pod/x/b", "port": "80/TCP", "allowed": False}]


def test_the_address_of_a_service_is_nobody(file):
    known = {**SERVICE, "spec": {**SERVICE["spec"], "clusterIP": "10.96.0.7"}}
    with pytest.raises(BadInput, match="write service/x/db"):
        asked(file(known), to="host/10.96.0.7")


def test_a_matrix_has_a_string_per_sender_for_each_port(file):
    code, said = run("matrix", file(ONLY_FRONT), "--port", "80/TCP", "--port", "53/UDP", "--json")
    answer = json.loads(said)
    at = answer["pods"].index("x/b")
    assert code == 0
    assert set(answer["combined"]) == {"80/TCP", "53/UDP"}
    assert [row[at] for row in answer["ingress"]["80/TCP"]] == ["0", "1", "0", "1", "0", "0", "0"]


def test_diff_of_a_set_with_itself_is_empty(file):
    path = file(ONLY_FRONT, policy("q", egress=[{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}]))
    assert json.loads(run("diff", path, path, "--json")[1]) == {"changed": []}


def test_diff_names_pairs_and_ports(file):
    after = policy(podSelector=DB, ingress=[{"from": [{"podSelector": WEB}], "ports": [{"port": 80}]}])
    code, said = run("diff", file(ONLY_FRONT), file(after, pods=[], name="b.json"), "--json")
    assert code == 0
    assert json.loads(said)["changed"] == [
        {"from": "pod/x/a", "to": "pod/x/b", "port": "80/TCP", "ports": "80/TCP", "before": False, "after": True}
    ]


def test_diff_asks_outside_addresses_for_every_stretch_that_a_block_parts(file):
    before = policy(ingress=[{"from": [{"ipBlock": {"cidr": "198.51.100.0/24"}}]}], podSelector=DB)
    after = policy(ingress=[{"from": [{"ipBlock": {"cidr": "198.51.100.0/25"}}]}], podSelector=DB)
    rows = json.loads(run("diff", file(before), file(after, name="b.json"), "--json")[1])["changed"]
    assert {(row["from"], row["to"], row["after"]) for row in rows} == {("host/198.51.100.128", "pod/x/b", False)}


CHECKS = """
checks:
- {from: pod/x/a, to: pod/x/b, port: 80/TCP, expect: %s}
- {from: "pod/x/[ac]", to: pod/y/b, port: [80, 53/UDP], expect: allow}
"""


@pytest.mark.parametrize("expect, code, failed", [("deny", 0, 0), ("allow", 1, 1)])
def test_a_file_of_checks_serves_a_build(file, tmp_path, expect, code, failed):
    checks = tmp_path / "c.yaml"
    checks.write_text(CHECKS.replace("[ac]", "*") % expect)
    ended, said = run("test", file(ONLY_FRONT), "--checks", str(checks), "--json")
    answer = json.loads(said)
    assert (ended, len(answer["failed"]), answer["passed"]) == (code, failed, 9 - failed)


def test_suggest_prints_an_edit_and_what_else_it_opens(file):
    code, said = run("suggest", file(ONLY_FRONT), "--from", "pod/x/a", "--to", "pod/x/b", "--port", "80", "--allow",
                     "--json")  # fmt: skip
    answer = json.loads(said)
    assert code == 0
    assert [(one["policy"], one["op"], one["path"]) for one in answer["edits"]] == [
        ("x/p", "add", "spec.ingress[0].from")
    ]
    assert answer["also"] == []


def test_suggest_has_nothing_to_do_where_the_verdict_is_as_wanted(file):
    code, said = run(
        "suggest", file(ONLY_FRONT), "--from", "pod/x/a", "--to", "pod/x/b", "--port", "80", "--deny", "--json"
    )
    assert (code, json.loads(said)) == (0, {"edits": [], "also": []})


def test_exposure_shows_newcomers_and_strangers(file):
    answer = json.loads(run("exposure", file(ONLY_FRONT), "--port", "80", "--json")[1])
    onto_b = {one["from"] for one in answer["exposed"] if one["pod"] == "pod/x/b"}
    assert onto_b == {"a new one of pods with app=web and tier=db in namespace x"}
    onto_c = {one["from"] for one in answer["exposed"] if one["pod"] == "pod/x/c"}
    assert "an outside address such as 203.0.113.1" in onto_c
    assert "a pod without labels in a new namespace" in onto_c


LINTS = [
    ("selects nothing", [policy(podSelector={"matchLabels": {"app": "wbe"}})], "spec.podSelector", "selects no pod"),
    ("a peer that is nobody", [policy(ingress=[{"from": [{"podSelector": {"matchLabels": {"app": "wbe"}}}]}])],
        "spec.ingress[0].from[0]", "no pod that runs is one of"),
    ("one dash too many", [policy(ingress=[{"from": [
        {"namespaceSelector": {"matchLabels": {"team": "blue"}}}, {"podSelector": {"matchLabels": {"tier": "back"}}}]}])],
        "spec.ingress[0].from[1]", "one dash too many?"),
    ("rules without their type", [policy(egress=[{}], policyTypes=["Ingress"])], "spec.egress", "policyTypes lacks Egress"),
    ("ingress closed by the way", [policy(egress=[{}])], "spec.policyTypes", "it isolates ingress too"),
    ("UDP was meant", [policy(ingress=[{"ports": [{"port": 53}]}])], "spec.ingress[0].ports[0]",
        "declare 53 for UDP, not TCP"),
    ("a name under the wrong protocol", [policy(ingress=[{"ports": [{"port": "dns"}]}])], "spec.ingress[0].ports[0]",
        "no receiver declares port dns/TCP"),
    ("the Service's port", [SERVICE, policy(podSelector=DB, ingress=[{"ports": [{"port": 5432}]}])],
        "spec.ingress[0].ports[0]", "5432 is the port of Service x/db; its pods are asked at 80"),
    ("DNS forgotten", [policy(policyTypes=["Egress"], egress=[{"ports": [{"port": 443}]}])], "spec.egress",
        "(53/UDP and 53/TCP)"),
    ("DNS over TCP forgotten", [policy(policyTypes=["Egress"], egress=[{"ports": [{"port": 53, "protocol": "UDP"}]}])],
        "spec.egress", "(53/TCP)"),
    ("metrics locked out", [pod("x/m", "10.0.1.77", ports=((9090, "TCP", "metrics"),), app="m"),
        policy(podSelector={"matchLabels": {"app": "m"}}, ingress=[{"ports": [{"port": 80}]}])], "spec.ingress",
        "nobody can scrape it"),
    ("useless", [policy("p", ingress=[{}]), policy("q", ingress=[{}])], "", "without it no verdict would change"),
    ("equal priorities", [cluster_policy(f"c{at}", ingress=[{"action": action, "from": [{"namespaces": {}}]}])
        for at, action in enumerate(("Accept", "Deny"))], "spec.priority", "undefined"),
]  # fmt: skip


@pytest.mark.parametrize("story, items, path, words", LINTS, ids=[row[0] for row in LINTS])
def test_lint_finds(file, story, items, path, words):
    code, said = run("lint", file(*items), "--json")
    assert code == 1
    assert any(one["path"] == path and words in one["says"] for one in json.loads(said)["findings"]), said


def test_lint_has_nothing_to_say_of_a_set_that_is_well(file):
    dns = [{"port": 53, "protocol": protocol} for protocol in ("UDP", "TCP")]
    rules = [{"to": [{"podSelector": DB}], "ports": [{"port": 80}]}, {"ports": dns}]
    well = [
        policy("web", podSelector=WEB, policyTypes=["Egress"], egress=rules),
        policy("db", podSelector=DB, ingress=[{"from": [{"podSelector": WEB}], "ports": [{"port": "web"}]}]),
    ]
    assert run("lint", file(*well)) == (0, "nothing to remark\n")


def test_lint_in_the_forms_of_kubectl(file):
    name = file(policy("p", ingress=[{}]), policy("q", ingress=[{}]))
    code, said = run("lint", name, "-o", "yaml")
    assert code == 1
    assert yaml.safe_load(said) == json.loads(run("lint", name, "-o", "json")[1])
    assert run("lint", name, "-o", "wide")[1].split()[:3] == ["POLICY", "PATH", "SAYS"]
    assert run("lint", name, "-o", "name")[1].split() == ["x/p", "x/q"]
