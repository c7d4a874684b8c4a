"""What the exercises of chapter 04 share: a cluster with drawn nodes and addresses in its surroundings, and who is who in it."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

from msgspec import Struct

from ....kube.layout.asked.reach import Cell, End, reach
from ....kube.model.cluster import Cluster
from ....views.tables.reach import hops
from ....views.tables.table import Table, table
from ...worlds.clusters import node, pod
from ...worlds.layouts import INTERNET, WEST, laid_out

BORDER = "198.51.100.1"


class Drawn(Struct, frozen=True):
    """A cluster `east` with `client` and `web` on node `here`, `db` on node `there`, an office with a laptop, a partner outside."""

    here: int
    there: int
    office: str
    laptop: str

    @property
    def network(self) -> dict[str, Any]:
        hosts = [{"name": "laptop", "address": self.laptop}]
        return {"name": "office", "ranges": [self.office], "hosts": hosts}

    def items(self) -> list[dict[str, Any]]:
        pods = [pod("client", self.here), pod("web", self.here, "web", 8080), pod("db", self.there, "db", 5432)]
        return [node(self.here), node(self.there), *pods]

    def spec(self, layout: str, west: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        """A spec, with the cluster `west` of the same layout beside it if `west` is given."""
        said = {"layout": layout, "networks": [self.network], "internet": INTERNET, **more}
        return said if west is None else said | {"clusters": [{**WEST, "layout": layout, **west}]}

    def cluster(self, layout: str, west: Mapping[str, Any] | None = None, **more: Any) -> Cluster:
        return laid_out(self.spec(layout, west, **more), *self.items())

    def end(self, cluster: Cluster, who: str) -> End:
        """Whoever is meant by a plain word: a pod, a node, the laptop, the partner, `west`'s pod."""
        if who in ("client", "web", "db"):
            return End(who, f"pod/default/{who}", cluster.placed.addresses(cluster.pod("default", who))[0])
        if who == "west":
            other = cluster.beside["west"]
            ip = other.placed.addresses(other.pod("default", "web-1"))[0]
            return End("web-1 of west", "west/pod/default/web-1", ip)
        if who in cluster.machines:
            return End(who, who, cluster.machines[who].ips[4])
        ip = self.laptop if who == "laptop" else INTERNET["hosts"][0]["address"]
        return End(who, f"host/{ip}", ip)

    def asks(self, cluster: Cluster, who: str, to: str) -> Cell:
        return reach(cluster.world(), self.end(cluster, who), self.end(cluster, to))

    def known(self, cluster: Cluster) -> Table:
        """Who has which address."""
        names = ["client", "web", "db", f"node-{self.here}", f"node-{self.there}", "laptop", "partner"]
        names += ["west"] if cluster.beside else []
        found = [self.end(cluster, name) for name in names]
        rows = [(one.role, one.address) for one in found] + [(("border, towards the internet"), BORDER)]
        return table("Who has which address", ("who", "address"), rows, code=(1,))


def drawn(chance: Random) -> Drawn:
    """Two nodes of five, and an office somewhere in 10.0.0.0/8."""
    here, there = sorted(chance.sample(range(1, 6), 2))
    office = f"10.{chance.randrange(16, 200)}.{chance.randrange(250)}"
    return Drawn(here, there, f"{office}.0/24", f"{office}.{chance.randrange(9, 200)}")


def way(*cells: Cell) -> Table:
    return hops(*cells, caption="What the model did")
