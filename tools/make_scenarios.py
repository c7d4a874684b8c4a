"""Writes the named scenarios of data/scenarios/, one small story each, on the course's own addresses.

python -m tools.make_scenarios            # the scenarios
python -m tools.make_scenarios --record --date=2026-11-23 # and what this machine's kernel does with each, into data/captures/
"""

from __future__ import annotations

import sys
from pathlib import Path

from kubenet_course.lab.real.run import run
from kubenet_course.lab.scenario.capture import written
from kubenet_course.lab.scenario.packets import Sending
from kubenet_course.lab.scenario.scenario import Scenario, load
from kubenet_course.lab.scenario.write import write
from kubenet_course.learn.worlds.by_hand import by_hand
from kubenet_course.linux.packet.packet import Packet, Tcp, ping, tcp, udp
from tools.lab_clusters import Plan, cluster, node_address, pod_address
from tools.lab_service_rules import Service, service_rules
from tools.scenario_stories import more_scenarios

DATA = Path(__file__).resolve().parent.parent / "data"
PODS = {1: ["client", "web-1"], 2: ["web-2"]}
LISTENS = {name: ["tcp 0.0.0.0:80 web", "udp 0.0.0.0:53 dns"] for name in ("client", "web-1", "web-2", "outside")}
LISTENS6 = {name: ["tcp [::]:80 web", "udp [::]:53 dns"] for name in ("client", "web-1", "web-2", "outside")}
CLIENT, WEB1, WEB2 = pod_address(1, 0), pod_address(1, 1), pod_address(2, 0)
SERVICES = [
    Service("local", "10.96.0.10", 80, [(WEB1, 80)]),
    Service("far", "10.96.0.11", 80, [(WEB2, 80)], node_port=30080),
    Service("both", "10.96.0.12", 80, [(WEB1, 80), (WEB2, 80)], node_port=30081),
    Service("self", "10.96.0.13", 80, [(CLIENT, 80)]),
    Service("dns", "10.96.0.14", 53, [(WEB1, 53), (WEB2, 53)], proto="udp"),
    Service("empty", "10.96.0.15", 80, []),
]
STICKY = [Service("sticky", "10.96.0.16", 80, [(WEB1, 80), (WEB2, 80)], affinity=60)]


def story(name: str, about: str, *sent: tuple, **plan) -> Scenario:
    """A scenario on two nodes; each of `sent` is a namespace and a packet, perhaps with a pause before it."""
    plan = {"pods": PODS, "listens": LISTENS} | plan
    packets = tuple(Sending(at, packet, pause=pause[0] if pause else 0.0) for at, packet, *pause in sent)
    return Scenario(name, about, cluster(Plan(**plan)), packets)


def ask(to: str, port: int = 80, sport: int = 40000, src: str = CLIENT, **more) -> Packet:
    return tcp(src, sport, to, port, **more)


def query(to: str, port: int = 53, sport: int = 40000, src: str = CLIENT, **more) -> Packet:
    return udp(src, sport, to, port, b"who is web?", **more)


def links() -> list[Scenario]:
    """One machine's bridge: learning, flooding, neighbours, br_netfilter."""
    three = {1: ["client", "web-1", "other"], 2: ["web-2"]}
    return [
        story("same-node-cold", "nobody knows a MAC yet", ("client", ask(WEB1))),
        story("same-node-warm", "every MAC is known", ("client", ask(WEB1)), warm=True),
        story("same-node-no-br-netfilter", "the bridge asks no rules", ("client", ask(WEB1)), call_iptables=False),
        story("same-node-udp", "a datagram and its answer", ("client", query(WEB1))),
        story("three-pods-learn", "the second packet is not flooded",
              ("client", ask(WEB1)), ("web-1", ask(CLIENT, src=WEB1)), pods=three),
        story("three-pods-flood", "a warm table, an empty bridge: flooded", ("client", query(WEB1)), pods=three, warm=True),
        story("bridge-forgets", "after its ageing time a bridge floods again",
              ("client", query(WEB1)), ("client", query(WEB1, sport=40001), 3.0), pods=three, ageing=1.0, warm=True),
        story("nobody-there", "an address on the link that nobody has", ("client", ask("10.244.1.99"))),
        story("hairpin-port-floods-back", "a port with hairpin gets its own broadcast back", ("client", ask(WEB1)), hairpin=True),
    ]  # fmt: skip


def nodes(backend: str) -> list[Scenario]:
    """The same stories between nodes, by host routes or by VXLAN."""
    more = {"backend": backend}
    return [
        story(f"{backend}-other-node-cold", "every question asked", ("client", ask(WEB2)), **more),
        story(f"{backend}-other-node-warm", "no question needed", ("client", ask(WEB2)), warm=True, **more),
        story(f"{backend}-ping", "an echo and its reply", ("client", ping(CLIENT, WEB2, 7, 1, b"0123456789")), **more),
        story(f"{backend}-udp", "a datagram and its answer", ("client", query(WEB2)), **more),
        story(f"{backend}-closed-tcp", "RST", ("client", ask(WEB2, 81)), **more),
        story(f"{backend}-closed-udp", "port unreachable", ("client", query(WEB2, 54)), **more),
        story(f"{backend}-ttl-1", "the hops are used up at the first router", ("client", ask(WEB2, ttl=1)), **more),
        story(f"{backend}-too-big", "longer than the way allows, and not to be cut",
              ("client", udp(CLIENT, 40000, WEB2, 53, bytes(1400 if backend == "vxlan" else 1460))), **more),
        story(f"{backend}-no-route-on-the-way", "the node knows no way", ("client", ask("198.51.100.7")), **more),
        story(f"{backend}-to-outside", "a stranger answers", ("client", query("203.0.113.5")), **more),
        story(f"{backend}-two-requests", "the second one finds everything known",
              ("client", ask(WEB2)), ("client", ask(WEB2, sport=40001)), **more),
    ]  # fmt: skip


def services(backend: str) -> list[Scenario]:
    """Through Services, with rules as kube-proxy shapes them."""
    more = {"backend": backend, "rules": {4: service_rules(SERVICES)}}
    plain = {"backend": backend, "rules": {4: service_rules(SERVICES, fully=False)}}
    sticky = {"backend": backend, "rules": {4: service_rules(STICKY)}}
    node = node_address(1)
    outside = "203.0.113.5"
    return [
        story(f"{backend}-service-same-node", "translated and bridged", ("client", ask("10.96.0.10")), **more),
        story(f"{backend}-service-same-node-no-br-netfilter", "the answer bypasses the node",
              ("client", ask("10.96.0.10")), call_iptables=False, **more),
        story(f"{backend}-service-other-node", "translated and routed", ("client", ask("10.96.0.11")), **more),
        story(f"{backend}-service-two-endpoints", "one of two", ("client", ask("10.96.0.12")), **more),
        story(f"{backend}-service-udp", "one of two, UDP", ("client", query("10.96.0.14")), **more),
        story(f"{backend}-service-no-endpoints", "rejected", ("client", ask("10.96.0.15")), **more),
        story(f"{backend}-service-reply-path", "the second packet of a connection asks no rule",
              ("client", query("10.96.0.14")), ("client", query("10.96.0.14")), **more),
        story(f"{backend}-service-affinity", "the second connection goes where the first went",
              ("client", ask("10.96.0.16")), ("client", ask("10.96.0.16", sport=40001)), **sticky),
        story(f"{backend}-hairpin-on", "a pod reaches itself through its Service",
              ("client", ask("10.96.0.13")), hairpin=True, **more),
        story(f"{backend}-hairpin-off", "the bridge does not send it back", ("client", ask("10.96.0.13")), **more),
        story(f"{backend}-node-port", "a stranger, masqueraded at random", ("outside", ask(node, 30080, src=outside)), **more),
        story(f"{backend}-node-port-plain", "a stranger, masqueraded", ("outside", ask(node, 30081, src=outside)), **plain),
        story(f"{backend}-node-asks-service", "the node itself", ("node-1", ask("10.96.0.11", src=node)), **more),
    ]  # fmt: skip


def six() -> list[Scenario]:
    """IPv6: neighbour discovery, hop limit, errors, a Service."""
    a, b, c = pod_address(1, 0, 6), pod_address(1, 1, 6), pod_address(2, 0, 6)
    more = {"families": (6,), "listens": LISTENS6}
    rules = {6: service_rules([Service("both", "fd00:10:96::12", 80, [(b, 80), (c, 80)])], of=6)}
    return [
        story("ipv6-same-node", "neighbour discovery, then TCP", ("client", ask(b, src=a)), **more),
        story("ipv6-other-node", "by host routes", ("client", ask(c, src=a)), **more),
        story("ipv6-vxlan", "IPv6 inside IPv4", ("client", ask(c, src=a)), backend="vxlan", **more),
        story("ipv6-ping", "an echo and its reply", ("client", ping(a, c, 7, 1, b"0123456789")), **more),
        story("ipv6-closed-udp", "port unreachable", ("client", query(c, 54, src=a)), **more),
        story("ipv6-hop-limit-1", "time exceeded", ("client", ask(c, src=a, ttl=1)), **more),
        story("ipv6-too-big", "packet too big", ("client", udp(a, 40000, c, 53, bytes(1400))), backend="vxlan", **more),
        story("ipv6-service", "one of two endpoints", ("client", ask("fd00:10:96::12", src=a)), rules=rules, **more),
        story("ipv6-warm", "every MAC is known", ("client", query(c, src=a)), warm=True, **more),
    ]


def odd() -> list[Scenario]:
    """What a person would not send."""
    stray = Packet(ask(WEB2).flow, Tcp("A", 1, 1))
    return [
        story("stray-ack", "a segment of no connection", ("client", stray)),
        story(
            "vxlan-with-checksum",
            "the tunnel's packets are summed",
            ("client", ask(WEB2)),
            backend="vxlan",
            checksum=True,
        ),
        story("vxlan-over-ipv6", "IPv4 inside IPv6", ("client", ask(WEB2)), backend="vxlan", outer=6),
    ]


def kept() -> list[Scenario]:
    """What a kernel does where a model went wrong first: these were found by random and adversarial worlds, and stand as files."""
    return [load(path) for path in sorted((DATA / "scenarios").glob("kernel-*.json"))]


def all_scenarios() -> list[Scenario]:
    return [
        *links(),
        *(s for b in ("host-gw", "vxlan") for s in (*nodes(b), *services(b))),
        *six(),
        *odd(),
        *more_scenarios(),
        *by_hand(),
        *kept(),
    ]


def main() -> None:
    when = next((word.removeprefix("--date=") for word in sys.argv if word.startswith("--date=")), "")
    for folder in ("scenarios", "captures"):
        (DATA / folder).mkdir(exist_ok=True)
    for scenario in all_scenarios():
        (DATA / "scenarios" / f"{scenario.name}.json").write_text(write(scenario), encoding="utf-8")
        if "--record" in sys.argv:
            capture = run(scenario, when)
            (DATA / "captures" / f"{scenario.name}.json").write_text(written(capture), encoding="utf-8")
    print(f"{len(all_scenarios())} scenarios")


if __name__ == "__main__":
    main()
