"""The small networks that exercises are about, what is asked in them, and the lines that change them."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from msgspec import Struct
from msgspec.structs import replace

from ...linux.namespace.memory import Memory
from ...linux.namespace.netns import Netns
from ...linux.namespace.trace import Trace
from ...linux.packet.packet import tcp
from ...linux.verdicts import verdict
from ...linux.walk import ask, send
from .clusters import small_world

World = Mapping[str, Netns]
PORTS = (80, 443, 5432, 6379, 8080, 9090)


class Net(Struct, frozen=True):
    """Pods `client` and `web`, on nodes `here` and `there` (numbers), which may be the same; web listens on tcp `port`."""

    world: World
    here: int
    there: int
    client: str
    web: str
    port: int
    sport: int

    def asked(self, world: World | None = None, port: int = 0) -> Trace:
        """The client asks web, in this world or in a changed one, and waits for the answer."""
        packet = tcp(self.client, self.sport, self.web, port or self.port)
        return ask(world or self.world, packet, at="client")

    def asked_again(self) -> Trace:
        """The same a second time: bridges have heard who is where."""
        memory = Memory()
        ask(self.world, tcp(self.client, self.sport - 1, self.web, self.port), "client", memory)
        return ask(self.world, tcp(self.client, self.sport, self.web, self.port), "client", memory)

    def sent(self, world: World | None = None, port: int = 0, proto=tcp) -> Trace:
        """One packet from the client to web."""
        return send(world or self.world, proto(self.client, self.sport, self.web, port or self.port), at="client")


def net(chance: Random, is_same_node: bool = False, warm: bool = True) -> Net:
    """Two pods, on one node or on two; neighbours are known already if `warm`."""
    here, there = chance.sample(range(1, 6), 2)
    there = here if is_same_node else there
    others = {node: tuple(f"pod-{node}{n}" for n in range(chance.randrange(1, 4))) for node in (here, there)}
    pods = {node: [*names, *(["client"] if node == here else []), *(["web"] if node == there else [])]
            for node, names in others.items()}  # fmt: skip
    port = chance.choice(PORTS)
    world = small_world(pods, {"web": port}, warm=warm)
    address = {name: world[name].devices["eth0"].addresses[0].address for name in ("client", "web")}
    return Net(world, here, there, address["client"], address["web"], port, chance.randrange(32768, 61000))


def mac_of(world: World, name: str, dev: str = "eth0") -> str:
    return world[name].devices[dev].mac


def changed(world: World, name: str, **tables) -> dict[str, Netns]:
    """The same world with other tables in one namespace."""
    return {**world, name: replace(world[name], **tables)}


def delivered(trace: Trace) -> bool:
    return verdict(trace).name == "delivered"
