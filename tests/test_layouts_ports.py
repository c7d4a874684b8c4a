"""One address for many connections: which port each gets, when none is left, and the same on the real kernel."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubenet_course.kube.layout.asked.ports import LOCAL_PORTS, clients, opened, room
from kubenet_course.lab.comparison import compare
from kubenet_course.lab.real.run import missing, run
from kubenet_course.lab.scenario.packets import Sending
from kubenet_course.lab.scenario.scenario import Scenario
from kubenet_course.linux.namespace.choices import Seeded
from kubenet_course.linux.namespace.memory import Memory
from kubenet_course.linux.netfilter.nat import Range
from kubenet_course.linux.packet.packet import Flow, udp
from tools.lab_clusters import Plan, cluster, pod_address

NODE, FAR = "192.168.1.11", "203.0.113.5"
PODS = [f"10.244.1.{number}" for number in range(2, 12)]


def test_the_room_of_an_address_is_counted_by_hand() -> None:
    """1024 to 65535 are 64,512 ports; from a privileged port 600 to 1023 or 1 to 511 (nf_nat_l4proto_unique_tuple)."""
    assert (room(), room(1024), room(1023), room(511)) == (64512, 64512, 424, 511)


def test_a_port_that_is_free_is_kept() -> None:
    found = opened([Flow("tcp", PODS[0], 40000, FAR, 443)], NODE)
    assert found.flows == (Flow("tcp", NODE, 40000, FAR, 443),)


def test_the_second_pod_with_the_same_port_gets_another() -> None:
    flows = [Flow("tcp", pod, 40000, FAR, 443) for pod in PODS[:2]]
    first, second = opened(flows, NODE).flows
    assert first.sport == 40000 != second.sport and 1024 <= second.sport <= 65535


def test_another_destination_has_ports_of_its_own() -> None:
    """conntrack knows a connection by all of its five numbers: to another port the same source port is free."""
    flows = [Flow("tcp", pod, 40000, FAR, 443 + number) for number, pod in enumerate(PODS)]
    assert [flow.sport for flow in opened(flows, NODE).flows] == [40000] * len(PODS)


def test_when_all_ports_are_taken_the_packet_is_dropped() -> None:
    flows = [Flow("udp", PODS[0], 40000 + number, FAR, 53) for number in range(6)]
    found = opened(flows, NODE, to=Range(first=5000, last=5003))
    assert found.failed == 2 and found.first_failure == 4 and str(found) == "4 opened, 2 dropped"
    assert {flow.sport for flow in found.flows[:4]} == {5000, 5001, 5002, 5003}


def test_a_port_comes_back_when_its_connection_is_forgotten() -> None:
    memory = Memory()
    flows = [Flow("udp", PODS[0], 40000 + number, FAR, 53) for number in range(5)]
    to = Range(first=5000, last=5003)
    assert opened(flows, NODE, memory, to=to).failed == 1
    memory.wait(31)  # an unanswered UDP conversation is forgotten after 30 seconds
    assert opened(flows[4:], NODE, memory, to=to).failed == 0


def by_hand(taken: set[int], wanted: int, low: int, high: int, offsets: list[int]) -> int | None:
    """The kernel's search written down a second time, on numbers alone: from each random start a window, each half as long."""
    if wanted not in taken and low <= wanted <= high:
        return wanted
    size, window = high - low + 1, min(high - low + 1, 128)
    for start in offsets:
        for step in range(window):
            port = low + (start + step) % 65536 % size
            if port not in taken:
                return port
        if window >= size or window < 16:
            return None
        window //= 2
    return None


@settings(max_examples=150, deadline=None)
@given(
    size=st.integers(1, 300),
    taken=st.data(),
    wanted=st.integers(1024, 65535),
    offsets=st.lists(st.integers(0, 65535), min_size=6, max_size=6),
)
def test_the_search_for_a_free_port_is_the_kernels(size, taken, wanted, offsets) -> None:
    low = 20000
    ports = list(range(low, low + size))
    used = taken.draw(st.sets(st.sampled_from(ports)))
    memory = Memory()
    for port in used:
        opened([Flow("udp", PODS[0], port, FAR, 53)], NODE, memory, to=Range(first=port, last=port))
    found = opened(
        [Flow("udp", PODS[1], wanted, FAR, 53)], NODE, memory, Offsets(offsets), Range(first=low, last=low + size - 1)
    )
    expected = by_hand(used, wanted, low, low + size - 1, offsets)
    assert [flow and flow.sport for flow in found.flows] == [expected]


class Offsets(Seeded):
    """Chance whose random numbers are told."""

    def __init__(self, offsets):
        super().__init__()
        self._offsets = iter(offsets)

    def pick(self, question, among):
        return next(self._offsets)


def test_sixty_thousand_connections_fit_but_for_those_whose_search_was_in_vain() -> None:
    """Ten pods, one destination. No two connections share a port; some are dropped although ports are free: the kernel stops its
    search after 248 ports."""
    found = opened(clients(PODS, FAR, 443, 6000), NODE)
    ports = [flow.sport for flow in found.flows if flow]
    assert len(ports) == len(set(ports)) == 60000 - found.failed
    assert 0 < found.failed < 200 and found.first_failure > 0.6 * room()


def test_pods_take_their_source_ports_from_the_local_range() -> None:
    flows = list(clients(PODS[:1], FAR, 443, len(LOCAL_PORTS) + 1))
    assert (flows[0].sport, flows[-2].sport, flows[-1].sport) == (32768, 60999, 32768)


# -- on the real kernel ------------------------------------------------------------------------------------------------


def scenario(rng: Random) -> Scenario:
    """Three pods ask one host from few ports, and their node has even fewer to give."""
    first, count = rng.randrange(2000, 60000), rng.randint(1, 9)
    target = f"MASQUERADE --to-ports {first}-{first + count - 1}{rng.choice(['', ' --random', ' --random-fully'])}"
    rules = f"*nat\n-A POSTROUTING -s 10.244.0.0/16 -o eth0 -p udp -j {target}\nCOMMIT\n"
    world = cluster(
        Plan({1: ("a", "b", "c")}, rules={4: rules}, listens={"outside": ("udp 0.0.0.0:53 dns", "udp 0.0.0.0:54 dns")})
    )
    sent = [
        Sending(
            "abc"[pod],
            udp(pod_address(1, pod), rng.choice([first, 40000, 40001, 40002]), FAR, rng.choice([53, 53, 54])),
        )
        for pod in (rng.randrange(3) for _ in range(14))
    ]
    return Scenario(f"ports {first} {count}", "", world, tuple(sent))


@pytest.mark.parametrize("number", range(4))
def test_collisions_and_exhaustion_are_the_real_kernels(number: int, seed: int) -> None:
    if reason := missing():
        pytest.skip(reason)
    one = scenario(Random(f"ports {seed} {number}"))
    found = compare(one, run(one))
    assert found.equal, "\n".join(map(str, found.differences[:5]))
