"""IPVS in the walk. No kernel here has it: what is expected follows from the kernel's source, line by line (DEV-37), and from
what was observed of iptables mode where both modes have to agree."""

import pytest
from msgspec.structs import replace
from proxy_cases import recorded
from test_kube_proxy_observed import FLOWS, first_packet, in_the_words_of_the_record, node1

from kubenet_course.kube.manifest.read import read as read_objects
from kubenet_course.kube.model.cluster import Cluster
from kubenet_course.kube.proxy.ipvs.loaded import dummy, ipvs_rules, leaving, sets_of, virtual_servers
from kubenet_course.kube.proxy.ipvs.tables import tables_of
from kubenet_course.kube.questions.ask import question
from kubenet_course.linux.namespace.device import Device, ifaddr
from kubenet_course.linux.namespace.memory import Memory
from kubenet_course.linux.namespace.netns import Netns, netns
from kubenet_course.linux.namespace.route import Route
from kubenet_course.linux.netfilter.connections import Connections
from kubenet_course.linux.netfilter.iptables.save import read
from kubenet_course.linux.outcome import outcomes
from kubenet_course.linux.packet.address import prefix
from kubenet_course.linux.packet.packet import Icmp, Packet, Quote, answer, length, ping, tcp, udp
from kubenet_course.linux.stack.ipvs.servers import PERSISTENT, RealServer, VirtualServer
from kubenet_course.linux.stack.ipvs.table import IpvsTable
from kubenet_course.linux.verdicts import verdict
from kubenet_course.linux.walk import ask, send

# -- kube-proxy's node of the captures, in IPVS mode ---------------------------------------------------------------------

REFUSED = "the address is the node's own, and a port that no Service has is rejected (KUBE-IPVS-FILTER)"
LOCAL = "under policy Local a NodePort has local servers only, whoever asks"
LOOPBACK = "no virtual server stands on 127.0.0.1"
NOBODY = "without a server IPVS itself tells the asker, the node too"
# (who, where, port) of the flows in which IPVS mode has to differ from what was observed in iptables mode.
OTHERWISE = {
    ("podB", "10.96.10.3", 81): REFUSED,
    ("podB", "10.96.10.5", 81): REFUSED,
    ("podB", "10.96.10.9", 81): REFUSED,
    ("podB", "10.96.10.11", 81): REFUSED,
    ("podB", "10.96.10.12", 81): REFUSED,
    ("podB", "fd00:10:96::12", 81): REFUSED,
    ("podA", "192.168.60.11", 30081): LOCAL,
    ("podB", "192.168.60.11", 30081): LOCAL,
    ("podB", "10.244.1.1", 30081): LOCAL,
    ("node1", "192.168.60.11", 30081): LOCAL,
    ("node1", "127.0.0.1", 30081): LOOPBACK,
    ("node1", "127.0.0.1", 30085): LOOPBACK,
    ("node1", "127.0.0.1", 30087): LOOPBACK,
    ("node1", "198.51.100.12", 80): NOBODY,
    ("node1", "192.0.2.11", 80): NOBODY,
}


def node1_ipvs(name: str) -> Netns:
    """node1 of a capture, with what kube-proxy leaves there in IPVS mode."""
    ns, found = node1(name), [tables_of(*recorded(name), of) for of in (4, 6)]
    kube = dummy(ip for one in found for ip in one.addresses)
    return replace(
        ns,
        rules={of: ipvs_rules(one, {}) for of, one in zip((4, 6), found, strict=True)},
        devices={**ns.devices, kube.name: kube},
        sets=sets_of(found),
        virtual_servers=virtual_servers(found),
        sysctls={**ns.sysctls, **found[0].sysctls},
    )


@pytest.mark.parametrize("name, flow", FLOWS)
def test_ipvs_mode_does_what_was_seen_of_iptables_mode_but_where_the_modes_differ(name, flow):
    packet, dev = first_packet(flow)
    found = outcomes(node1_ipvs(name), packet, dev)
    possible, seen = {in_the_words_of_the_record(one) for one in found}, set(flow["outcomes"])
    # Of a machine of which only rules are known nobody can say whether a bridge brought a packet.
    assert all("physdev" in row.text for one in found for row in one.hangs_on)
    assert sum(one.probability for one in found) == pytest.approx(1)
    why = OTHERWISE.get((flow["client"], flow["dst"], flow["port"]))
    if why == LOCAL:
        assert {outcome.split()[1] for outcome in possible} == {"server=10.244.1.10:8080"}
    elif why:
        assert (possible, "refused" in seen) == ({"refused"}, False)
    else:
        assert seen <= possible


@pytest.mark.parametrize("name, flow", [param for param in FLOWS if "ok server" in str(param.values[1]["outcomes"])])
def test_an_answer_finds_its_way_back_to_whoever_asked(name, flow):
    packet, dev = first_packet(flow)
    ns, memory = node1_ipvs(name), Memory()
    asked = send(ns, packet, dev=dev, memory=memory)
    if flow["dst"] == "127.0.0.1":
        assert asked.steps[-1].end in ("local", "refused")
        return
    arrived = asked.last.skb
    back = send(ns, answer(arrived.packet), dev=arrived.dev_out, memory=memory).last
    sent = next(step.skb.packet.flow for step in asked.steps)
    sent = sent if sent.src not in ("0.0.0.0", "::") else asked.steps[1].skb.packet.flow
    assert back.skb.packet.flow == sent.reverse
    assert (back.end, back.skb.dev_out) == (("forwarded", dev) if dev else ("local", ""))


# -- a balancer without any rules of kube-proxy --------------------------------------------------------------------------

TRACK = "*filter\n-A FORWARD -m conntrack --ctstate INVALID -j DROP\nCOMMIT\n"
CONNTRACK = {"net.ipv4.vs.conntrack": 1}
VIRTUAL = ("10.96.0.10", 80, "TCP")
A, B, C = (RealServer(f"10.244.2.{n}", 8080) for n in (10, 11, 12))


def balancer(*reals: RealServer, scheduler: str = "rr", timeout: int = 0, text: str = TRACK, proto="TCP", **sysctls):
    """A machine between pods and the servers' net. Who was added last stands first: C, then B, then A."""
    devices = (
        Device("eth0", addresses=(ifaddr("192.168.1.11/24"),)),
        Device("pods", addresses=(ifaddr("10.244.1.1/24"),)),
        dummy(["10.96.0.10"]),
    )
    virtual = VirtualServer("10.96.0.10", 80, proto, scheduler, PERSISTENT if timeout else 0, timeout, reals)
    return netns(
        "node-1",
        devices,
        routes=(Route(prefix("0.0.0.0/0"), "eth0", "192.168.1.1"),),
        rules={4: read(text).rules} if text else {},
        sysctls={"net.ipv4.ip_forward": 1, **CONNTRACK, **sysctls},
        virtual_servers={virtual.key: virtual},
    )


def asks(port: int, flags: str = "S", src: str = "10.244.1.10"):
    return tcp(src, port, "10.96.0.10", 80, flags)


def servers(ns: Netns, memory: Memory, ports) -> str:
    """The last number of the server that each new connection gets."""
    flows = [send(ns, asks(port), dev="pods", memory=memory).last.skb.packet.flow for port in ports]
    return " ".join(flow.dst.rpartition(".")[2] for flow in flows)


def test_a_request_passes_input_then_output_and_never_forward():
    stages = [step.stage for step in send(balancer(A), asks(1), dev="pods").steps]
    assert [stage for stage in stages if stage.startswith("ip_vs")] == ["ip_vs_out INPUT", "ip_vs_in INPUT"] + [
        f"ip_vs_{way} OUTPUT" for way in ("out", "in")
    ]
    assert not any(stage.endswith("FORWARD") for stage in stages)
    last = send(balancer(A), asks(1), dev="pods").last
    assert (last.end, last.skb.dev_out, last.skb.packet.ttl) == ("forwarded", "eth0", 63)


def test_the_one_that_was_added_last_is_the_first_in_turn():
    assert servers(balancer(A, B, C), Memory(), range(1, 8)) == "12 11 10 12 11 10 12"


def test_every_node_counts_for_itself():
    """k/k#121591: the nodes do not know of each other, and all begin with the same server."""
    memory, first = Memory(), balancer(A, B, C)
    second = replace(first, name="node-2")
    assert [servers(ns, memory, [port]) for port in (1, 2) for ns in (first, second)] == ["12", "12", "11", "11"]


def test_least_connections_are_this_machines_own_connections():
    memory, ns = Memory(), balancer(A, B, scheduler="lc")
    assert servers(ns, memory, range(1, 5)) == "11 10 11 10"
    table = memory.of("node-1")[IpvsTable]
    assert [table.active[VIRTUAL, real.address, real.port] for real in (A, B)] == [2, 2]


def test_an_answer_gets_the_virtual_address_back_and_its_segments_move_the_state():
    memory, ns = Memory(), balancer(A)
    send(ns, asks(1), dev="pods", memory=memory)
    back = send(ns, tcp("10.244.2.10", 8080, "10.244.1.10", 1, "SA"), dev="eth0", memory=memory)
    assert str(back.last.skb.packet.flow) == "tcp 10.96.0.10:80 -> 10.244.1.10:1"
    table = memory.of("node-1")[IpvsTable]
    states = [next(iter(table.by_client.values())).state]
    for who, flags in (("client", "A"), ("client", "FA"), ("server", "FA"), ("client", "A")):
        packet = asks(1, flags) if who == "client" else tcp("10.244.2.10", 8080, "10.244.1.10", 1, flags)
        send(ns, packet, dev="pods" if who == "client" else "eth0", memory=memory)
        states.append(next(iter(table.by_client.values())).state)
    assert states == ["SYN_RECV", "ESTABLISHED", "CLOSE_WAIT", "TIME_WAIT", "TIME_WAIT"]
    assert (table.active.total(), table.inactive.total()) == (0, 1)


def test_udp_counts_as_inactive_always():
    memory, ns = Memory(), balancer(A, proto="UDP")
    send(ns, udp("10.244.1.10", 1, "10.96.0.10", 80), dev="pods", memory=memory)
    table = memory.of("node-1")[IpvsTable]
    assert (table.active.total(), table.inactive.total()) == (0, 1)


def test_conntrack_knows_of_the_server_so_that_its_answer_belongs_to_the_connection():
    memory, ns = Memory(), balancer(A)
    send(ns, asks(1), dev="pods", memory=memory)
    (known,) = set(memory.of("node-1")[Connections].by_flow.values())
    assert (str(known.original), str(known.reply)) == (
        "tcp 10.244.1.10:1 -> 10.96.0.10:80",
        "tcp 10.244.2.10:8080 -> 10.244.1.10:1",
    )
    assert (known.dnat, known.snat) == (False, False)  # so `--ctstate DNAT` does not hold


def test_without_its_switch_conntrack_is_told_nothing_and_nothing_can_be_masqueraded():
    nat = TRACK + "*nat\n-A POSTROUTING -j MASQUERADE\nCOMMIT\n"
    sources = []
    for on in (0, 1):
        ns = balancer(A, text=nat, **{"net.ipv4.vs.conntrack": on})
        sources.append(send(ns, asks(1), dev="pods").last.skb.packet.flow.src)
    assert sources == ["10.244.1.10", "192.168.1.11"]


@pytest.mark.parametrize(
    "story, reals", [("no server at all", ()), ("a server that takes nothing new", (replace(A, weight=0),))]
)
def test_where_nobody_takes_it_the_client_is_told_that_the_port_cannot_be_reached(story, reals):
    trace = send(balancer(*reals), asks(1), dev="pods")
    told = trace.steps[-1].skb.packet
    assert trace.last.end == "rejected"
    assert (told.flow.src, told.flow.dst, divmod(told.flow.dport, 256)) == ("10.96.0.10", "10.244.1.10", (3, 3))


def test_a_port_without_virtual_server_is_the_machines_own():
    trace = send(balancer(A), tcp("10.244.1.10", 1, "10.96.0.10", 81), dev="pods")
    assert trace.last.stage == "local_deliver"


def test_a_ping_to_a_virtual_address_is_answered_by_the_machine_itself():
    trace = send(replace(balancer(A), sockets_known=True), ping("10.244.1.10", "10.96.0.10"), dev="pods")
    assert trace.steps[-1].skb.packet.flow.src == "10.96.0.10"


def test_a_segment_in_the_middle_of_nothing_is_not_scheduled():
    trace = send(balancer(A), asks(1, "A"), dev="pods")
    assert (trace.last.stage, trace.last.skb.packet.flow.dst) == ("local_deliver", "10.96.0.10")


def test_a_server_on_the_machine_itself_is_delivered_to_at_once():
    here = RealServer("192.168.1.11", 6443)
    trace = send(balancer(here), asks(1), dev="pods")
    assert (trace.last.stage, str(trace.last.skb.packet.flow)) == (
        "local_deliver",
        "tcp 10.244.1.10:1 -> 192.168.1.11:6443",
    )


def test_loopback_does_not_leave_the_machine():
    trace = send(balancer(A), asks(1, src="127.0.0.1"))
    assert (trace.last.stage, trace.last.end) == ("ip_vs_in OUTPUT", "dropped")


# -- affinity, and servers that go --------------------------------------------------------------------------------------


def test_a_client_keeps_its_server_for_the_time_that_was_said():
    memory, ns = Memory(), balancer(A, B, C, timeout=600, **{"net.ipv4.vs.expire_nodest_conn": 1})
    assert servers(ns, memory, range(1, 5)) == "12 12 12 12"
    assert send(ns, asks(9, src="10.244.1.99"), dev="pods", memory=memory).last.skb.packet.flow.dst == B.address
    memory.wait(599)
    assert servers(ns, memory, [6]) == "12"
    memory.wait(661)  # the last connection, in SYN_RECV, was gone after a minute: the template went after its ten
    assert servers(ns, memory, [7]) == "10"


def test_a_template_lasts_while_a_connection_hangs_on_it_in_steps_of_a_minute():
    memory, ns = Memory(), balancer(A, B, timeout=60)
    servers(ns, memory, [1])
    send(ns, asks(1, "A"), dev="pods", memory=memory)  # ESTABLISHED: it has 900 s
    memory.wait(899)
    assert servers(ns, memory, [2]) == "11"
    memory.wait(62)  # the second connection went after a minute, the first a second after 900; the template after 960
    assert servers(ns, memory, [3]) == "10"


def test_affinity_ends_when_the_server_takes_nothing_new_if_it_is_so_switched():
    quiet = (A, replace(B, weight=0))
    for switch, expected in ((0, "11"), (1, "10")):
        memory = Memory()
        ns = balancer(A, B, timeout=600, **{"net.ipv4.vs.expire_quiescent_template": switch})
        assert servers(ns, memory, [1]) == "11"
        after = balancer(*quiet, timeout=600, **{"net.ipv4.vs.expire_quiescent_template": switch})
        assert servers(after, memory, [2]) == expected


def test_a_connection_that_is_open_stays_with_a_server_of_weight_0():
    memory = Memory()
    servers(balancer(A, B), memory, [1])
    quiet = balancer(A, replace(B, weight=0), **{"net.ipv4.vs.expire_nodest_conn": 1})
    assert send(quiet, asks(1, "A"), dev="pods", memory=memory).last.skb.packet.flow.dst == B.address
    assert servers(quiet, memory, [2, 3]) == "10 10"


def test_kube_proxy_lets_a_server_keep_its_connections_before_it_deletes_it():
    """graceful_termination.go: weight 0 as long as there are connections; UDP has no such grace."""
    memory, both, one = Memory(), balancer(A, B), balancer(A)
    assert servers(both, memory, [1]) == "11"

    def left(ns, gone):
        table = memory.of("node-1")[IpvsTable]
        count = lambda virtual, real: table.active[virtual.key, real.address, real.port]  # noqa: E731
        return replace(ns, virtual_servers=leaving(gone.virtual_servers, ns.virtual_servers, count))

    quiet = left(one, both)
    assert quiet.virtual_servers[VIRTUAL].reals == (replace(B, weight=0), A)
    assert send(quiet, asks(1, "A"), dev="pods", memory=memory).last.skb.packet.flow.dst == B.address
    assert servers(quiet, memory, [2, 3]) == "10 10"
    assert left(balancer(B), balancer(A, B)).virtual_servers[VIRTUAL].reals == (replace(A, weight=0), B)
    udp_both, udp_one = balancer(A, B, proto="UDP"), balancer(A, proto="UDP")
    assert left(udp_one, udp_both).virtual_servers == udp_one.virtual_servers


@pytest.mark.parametrize("expires", [0, 1])
def test_a_server_that_is_gone_loses_its_connections(expires):
    """Without the switch their packets vanish. With it the connection is forgotten, and what conntrack still knew of it is
    dropped once; the next SYN gets another server."""
    memory, switch = Memory(), {"net.ipv4.vs.expire_nodest_conn": expires}
    servers(balancer(A, B), memory, [1])
    gone = balancer(A, **switch)
    tries = [send(gone, asks(1), dev="pods", memory=memory).last for _ in range(2)]
    assert [one.end for one in tries] == (["dropped", "forwarded"] if expires else ["dropped", "dropped"])
    if expires:
        assert tries[1].skb.packet.flow.dst == A.address


def test_a_connection_that_is_silent_for_15_minutes_is_forgotten_by_conntrack_too():
    memory, ns = Memory(), balancer(A)
    send(ns, asks(1), dev="pods", memory=memory)
    send(ns, tcp("10.244.2.10", 8080, "10.244.1.10", 1, "SA"), dev="eth0", memory=memory)
    send(ns, asks(1, "A"), dev="pods", memory=memory)
    memory.wait(899)
    assert send(ns, asks(1, "PA"), dev="pods", memory=memory).last.end == "forwarded"
    memory.wait(901)
    late = send(ns, asks(1, "PA"), dev="pods", memory=memory)
    assert (late.last.stage, late.last.skb.packet.flow.dst) == ("local_deliver", "10.96.0.10")


# -- errors -------------------------------------------------------------------------------------------------------------


def about(packet: Packet, src: str, dst: str) -> Packet:
    """An ICMP host unreachable about a packet."""
    flow = ping(src, dst).flow
    return Packet(replace(flow, sport=0, dport=3 << 8 | 1), Icmp(), Quote(packet, length(packet)))


def test_an_error_about_a_request_tells_the_client_of_the_virtual_server():
    memory, ns = Memory(), balancer(A)
    sent = send(ns, asks(1), dev="pods", memory=memory).last.skb.packet
    told = send(ns, about(sent, "192.168.1.1", "10.244.1.10"), dev="eth0", memory=memory).last.skb.packet
    assert (told.flow.src, str(told.payload.packet.flow)) == ("10.96.0.10", "tcp 10.244.1.10:1 -> 10.96.0.10:80")


def test_a_clients_error_about_an_answer_goes_to_the_server():
    memory, ns = Memory(), balancer(A)
    send(ns, asks(1), dev="pods", memory=memory)
    heard = tcp("10.96.0.10", 80, "10.244.1.10", 1, "SA")
    told = send(ns, about(heard, "10.244.1.10", "10.96.0.10"), dev="pods", memory=memory).last
    assert (told.end, told.skb.packet.flow.dst) == ("forwarded", "10.244.2.10")
    assert str(told.skb.packet.payload.packet.flow) == "tcp 10.244.2.10:8080 -> 10.244.1.10:1"


# -- `-m ipvs` ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "match, drops",
    [
        ("--ipvs", True),
        ("! --ipvs", False),
        ("--vaddr 10.96.0.10 --vproto 6 --vport 80", True),
        ("--vaddr 10.96.0.11", False),
        ("! --vport 80", False),
        ("--vdir ORIGINAL --vmethod MASQ", True),
        ("--vdir REPLY", False),
        ("--vportctl 80", False),
    ],
)
def test_rules_at_output_can_ask_for_what_ipvs_leads_through(match, drops):
    ns = balancer(A, text=f"*filter\n-A OUTPUT -m ipvs {match} -j DROP\nCOMMIT\n")
    assert send(ns, asks(1), dev="pods").last.end == ("dropped" if drops else "forwarded")
    assert send(ns, asks(1, src="192.168.1.11")).last.end == ("not-permitted" if drops else "forwarded")


# -- a whole cluster ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("called", [1, 0])
def test_an_answer_on_ones_own_bridge_gets_the_virtual_address_back_only_if_br_netfilter_shows_it_to_forward(called):
    """Request and answer of two pods on one node: the answer is bridged, and IPVS sees it at FORWARD or not at all."""
    made = Cluster(read_objects(["data/clusters/two-nodes.yaml"]), "ipvs")
    world, memory = dict(made.world()), Memory()
    node = world["node-1"]
    world["node-1"] = replace(node, sysctls={**node.sysctls, "net.bridge.bridge-nf-call-iptables": called})
    said = {}
    for sport in (1, 2):  # in turn: web-2 on the other node, then web-1 on this one
        trace = ask(world, question(made, "service/default/web:80", sport), "pod/default/client", memory)
        heard = [
            step for step in trace.steps if (step.namespace, step.stage) == ("pod/default/client", "local_deliver")
        ]
        said[verdict(trace).delivered_to] = heard[-1].said
    assert said["pod/default/web-2"] == "the asker has its answer: the connection is open"
    assert ("the connection is open" in said["pod/default/web-1"]) is bool(called)
