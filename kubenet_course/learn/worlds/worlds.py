"""The small networks that exercises are about, what is asked in them, and the lines that change them."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from random import Random

from msgspec import Struct
from msgspec.structs import replace

from ...errors import BadInput
from ...linux.namespace.memory import Memory
from ...linux.namespace.netns import Netns
from ...linux.namespace.trace import Trace
from ...linux.packet.packet import tcp
from ...linux.verdicts import verdict
from ...linux.walk import ask, send
from ...shell import rows
from .clusters import Plan, cluster

World = Mapping[str, Netns]
PORTS = (80, 443, 5432, 6379, 8080, 9090)
LINES = "write lines like 'ip -n node-1 route add 10.244.2.0/24 via 192.168.1.12 dev eth0'"


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


def net(chance: Random, is_same_node: bool = False, warm: bool = True, rules: str = "") -> Net:
    """Two pods, on one node or on two; neighbours are known already if `warm`."""
    here, there = chance.sample(range(1, 6), 2)
    there = here if is_same_node else there
    others = {node: tuple(f"pod-{node}{n}" for n in range(chance.randrange(1, 4))) for node in (here, there)}
    pods = {node: [*names, *(["client"] if node == here else []), *(["web"] if node == there else [])]
            for node, names in others.items()}  # fmt: skip
    port = chance.choice(PORTS)
    listens = {"web": (f"tcp 0.0.0.0:{port} web",)}
    world = cluster(Plan(pods, warm=warm, listens=listens, rules={4: rules} if rules else {}))
    address = {name: world[name].devices["eth0"].addresses[0].address for name in ("client", "web")}
    return Net(world, here, there, address["client"], address["web"], port, chance.randrange(32768, 61000))


def mac_of(world: World, name: str, dev: str = "eth0") -> str:
    return world[name].devices[dev].mac


def changed(world: World, name: str, **tables) -> dict[str, Netns]:
    """The same world with other tables in one namespace."""
    return {**world, name: replace(world[name], **tables)}


def delivered(trace: Trace) -> bool:
    return verdict(trace).name == "delivered"


def mended(world: World, text: str) -> World:
    """The world after some lines: `ip -n NAME route add|replace|del ...` and `ip netns exec NAME sysctl -w KEY=VALUE`.

    Raises BadInput naming the line that cannot be carried out.
    """
    for number, line in enumerate(text.splitlines(), 1):
        try:
            words = shlex.split(line, comments=True)
        except ValueError as error:
            raise BadInput(f"line {number}", str(error), LINES) from None
        words = words[1:] if words[:1] == ["sudo"] else words
        if words:
            world = _carried_out(world, words, f"line {number}")
    return world


def _carried_out(world: World, words: list[str], where: str) -> World:
    match words:
        case ["ip", "-n", name, ("route" | "r"), ("add" | "replace" | "del") as verb, *row] if name in world:
            return _routed(world, name, verb, " ".join(row), where)
        case ["ip", "netns", "exec", name, "sysctl", *rest] if name in world and rest:
            key, _, value = "".join(rest[1:] if rest[0] == "-w" else rest).partition("=")
            if key not in ("net.ipv4.ip_forward", "net.ipv4.conf.all.forwarding") or value not in ("0", "1"):
                raise BadInput(
                    where, f"{key}={value} is not a switch of this exercise", "net.ipv4.ip_forward is, 0 or 1"
                )
            return changed(world, name, sysctls={**world[name].sysctls, "net.ipv4.ip_forward": int(value)})
        case ["ip", "-n", name, *_] | ["ip", "netns", "exec", name, *_] if name not in world:
            raise BadInput(where, f"there is no namespace {name!r}", f"name one of {', '.join(world)}")
    raise BadInput(where, f"{shlex.join(words)!r} is not understood here", LINES)


def _routed(world: World, name: str, verb: str, row: str, where: str) -> World:
    before = world[name].routes
    if verb == "del":
        left = tuple(one for one in before if str(one.prefix) != row.split()[0] and not str(one).startswith(row))
        if len(left) == len(before):
            raise BadInput(where, f"{name} has no route {row!r}", f"it has {'; '.join(map(str, before)) or 'none'}")
        return changed(world, name, routes=left)
    new = rows.route(row, where)
    world[name].device(new.dev, where)
    same = [one for one in before if (one.prefix, one.metric) == (new.prefix, new.metric)]
    if same and verb == "add":
        raise BadInput(where, f"{name} has a route to {new.prefix} already", "write replace in place of add")
    kept = tuple(one for one in before if one not in same)
    return changed(world, name, routes=(*kept, new))
