"""Input that cannot be used: one sentence with file, document, field, value and what would be right."""

import json
import random

import pytest
import yaml

from kubenet_course.errors import BadInput
from kubenet_course.kube.manifest.read import read, read_text
from kubenet_course.kube.manifest.yaml_text import documents_of
from kubenet_course.kube.model.cluster import Cluster
from tests.test_objects import NODE, POD, SERVICE, SLICE, listed, pod

POD_A, NODE_A = 'text: document 1 (Pod "a"): ', 'text: document 1 (Node "a"): '
WEB, SLICE_A = 'text: document 1 (Service "web"): ', 'text: document 1 (EndpointSlice "web-abc"): '
TWICE = 2 * "---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n"


def a_node(cidr: str) -> str:
    return f"apiVersion: v1\nkind: Node\nmetadata: {{name: a}}\nspec: {{podCIDR: {cidr}}}\n"


def with_port(**port) -> str:
    return pod(spec={"containers": [{"ports": [port]}]})


def service(**spec) -> str:
    return json.dumps(
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}], **spec}}
    )


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
        ("no kind", "apiVersion: v1\nmetadata: {name: a}\n", 'text: document 1 (object "a"): kind', "says no kind"),
        (
            "no apiVersion",
            "kind: Pod\nmetadata: {name: a}\n",
            'text: document 1 (Pod "a"): apiVersion',
            "it is missing",
        ),
        ("no name", "apiVersion: v1\nkind: Pod\nmetadata: {}\n", "text: document 1: metadata.name", "it is missing"),
        (
            "a name that no object can have",
            pod(metadata={"name": "Web 1"}),
            'text: document 1 (Pod "Web 1"): metadata.name',
            'it is "Web 1"',
        ),
        ("a number for text", pod(metadata={"name": "a", "labels": {"x": 1}}), POD_A + "metadata.labels.x", "it is 1"),
        (
            "text for a number",
            with_port(containerPort="http"),
            POD_A + "spec.containers[0].ports[0].containerPort",
            'it is "http"',
        ),
        (
            "a port that is too large",
            with_port(containerPort=70000),
            POD_A + "spec.containers[0].ports[0].containerPort",
            "it is 70000",
        ),
        (
            "a protocol in small letters",
            with_port(containerPort=80, protocol="tcp"),
            POD_A + "spec.containers[0].ports[0].protocol",
            'it is "tcp"',
        ),
        ("a mapping for a list", pod(spec={"containers": {}}), POD_A + "spec.containers", "it is {}"),
        (
            "no address",
            pod(status={"podIP": "10.244.1.300"}),
            POD_A + "status.podIP",
            '"10.244.1.300", which is no address',
        ),
        (
            "two addresses that disagree",
            pod(status={"podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.2"}]}),
            POD_A + "status.podIPs[0]",
            "it is 10.0.0.2",
        ),
        ("no range", a_node("10.244.1.0"), NODE_A + "spec.podCIDRs[0]", "which is no range"),
        ("a range with host bits", a_node("10.244.1.5/24"), NODE_A + "spec.podCIDRs[0]", "which is no range"),
        ("a ClusterIP that is none", service(clusterIP="here"), WEB + "spec.clusterIP", '"here", which is no address'),
        (
            "two addresses of one family",
            service(clusterIPs=["10.96.0.1", "10.96.0.2"]),
            WEB + "spec.clusterIPs",
            "it has 10.96.0.1, 10.96.0.2",
        ),
        (
            "two ports, one without a name",
            service(ports=[{"port": 80, "name": "a"}, {"port": 81}]),
            WEB + "spec.ports[1].name",
            "it is missing",
        ),
        (
            "two ports of one name",
            service(ports=[{"port": 80, "name": "a"}, {"port": 81, "name": "a"}]),
            WEB + "spec.ports[1].name",
            '"a" stands twice',
        ),
        ("no port", service(ports=[]), WEB + "spec.ports", "there are none"),
        (
            "an endpoint of the other family",
            SLICE.replace("10.244.1.10", "'fd00::1'"),
            SLICE_A + "endpoints[0].addresses[0]",
            "it is fd00::1",
        ),
        (
            "an endpoint without an address",
            SLICE.replace("[10.244.1.10]", "[]"),
            SLICE_A + "endpoints[0].addresses",
            "it is []",
        ),
        (
            "a second object of that name",
            f"{POD}---\n{POD}",
            "text: document 2",
            "Pod default/web-1 stands twice: first in text: document 1",
        ),
        ("a second configuration", TWICE, "text: document 2", "there is a second ClusterConfiguration"),
        (
            "a List within a List",
            listed(listed(pod())),
            "text: document 1, item 1: items",
            "a List stands within a List",
        ),
        ("an item that is no object", listed("7"), "text: document 1, item 1", "a document is a number"),
    ],
)
def test_the_sentence_names_the_place_and_the_value(story, text, where, what):
    with pytest.raises(BadInput) as said:
        read_text(text)
    assert said.value.where == where
    assert what in said.value.what
    assert said.value.right


@pytest.mark.parametrize(
    "story, text, right",
    [
        (
            "a port",
            with_port(containerPort=0),
            "write a whole number from 1 to 65535",
        ),
        ("a protocol", service(ports=[{"port": 80, "protocol": "ICMP"}]), "write one of TCP, UDP, SCTP"),
        ("a policy", service(externalTrafficPolicy="local"), "write one of Cluster, Local"),
        ("a boolean", pod(spec={"hostNetwork": "yes"}), "write true or false"),
        (
            "a name",
            pod(metadata={"name": "A"}),
            "write lower-case letters, digits and hyphens, beginning and ending with a letter or a digit",
        ),
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


WEIRD = [
    None,
    0,
    -1,
    1.5,
    70000,
    True,
    "",
    "x",
    "10.0.0.1",
    "A B",
    [],
    [None],
    {},
    {"a": None},
    {1: 2},
    [[]],
    "\u2028",
    "é" * 300,
]


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


def test_whatever_stands_at_any_place_there_is_an_answer_or_a_sentence(seed, rounds, note):
    """Values of a cluster's manifests replaced by weird ones: read, or refused in words, and nothing else."""
    with open("data/clusters/node-port.yaml", "rb") as file:
        whole = [value for _, value in documents_of("cluster", file.read())]
    cases = [(number, path, new) for number, one in enumerate(whole) for path in _places(one) for new in WEIRD]
    sentences = []
    chosen = random.Random(seed).sample(cases, min(len(cases), 250 * rounds))
    for number, path, new in chosen:
        changed = [*whole[:number], _replaced(whole[number], path, new), *whole[number + 1 :]]
        try:
            Cluster(read_text(yaml.safe_dump_all(changed, allow_unicode=True)))
        except BadInput as error:
            sentences.append(error)
    assert all(error.what and error.right and "\n" not in str(error) for error in sentences)
    note(f"weird values in manifests: {len(sentences)} refused, {len(chosen) - len(sentences)} read")
