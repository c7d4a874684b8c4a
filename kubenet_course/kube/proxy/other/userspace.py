"""kube-proxy in userspace mode, removed in Kubernetes 1.26: the process itself accepts every connection and makes a second one.

Rules only lead connections to a port of the process, one for each Service port. It takes the endpoints in turn, and, as no
later mode can, tries the next one where one does not answer. Written from pkg/proxy/userspace/proxier.go and roundrobin.go
as of 1.25.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random

from msgspec import Struct
from msgspec.structs import replace

from ....linux.namespace.memory import SECOND
from ....linux.namespace.netns import Socket
from ....linux.netfilter.nat import Range
from ....linux.netfilter.rules import Chain, Rule, Ruleset, Table
from ....linux.netfilter.statement import Jump
from ....linux.netfilter.xt.addrtype import AddrType
from ....linux.netfilter.xt.comment import Comment
from ....linux.netfilter.xt.nat import Dnat, Redirect
from ....linux.packet.address import Address
from ..endpoint import Endpoint
from ..iptables.frame import BASE, Frame
from ..iptables.service import asked
from ..node import NodeFacts
from ..service_port import ServicePort
from ..services import Services

PROGRAM = "kube-proxy"
CONTAINER, HOST = "KUBE-PORTALS-CONTAINER", "KUBE-PORTALS-HOST"
NODE_CONTAINER, NODE_HOST = "KUBE-NODEPORT-CONTAINER", "KUBE-NODEPORT-HOST"
PORTALS = "handle ClusterIPs; NOTE: this must be before the NodePort rules"
NODE_PORTS = "handle service NodePorts; NOTE: this must be the last rule in the chain"
PROXY_PORTS = range(32768, 61000)  # the kernel gives the process any free one
WAITS = (0.25, 0.5, 1.0, 2.0)  # seconds for each try (EndpointDialTimeouts)


class Portal(Struct, frozen=True):
    """A Service port, and the port of the process that accepts its connections."""

    port: ServicePort
    proxy_port: int
    endpoints: tuple[Endpoint, ...]


def portals(services: Services, seed: int = 0) -> tuple[Portal, ...]:
    """One for each Service port. Endpoints are shuffled once, so that not all nodes begin with the same one."""
    draw, found = Random(seed), list[Portal]()
    ports = iter(draw.sample(PROXY_PORTS, len(services.ports)))
    for index, port in enumerate(services.ports):
        ready = [one for one in services.endpoints(index) if one.ready]
        draw.shuffle(ready)
        found.append(Portal(port, next(ports), tuple(ready)))
    return tuple(found)


def userspace_rules(found: Sequence[Portal], node: NodeFacts, services: Services, others: Frame) -> Ruleset:
    """What comes in is redirected to the process, what the node itself sends is translated to it: both stay on this node."""
    ip = node.ip(services.family)
    chains: dict[str, list[Rule]] = {CONTAINER: [], HOST: [], NODE_CONTAINER: [], NODE_HOST: []}
    for portal in found:
        to = portal.proxy_port
        ends = {"in": Redirect(Range(first=to, last=to)), "own": Dnat(Range(ip, ip, to, to))}
        for entrance in (portal.port.cluster_ip, *portal.port.external_ips, *portal.port.vips):
            tests = asked(portal.port, entrance, Comment(text=portal.port.text))
            chains[CONTAINER].append(Rule(tests, ends["in"]))
            chains[HOST].append(Rule(tests, ends["own"]))
        if portal.port.port.node_port:
            tests = asked(portal.port, "", Comment(text=portal.port.text), dport=portal.port.port.node_port)
            chains[NODE_CONTAINER].append(Rule(tests, ends["in"]))
            chains[NODE_HOST].append(Rule(tests, ends["own"]))
    tables = {}
    for name, base in BASE.items():
        added = others.get(name, {})
        made = {one: Chain(one, (*_jumps(name, one), *added.get(one, ()), *_last(name, one)), "ACCEPT") for one in base}
        own = {one: Chain(one, tuple(rules)) for one, rules in chains.items()} if name == "nat" else {}
        tables[name] = Table(
            name, made | own | {one: Chain(one, rows) for one, rows in added.items() if one not in base}
        )
    return Ruleset(tables)


def _jumps(table: str, chain: str) -> tuple[Rule, ...]:
    to = {("nat", "PREROUTING"): CONTAINER, ("nat", "OUTPUT"): HOST}.get((table, chain))
    return (Rule((Comment(text=PORTALS),), Jump(to)),) if to else ()


def _last(table: str, chain: str) -> tuple[Rule, ...]:
    to = {("nat", "PREROUTING"): NODE_CONTAINER, ("nat", "OUTPUT"): NODE_HOST}.get((table, chain))
    local = AddrType(dst=frozenset({"LOCAL"}))
    return (Rule((local, Comment(text=NODE_PORTS)), Jump(to)),) if to else ()


def sockets(found: Sequence[Portal], services: Services) -> tuple[Socket, ...]:
    """The process listens on every address of the node."""
    return tuple(Socket(one.port.protocol, services.family.any, one.proxy_port, PROGRAM) for one in found)


# -- the process --------------------------------------------------------------------------------------------------------


class Turn(Struct, frozen=True):
    """Whose turn it is, and which client keeps which endpoint until when (nanoseconds): LoadBalancerRR of one Service port."""

    at: int = 0
    kept: Mapping[Address, tuple[Endpoint, int]] = {}


def next_endpoint(
    portal: Portal, turn: Turn, client: Address, now: int, afresh: bool = False
) -> tuple[Endpoint | None, Turn]:
    """The endpoint for a connection, and the turn after it. With affinity a client keeps its own, unless it wants another."""
    if not portal.endpoints:
        return None, turn
    known, sticky = turn.kept.get(client), portal.port.sticky
    if sticky and known and known[1] > now and not afresh:
        return known[0], replace(turn, kept={**turn.kept, client: (known[0], now + sticky * SECOND)})
    chosen = portal.endpoints[turn.at % len(portal.endpoints)]
    kept = {**turn.kept, client: (chosen, now + sticky * SECOND)} if sticky else turn.kept
    return chosen, Turn((turn.at + 1) % len(portal.endpoints), kept)


class Tried(Struct, frozen=True):
    """One try to reach an endpoint: whether it answered, and the seconds that the process waits at most."""

    endpoint: Endpoint
    answers: bool
    waits: float


def tries(
    portal: Portal, turn: Turn, client: Address, answers: Callable[[Endpoint], bool], now: int = 0
) -> tuple[tuple[Tried, ...], Turn]:
    """The second connection: up to four endpoints in turn, until one answers. Without any the client's is closed."""
    found: list[Tried] = []
    for waits in WAITS:
        endpoint, turn = next_endpoint(portal, turn, client, now, afresh=bool(found))
        if endpoint is None:
            break
        found.append(Tried(endpoint, answers(endpoint), waits))
        if found[-1].answers:
            break
    return tuple(found), turn


def text(found: Sequence[Portal]) -> Iterator[str]:
    """A line for each portal: who is asked, and the port of the process behind it."""
    for one in found:
        ends = ", ".join(map(str, one.endpoints)) or "nobody"
        yield f"{one.port.text} {one.port.cluster_ip}:{one.port.port.port} -> {PROGRAM} :{one.proxy_port} -> {ends}"
