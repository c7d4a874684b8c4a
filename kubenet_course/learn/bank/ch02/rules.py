"""Chapter 02: what br_netfilter and hairpin change for a Service whose pods are on the client's own node."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from random import Random

from msgspec import Struct
from msgspec.structs import replace

from ....lab.real.script import commands
from ....linux.namespace.netns import Netns
from ....linux.namespace.trace import Trace
from ....linux.packet.packet import tcp
from ....linux.walk import ask
from ....views.console import Console
from ....views.story.heard import heard
from ....views.tables.table import Table, table
from ...questions.evidence import decisions
from ...questions.kinds import Finding, Slip
from ...questions.kinds_lists import Choose, Statement
from ...questions.kinds_made import Repair
from ...questions.reading import Unreadable
from ...worlds.clusters import Plan, cluster
from ...worlds.service_rules import Service, service_rules
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
    services = [
        Service("web", web, port, [(address["web"], port)]),
        Service("itself", itself, port, [(address["client"], port)]),
    ]
    listens = {name: (f"tcp 0.0.0.0:{port} {name}",) for name in ("client", "web")}
    plan = Plan(
        {number: names},
        listens=listens,
        rules={4: service_rules(services)},
        hairpin=hairpin,
        call_iptables=call_iptables,
    )
    return Shop(
        f"node-{number}",
        cluster(plan),
        address["client"],
        address["web"],
        web,
        itself,
        port,
        chance.randrange(32768, 61000),
    )


@defined("02-netfilter", "A Service on the same bridge")
def netfilter(chance: Random) -> Choose:
    is_on = chance.random() < 0.5
    of = shop(chance, hairpin=False, call_iptables=is_on)
    trace = of.asked(of.web)
    return _seen_by_web(of, trace) if is_on else _answer_of_web(of, trace)


def _answer_of_web(of: Shop, trace: Trace) -> Choose:
    came = heard(trace, "client", "web")
    return Choose(
        asks=f"`client` ({of.client}) and `web` ({of.server}) are on the bridge of {of.node}, where `{SWITCH}` is **0**. `client` "
        f"asks the Service {of.web}, behind which `web` stands. What happens?",
        statements=(
            Statement(f"`client` gets an answer from {of.server}, whom it never asked, and refuses it.", True),
            Statement("All is well: what works between nodes works on one node.", belief=10,
                      said="Between nodes the answer is routed, and the rules see it. Here the bridge carries it past them.",
                      evidence=came),
            Statement("The request never reaches `web`, as the rules are not asked.", belief=10,
                      said="The request is for another block, so it goes up to the node, which routes. There the rules are asked.",
                      evidence=came),
            Statement("The node asks its rules for the answer too, as it knows the connection.", belief=63,
                      said="It would, if it saw the answer. The bridge looks at MACs, and the client's is behind one of its ports.",
                      evidence=came),
        ),
        because="The request is routed and translated. The answer is bridged and, without the switch, not translated back.",
        evidence=came,
        hints=(
            "The request and its answer take two different ways through the node.",
            f"For `web`, {of.client} is on its own link. So the answer is for the client's MAC.",
            "A bridge that asks no rules translates nothing back.",
        ),
    )  # fmt: skip


def _seen_by_web(of: Shop, trace: Trace) -> Choose:
    came = heard(trace, "client", "web")
    frame = trace.frame("web", "eth0", "in")
    assert frame.payload.ttl == 64 and frame.src == of.world["client"].devices["eth0"].mac  # type: ignore[union-attr]
    stages = decisions(
        trace, ("br_handle_frame", "br_nf_pre_routing_finish", "ip_forward"), "Where it was bridged, and where routed"
    )
    return Choose(
        asks=f"`client` ({of.client}) and `web` ({of.server}) are on the bridge of {of.node}, where `{SWITCH}` is **1**. `client` "
        f"asks the Service {of.web}, behind which `web` stands, with a TTL of 64. Which frame does `web` get?",
        statements=(
            Statement("From the client's MAC, with a TTL of 64.", True),
            Statement("From the bridge's MAC, with a TTL of 63.", belief=63,
                      said="So it would be if the node had routed it. The rules gave it an address on this bridge: bridged.",
                      evidence=stages),
            Statement("From the bridge's MAC, with a TTL of 64.", belief=57,
                      said="Only a router makes a new frame. A bridge leaves the sender's MAC in it, translated or not.",
                      evidence=came),
            Statement(f"From the client's MAC, but with {of.node}'s address as the packet's source.", belief=58,
                      said="The source stays the client's own. Only the destination was replaced.", evidence=came),
        ),
        because="br_netfilter lets the rules translate what is then still bridged. No hop is lost, and the frame keeps its sender.",
        evidence=came,
        hints=(
            "With br_netfilter the rules are asked in the bridge, before it has decided between up and across.",
            "After the translation the packet is for a pod on this very bridge.",
            "What is bridged keeps its MAC as source and its TTL.",
        ),
    )  # fmt: skip


@defined("02-repair", "It only fails on the same node")
def repair(chance: Random) -> Repair:
    is_hairpin = chance.random() < 0.5
    of = shop(chance, hairpin=not is_hairpin, call_iptables=is_hairpin)
    port = of.world["client"].devices["eth0"].peer[1]  # type: ignore[index]
    hairpin = f"ip -n {of.node} link set {port} type bridge_slave hairpin on"
    switch = f"ip netns exec {of.node} sysctl -w {SWITCH}=1"
    who = "itself through its own Service" if is_hairpin else f"`web` through its Service ({of.web})"
    other = (
        "`web` and its Service it reaches"
        if is_hairpin
        else "`web` directly it reaches, and pods on other nodes reach the Service"
    )
    off = switch.replace("=1", "=0")
    return Repair(
        asks=f"On {of.node}, `client` ({of.client}) cannot reach {who}. {other}. Write the line that mends it, and breaks nothing: "
        f"`ip -n {of.node} link set PORT type bridge_slave ...` or `ip netns exec {of.node} sysctl -w ...`.",
        look=_settings(of),
        starts=f"# ip -n {of.node} link set ... \n# ip netns exec {of.node} sysctl -w ...\n",
        tests=partial(_mends, of),
        solution=hairpin if is_hairpin else switch,
        slips=(Slip(off, 10), Slip(hairpin.replace(port, _other(of, port)), 9))
        if is_hairpin
        else (Slip(hairpin, 10), Slip(off, 10)),
        because="A bridge sends nothing back by the port that it came in by, unless hairpin is on there."
        if is_hairpin
        else "The answer is bridged. Only with br_netfilter do the rules see it and translate it back.",
        evidence=_settings(of),
        hints=(
            "Does the request come through, and is it the answer that is lost? Or does the request itself stop?",
            "Two things are special on one node: the bridge asks no rules by itself, and sends nothing back where it came from.",
            f"Look at {'hairpin of ' + port if is_hairpin else SWITCH}.",
        ),
    )


def _other(of: Shop, port: str) -> str:
    return next(d.name for d in of.world[of.node].devices.values() if d.master and d.name != port)


def _settings(of: Shop) -> Table:
    """The switches that matter, and who is behind which port."""
    node = of.world[of.node]
    rows = [
        (f"{d.name}, towards {d.peer[0]}", f"hairpin {'on' if d.hairpin else 'off'}")
        for d in node.devices.values()
        if d.master and d.peer
    ]
    return table(f"{of.node} as it is", ("what", "is"), [*rows, (SWITCH, node.sysctl(SWITCH))], code=(0,))


def _mends(of: Shop, text: str) -> tuple[Finding, ...]:
    """The client has an answer from web, from the Service of web, and from its own."""
    console = Console("terminal")
    console.run(commands(of.world))
    answer = console(text)
    if answer.refused:
        last = answer.done[-1]
        raise Unreadable(f"Line {last.line}: {' '.join(last.said)}")
    world = {
        name: replace(ns, sockets=of.world[name].sockets) for name, ns in console.world.items() if name in of.world
    }
    left = of.unanswered(world)
    if not left:
        return (Finding(True, ""),)
    before = of.unanswered()
    return tuple(
        Finding(
            False,
            f"`client` {'still ' if name in before else 'now '}gets no answer from {name}.",
            9 if "itself" in name and name in before else 10,
            heard(trace, "client", "web") if trace.frames else None,
        )
        for name, trace in left.items()
    )
