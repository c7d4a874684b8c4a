"""Small worlds for stories about policies: two namespaces, a few pods, and policies written as YAML would have them."""

import json

from kubenet_course.kube.manifest.read import read_text
from kubenet_course.kube.policy.judge.decide import decide
from kubenet_course.kube.policy.judge.values import Port
from kubenet_course.kube.policy.judge.world import PolicyWorld
from kubenet_course.kube.policy.written.border import host

GROUP = "policy.networking.k8s.io"


def namespace(name, **labels):
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def node(name, ip, **labels):
    status = {"addresses": [{"type": "InternalIP", "address": ip}]}
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}, "status": status}


def pod(name, ip, node="n1", host=False, phase="Running", ports=((80, "TCP", "web"), (53, "UDP", "dns")), **labels):
    """`x/a` with one address or several."""
    home, _, own = name.partition("/")
    listed = [{"containerPort": number, "protocol": protocol, "name": said} for number, protocol, said in ports]
    ips = ip.split(",")
    return {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": own, "namespace": home, "labels": labels},
        "spec": {"nodeName": node, "hostNetwork": host, "containers": [{"name": "c", "ports": listed}]},
        "status": {"podIP": ips[0], "podIPs": [{"ip": one} for one in ips], "phase": phase},
    }  # fmt: skip


def policy(name="p", namespace="x", **spec):
    metadata = {"name": name, "namespace": namespace}
    spec.setdefault("podSelector", {})
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


def cluster_policy(name="c", tier="Admin", priority=10, subject=None, kind="ClusterNetworkPolicy", **rules):
    spec = {"tier": tier, "priority": priority, "subject": subject or {"namespaces": {}}, **rules}
    version = "v1alpha2"
    if kind != "ClusterNetworkPolicy":
        version = "v1alpha1"
        del spec["tier"]
    if kind == "BaselineAdminNetworkPolicy":
        del spec["priority"]
    return {"apiVersion": f"{GROUP}/{version}", "kind": kind, "metadata": {"name": name}, "spec": spec}


PODS = [
    namespace("x", team="red"),
    namespace("y", team="blue"),
    node("n1", "192.168.0.1", disk="ssd"),
    node("n2", "192.168.0.2"),
    pod("x/a", "10.0.1.1", app="web", tier="front"),
    pod("x/b", "10.0.1.2", app="db"),
    pod("x/c", "10.0.1.3", node="n2"),
    pod("y/a", "10.0.2.1", app="web", node="n2"),
    pod("y/b", "10.0.2.2", app="db", tier="back", node="n2"),
    pod("x/host", "192.168.0.1", host=True, app="web"),
    pod("y/host", "192.168.0.2", host=True, node="n2", app="web"),
    pod("x/over", "10.0.1.9", phase="Succeeded", app="web"),
]


def text(items):
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(items)})


def world(*policies, pods=None):
    return PolicyWorld(read_text(text([*(PODS if pods is None else pods), *policies])))


def end(made, name):
    """`x/a` is a pod, `n1` a node, anything else an address."""
    return made.pods.get(name) or made.nodes.get(name) or host(made, name, "")


def ask(made, source, to, port="80/TCP", family=0, **said):
    number, _, protocol = port.partition("/")
    return decide(made, end(made, source), end(made, to), Port(int(number), protocol or "TCP"), family, **said)


def may(made, source, to, port="80/TCP", family=0, **said):
    return ask(made, source, to, port, family, **said).allowed
