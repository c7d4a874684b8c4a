"""Input that cannot be used: one sentence with file, document, field, value and what would be right."""

import json

import pytest
import yaml
from tests.test_objects import NODE, POD, SERVICE, SLICE, listed, pod

from kubenet_course.errors import BadInput
from kubenet_course.kube.read import read, read_text


def service(**spec) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}], **spec}})


@pytest.mark.parametrize(
    "story, text, where, what",
    [
        ("broken YAML", "a: [1, 2\nb: 3\n", "text: document 1", "it is not YAML"),
        ("broken YAML, later", f"{NODE}---\na: b: c\n", "text: document 2", "mapping values are not allowed"),
        ("a name twice", "apiVersion: v1\nkind: Pod\nkind: Node\n", "text: document 1", "'kind' stands twice"),
        ("a list", "- a\n- b\n", "text: document 1", "it is a list"),
        ("text", "hello\n", "text: document 1", "it is text"),
        ("nothing", "", "text", "the file is empty"),
        ("only white space", " \n\n", "text", "the file is empty"),
        ("only comments", "# nothing\n---\n", "text", "holds no document"),
        ("no kind", "apiVersion: v1\nmetadata: {name: a}\n", "text: document 1 (object \"a\"): kind", "says no kind"),
        ("no apiVersion", "kind: Pod\nmetadata: {name: a}\n", "text: document 1 (Pod \"a\"): apiVersion", "it is missing"),
        ("no name", "apiVersion: v1\nkind: Pod\nmetadata: {}\n", "text: document 1: metadata.name", "it is missing"),
        ("a name that no object can have", pod(metadata={"name": "Web 1"}), 'text: document 1 (Pod "Web 1"): metadata.name', 'it is "Web 1"'),
        ("a number for text", pod(metadata={"name": "a", "labels": {"x": 1}}), 'text: document 1 (Pod "a"): metadata.labels.x', "it is 1"),
        ("text for a number", pod(spec={"containers": [{"ports": [{"containerPort": "http"}]}]}), 'text: document 1 (Pod "a"): spec.containers[0].ports[0].containerPort', 'it is "http"'),
        ("a port that is too large", pod(spec={"containers": [{"ports": [{"containerPort": 70000}]}]}), 'text: document 1 (Pod "a"): spec.containers[0].ports[0].containerPort', "it is 70000"),
        ("a protocol in small letters", pod(spec={"containers": [{"ports": [{"containerPort": 80, "protocol": "tcp"}]}]}), 'text: document 1 (Pod "a"): spec.containers[0].ports[0].protocol', 'it is "tcp"'),
        ("a mapping for a list", pod(spec={"containers": {}}), 'text: document 1 (Pod "a"): spec.containers', "it is {}"),
        ("no address", pod(status={"podIP": "10.244.1.300"}), 'text: document 1 (Pod "a"): status.podIP', '"10.244.1.300", which is no address'),
        ("two addresses that disagree", pod(status={"podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.2"}]}), 'text: document 1 (Pod "a"): status.podIPs[0]', "it is 10.0.0.2"),
        ("no range", "apiVersion: v1\nkind: Node\nmetadata: {name: a}\nspec: {podCIDR: 10.244.1.0}\n", 'text: document 1 (Node "a"): spec.podCIDRs[0]', "which is no range"),
        ("a range with host bits", "apiVersion: v1\nkind: Node\nmetadata: {name: a}\nspec: {podCIDR: 10.244.1.5/24}\n", 'text: document 1 (Node "a"): spec.podCIDRs[0]', "which is no range"),
        ("a ClusterIP that is none", service(clusterIP="here"), 'text: document 1 (Service "web"): spec.clusterIP', '"here", which is no address'),
        ("two addresses of one family", service(clusterIPs=["10.96.0.1", "10.96.0.2"]), 'text: document 1 (Service "web"): spec.clusterIPs', "it has 10.96.0.1, 10.96.0.2"),
        ("two ports, one without a name", service(ports=[{"port": 80, "name": "a"}, {"port": 81}]), 'text: document 1 (Service "web"): spec.ports[1].name', "it is missing"),
        ("two ports of one name", service(ports=[{"port": 80, "name": "a"}, {"port": 81, "name": "a"}]), 'text: document 1 (Service "web"): spec.ports[1].name', '"a" stands twice'),
        ("no port", service(ports=[]), 'text: document 1 (Service "web"): spec.ports', "there are none"),
        ("an endpoint of the other family", SLICE.replace("10.244.1.10", "'fd00::1'"), 'text: document 1 (EndpointSlice "web-abc"): endpoints[0].addresses[0]', "it is fd00::1"),
        ("an endpoint without an address", SLICE.replace("[10.244.1.10]", "[]"), 'text: document 1 (EndpointSlice "web-abc"): endpoints[0].addresses', "it is []"),
        ("a second object of that name", f"{POD}---\n{POD}", "text: document 2", "Pod default/web-1 stands twice: first in text: document 1"),
        ("a second configuration", "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n", "text: document 2", "there is a second ClusterConfiguration"),
        ("a List within a List", json.dumps({"apiVersion": "v1", "kind": "List", "items": [json.loads(listed(pod()))]}), "text: document 1, item 1: items", "a List stands within a List"),
        ("an item that is no object", json.dumps({"apiVersion": "v1", "kind": "List", "items": [7]}), "text: document 1, item 1", "a document is a number"),
    ],
)  # fmt: skip
def test_the_sentence_names_the_place_and_the_value(story, text, where, what):
    with pytest.raises(BadInput) as said:
        read_text(text)
    assert said.value.where == where
    assert what in said.value.what
    assert said.value.right


@pytest.mark.parametrize(
    "story, text, right",
    [
        ("a port", pod(spec={"containers": [{"ports": [{"containerPort": 0}]}]}), "write a whole number from 1 to 65535"),
        ("a protocol", service(ports=[{"port": 80, "protocol": "ICMP"}]), "write one of TCP, UDP, SCTP"),
        ("a policy", service(externalTrafficPolicy="local"), "write one of Cluster, Local"),
        ("a boolean", pod(spec={"hostNetwork": "yes"}), "write true or false"),
        ("a name", pod(metadata={"name": "A"}), "write lower-case letters, digits and hyphens, beginning and ending with a letter or a digit"),
    ],
)
def test_the_sentence_says_what_would_be_right(story, text, right):
    with pytest.raises(BadInput) as said:
        read_text(text)
    assert said.value.right == right


@pytest.mark.parametrize(
    "story, make, what",
    [
        ("a directory", lambda path: path.mkdir(), "this is a directory"),
        ("binary", lambda path: path.write_bytes(b"\x7fELF\x00\x01\x02"), "the file is binary"),
        ("another encoding", lambda path: path.write_bytes("kind: Pöd".encode("latin-1")), "the file is binary"),
        ("empty", lambda path: path.write_text(""), "the file is empty"),
        ("not there", lambda path: None, "there is no such file"),
        ("JSON cut off", lambda path: path.write_text('{"kind": "List", "items": ['), "document 1 is not JSON"),
    ],
)
def test_files_that_are_none(story, make, what, tmp_path):
    path = tmp_path / "input.json"
    make(path)
    with pytest.raises(BadInput) as said:
        read([str(path)])
    assert said.value.where == str(path)
    assert what in said.value.what


def test_services_of_the_same_name_in_two_namespaces_are_two():
    other = SERVICE.replace("name: web}", "name: web, namespace: other}")
    assert len(read_text(f"{SERVICE}---\n{other}").services) == 2


WEIRD = [None, 0, -1, 1.5, 70000, True, "", "x", "10.0.0.1", "A B", [], [None], {}, {"a": None}, {1: 2}, [[]], "\u2028", "é" * 300]


def _places(value, path=()):
    yield path
    rows = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in rows:
        yield from _places(one, (*path, key))


def _replaced(value, path, new):
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _replaced(copy[path[0]], path[1:], new)
    return copy


def test_whatever_stands_at_any_place_there_is_an_answer_or_a_sentence(note):
    """Every value of a cluster's manifests replaced by every weird one: read, or refused in words, and nothing else."""
    from kubenet_course.kube.cluster import Cluster
    from kubenet_course.kube.yaml_text import documents_of

    with open("data/clusters/node-port.yaml", "rb") as file:
        whole = [value for _, value in documents_of("cluster", file.read())]
    refused = answered = 0
    for number, document in enumerate(whole):
        for path in _places(document):
            for new in WEIRD:
                changed = [*whole[:number], _replaced(document, path, new), *whole[number + 1 :]]
                try:
                    Cluster(read_text(yaml.safe_dump_all(changed, allow_unicode=True)))
                    answered += 1
                except BadInput as error:
                    assert error.what and error.right and "\n" not in str(error)
                    refused += 1
    assert refused > answered > 0
    note(f"weird values: {refused} refused, {answered} read")
