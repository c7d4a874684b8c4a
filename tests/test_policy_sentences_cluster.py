"""ClusterNetworkPolicy v1alpha2, sentence by sentence: each story cites the sentence of the API that it stands on.

S: the comments in apis/v1alpha2/clusternetworkpolicy_types.go of sigs.k8s.io/network-policy-api, by type and field.
O: site-src/api-overview.md there, by section.
"""

import pytest

from kubenet_course.kube.policy.judge.world import notices
from tests.policy_world import PODS, ask, cluster_policy, may, policy, world

RED = {"namespaces": {"matchLabels": {"team": "red"}}}
BLUE = {"namespaces": {"matchLabels": {"team": "blue"}}}
EVERYBODY = {"namespaces": {}}
WEB_PODS = {"pods": {"podSelector": {"matchLabels": {"app": "web"}}}}
BLUE_WEB = {
    "pods": {
        "namespaceSelector": {"matchLabels": {"team": "blue"}},
        "podSelector": {"matchLabels": {"app": "web"}},
    }
}
LATER = {"comesLater": {"x": 1}}


def rule(action, *peers, way="ingress", protocols=None):
    said = {"action": action, "from" if way == "ingress" else "to": list(peers)}
    return said | ({"protocols": protocols} if protocols else {})


def into(*rules, **said):
    return cluster_policy(subject=said.pop("subject", RED), ingress=list(rules), **said)


def out(*rules, **said):
    return cluster_policy(subject=said.pop("subject", RED), egress=list(rules), **said)


def goes(action, *peers, protocols=None):
    return rule(action, *peers, way="egress", protocols=protocols)


def tcp(number=None, start=None, end=None):
    if number:
        return {"tcp": {"destinationPort": {"number": number}}}
    return {"tcp": {"destinationPort": {"range": {"start": start, "end": end}}}} if start else {"tcp": {}}


ACCEPT, DENY, PASS = (rule(action, BLUE) for action in ("Accept", "Deny", "Pass"))
CLOSED, OPEN = policy(ingress=[]), policy(ingress=[{}])
NETS = {"networks": ["10.0.2.0/24", "203.0.113.0/24"]}

STORIES = [
    # -- tiers
    ("S tier", "without any policy all pods may talk", [], "y/a", "x/a", "80", True),
    ("S tier", "Admin accepts: no NetworkPolicy is asked", [into(ACCEPT), CLOSED], "y/a", "x/a", "80", True),
    ("S tier", "Admin denies: no NetworkPolicy can allow it", [into(DENY), OPEN], "y/a", "x/a", "80", False),
    ("S tier", "a NetworkPolicy that selects the pod decides before Baseline: allowed", [
        into(DENY, tier="Baseline"), OPEN], "y/a", "x/a", "80", True),
    ("S tier", "a NetworkPolicy that selects the pod decides before Baseline: denied", [
        into(ACCEPT, tier="Baseline"), CLOSED], "y/a", "x/a", "80", False),
    ("S tier", "whom no NetworkPolicy selects comes to Baseline", [
        into(DENY, tier="Baseline"), policy(podSelector={"matchLabels": {"app": "none"}})], "y/a", "x/a", "80", False),
    ("S tier", "a NetworkPolicy for egress does not keep ingress from Baseline", [
        into(DENY, tier="Baseline"), policy(policyTypes=["Egress"], egress=[{}])], "y/a", "x/a", "80", False),
    ("S tier", "Baseline accepts", [into(ACCEPT, DENY, tier="Baseline")], "y/a", "x/a", "80", True),
    ("S tier", "nobody decides: allowed", [into(DENY)], "x/b", "x/a", "80", True),
    ("O general notes", "no rule isolates by the way: others may still come", [into(ACCEPT)], "x/b", "x/a", "80", True),
    ("S tier", "Admin before Baseline", [into(ACCEPT), into(DENY, name="d", tier="Baseline")], "y/a", "x/a", "80", True),
    # -- priority
    ("S priority", "the lower number is asked first: denied", [
        into(DENY, priority=1), into(ACCEPT, name="d", priority=2)], "y/a", "x/a", "80", False),
    ("S priority", "the lower number is asked first: accepted", [
        into(DENY, priority=9), into(ACCEPT, name="d", priority=2)], "y/a", "x/a", "80", True),
    ("S priority", "0 comes before all", [into(DENY, priority=0), into(ACCEPT, name="d", priority=1)],
        "y/a", "x/a", "80", False),
    ("S priority", "equal, and both fit with different actions: nobody can tell", [
        into(DENY), into(ACCEPT, name="d")], "y/a", "x/a", "80", None),
    ("S priority", "equal, and both say the same: certain", [into(DENY), into(DENY, name="d")],
        "y/a", "x/a", "80", False),
    ("S priority", "equal, and only one fits: certain", [into(DENY), into(rule("Accept", RED), name="d")],
        "y/a", "x/a", "80", False),
    ("S priority", "equal in two tiers is not equal", [into(DENY), into(ACCEPT, name="d", tier="Baseline")],
        "y/a", "x/a", "80", False),
    ("S priority", "Accept beside Pass is undefined where the next tier denies", [
        into(ACCEPT), into(PASS, name="d"), CLOSED], "y/a", "x/a", "80", None),
    ("S priority", "Accept beside Pass is certain where the next tier allows", [
        into(ACCEPT), into(PASS, name="d"), OPEN], "y/a", "x/a", "80", True),
    # -- rules in order, actions
    ("S ingress", "within a policy the first rule that fits decides: accepted", [into(ACCEPT, DENY)],
        "y/a", "x/a", "80", True),
    ("S ingress", "within a policy the first rule that fits decides: denied", [into(DENY, ACCEPT)],
        "y/a", "x/a", "80", False),
    ("S ingress", "rules that do not fit are passed over", [into(rule("Accept", RED), DENY)],
        "y/a", "x/a", "80", False),
    ("S ingress", "without ingress rules ingress is not touched", [out(goes("Deny", BLUE))], "y/a", "x/a", "80", True),
    ("S egress", "within a policy the first egress rule decides", [out(goes("Deny", BLUE), goes("Accept", BLUE))],
        "x/a", "y/a", "80", False),
    ("S egress", "without egress rules egress is not touched", [into(DENY)], "x/a", "y/a", "80", True),
    ("S action Accept", "for egress it opens egress, and the receiver's ingress is still asked", [
        out(goes("Accept", BLUE)), policy("q", "y", ingress=[])], "x/a", "y/a", "80", False),
    ("S action Pass", "it skips the rest of the tier: the next tier allows", [
        into(PASS, DENY), into(DENY, name="d", priority=20)], "y/a", "x/a", "80", True),
    ("S action Pass", "then NetworkPolicy decides", [into(PASS, ACCEPT), CLOSED], "y/a", "x/a", "80", False),
    ("O actions", "Pass, no NetworkPolicy: Baseline decides", [into(PASS), into(DENY, name="d", tier="Baseline")],
        "y/a", "x/a", "80", False),
    ("S action Pass", "in Baseline it ends with the default", [into(PASS, DENY, tier="Baseline")],
        "y/a", "x/a", "80", True),
    # -- subject
    ("S subject", "by namespaces", [into(DENY, subject=BLUE)], "y/b", "y/a", "80", False),
    ("S subject", "another namespace is not touched", [into(DENY, subject=BLUE)], "y/a", "x/a", "80", True),
    ("S subject.pods", "by namespace and label", [into(rule("Deny", EVERYBODY), subject=BLUE_WEB)],
        "x/a", "y/a", "80", False),
    ("S subject.pods", "a pod with another label is not touched", [into(rule("Deny", EVERYBODY), subject=BLUE_WEB)],
        "x/a", "y/b", "80", True),
    ("S namespaceSelector", "left out it selects all namespaces", [into(rule("Deny", EVERYBODY), subject=WEB_PODS)],
        "x/b", "x/a", "80", False),
    ("S subject", "pods of the host's network are no subject", [
        into(rule("Deny", EVERYBODY), subject=EVERYBODY)], "y/a", "x/host", "80", True),
    ("S subject", "nor for egress", [out(goes("Deny", EVERYBODY), subject=EVERYBODY)], "x/host", "y/a", "80", True),
    # -- peers
    ("S from", "peers are or", [into(rule("Deny", RED, BLUE_WEB))], "y/a", "x/a", "80", False),
    ("S from.pods", "namespace and label must both fit", [into(rule("Deny", BLUE_WEB))], "y/b", "x/a", "80", True),
    ("S from.pods", "without namespaceSelector: such pods everywhere", [into(rule("Deny", WEB_PODS))],
        "y/a", "x/b", "80", False),
    ("S from.namespaces", "pods of the host's network are no peer", [into(rule("Deny", EVERYBODY))],
        "y/host", "x/a", "80", True),
    ("S from.namespaces", "empty it selects all pods, not hosts", [into(rule("Deny", EVERYBODY))],
        "203.0.113.9", "x/a", "80", True),
    ("S to.nodes", "a node by its labels", [out(goes("Deny", {"nodes": {"matchLabels": {"disk": "ssd"}}}))],
        "x/c", "n1", "10250", False),
    ("S to.nodes", "a node without that label", [out(goes("Deny", {"nodes": {"matchLabels": {"disk": "ssd"}}}))],
        "x/a", "n2", "10250", True),
    ("S to.nodes", "empty it selects all nodes", [out(goes("Deny", {"nodes": {}}))], "x/a", "n2", "10250", False),
    ("S to.nodes", "by the node's address: its pods of the host's network too", [out(goes("Deny", {"nodes": {}}))],
        "x/a", "y/host", "80", False),
    ("S to.nodes", "the own node too, in tier Admin", [out(goes("Deny", {"nodes": {}}))], "x/a", "n1", "10250", False),
    ("S to.nodes", "the own node too, in Baseline, where no NetworkPolicy selects", [
        out(goes("Deny", {"nodes": {}}), tier="Baseline")], "x/a", "n1", "10250", False),
    ("S to.nodes", "a NetworkPolicy that selects allows the own node, before Baseline", [
        out(goes("Deny", {"nodes": {}}), tier="Baseline"), policy(policyTypes=["Egress"])], "x/a", "n1", "10250", True),
    ("S from.namespaces", "no rule of ingress fits a node: probes pass", [into(rule("Deny", EVERYBODY))],
        "n1", "x/a", "80", True),
    ("S to.nodes", "no other pod", [out(goes("Deny", {"nodes": {}}))], "x/a", "y/a", "80", True),
    ("S to.networks", "an outside address", [out(goes("Deny", NETS))], "x/a", "203.0.113.9", "443", False),
    ("S to.networks", "another outside address", [out(goes("Deny", NETS))], "x/a", "203.0.114.9", "443", True),
    ("S to.networks", "pods are checked as well", [out(goes("Deny", NETS))], "x/a", "y/a", "80", False),
    ("S to.networks", "0.0.0.0/0 denies pods too, unless a rule before passes them", [
        out(goes("Pass", EVERYBODY), goes("Deny", {"networks": ["0.0.0.0/0"]}))], "x/a", "y/a", "80", True),
    ("S to.networks", "and it still denies the world", [
        out(goes("Pass", EVERYBODY), goes("Deny", {"networks": ["0.0.0.0/0"]}))], "x/a", "8.8.8.8", "80", False),
    ("S to.domainNames", "no file says what a name resolves to", [
        out(goes("Accept", {"domainNames": ["*.example.com"]}), goes("Deny", {"networks": ["0.0.0.0/0"]}))],
        "x/a", "8.8.8.8", "443", None),
    ("S to.domainNames", "allowed in any case is certain", [out(goes("Accept", {"domainNames": ["example.com"]}))],
        "x/a", "8.8.8.8", "443", True),
    # -- fails closed
    ("S peer, fail closed", "Accept with an unknown peer fits nothing", [into(rule("Accept", LATER), DENY)],
        "y/a", "x/a", "80", False),
    ("S peer, fail closed", "even where another of its peers fits", [into(rule("Accept", BLUE, LATER), DENY)],
        "y/a", "x/a", "80", False),
    ("S peer, fail closed", "Deny with an unknown peer denies all", [into(rule("Deny", LATER))],
        "x/b", "x/a", "80", False),
    ("S peer, fail closed", "Pass with an unknown peer denies all", [into(rule("Pass", LATER))],
        "x/b", "x/a", "80", False),
    ("S peer, fail closed", "a rule before it still counts", [into(ACCEPT, rule("Deny", LATER))],
        "y/a", "x/a", "80", True),
    # -- protocols
    ("S protocols", "absent: every port and protocol", [into(DENY)], "y/a", "x/a", "7/SCTP", False),
    ("S protocols.tcp", "a number", [into(rule("Deny", BLUE, protocols=[tcp(80)]))], "y/a", "x/a", "80", False),
    ("S protocols.tcp", "another number", [into(rule("Deny", BLUE, protocols=[tcp(80)]))], "y/a", "x/a", "81", True),
    ("S protocols.tcp", "the number under UDP", [into(rule("Deny", BLUE, protocols=[tcp(80)]))],
        "y/a", "x/a", "80/UDP", True),
    ("S protocols", "entries are or", [into(rule("Deny", BLUE, protocols=[tcp(81), tcp(80)]))],
        "y/a", "x/a", "80", False),
    ("S PortRange", "both ends count: the first", [into(rule("Deny", BLUE, protocols=[tcp(start=80, end=90)]))],
        "y/a", "x/a", "80", False),
    ("S PortRange", "both ends count: the last", [into(rule("Deny", BLUE, protocols=[tcp(start=70, end=80)]))],
        "y/a", "x/a", "80", False),
    ("S PortRange", "beyond it", [into(rule("Deny", BLUE, protocols=[tcp(start=70, end=79)]))],
        "y/a", "x/a", "80", True),
    ("O rules", "a protocol without a port: all its ports", [into(rule("Deny", BLUE, protocols=[tcp()]))],
        "y/a", "x/a", "4711", False),
    ("S destinationNamedPort", "the port that the receiver's container calls so", [
        into(rule("Deny", BLUE, protocols=[{"destinationNamedPort": "web"}]))], "y/a", "x/a", "80", False),
    ("S destinationNamedPort", "with the protocol that the container declares", [
        into(rule("Deny", BLUE, protocols=[{"destinationNamedPort": "dns"}]))], "y/a", "x/a", "53/UDP", False),
    ("S destinationNamedPort", "and with no other", [
        into(rule("Deny", BLUE, protocols=[{"destinationNamedPort": "dns"}]))], "y/a", "x/a", "53", True),
    ("S destinationNamedPort", "for egress the receiver's", [
        out(goes("Deny", BLUE, protocols=[{"destinationNamedPort": "web"}]))], "x/a", "y/a", "80", False),
    # -- oneself
    ("O hairpin", "a pod's own address is exempt", [into(rule("Deny", RED))], "x/a", "x/a", "80", True),
]  # fmt: skip


@pytest.mark.parametrize("cite, story, policies, source, to, port, allowed", STORIES, ids=[row[1] for row in STORIES])
def test_the_api_says(cite, story, policies, source, to, port, allowed):
    assert may(world(*policies), source, to, port) is allowed, cite


def test_there_are_many_stories():
    assert len(STORIES) >= 70


def test_a_pod_that_its_own_service_leads_back_to_itself_is_judged():
    """O hairpin: a Service IP that leads back to the same pod is subject to the policy."""
    made = world(into(rule("Deny", RED)))
    assert may(made, "x/a", "x/a") is True
    assert may(made, "x/a", "x/a", by_service=True) is False


def older(kind, **rules):
    return cluster_policy(name="default" if kind[0] == "B" else "old", kind=kind, subject=RED, **rules)


@pytest.mark.parametrize(
    "story, policies, allowed",
    [
        ("Allow of an AdminNetworkPolicy is Accept", [
            older("AdminNetworkPolicy", ingress=[rule("Allow", BLUE)]), CLOSED], True),
        ("Deny stays Deny", [older("AdminNetworkPolicy", ingress=[rule("Deny", BLUE)]), OPEN], False),
        ("Pass stays Pass", [older("AdminNetworkPolicy", ingress=[rule("Pass", BLUE), rule("Deny", BLUE)])], True),
        ("a BaselineAdminNetworkPolicy comes last", [
            older("BaselineAdminNetworkPolicy", ingress=[rule("Deny", BLUE)]), OPEN], True),
        ("and decides where nobody else does", [
            older("BaselineAdminNetworkPolicy", ingress=[rule("Deny", BLUE)])], False),
        ("portNumber", [older("AdminNetworkPolicy", ingress=[
            rule("Deny", BLUE) | {"ports": [{"portNumber": {"port": 80, "protocol": "TCP"}}]}])], False),
        ("portRange", [older("AdminNetworkPolicy", ingress=[
            rule("Deny", BLUE) | {"ports": [{"portRange": {"start": 81, "end": 90}}]}])], True),
        ("namedPort", [older("AdminNetworkPolicy", ingress=[
            rule("Deny", BLUE) | {"ports": [{"namedPort": "web"}]}])], False),
    ],
)  # fmt: skip
def test_the_older_kinds_are_translated_and_named_as_replaced(story, policies, allowed):
    made = world(*policies)
    assert may(made, "y/a", "x/a") is allowed
    assert any("ClusterNetworkPolicy (tier" in one and "replaced this kind" in one for one in notices(made))


def test_what_two_equal_priorities_leave_open_is_named():
    verdict = ask(world(into(DENY), into(ACCEPT, name="d")), "y/a", "x/a")
    assert not verdict.certain
    assert {clause.policy for clause in verdict.hangs_on} == {"c", "d"}


def test_the_world_of_these_stories_has_what_they_speak_of():
    assert {one["kind"] for one in PODS} == {"Namespace", "Node", "Pod"}
