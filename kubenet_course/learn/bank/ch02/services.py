"""Chapter 02: what br_netfilter changes for a Service whose pod is on the client's own node; the shop that is asked about."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from msgspec import Struct
from msgspec.structs import replace

from ....linux.namespace.netns import Netns
from ....linux.namespace.trace import Trace
from ....linux.packet.packet import tcp
from ....linux.walk import ask
from ....views.story.heard import heard
from ....views.tables.table import Table
from ...questions.evidence import decisions
from ...questions.kinds_lists import Choose, Statement
from ...questions.turn import turn
from ...worlds.clusters import service, small_world
from ...worlds.worlds import World, changed
from .. import defined

SWITCH = "net.bridge.bridge-nf-call-iptables"


class Shop(Struct, frozen=True):
    """A node with the pods client and web, and two Services: `web`, and `itself`, which leads the client to the client."""

    node: str
    world: Mapping[str, Netns]
    client: str
    server: str
    web: str  # the address of its Service
    itself: str
    port: int
    sport: int

    def asked(self, to: str, world: Mapping[str, Netns] | None = None) -> Trace:
        return ask(world or self.world, tcp(self.client, self.sport, to, self.port), "client")

    def unanswered(self, world: Mapping[str, Netns] | None = None) -> dict[str, Trace]:
        """What the client does not get an answer from, each with what became of the packet."""
        tried = {
            "`web` directly": self.server,
            "the Service of `web`": self.web,
            "the Service of `client` itself": self.itself,
        }
        traces = {name: self.asked(to, world) for name, to in tried.items()}
        return {name: trace for name, trace in traces.items() if not answered(trace)}


def answered(trace: Trace) -> bool:
    """Whether the client has accepted an answer."""
    taken = [
        step
        for step in trace.steps
        if step.stage == "local_deliver" and step.namespace == "client" and step.end == "local"
    ]
    return any(step.skb.packet.flow.dport == trace.steps[0].skb.packet.flow.sport for step in taken)


def shop(chance: Random, hairpin: bool, call_iptables: bool) -> Shop:
    number, port = chance.randrange(1, 10), chance.choice((80, 443, 5432, 6379, 8080, 9090))
    others = [f"pod-{n}" for n in range(chance.randrange(0, 3))]
    names = [*others, "client", "web"]
    address = {name: f"10.244.{number}.{10 + at}" for at, name in enumerate(names)}
    web, itself = (f"10.96.{chance.randrange(256)}.{host}" for host in chance.sample(range(1, 255), 2))
    ports = [{"port": port, "targetPort": port}]
    behind = {"web": ("web", web), "itself": ("client", itself)}
    services = [service(name, clusterIP=ip, selector={"app": app}, ports=ports) for name, (app, ip) in behind.items()]
    world = small_world({number: names}, {"client": port, "web": port}, services)
    return Shop(
        f"node-{number}",
        _set(world, f"node-{number}", hairpin, call_iptables),
        address["client"],
        address["web"],
        web,
        itself,
        port,
        chance.randrange(32768, 61000),
    )


def _set(world: World, node: str, hairpin: bool, call_iptables: bool) -> World:
    """The same with two settings of the node as the story wants them: hairpin mode of its ports, and br_netfilter's switch."""
    ns = world[node]
    devices = {name: replace(one, hairpin=hairpin and bool(one.master)) for name, one in ns.devices.items()}
    return changed(world, node, devices=devices, sysctls={**ns.sysctls, SWITCH: int(call_iptables)})


SETTING = f"The setting `{SWITCH}` is "
SITUATIONS = {
    "off": "`client` asks the Service {web}, behind which `web` stands. What happens?",
    "on": "`client` asks the Service {web}, behind which `web` stands, with a TTL of 64. Which frame does `web` get?",
    "direct": "`client` does not use the Service. It opens a connection to `web` itself, {server}. What happens?",
    "back": "`client` asks the Service {web}, behind which `web` stands. From which address does the answer come?",
}
BECAUSE = {
    "off": "The request is routed and translated. The answer is bridged, and without br_netfilter nobody translates "
    "it back.",
    "on": "With br_netfilter the rules translate the packet in the bridge. It is then still bridged, so no hop is "
    "lost and the frame keeps "
    "its sender.",
    "direct": "A connection from pod to pod needs no translation, so it does not matter whether the rules see it.",
    "back": "The answer is bridged, and br_netfilter shows it to the rules. They recognise the connection and "
    "translate it back.",
}


@defined("02-netfilter", "A Service on the same bridge")
def netfilter(chance: Random) -> Choose:
    which = turn(chance, list(SITUATIONS), 66)
    is_on = which in ("on", "back")
    of = shop(chance, hairpin=False, call_iptables=is_on)
    trace = of.asked(of.server if which == "direct" else of.web)
    came = heard(trace, "client", "web")
    statements = {"off": _off, "on": _on, "direct": _direct, "back": _back}[which](of, trace, came)
    return Choose(
        asks=f"`client` ({of.client}) and `web` ({of.server}) are on the bridge of {of.node}. "
        f"{SETTING}**{int(is_on)}**. " + SITUATIONS[which].format(web=of.web, server=of.server),
        statements=statements,
        because=BECAUSE[which],
        evidence=came,
        hints=(
            "Follow the request first, then its answer. They may take different ways through the node.",
            (
                f"For `web`, the address {of.client} is on its own link. So the bridge carries the answer, and nobody "
                "routes it."
            ),
            "The setting decides one thing only: whether the rules see what the bridge carries.",
        ),
    )


def _off(of: Shop, trace: Trace, came: Table) -> tuple[Statement, ...]:
    return (
        Statement(f"`client` gets an answer from {of.server}, which it never asked, and refuses it.", True),
        Statement(
            "`client` gets an answer from the Service, as pods on other nodes do.",
            belief=10,
            said="From another node the answer is routed, and the rules see it. Here the bridge carries it past them.",
            evidence=came,
        ),
        Statement(
            "The request does not reach `web`, because the rules are not asked.",
            belief=10,
            said="The request is for another network, so it goes to the node, which routes it. There the rules are "
            "asked.",
            evidence=came,
        ),
        Statement(
            "The node translates the answer back, because it remembers the connection.",
            belief=63,
            said="It would, if its rules saw the answer. But the bridge finds the client's MAC address behind a port.",
            evidence=came,
        ),
    )


def _on(of: Shop, trace: Trace, came: Table) -> tuple[Statement, ...]:
    frame = trace.frame("web", "eth0", "in")
    assert frame.payload.ttl == 64 and frame.src == of.world["client"].devices["eth0"].mac  # type: ignore[union-attr]
    stages = decisions(
        trace, ("br_handle_frame", "br_nf_pre_routing_finish", "ip_forward"), "Where it was bridged, and where routed"
    )
    return (
        Statement("From the client's MAC address, with a TTL of 64.", True),
        Statement(
            "From the bridge's MAC address, with a TTL of 63.",
            belief=63,
            said="That is what a router does. No step here says that the packet was routed.",
            evidence=stages,
        ),
        Statement(
            "From the bridge's MAC address, with a TTL of 64.",
            belief=57,
            said="Only a router makes a new frame. A bridge leaves the sender's MAC address in it, translated or not.",
            evidence=came,
        ),
        Statement(
            f"From the client's MAC address, but with {of.node}'s address as the packet's source.",
            belief=58,
            said="Only the destination was replaced. Read the source of the packet that came in at web.",
            evidence=came,
        ),
    )


def _direct(of: Shop, trace: Trace, came: Table) -> tuple[Statement, ...]:
    assert answered(trace)
    return (
        Statement(f"`client` gets an answer from {of.server}, the address that it asked.", True),
        Statement(
            "`client` gets an answer from an address that it never asked, and refuses it.",
            belief=10,
            said="That happens to a Service, whose address was replaced on the way. Here nothing was replaced.",
            evidence=came,
        ),
        Statement(
            "The request does not reach `web`: a bridge without br_netfilter carries no IP packets.",
            belief=63,
            said="A bridge carries every frame, whatever is inside. The setting only decides whether the rules see it.",
            evidence=came,
        ),
        Statement(
            "`client` gets an answer from the address of the Service.",
            belief=10,
            said="Nobody asked the Service. There is nothing that could be translated back.",
            evidence=came,
        ),
    )


def _back(of: Shop, trace: Trace, came: Table) -> tuple[Statement, ...]:
    assert answered(trace)
    return (
        Statement(f"From {of.web}, the address of the Service.", True),
        Statement(
            f"From {of.server}, the address of `web`.",
            belief=10,
            said="That is what `web` sent. Now look at what came in at client.",
            evidence=came,
        ),
        Statement(
            f"From the address of {of.node}.",
            belief=58,
            said=f"{of.node} passes the answer on. It does not put its own address into it.",
            evidence=came,
        ),
        Statement(
            "From no address: the bridge drops the answer.", belief=76, said="A frame came in at client.", evidence=came
        ),
    )
