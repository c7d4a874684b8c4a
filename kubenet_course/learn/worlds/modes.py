"""The same cluster with another kube-proxy: in another mode, configured otherwise, or with very many Services."""

from __future__ import annotations

import json
import re
from copy import copy
from functools import lru_cache
from typing import Any

from msgspec.structs import replace

from ...errors import BadInput
from ...kube.api.objects import Pod
from ...kube.manifest.collection import Objects
from ...kube.manifest.read import read_text
from ...kube.model.cluster import Cluster
from ...kube.model.world import World
from ...linux.namespace.netns import Netns
from .clusters import node_address

HEAD = "apiVersion: kubeproxy.config.k8s.io/v1alpha1"
KIND = re.compile(r"^kind:\s*[\"']?KubeProxyConfiguration\b", re.MULTILINE)
PER_BLOCK = 250  # Services whose addresses share their third number


def in_mode(made: Cluster, mode: str) -> Cluster:
    """The cluster's objects under a kube-proxy that works in this mode."""
    return Cluster(made.objects, mode)


def configured(made: Cluster, text: str) -> Cluster:
    """The cluster's objects under a KubeProxyConfiguration. Raises BadInput for a text that is none, or holds more."""
    right = f"write one document that begins with {HEAD}"
    if text.strip() and not KIND.search(text):
        raise BadInput("configuration", "it does not say kind: KubeProxyConfiguration", right)
    said = read_text(text, "configuration")
    if said.proxy is None or len(said.order) != 1:
        raise BadInput("configuration", "this is not one KubeProxyConfiguration", right)
    if unread := [field for fields in said.half_read.values() for field in fields]:
        raise BadInput("configuration", f"kube-proxy has no field {unread[0]}", "look at the field's name and place")
    objects = copy(made.objects)
    objects.proxy = said.proxy
    return Cluster(objects)


def many_services(count: int, mode: str = "iptables") -> Cluster:
    """`client` and `web-1` on one node, and so many Services that all lead to web-1: s00000, s00001, ..."""
    return Cluster(_many(count), mode)


@lru_cache(maxsize=4)
def _many(count: int) -> Objects:
    status = {"addresses": [{"type": "InternalIP", "address": node_address(1)}]}
    node = {"metadata": {"name": "node-1"}, "spec": {"podCIDR": "10.244.1.0/24"}, "status": status}
    pods = [_pod("client", {}, []), _pod("web-1", {"app": "web"}, [{"containerPort": 8080}])]
    items = [{"kind": "Node", **node}, *pods, *(_service(number) for number in range(count))]
    whole = {"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", **item} for item in items]}
    return read_text(json.dumps(whole))


def _pod(name: str, labels: dict[str, str], ports: list[dict[str, int]]) -> dict[str, Any]:
    spec = {"nodeName": "node-1", "containers": [{"name": name, "ports": ports}]}
    return {"kind": "Pod", "metadata": {"name": name, "labels": labels}, "spec": spec}


def _service(number: int) -> dict[str, Any]:
    address = f"10.96.{number // PER_BLOCK}.{number % PER_BLOCK + 1}"
    spec = {"clusterIP": address, "selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}
    return {"kind": "Service", "metadata": {"name": f"s{number:05}"}, "spec": spec}


class Crashed(World):
    """A cluster's kernels when the program of one of its pods has just ended, and nobody knows of it yet."""

    def __init__(self, made: Cluster, namespace: str, pod: str):
        self.dead = made.pod(namespace, pod).key
        super().__init__(made)

    def _pod(self, pod: Pod) -> Netns:
        found = super()._pod(pod)
        return replace(found, sockets=()) if pod.key == self.dead else found
