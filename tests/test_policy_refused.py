"""What the API server refuses in a policy: one sentence with the path of the field, and exit code 2."""

import pytest
from click.testing import CliRunner

from kubenet_course.cli import kubenet, main
from kubenet_course.errors import BadInput
from tests.policy_world import PODS, cluster_policy, policy, text, world

WEB = {"matchLabels": {"app": "web"}}
RED = {"namespaces": {"matchLabels": {"team": "red"}}}


def into(peer=None, port=None):
    rule = ({"from": [peer]} if peer is not None else {}) | ({"ports": [port]} if port is not None else {})
    return policy(ingress=[rule])


def wants(**said):
    return policy(podSelector={"matchExpressions": [said]})


def block(cidr, *excepts):
    return {"ipBlock": {"cidr": cidr, "except": list(excepts)}}


def admin(*rules, **said):
    return cluster_policy(ingress=list(rules), **said)


def goes(*peers, action="Deny", **said):
    return cluster_policy(egress=[{"action": action, "to": list(peers), **said}])


IN, FROM = "spec.ingress[0]", "spec.ingress[0].from[0]"
REFUSED = [
    ("an empty peer", into({}), FROM),
    ("ipBlock beside a selector", into(block("10.0.0.0/8") | {"podSelector": WEB}), FROM),
    ("host bits", into(block("10.0.0.1/8")), f"{FROM}.ipBlock.cidr"),
    ("no length", into(block("10.0.0.1")), f"{FROM}.ipBlock.cidr"),
    ("no address", into(block("10.0.0.300/32")), f"{FROM}.ipBlock.cidr"),
    ("a length of another family", into(block("10.0.0.0/64")), f"{FROM}.ipBlock.cidr"),
    ("a netmask", into(block("10.0.0.0/255.0.0.0")), f"{FROM}.ipBlock.cidr"),
    ("no cidr", into({"ipBlock": {"except": []}}), f"{FROM}.ipBlock.cidr"),
    ("host bits in an exception", into(block("10.0.0.0/8", "10.1.1.1/24")), f"{FROM}.ipBlock.except[0]"),
    ("endPort below port", into(port={"port": 80, "endPort": 79}), f"{IN}.ports[0].endPort"),
    ("endPort beside a name", into(port={"port": "web", "endPort": 90}), f"{IN}.ports[0].endPort"),
    ("endPort without a port", into(port={"endPort": 90}), f"{IN}.ports[0].endPort"),
    ("endPort too large", into(port={"port": 80, "endPort": 65536}), f"{IN}.ports[0].endPort"),
    ("port 0", into(port={"port": 0}), f"{IN}.ports[0].port"),
    ("port too large", into(port={"port": 65536}), f"{IN}.ports[0].port"),
    ("a name of a port that is none", into(port={"port": "Web_1"}), f"{IN}.ports[0].port"),
    ("a name of a port that is too long", into(port={"port": "a" * 16}), f"{IN}.ports[0].port"),
    ("a name of a port without a letter", into(port={"port": "123"}), f"{IN}.ports[0].port"),
    ("a protocol that is none", into(port={"protocol": "ICMP"}), f"{IN}.ports[0].protocol"),
    ("a protocol in small letters", into(port={"protocol": "tcp"}), f"{IN}.ports[0].protocol"),
    ("an operator that is none", wants(key="a", operator="Equals", values=["b"]), "matchExpressions[0].operator"),
    ("In without values", wants(key="a", operator="In"), "spec.podSelector.matchExpressions[0].values"),
    ("NotIn with no value", wants(key="a", operator="NotIn", values=[]), "spec.podSelector.matchExpressions[0].values"),
    ("Exists with values", wants(key="a", operator="Exists", values=["b"]), "spec.podSelector.matchExpressions[0].values"),
    ("a value that no label has", wants(key="a", operator="In", values=["b c"]), "matchExpressions[0].values[0]"),
    ("a key that no label has", wants(key="-a", operator="Exists"), "spec.podSelector.matchExpressions[0].key"),
    ("an empty key", wants(key="", operator="Exists"), "spec.podSelector.matchExpressions[0].key"),
    ("a key with a bad domain", wants(key="A_b/c", operator="Exists"), "spec.podSelector.matchExpressions[0].key"),
    ("a bad label", policy(podSelector={"matchLabels": {"app": "-web"}}), "spec.podSelector.matchLabels.app"),
    ("a bad label of a peer", into({"podSelector": {"matchLabels": {"a b": "c"}}}), f"{FROM}.podSelector.matchLabels"),
    ("a label that is too long", policy(podSelector={"matchLabels": {"app": "a" * 64}}), "spec.podSelector.matchLabels"),
    ("a type that is none", policy(policyTypes=["Inbound"]), "spec.policyTypes[0]"),
    ("three types", policy(policyTypes=["Ingress", "Egress", "Ingress"]), "spec.policyTypes"),
    ("a label that is a number", policy(podSelector={"matchLabels": {"app": 1}}), "spec.podSelector.matchLabels.app"),
    ("priority too large", admin(priority=1001), "spec.priority"),
    ("priority below 0", admin(priority=-1), "spec.priority"),
    ("a tier that is none", admin(tier="NetworkPolicy"), "spec.tier"),
    ("an action that is none", admin({"action": "Allow", "from": [RED]}), f"{IN}.action"),
    ("no peers", admin({"action": "Deny", "from": []}), f"{IN}.from"),
    ("peers left out", admin({"action": "Deny"}), f"{IN}.from"),
    ("a subject of two kinds", admin(subject=RED | {"pods": {"podSelector": {}}}), "spec.subject"),
    ("a peer of two kinds", admin({"action": "Deny", "from": [RED | {"pods": {"podSelector": {}}}]}), FROM),
    ("a network with host bits", goes({"networks": ["10.0.0.1/8"]}), "spec.egress[0].to[0].networks[0]"),
    ("no networks", goes({"networks": []}), "spec.egress[0].to[0].networks"),
    ("a name of a domain that is none", goes({"domainNames": ["a"]}, action="Accept"), "to[0].domainNames[0]"),
    ("domains in a Deny rule", goes({"domainNames": ["a.b"]}), "spec.egress[0].to[0].domainNames"),
    ("a range that is one port", goes(RED, protocols=[{"tcp": {"destinationPort": {"range": {"start": 8, "end": 8}}}}]),
        "spec.egress[0].protocols[0].tcp.destinationPort.range.end"),
    ("a number beside a range", goes(RED, protocols=[
        {"tcp": {"destinationPort": {"number": 8, "range": {"start": 8, "end": 9}}}}]),
        "spec.egress[0].protocols[0].tcp.destinationPort"),
    ("two protocols in one entry", goes(RED, protocols=[{"tcp": {}, "udp": {}}]), "spec.egress[0].protocols[0]"),
    ("a named port of a network", goes({"networks": ["10.0.0.0/8"]}, protocols=[{"destinationNamedPort": "web"}]),
        "spec.egress[0].protocols[0]"),
    ("26 rules", admin(*[{"action": "Deny", "from": [RED]}] * 26), "spec.ingress"),
    ("a name of a rule that is too long", admin({"action": "Deny", "from": [RED], "name": "a" * 101}), f"{IN}.name"),
    ("a Baseline with another name", cluster_policy("other", kind="BaselineAdminNetworkPolicy"), "metadata.name"),
]  # fmt: skip


@pytest.mark.parametrize("story, wrong, path", REFUSED, ids=[row[0] for row in REFUSED])
def test_the_api_server_refuses(story, wrong, path):
    with pytest.raises(BadInput) as refused:
        world(wrong)
    assert path in refused.value.where
    assert refused.value.what
    assert refused.value.right


@pytest.fixture
def file(tmp_path):
    def written(*policies, pods=None, name="w.json"):
        path = tmp_path / name
        path.write_text(text([*(PODS if pods is None else pods), *policies]))
        return str(path)

    return written


def run(*args):
    return CliRunner().invoke(kubenet, ["policy", *args], catch_exceptions=True)


OUTSIDE = into(block("10.0.0.0/24", "10.0.1.0/25"))
WHY = ("--from", "pod/x/a", "--to", "pod/x/b", "--port", "80/TCP")


@pytest.mark.parametrize(
    "story, cidr, inner",
    [
        ("beside it", "10.0.0.0/24", "10.0.1.0/25"),
        ("as large as it", "10.0.0.0/24", "10.0.0.0/24"),
        ("larger", "10.0.0.0/24", "10.0.0.0/16"),
        ("of the other family", "10.0.0.0/24", "fd00::/64"),
    ],
)
def test_an_exception_that_does_not_lie_within_its_block_is_refused(file, story, cidr, inner):
    refused = run("why", file(into(block(cidr, inner))), *WHY).exception
    assert isinstance(refused, BadInput)
    assert f"{FROM}.ipBlock.except[0]" in refused.where


def test_a_matrix_judges_such_an_exception_as_it_stands_and_tells_it(file):
    """Recorded truth tables have them."""
    answer = run("matrix", file(OUTSIDE), "--port", "80")
    assert answer.exit_code == 0
    assert f"{FROM}.ipBlock.except[0]: it is 10.0.1.0/25; the API server refuses it" in answer.stderr


def test_a_policy_in_a_namespace_without_pods_is_told_and_not_ignored(file):
    answer = run("why", file(policy("lonely", "z")), *WHY)
    assert "NetworkPolicy z/lonely: namespace z has no pods that run; the policy selects nothing" in answer.stderr


@pytest.mark.parametrize(
    "story, args, where, what",
    [
        ("a pod that is not there", ("--from", "pod/x/zz", *WHY[2:]), "--from", "there is no running pod x/zz"),
        ("nobody", ("--from", "x", *WHY[2:]), "--from", "'x' names nobody"),
        ("a node that is not there", ("--from", "node/n9", *WHY[2:]), "--from", "there is no node 'n9'"),
        ("no address", ("--from", "host/10.0.0.300", *WHY[2:]), "--from", "is not an address"),
        ("no port", (*WHY[:4], "--port", "http"), "--port", "'http' is not a port"),
        ("port 0", (*WHY[:4], "--port", "0/TCP"), "--port", "'0/TCP' is not a port"),
        ("a protocol that is none", (*WHY[:4], "--port", "80/ICMP"), "--port", "'80/ICMP' is not a port"),
        ("nothing asked", (), "--from", "it is missing"),
        ("a Service that is not there", (*WHY[:2], "--to", "service/x/w", *WHY[4:]), "--to", "there is no Service x/w"),
    ],
)
def test_a_question_that_cannot_be_answered_is_refused(file, story, args, where, what):
    refused = run("why", file(), *args).exception
    assert isinstance(refused, BadInput)
    assert refused.where == where
    assert what in refused.what


def test_bad_input_is_one_line_and_exit_code_2(file, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["policy", "why", file(into({})), *WHY])
    said = capsys.readouterr()
    assert (ended.value.code, said.out, said.err.count("\n")) == (2, "", 1)
    assert 'item 13 (NetworkPolicy "p"): spec.ingress[0].from[0]: it names no peer' in said.err


def test_a_line_of_a_packets_file_that_cannot_be_used_is_named(file, tmp_path):
    packets = tmp_path / "p.jsonl"
    packets.write_text('{"from": "pod/x/a", "to": "pod/x/b", "port": "80"}\n\n{"from": "pod/x/a", "to": "pod/x/zz"}\n')
    answer = run("why", file(), "--packets", str(packets))
    assert answer.exception.where == f"{packets}:3: to"
    assert answer.stdout == ""
