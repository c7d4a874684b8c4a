"""What layouts cost: one address for many connections, a table of who reaches whom, a picture of forty nodes."""

import subprocess
import sys

from kubenet_course.data import data
from kubenet_course.kube.layout.asked.ports import clients, opened
from kubenet_course.kube.layout.asked.reach import reachability
from kubenet_course.kube.manifest.read import read_text
from kubenet_course.kube.model.cluster import Cluster, cluster
from kubenet_course.views.drawing.around import surroundings
from tools.bench import Timed, measurement

PODS = [f"10.244.1.{number}" for number in range(2, 12)]
MEMORY = """
import resource
from tools.bench_layouts import PODS, clients, opened
assert len(opened(clients(PODS, "203.0.113.5", 443, 6000), "192.168.1.11").flows) == 60000
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


@measurement("60,000 connections through one address: translation alone", figure=3.0)
def one_address() -> Timed:
    return lambda: opened(clients(PODS, "203.0.113.5", 443, 6000), "192.168.1.11")


@measurement("60,000 connections through one address: memory", figure=200, unit="MB")
def one_address_memory() -> Timed:
    argv = [sys.executable, "-c", MEMORY]
    return lambda: float(subprocess.run(argv, capture_output=True, text=True, check=True).stdout)


@measurement("who reaches whom in a layout: 72 pings there and back", figure=0.2)
def whole_table() -> Timed:
    built = cluster([str(data("clusters") / "two-nodes.yaml"), str(data("layouts") / "island.yaml")])
    return lambda: reachability(built)


def forty_nodes() -> Cluster:
    """An island of 40 nodes and 400 pods."""
    kinds = [("Node", f"node-{n}") for n in range(40)] + [("Pod", f"web-{n}") for n in range(400)]
    listed = [f"apiVersion: v1\nkind: {kind}\nmetadata: {{name: {name}}}\n" for kind, name in kinds]
    listed.append("apiVersion: kubenet.course/v1\nkind: Layout\nmetadata: {name: east}\nspec: {internet: {}}\n")
    return Cluster(read_text("---\n".join(listed)))


@measurement("a picture of 40 nodes and 400 pods, as SVG", figure=0.3)
def forty_drawn() -> Timed:
    built = forty_nodes()
    return lambda: surroundings(built).svg
