"""What the exercises of chapter 07 share: a cluster whose nodes are joined by VXLAN, with drawn nodes and ports."""

from __future__ import annotations

from msgspec import Struct

from ....kube.model.world import World
from ....lab.scenario.of_cluster import renamed
from ....linux.namespace.memory import Memory
from ....linux.namespace.netns import Netns
from ....linux.namespace.trace import Trace
from ....linux.packet.packet import Frame, Packet, tcp
from ....linux.walk import ask
from ....views.tables.table import Table, table
from ...worlds.clusters import built, node, node_address, pod, pod_address
from .. import Chance

TUNNEL = "flannel.1"


class Overlay(Struct, frozen=True):
    """`client` on the node `here` and `web` on `there`, joined by VXLAN. Everybody knows the MAC addresses on its own link."""

    here: int
    there: int
    port: int
    sport: int
    world: dict[str, Netns]

    @property
    def client(self) -> str:
        return pod_address(self.here, 0)

    @property
    def web(self) -> str:
        return pod_address(self.there, 0)

    def node(self, number: int) -> str:
        return node_address(number)

    def mac(self, name: str, dev: str) -> str:
        return self.world[name].devices[dev].mac

    def asked(self) -> Trace:
        """`client` opens a connection to `web`; nobody has to ask for a MAC address any more."""
        memory = Memory()
        ask(self.world, tcp(self.client, self.sport - 1, self.web, self.port), "client", memory)
        return ask(self.world, tcp(self.client, self.sport, self.web, self.port), "client", memory)

    def frames(self, name: str, dev: str) -> list[Frame]:
        """The frames with packets that left by a device: the question's first, then the answer's."""
        return [one for ns, on, way, one in self.asked().frames
                if (ns, on, way) == (name, dev, "out") and isinstance(one.payload, Packet)]  # fmt: skip

    def known(self) -> Table:
        """Who has which address."""
        rows = []
        for name, dev in (("client", "eth0"), (f"node-{self.here}", "eth0"), (f"node-{self.here}", TUNNEL),
                          (f"node-{self.there}", "eth0"), (f"node-{self.there}", TUNNEL), ("web", "eth0")):  # fmt: skip
            device = self.world[name].devices[dev]
            rows.append((name, dev, device.mac, next(a.address for a in device.addresses if ":" not in a.address)))
        return table("Who has which addresses", ("machine", "device", "MAC address", "IP address"), rows, code=(2, 3))


def drawn(chance: Chance) -> Overlay:
    """Two nodes of five, ports as they come."""
    here, there = sorted(chance.sample(range(1, 6), 2))
    port, sport = chance.choice((80, 443, 5432, 8080)), chance.randrange(32768, 60999)
    items = [node(here, backend="vxlan"), node(there, backend="vxlan")]
    items += [pod("client", here, ip=pod_address(here, 0)), pod("web", there, "web", port, pod_address(there, 0))]
    world = renamed(World(built(items), ()), lambda name: name.rpartition("/")[2])
    return Overlay(here, there, port, sport, world)
