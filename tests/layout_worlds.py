"""Clusters in their surroundings, as texts, for the tests of layouts; and their tables as scenarios for the real kernel."""

from collections.abc import Mapping
from types import MappingProxyType

from msgspec.structs import replace

from kubenet_course.data import data
from kubenet_course.kube.layout.asked.reach import ends
from kubenet_course.kube.manifest.read import read_text
from kubenet_course.kube.model.cluster import Cluster, checked
from kubenet_course.lab.scenario.of_cluster import plain, renamed
from kubenet_course.lab.scenario.packets import Sending
from kubenet_course.lab.scenario.scenario import Scenario
from kubenet_course.linux.packet.address import family
from kubenet_course.linux.packet.packet import ping

NOTHING: Mapping[str, str] = MappingProxyType({})
PARTS = 4  # an error "no route" is rationed, five at once for one sender: a table is told in four parts


def cluster_in(spec: str, name: str = "two-nodes", changed: Mapping[str, str] = NOTHING) -> Cluster:
    """A cluster of `data/clusters` with a Layout whose spec is this text; `changed` replaces words of the cluster's text."""
    text = (data("clusters") / f"{name}.yaml").read_text()
    for before, after in changed.items():
        text = text.replace(before, after)
    return checked(Cluster(read_text(f"{text}\n---\n{layout(spec)}", "a.yaml")))


def layout(spec: str) -> str:
    return f"apiVersion: kubenet.course/v1\nkind: Layout\nmetadata: {{name: east}}\nspec: {spec}\n"


OFFICE = "networks: [{name: office, ranges: [10.20.0.0/24], hosts: [{address: 10.20.0.9}]}]"
AROUND = f"{OFFICE}, internet: {{hosts: [{{address: 203.0.113.5}}]}}"


def west(kind: str, pods: str = "10.245.0.0/16") -> str:
    return f"clusters: [{{name: west, layout: {kind}, nodeSubnet: 192.168.2.0/24, podSubnet: {pods}}}]"


def around(kind: str, more: str = "") -> str:
    """A spec with an office, the internet and a second cluster of the same layout."""
    return f"{{layout: {kind}, {AROUND}, {west(kind)}{', ' if more else ''}{more}}}"


def table(cluster: Cluster, of: int = 4) -> Scenario:
    """All pings of a cluster's table, as one scenario."""
    world, sent = cluster.world(), []
    known = ends(cluster, world, of).values()
    for source in known:
        for target in known:
            if source.at != target.at:
                fib = world[source.at].fib
                src = fib.source(fib.lookup(target.address), target.address) or family(target.address).any
                sent.append(Sending(plain(source.at), ping(src, target.address, id=len(sent) + 1)))
    return Scenario("a table", "", renamed(world), tuple(sent))


def parts(whole: Scenario) -> list[Scenario]:
    return [replace(whole, packets=whole.packets[start::PARTS]) for start in range(PARTS)]
