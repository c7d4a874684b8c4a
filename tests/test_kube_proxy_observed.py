"""Real kube-proxy dumps: read whole, written again equal, accepted by the real program; what was observed is possible.

The machine is node1 of the captures' lab (data/reference/kube-proxy-1.36.2/README.md). Its rules answer every recorded
flow, as the router leads Service addresses to node1, whoever asks; what leaves node1 still addressed to one is lost
there: a timeout.
"""

import ipaddress
import json
import re
import subprocess
from pathlib import Path

import pytest
from realkernel import missing
from realkernel.oracle import _private

from kubenet_course.linux.namespace.device import Device, ifaddr
from kubenet_course.linux.namespace.fib import Route
from kubenet_course.linux.namespace.memory import Memory
from kubenet_course.linux.namespace.netns import Netns, netns
from kubenet_course.linux.netfilter.iptables.save import read, write
from kubenet_course.linux.netfilter.rules import Ruleset
from kubenet_course.linux.outcome import outcomes
from kubenet_course.linux.packet.address import family, prefix
from kubenet_course.linux.packet.packet import answer, tcp, udp
from kubenet_course.linux.walk import send

FOLDER = Path(__file__).parent.parent / "data/reference/kube-proxy-1.36.2"
DUMPS = sorted(FOLDER.glob("*/iptables.ip*-save.txt"))
PODS = {"podA": ("10.244.1.10", "fd00:10:244:1::10"), "podB": ("10.244.1.11", "fd00:10:244:1::11")}
FAR = {
    "node2": ("192.168.60.12", "fd00:60::12"),
    "node3": ("192.168.60.13", "fd00:60::13"),
    "ext": ("203.0.113.5", "2001:db8::5"),
    "ext2": ("203.0.113.200", "2001:db8::200"),
}
# A pod comes in by its own veth, everybody else by the only wire that node1 has; node1 itself sends.
COMES_BY = {"podA": "vethA", "podB": "vethB", "node1": ""} | dict.fromkeys(FAR, "eth0")
FLOWS = [
    pytest.param(path.parent.name, flow, id="-".join([path.parent.name[:2], *map(str, list(flow.values())[:5])]))
    for path in sorted(FOLDER.glob("*/iptables.observed.json"))
    for flow in json.loads(path.read_text()).get("flows", ())
]


def node1(name: str) -> Netns:
    """node1 with the rules of one capture."""
    rules = {
        of: read((FOLDER / name / f"iptables.{tool}-save.txt").read_text()).rules
        for of, tool in ((4, "iptables"), (6, "ip6tables"))
    }
    gateway = (ifaddr("10.244.1.1/32"), ifaddr("fd00:10:244:1::1/128"))
    eth0 = Device("eth0", addresses=(ifaddr("192.168.60.11/24"), ifaddr("fd00:60::11/64")))
    ways = [("0.0.0.0/0", "eth0", "192.168.60.1"), ("::/0", "eth0", "fd00:60::1")]
    ways += [(f"{pod}", f"veth{name[-1]}", "") for name, pods in PODS.items() for pod in pods]
    for host in (2, 3):
        ways += [
            (f"10.244.{host}.0/24", "eth0", f"192.168.60.1{host}"),
            (f"fd00:10:244:{host}::/64", "eth0", f"fd00:60::1{host}"),
        ]
    routes = tuple(Route(prefix(to), dev, via) for to, dev, via in ways)
    switches = {"net.ipv4.ip_forward": 1, "net.ipv6.conf.all.forwarding": 1, "net.ipv4.conf.all.route_localnet": 1}
    devices = (eth0, *(Device(f"veth{pod}", addresses=gateway) for pod in "AB"))
    return netns("node1", devices, routes=routes, rules=rules, sysctls=switches, sockets_known=False)


def first_packet(flow: dict):
    """The packet that a recorded client sends, and the device by which node1 gets it."""
    client, of = flow["client"], family(flow["dst"])
    source = of.any if client == "node1" else (PODS | FAR)[client][of.number == 6]
    make = tcp if flow["proto"] == "TCP" else udp
    return make(source, 40000, flow["dst"], flow["port"]), COMES_BY[client]


def in_the_words_of_the_record(one) -> str:
    """What a client would have seen of an outcome."""
    flow = one.skb.packet.flow
    to_a_pod = any(
        ipaddress.ip_address(flow.dst) in ipaddress.ip_network(net)
        for net in ("10.244.0.0/16", "fd00:10:244::/56")
        if ipaddress.ip_network(net).version == family(flow.dst).number
    )
    if one.end == "forwarded" and to_a_pod:
        return f"ok server={flow.dst}:{flow.dport} client_seen={flow.src}"
    return "refused" if one.end in ("rejected", "local") else "timeout"


@pytest.mark.parametrize("name, flow", FLOWS)
def test_what_was_observed_is_among_the_models_outcomes(name, flow):
    packet, dev = first_packet(flow)
    possible = {in_the_words_of_the_record(one) for one in outcomes(node1(name), packet, dev)}
    assert set(flow["outcomes"]) <= possible


def test_all_flows_of_the_captures_are_asked():
    assert len(FLOWS) == 96


@pytest.mark.parametrize("name, flow", [param for param in FLOWS if "ok server" in str(param.values[1]["outcomes"])])
def test_an_answer_finds_its_way_back_to_whoever_asked(name, flow):
    packet, dev = first_packet(flow)
    ns, memory = node1(name), Memory()
    asked = send(ns, packet, dev=dev, memory=memory)
    arrived = asked.last.skb
    back = send(ns, answer(arrived.packet), dev=arrived.dev_out, memory=memory).last
    sent = next(step.skb.packet.flow for step in asked.steps)
    sent = sent if sent.src != family(sent.dst).any else asked.steps[1].skb.packet.flow
    assert back.skb.packet.flow == sent.reverse
    assert (back.end, back.skb.dev_out) == (("forwarded", dev) if dev else ("local", ""))


def test_a_client_with_affinity_stays_with_its_endpoint():
    ns, memory = node1("09_affinity"), Memory()
    servers = set()
    for port in range(40000, 40020):
        trace = send(ns, tcp(PODS["podA"][0], port, "10.96.10.9", 80), dev="vethA", memory=memory)
        servers.add(trace.last.skb.packet.flow.dst)
        memory.wait(60)
    assert len(servers) == 1


def lines(text: str) -> list[str]:
    """Rules as text to be compared: kube-proxy writes two blanks behind --nfacct-name."""
    return [re.sub(" +", " ", line.strip()) for line in text.splitlines() if line and not line.startswith("#")]


@pytest.mark.parametrize("path", DUMPS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_dump_is_read_whole_and_written_again_equal(path):
    dump = read(path.read_text())
    assert dump.not_understood == ()
    assert lines(write(dump.rules)) == lines(path.read_text())
    assert read(write(dump.rules)).rules.tables.keys() == dump.rules.tables.keys()


def without_counter_objects(rules: Ruleset) -> str:
    """The text without `-m nfacct`, whose counter objects a private namespace may not make (DEV-3)."""
    return re.sub(r" -m nfacct --nfacct-name +\S+", "", write(rules))


@pytest.mark.parametrize("path", DUMPS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_the_real_program_accepts_what_is_written(path):
    if reason := missing():
        pytest.skip(f"cannot ask iptables-restore here: {reason}")
    tool = "ip6tables-restore" if "ip6tables" in path.name else "iptables-restore"
    text = without_counter_objects(read(path.read_text()).rules)
    done = subprocess.run(_private(tool, "--test"), input=text, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
