"""There and back again: every answer reaches the asker, who never learns who answered."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from kubenet_course.data import data
from kubenet_course.kube.model.cluster import cluster
from kubenet_course.kube.questions.ask import request
from kubenet_course.linux.namespace.choices import Seeded
from kubenet_course.linux.namespace.memory import Memory
from kubenet_course.linux.packet.packet import Packet, Tcp
from kubenet_course.linux.stack.bridge import Fdb
from kubenet_course.linux.verdicts import verdict

CLUSTERS = {name: cluster([data(f"clusters/{name}.yaml")]) for name in ("two-nodes", "vxlan", "node-port", "same-node")}


@pytest.mark.parametrize("name", CLUSTERS)
@given(seed=st.integers(0, 2**32), sport=st.integers(1024, 65535), times=st.integers(1, 3))
@settings(max_examples=25, deadline=None)
def test_the_answer_comes_from_whom_was_asked(name: str, seed: int, sport: int, times: int) -> None:
    ours, memory = CLUSTERS[name], Memory()
    service = ours.service("default", "web").spec.cluster_ips[0]
    for n in range(times):
        trace = request(
            ours, "pod/default/client", "service/default/web:80", (sport + n) % 64512 + 1024, memory, Seeded(seed)
        )
        assert verdict(trace).name == "delivered"
        heard = [
            step.skb.packet
            for step in trace.steps
            if step.namespace == "pod/default/client"
            and step.stage == "local_deliver"
            and isinstance(step.skb.packet, Packet)
        ]
        answers = [packet for packet in heard if isinstance(packet.header, Tcp) and packet.header.flags == "SA"]
        assert [packet.flow.src for packet in answers] == [service]
        assert all(packet.flow.src == service for packet in heard)


@given(seed=st.integers(0, 2**32), sport=st.integers(1024, 65535))
@settings(max_examples=25, deadline=None)
def test_a_stranger_hears_from_the_node_that_it_asked(seed: int, sport: int) -> None:
    ours = CLUSTERS["node-port"]
    port = ours.service("default", "web").spec.ports[0].node_port
    node = next(iter(ours.machines["node-1"].ips.values()))
    trace = request(ours, "host/203.0.113.5", f"{node}:{port}", sport, choices=Seeded(seed))
    assert verdict(trace).name == "delivered"
    mine = [s.skb.packet for s in trace.steps if s.namespace == "host/203.0.113.5" and s.stage == "local_deliver"]
    assert {packet.flow.src for packet in mine} == {node}


def test_a_memory_that_names_a_port_which_is_gone_is_as_good_as_a_fresh_one() -> None:
    """A learner keeps a memory and takes a pod away: the bridge has lost the row with the port."""
    ours, memory = CLUSTERS["two-nodes"], Memory()
    first = request(ours, "pod/default/client", "service/default/web:80", 40000, memory, Seeded(1))
    rows = memory.of("node-1")[Fdb].heard
    for (bridge, mac), row in list(rows.items()):
        rows[bridge, mac] = replace(row, port="veth-gone")
    again = request(ours, "pod/default/client", "service/default/web:80", 40001, memory, Seeded(1))
    assert [verdict(first).name, verdict(again).name] == ["delivered", "delivered"]
