"""NetworkPolicy, sentence by sentence: each story cites the sentence of the API that it stands on.

T: the comments in staging/src/k8s.io/api/networking/v1/types.go, by type and field. C: the page "Network Policies" of the
Kubernetes documentation, by section. L: apimachinery/pkg/apis/meta/v1, LabelSelector and its Requirement.
"""

import pytest

from tests.policy_world import may, pod, policy, world

WEB, DB = {"matchLabels": {"app": "web"}}, {"matchLabels": {"app": "db"}}
RED, BLUE = {"matchLabels": {"team": "red"}}, {"matchLabels": {"team": "blue"}}
NAMED_Y = {"matchLabels": {"kubernetes.io/metadata.name": "y"}}


def into(*rules, **said):
    return policy(ingress=list(rules), policyTypes=["Ingress"], **said)


def out(*rules, **said):
    return policy(egress=list(rules), policyTypes=["Egress"], **said)


def peers(*listed):
    return {"from": list(listed)}


def to(*listed):
    return {"to": list(listed)}


def ports(*listed):
    return {"ports": list(listed)}


def wants(key, operator, *values):
    said = {"key": key, "operator": operator}
    return {"matchExpressions": [said | ({"values": list(values)} if values else {})]}


def block(cidr, *excepts):
    return {"ipBlock": {"cidr": cidr, **({"except": list(excepts)} if excepts else {})}}


DENY_IN, DENY_OUT = into(), out()
BOTH = policy(policyTypes=["Ingress", "Egress"])

STORIES = [
    # -- who is isolated, and from what
    ("C isolation", "a pod that no policy selects lets everybody in", [], "y/a", "x/a", "80", True),
    ("C isolation", "a pod that no policy selects may go anywhere", [], "x/a", "8.8.8.8", "443", True),
    ("C isolation", "a policy that selects a pod for ingress closes it", [DENY_IN], "x/b", "x/a", "80", False),
    ("C isolation", "for ingress only: the pod may still go out", [DENY_IN], "x/a", "y/a", "80", True),
    ("C isolation", "a policy that selects a pod for egress keeps it in", [DENY_OUT], "x/a", "y/a", "80", False),
    ("C isolation", "for egress only: others may still come in", [DENY_OUT], "y/a", "x/a", "80", True),
    ("C isolation", "the sender's egress and the receiver's ingress must both allow", [
        into(peers({"namespaceSelector": {}}), namespace="y"), DENY_OUT], "x/a", "y/a", "80", False),
    ("C isolation", "an egress rule does not open the receiver", [
        out({}), policy("q", "y", ingress=[], policyTypes=["Ingress"])], "x/a", "y/a", "80", False),
    ("C isolation", "both open: allowed", [out({}), into({}, name="q", namespace="y")], "x/a", "y/a", "80", True),
    ("C additive", "two policies add up: what one allows is allowed", [DENY_IN, into({}, name="q")],
        "y/a", "x/a", "80", True),
    ("C additive", "the order of policies says nothing", [into({}, name="q"), DENY_IN], "y/a", "x/a", "80", True),
    ("C additive", "rules of one policy add up as well", [into(peers({"podSelector": DB}), peers({"podSelector": WEB}))],
        "x/a", "x/c", "80", True),
    ("T NetworkPolicy", "a policy acts in its own namespace only", [DENY_IN], "x/a", "y/a", "80", True),
    # -- podSelector of the policy
    ("T podSelector", "an empty selector selects every pod of the namespace", [DENY_IN], "y/a", "x/c", "80", False),
    ("T podSelector", "it selects by label", [into(podSelector=WEB)], "y/a", "x/a", "80", False),
    ("T podSelector", "other pods stay free", [into(podSelector=WEB)], "y/a", "x/b", "80", True),
    # -- policyTypes
    ("T policyTypes", "absent, without egress rules: ingress only", [policy(ingress=[])], "x/a", "y/a", "80", True),
    ("T policyTypes", "absent: ingress is isolated even without ingress rules", [policy()], "y/a", "x/a", "80", False),
    ("T policyTypes", "absent, with egress rules: egress is isolated too", [policy(egress=[to({"podSelector": DB})])],
        "x/a", "y/a", "80", False),
    ("T policyTypes", "absent, with egress rules: ingress is isolated as well", [policy(egress=[{}])],
        "y/a", "x/a", "80", False),
    ("T policyTypes", "absent, with an empty egress list: egress is free", [policy(egress=[])],
        "x/a", "y/a", "80", True),
    ("T policyTypes", "an empty list is filled in as if absent", [policy(policyTypes=[])], "y/a", "x/a", "80", False),
    ("T policyTypes", "Egress alone leaves ingress free", [policy(policyTypes=["Egress"])], "y/a", "x/a", "80", True),
    ("T policyTypes", "to deny all egress one must say Egress", [policy(policyTypes=["Egress"])],
        "x/a", "y/a", "80", False),
    ("T policyTypes", "ingress rules say nothing where only Egress is named", [
        policy(ingress=[], egress=[{}], policyTypes=["Egress"])], "y/a", "x/a", "80", True),
    ("T policyTypes", "Ingress alone: written egress rules say nothing", [
        policy(egress=[to({"podSelector": DB})], policyTypes=["Ingress"])], "x/a", "y/a", "80", True),
    ("C default deny all", "both types and no rules: nothing in", [BOTH], "y/a", "x/a", "80", False),
    ("C default deny all", "both types and no rules: nothing out", [BOTH], "x/a", "8.8.8.8", "53/UDP", False),
    # -- ingress, from
    ("T ingress", "an empty list of rules allows nothing", [policy(ingress=[])], "x/b", "x/a", "80", False),
    ("T ingress", "null is no rule either", [policy(ingress=None)], "x/b", "x/a", "80", False),
    ("T IngressRule", "an empty rule allows all sources at all ports", [into({})], "8.8.8.8", "x/a", "9999/UDP", True),
    ("T from", "an empty list of sources means all sources", [into({"from": []})], "8.8.8.8", "x/a", "80", True),
    ("T from", "null means all sources", [into({"from": None})], "y/a", "x/a", "80", True),
    ("T from", "with sources, others are not let in", [into(peers({"podSelector": WEB}))], "x/b", "x/c", "80", False),
    ("T from", "items of the list are or", [into(peers({"podSelector": DB}, {"namespaceSelector": BLUE}))],
        "y/a", "x/a", "80", True),
    ("T from", "from *and* ports must fit", [into(peers({"podSelector": WEB}) | ports({"port": 81}))],
        "x/a", "x/b", "80", False),
    ("C empty from with ports", "a rule with ports alone lets everybody in there", [into(ports({"port": 80}))],
        "8.8.8.8", "x/a", "80", True),
    # -- egress, to
    ("T egress", "an empty rule allows all destinations", [out({})], "x/a", "8.8.8.8", "80", True),
    ("T egress", "an empty list of rules allows nothing", [out()], "x/a", "x/b", "80", False),
    ("T to", "an empty list of destinations means all", [out({"to": []})], "x/a", "y/b", "80", True),
    ("T to", "destinations are or", [out(to({"podSelector": DB}, {"namespaceSelector": BLUE}))],
        "x/a", "y/a", "80", True),
    ("T to", "a destination that is not named is closed", [out(to({"podSelector": DB}))], "x/a", "x/c", "80", False),
    # -- peers
    ("T Peer.podSelector", "alone it means pods of the policy's own namespace", [into(peers({"podSelector": WEB}))],
        "y/a", "x/b", "80", False),
    ("T Peer.podSelector", "alone and fitting, at home", [into(peers({"podSelector": WEB}))], "x/a", "x/b", "80", True),
    ("T Peer.podSelector", "empty it selects every pod of the own namespace", [into(peers({"podSelector": {}}))],
        "x/c", "x/a", "80", True),
    ("T Peer.podSelector", "empty it selects nobody elsewhere", [into(peers({"podSelector": {}}))],
        "y/a", "x/a", "80", False),
    ("T Peer.namespaceSelector", "alone it means all pods of the fitting namespaces", [
        into(peers({"namespaceSelector": BLUE}))], "y/b", "x/a", "80", True),
    ("T Peer.namespaceSelector", "a namespace that does not fit stays out", [into(peers({"namespaceSelector": BLUE}))],
        "x/b", "x/a", "80", False),
    ("T Peer.namespaceSelector", "empty it selects all namespaces", [into(peers({"namespaceSelector": {}}))],
        "y/b", "x/a", "80", True),
    ("T Peer.namespaceSelector", "empty it selects pods, not the world outside", [
        into(peers({"namespaceSelector": {}}))], "8.8.8.8", "x/a", "80", False),
    ("T Peer both", "both in one peer are and", [into(peers({"namespaceSelector": BLUE, "podSelector": WEB}))],
        "y/a", "x/b", "80", True),
    ("T Peer both", "and: the right namespace with the wrong pod", [
        into(peers({"namespaceSelector": BLUE, "podSelector": WEB}))], "y/b", "x/b", "80", False),
    ("T Peer both", "and: the right pod in the wrong namespace", [
        into(peers({"namespaceSelector": BLUE, "podSelector": WEB}))], "x/a", "x/b", "80", False),
    ("C behavior of to and from", "one dash more makes it or", [
        into(peers({"namespaceSelector": BLUE}, {"podSelector": WEB}))], "x/a", "x/b", "80", True),
    ("C targeting a namespace by its name", "the API server labels each namespace with its name", [
        into(peers({"namespaceSelector": NAMED_Y}))], "y/a", "x/a", "80", True),
    ("C targeting a namespace by its name", "another name does not fit", [
        into(peers({"namespaceSelector": NAMED_Y}))], "x/b", "x/a", "80", False),
    ("T Peer null", "a selector that is null is absent", [
        into(peers({"podSelector": WEB, "namespaceSelector": None}))], "y/a", "x/b", "80", False),
    ("L matchLabels null", "a value that is null is empty text", [into(podSelector={"matchLabels": {"app": None}})],
        "y/a", "x/a", "80", True),
    ("T Peer", "a peer with namespaceSelector {} and podSelector: such pods everywhere", [
        into(peers({"podSelector": WEB, "namespaceSelector": {}}))], "y/a", "x/b", "80", True),
    # -- ipBlock
    ("T IPBlock", "a block lets its addresses in", [into(peers(block("203.0.113.0/24")))],
        "203.0.113.7", "x/a", "80", True),
    ("T IPBlock", "an address outside it stays out", [into(peers(block("203.0.113.0/24")))],
        "203.0.114.7", "x/a", "80", False),
    ("T IPBlock.except", "what is excepted stays out", [into(peers(block("203.0.113.0/24", "203.0.113.0/28")))],
        "203.0.113.7", "x/a", "80", False),
    ("T IPBlock.except", "what is not excepted comes in", [into(peers(block("203.0.113.0/24", "203.0.113.0/28")))],
        "203.0.113.77", "x/a", "80", True),
    ("T IPBlock.except", "it takes from its own block only: another peer may allow", [
        into(peers(block("203.0.113.0/24", "203.0.113.0/28"), block("203.0.113.7/32")))],
        "203.0.113.7", "x/a", "80", True),
    ("T IPBlock", "it fits pods by their addresses too", [into(peers(block("10.0.2.0/24")))],
        "y/a", "x/a", "80", True),
    ("T IPBlock", "for egress", [out(to(block("10.0.2.0/24")))], "x/a", "y/a", "80", True),
    ("T IPBlock", "0.0.0.0/0 is all of IPv4", [out(to(block("0.0.0.0/0")))], "x/a", "8.8.8.8", "80", True),
    ("T IPBlock", "0.0.0.0/0 is nothing of IPv6", [out(to(block("0.0.0.0/0")))], "x/a", "2001:db8::9", "80", False),
    ("T IPBlock", "::/0 is all of IPv6", [out(to(block("::/0")))], "x/a", "2001:db8::9", "80", True),
    ("T IPBlock", "a /32 is one address", [into(peers(block("10.0.1.2/32")))], "x/c", "x/a", "80", False),
    # -- ports
    ("T ports", "absent: all ports", [into(peers({"podSelector": {}}))], "x/b", "x/a", "12345/SCTP", True),
    ("T ports", "an empty list: all ports", [into({"ports": []})], "x/b", "x/a", "12345/UDP", True),
    ("T ports", "with ports, others are closed", [into(ports({"port": 80}))], "x/b", "x/a", "81", False),
    ("T ports", "ports are or", [into(ports({"port": 81}, {"port": 80}))], "x/b", "x/a", "80", True),
    ("T Port.protocol", "without a protocol TCP is meant", [into(ports({"port": 53}))], "x/b", "x/a", "53/UDP", False),
    ("T Port.protocol", "UDP is not TCP", [into(ports({"port": 53, "protocol": "UDP"}))], "x/b", "x/a", "53", False),
    ("T Port.protocol", "SCTP", [into(ports({"port": 80, "protocol": "SCTP"}))], "x/b", "x/a", "80/SCTP", True),
    ("T Port.port", "absent: every port of the protocol", [into(ports({"protocol": "UDP"}))],
        "x/b", "x/a", "999/UDP", True),
    ("T Port.port", "absent: of that protocol only", [into(ports({"protocol": "UDP"}))], "x/b", "x/a", "999", False),
    ("T Port", "an empty entry means every TCP port", [into(ports({}))], "x/b", "x/a", "9", True),
    ("T Port", "an empty entry means no UDP port", [into(ports({}))], "x/b", "x/a", "9/UDP", False),
    ("T Port.port", "a name means the port that the receiver's container calls so", [into(ports({"port": "web"}))],
        "x/b", "x/a", "80", True),
    ("T Port.port", "a name under the wrong protocol fits nothing", [into(ports({"port": "dns"}))],
        "x/b", "x/a", "53", False),
    ("T Port.port", "a name under its own protocol", [into(ports({"port": "dns", "protocol": "UDP"}))],
        "x/b", "x/a", "53/UDP", True),
    ("T Port.port", "for egress the name is the receiver's", [out(ports({"port": "web"}))], "x/a", "y/a", "80", True),
    ("T Port.port", "a host outside declares no names", [out(ports({"port": "web"}))], "x/a", "8.8.8.8", "80", False),
    ("T Port.port", "a name that nobody declares fits nothing", [into(ports({"port": "admin"}))],
        "x/b", "x/a", "80", False),
    ("T Port.endPort", "from port to endPort", [into(ports({"port": 70, "endPort": 90}))], "x/b", "x/a", "80", True),
    ("T Port.endPort", "both ends count: the first", [into(ports({"port": 80, "endPort": 90}))],
        "x/b", "x/a", "80", True),
    ("T Port.endPort", "both ends count: the last", [into(ports({"port": 70, "endPort": 80}))],
        "x/b", "x/a", "80", True),
    ("T Port.endPort", "beyond it is closed", [into(ports({"port": 70, "endPort": 79}))], "x/b", "x/a", "80", False),
    ("T Port.endPort", "equal to port it is one port", [into(ports({"port": 80, "endPort": 80}))],
        "x/b", "x/a", "81", False),
    # -- label selectors
    ("L matchLabels", "all pairs must hold", [into(podSelector={"matchLabels": {"app": "web", "tier": "back"}})],
        "y/a", "x/a", "80", True),
    ("L In", "one of the values", [into(podSelector=wants("app", "In", "db", "web"))], "y/a", "x/a", "80", False),
    ("L In", "a missing key is in nothing", [into(podSelector=wants("app", "In", "web"))], "y/a", "x/c", "80", True),
    ("L NotIn", "another value", [into(podSelector=wants("app", "NotIn", "db"))], "y/a", "x/a", "80", False),
    ("L NotIn", "a missing key fits as well", [into(podSelector=wants("app", "NotIn", "db"))], "y/a", "x/c", "80", False),
    ("L NotIn", "a listed value does not", [into(podSelector=wants("app", "NotIn", "db"))], "y/a", "x/b", "80", True),
    ("L Exists", "the key is there", [into(podSelector=wants("tier", "Exists"))], "y/a", "x/a", "80", False),
    ("L Exists", "the key is not there", [into(podSelector=wants("tier", "Exists"))], "y/a", "x/b", "80", True),
    ("L DoesNotExist", "the key is not there", [into(podSelector=wants("tier", "DoesNotExist"))],
        "y/a", "x/b", "80", False),
    ("L DoesNotExist", "the key is there", [into(podSelector=wants("tier", "DoesNotExist"))], "y/a", "x/a", "80", True),
    ("L selector", "labels and expressions are and", [into(podSelector=WEB | wants("tier", "DoesNotExist"))],
        "y/a", "x/a", "80", True),
    # -- nodes and their network
    ("C prerequisites", "the own node is always let in (probes)", [BOTH], "n1", "x/a", "80", True),
    ("C prerequisites", "to the own node a pod may always go", [BOTH], "x/a", "n1", "10250", True),
    ("C prerequisites", "another node is not the own", [BOTH], "n2", "x/a", "80", False),
    ("C prerequisites", "to another node only by rule", [BOTH], "x/a", "n2", "10250", False),
    ("C prerequisites", "the own node by its address", [BOTH], "192.168.0.1", "x/a", "80", True),
    ("C hostNetwork pods", "such a pod of the own node is the own node", [BOTH], "x/host", "x/a", "80", True),
    ("C hostNetwork pods", "of another node it is that node", [BOTH], "y/host", "x/a", "80", False),
    ("C hostNetwork pods", "no selector of pods fits it", [into(peers({"podSelector": WEB, "namespaceSelector": BLUE}))],
        "y/host", "x/a", "80", False),
    ("C hostNetwork pods", "a block with its node's address does", [into(peers(block("192.168.0.2/32")))],
        "y/host", "x/a", "80", True),
    ("C hostNetwork pods", "it is not isolated itself", [BOTH], "8.8.8.8", "x/host", "80", True),
    ("C hostNetwork pods", "it may go out", [BOTH], "x/host", "8.8.8.8", "80", True),
    ("C what you can't do", "a pod reaches itself whatever is written", [BOTH], "x/a", "x/a", "80", True),
]  # fmt: skip


@pytest.mark.parametrize("cite, story, policies, source, to_, port, allowed", STORIES, ids=[row[1] for row in STORIES])
def test_the_api_says(cite, story, policies, source, to_, port, allowed):
    assert may(world(*policies), source, to_, port) is allowed, cite


def test_every_story_is_told_once():
    assert len({row[1] for row in STORIES} | {row[0] for row in STORIES}) > len(STORIES)
    assert len(STORIES) >= 100


DUAL = [
    pod("x/a", "10.0.1.1,fd00::1", app="web"),
    pod("x/b", "10.0.1.2,fd00::2", app="db"),
]


@pytest.mark.parametrize(
    "story, family, allowed",
    [
        ("over IPv4 the block fits", 4, True),
        ("over IPv6 it does not", 6, False),
        ("unsaid: the first address", 0, True),
    ],
)
def test_a_block_is_asked_in_the_family_of_the_connection(story, family, allowed):
    made = world(into(peers(block("10.0.0.0/8"))), pods=DUAL)
    assert may(made, "x/a", "x/b", family=family) is allowed


def test_a_policy_without_a_spec_isolates_the_ingress_of_its_namespace():
    bare = policy()
    del bare["spec"]
    assert may(world(bare), "y/a", "x/a") is False
    assert may(world(bare), "x/a", "y/a") is True


def test_a_pod_that_has_ended_is_nobody():
    assert "x/over" not in world().pods


def test_a_namespace_of_which_only_the_name_is_known_makes_no_certain_answer():
    pods = [pod("x/a", "10.0.1.1"), pod("y/a", "10.0.2.1")]
    made = world(into(peers({"namespaceSelector": BLUE})), pods=pods)
    assert may(made, "y/a", "x/a") is None
    assert may(world(into(peers({"namespaceSelector": NAMED_Y})), pods=pods), "y/a", "x/a") is True


def test_a_pod_without_an_address_yet_makes_no_certain_answer_for_a_block():
    pods = [pod("x/a", "10.0.1.1"), pod("x/b", "10.0.1.2")]
    pods[1]["status"] = {"phase": "Pending"}
    assert may(world(into(peers(block("10.0.0.0/8"))), pods=pods), "x/b", "x/a") is None


def test_a_field_that_nobody_understands_makes_no_certain_answer():
    strange = into(peers({"podSelector": DB}))
    strange["spec"]["comesLater"] = True
    assert may(world(strange), "x/b", "x/a") is None
    assert may(world(strange), "x/a", "y/a") is True
