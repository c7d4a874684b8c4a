"""The largest cluster there is (published limits): 5,000 nodes, 150,000 pods, 10,000 Services with 10 endpoints each."""

import json
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import msgspec

from kubenet_course.kube.api.core import Container, NodeSpec, PodSpec
from kubenet_course.kube.api.objects import ContainerPort, Metadata, Node, Pod, PodMetadata, Service, ServicePort
from kubenet_course.kube.api.service import ServiceSpec
from kubenet_course.kube.manifest.collection import Objects
from kubenet_course.kube.manifest.read import read
from kubenet_course.kube.model.cluster import Cluster
from kubenet_course.kube.model.world import World
from kubenet_course.linux.packet.packet import tcp
from kubenet_course.linux.walk import send
from tools.bench import Timed, measurement

NODES, PODS, SERVICES, ENDPOINTS = 5_000, 150_000, 10_000, 10
MEMORY = """
import resource, sys
from tools.bench_cluster import ready
from kubenet_course.kube.manifest.read import read
ready(read([sys.argv[1]]))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def block(node: int) -> str:
    return f"10.{128 + (node >> 8)}.{node & 255}.0/24"


def app(pod: int) -> str:
    """The first hundred thousand pods answer for Services, ten for each; the others ask."""
    return f"app-{pod % SERVICES}" if pod < SERVICES * ENDPOINTS else "client"


@cache
def as_json() -> str:
    """A file with the cluster as minimal manifests: pods without addresses, Services without addresses and slices."""
    nodes = [_object("Node", f"node-{n}", spec={"podCIDR": block(n)}) for n in range(NODES)]
    containers = [{"name": "web", "image": "web", "ports": [{"containerPort": 8080}]}]
    pods = [
        _object("Pod", f"pod-{n}", app(n), spec={"nodeName": f"node-{n % NODES}", "containers": containers})
        for n in range(PODS)
    ]
    services = [
        _object(
            "Service", f"app-{n}", spec={"selector": {"app": f"app-{n}"}, "ports": [{"port": 80, "targetPort": 8080}]}
        )
        for n in range(SERVICES)
    ]
    path = Path(tempfile.mkdtemp(prefix="kubenet-bench-")) / "cluster.json"
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": nodes + pods + services}))
    return str(path)


def _object(kind: str, name: str, label: str = "", **more) -> dict:
    labels = {"labels": {"app": label}} if label else {}
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": "default", **labels}, **more}


def generated() -> Objects:
    """The same cluster, made without any text."""
    web = (Container(name="web", ports=(ContainerPort(container_port=8080),)),)
    ports = (ServicePort(port=80, target_port=8080),)
    labels = {f"app-{n}": {"app": f"app-{n}"} for n in range(SERVICES)} | {"client": {"app": "client"}}
    found = Objects()
    found.nodes = [
        Node(api_version="v1", metadata=Metadata(name=f"node-{n}"), spec=NodeSpec(pod_cidr=block(n)))
        for n in range(NODES)
    ]
    found.pods = [
        Pod(
            api_version="v1",
            metadata=PodMetadata(name=f"pod-{n}", labels=labels[app(n)]),
            spec=PodSpec(node_name=f"node-{n % NODES}", containers=web),
        )
        for n in range(PODS)
    ]
    found.services = [
        Service(
            api_version="v1",
            metadata=Metadata(name=f"app-{n}"),
            spec=ServiceSpec(selector=labels[f"app-{n}"], ports=ports),
        )
        for n in range(SERVICES)
    ]
    return found


def ready(objects: Objects) -> World:
    """All that has to be known before the first packet can set out."""
    return Cluster(objects).world()


def first_trace(world: World) -> None:
    """A client asks the Service in the middle of the list."""
    cluster = world.cluster
    client = cluster.pod("default", f"pod-{PODS - 1}")
    address = cluster.service("default", f"app-{SERVICES // 2}").cluster_ips[0]
    trace = send(world, tcp(cluster.placed.addresses(client)[0], 40000, address, 80), world.of_pod(client))
    assert any(step.said.startswith("delivered to pod-") for step in trace.steps)


@measurement("the largest cluster, read from JSON of minimal pods", figure=4.0, floor=lambda: plain_json())
def read_ready() -> Timed:
    path = as_json()
    return lambda: ready(read([path]))


def plain_json() -> Timed:
    """The same bytes made into plain dictionaries, and nothing understood."""
    content = Path(as_json()).read_bytes()
    return lambda: msgspec.json.decode(content)


@measurement("the largest cluster, generated", figure=4.0, floor=lambda: generated)
def generated_ready() -> Timed:
    return lambda: ready(generated())


@measurement("the largest cluster: memory when it is ready", figure=700, unit="MB")
def memory() -> Timed:
    path = as_json()
    argv = [sys.executable, "-c", MEMORY, path]
    return lambda: float(subprocess.run(argv, capture_output=True, text=True, check=True).stdout)


@measurement("the largest cluster: its first trace", figure=0.050)
def trace_after_ready() -> Timed:
    cluster = Cluster(generated())
    worlds = iter([cluster.world() for _ in range(40)])
    return lambda: first_trace(next(worlds))


@measurement("all iptables rules of a node, 100 Services with 10 endpoints", figure=0.030)
def all_rules() -> Timed:
    from kubenet_course.linux.netfilter.iptables.save import write

    objects = generated()
    objects.nodes = objects.nodes[:10]
    objects.services = objects.services[:100]
    objects.pods = [pod for pod in objects.pods if pod.metadata.labels["app"] in {f"app-{n}" for n in range(100)}]
    objects.pods = [
        msgspec.structs.replace(one, spec=msgspec.structs.replace(one.spec, node_name="node-1"))
        for one in objects.pods[:200]
    ]
    cluster = Cluster(objects)
    return lambda: write(cluster.proxy_rules("node-1", 4))
