"""Manifests and kubectl's output, read into objects: what is accepted, what is told, what is refused and how."""

import io
import json
from types import SimpleNamespace

import pytest
import yaml

from kubenet_course.errors import BadInput
from kubenet_course.kube.api import objects as o
from kubenet_course.kube.manifest.read import read, read_text

POD = """
apiVersion: v1
kind: Pod
metadata: {name: web-1, labels: {app: web}}
spec: {nodeName: node-1, containers: [{name: web, image: x, ports: [{containerPort: 8080}]}]}
"""
NODE = "apiVersion: v1\nkind: Node\nmetadata: {name: node-1}\n"
SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n"
SLICE = """
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-abc, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
endpoints: [{addresses: [10.244.1.10]}]
"""


PRINTED = """
metadata:
  {name: a, namespace: kube-system, uid: u, resourceVersion: "1", creationTimestamp: 2026-11-01T00:00:00Z,
   generateName: a-, annotations: {x: y}, ownerReferences: [{kind: ReplicaSet}]}
spec:
  containers: [{name: c, image: x, resources: {}, volumeMounts: [], livenessProbe: {tcpSocket: {port: "1"}}}]
  tolerations: []
  volumes: []
  dnsPolicy: ClusterFirst
  restartPolicy: Always
status:
  phase: Running
  podIP: 10.244.1.4
  podIPs: [{ip: 10.244.1.4}]
  hostIP: 192.168.1.11
  hostIPs: []
  qosClass: BestEffort
  containerStatuses: []
  startTime: 2026-11-01T00:00:00Z
  conditions: [{type: Ready, status: "True", lastTransitionTime: 2026-11-01T00:00:00Z}]
"""


def pod(**changes) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, **changes})


def listed(*items, kind="List") -> str:
    return json.dumps({"apiVersion": "v1", "kind": kind, "items": [json.loads(one) for one in items]})


@pytest.mark.parametrize(
    "story, text",
    [
        ("several documents", f"{NODE}---\n{POD}---\n{SERVICE}"),
        ("empty documents between them", f"---\n{NODE}---\n# nothing\n---\n{POD}---\n{SERVICE}---\n"),
        (
            "a List in YAML",
            "apiVersion: v1\nkind: List\nitems:\n"
            + "".join("- " + d.strip().replace("\n", "\n  ") + "\n" for d in (NODE, POD, SERVICE)),
        ),
    ],
)
def test_yaml_is_read(story, text):
    found = read_text(text)
    assert [len(rows) for rows in (found.nodes, found.pods, found.services)] == [1, 1, 1]
    assert found.notices == ()


def test_json_and_yaml_say_the_same():
    spec = {"nodeName": "node-1", "containers": [{"name": "web", "image": "x", "ports": [{"containerPort": 8080}]}]}
    as_json = json.dumps(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-1", "labels": {"app": "web"}}, "spec": spec}
    )
    assert read_text(as_json).pods == read_text(POD).pods == read_text(listed(as_json)).pods


def test_what_the_api_server_prints_without_kinds_is_read_too():
    bare = {"metadata": {"name": "a"}}
    found = read_text(json.dumps({"apiVersion": "v1", "kind": "PodList", "items": [bare]}))
    assert found.pods[0].key == ("default", "a")


def test_standard_input_is_a_hyphen(monkeypatch):
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(POD.encode())))
    assert read(["-"]).pods[0].key == ("default", "web-1")


def test_several_files_are_one_cluster(tmp_path):
    for name, text in (("a.yaml", NODE), ("b.yaml", POD)):
        (tmp_path / name).write_text(text)
    found = read([str(tmp_path / "a.yaml"), str(tmp_path / "b.yaml")])
    assert (len(found.nodes), len(found.pods)) == (1, 1)


@pytest.mark.parametrize(
    "story, written, meant",
    [
        ("absent: every port", "", None),
        ("null: as if absent", "ports: null\n", None),
        ("empty: no port at all", "ports: []\n", ()),
    ],
)
def test_absent_null_and_empty_are_told_apart_where_it_matters(story, written, meant):
    assert read_text(SLICE + written).slices[0].ports == meant


@pytest.mark.parametrize(
    "written, meant",
    [
        ("", (None, ("Ingress",))),
        ("egress: null", (None, ("Ingress",))),
        ("egress: []", ((), ("Ingress",))),
        ("egress: [{}]", (1, ("Ingress", "Egress"))),
        ("policyTypes: [Egress]", (None, ("Egress",))),
    ],
)
def test_policies_keep_what_their_author_left_out(written, meant):
    head = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p}\n"
    policy = f"{head}spec:\n  podSelector: {{}}\n  {written}\n"
    spec = read_text(policy).policies[0].spec
    assert (len(spec.egress) if spec.egress else spec.egress, spec.types) == meant


def test_defaults_are_the_api_servers():
    found = read_text(SERVICE).services[0]
    assert (found.spec.type, found.spec.session_affinity, found.spec.internal_traffic_policy) == (
        "ClusterIP",
        "None",
        "Cluster",
    )
    assert (
        found.spec.ports[0].protocol,
        found.spec.ports[0].name,
        found.spec.session_affinity_config.client_ip.timeout_seconds,
    ) == ("TCP", "", 10800)


@pytest.mark.parametrize(
    "story, text, notice",
    [
        (
            "a kind that no model reads",
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n",
            "text: document 1: kind Deployment (apps/v1) is not understood; left out",
        ),
        (
            "somebody else's Service",
            "apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: web}\n",
            "text: document 1: kind Service (serving.knative.dev/v1) is not understood; left out",
        ),
        (
            "a word that the API does not have",
            POD + "status: {podIp: 10.0.0.1}\n",
            "text: document 1 (Pod default/web-1): field status.podIp is not understood",
        ),
        (
            "in JSON too",
            pod(spec={"containers": [{"portz": []}]}),
            "text: document 1 (Pod default/a): field spec.containers[0].portz is not understood",
        ),
        (
            "in a List",
            listed(pod(), pod(metadata={"name": "b"}, sepc={})),
            "text: document 1, item 2 (Pod default/b): field sepc is not understood",
        ),
    ],
)
def test_what_is_not_understood_is_told(story, text, notice):
    assert read_text(text).notices == (notice,)


def test_the_same_notice_is_told_once_and_counted():
    many = [pod(metadata={"name": f"p{n}"}, sepc={}) for n in range(5)]
    assert read_text(listed(*many)).notices == (
        "text: document 1, item 1 (Pod default/p0): field sepc is not understood (and 4 more)",
    )


def test_what_kubectl_prints_is_understood_to_the_last_field():
    real = yaml.load(PRINTED, yaml.BaseLoader)
    real["status"]["conditions"][0]["lastProbeTime"] = None
    found = read_text(listed(pod(**real)))
    assert found.notices == ()
    assert found.pods[0].addresses == ("10.244.1.4",)


def test_configuration_kinds_stand_among_the_rest():
    text = """
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
networking: {podSubnet: 10.1.0.0/16, serviceSubnet: 10.2.0.0/16}
controllerManager: {extraArgs: [{name: node-cidr-mask-size, value: "26"}]}
---
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: iptables
clusterCIDR: 10.1.0.0/16
iptables: {masqueradeAll: true, syncPeriod: 30s}
---
{"cniVersion": "1.0.0", "name": "cbr0", "plugins": [{"type": "flannel", "delegate": {"hairpinMode": true}}, {"type": "portmap"}]}
"""
    found = read_text(text)
    assert found.cluster.manager_flags == {"node-cidr-mask-size": "26"}
    assert found.proxy.iptables.masquerade_all
    assert found.conflists[0].types == ("flannel", "portmap")
    assert found.notices == ()


def test_dates_and_times_stay_text_and_a_clock_is_no_number():
    found = read_text(POD.replace("app: web", "app: 2026-11-01") + "---\n" + NODE)
    assert found.pods[0].metadata.labels == {"app": "2026-11-01"}
    assert read_text("apiVersion: v1\nkind: Node\nmetadata: {name: a, labels: {at: 1:30}}\n").nodes[
        0
    ].metadata.labels == {"at": "1:30"}


@pytest.mark.parametrize("kind", list(o.KINDS))
def test_every_kind_has_an_api_version(kind):
    assert o.KINDS[kind].api


def test_the_place_of_an_object_can_be_told_later():
    found = read_text(listed(pod(), pod(metadata={"name": "b"})))
    assert found.where(found.pods[1]) == "text: document 1, item 2 (Pod default/b)"


def test_a_bad_input_is_a_sentence():
    with pytest.raises(BadInput, match=r"^text: document 1 \(Pod \"a\"\): spec.nodeName: it is 7; write text"):
        read_text(pod(spec={"nodeName": 7}))
