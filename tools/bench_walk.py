"""What following a packet costs: the walk of one machine and of many, its bytes beside scapy, and the lab for the record."""

from kubenet_course.data import data
from kubenet_course.kube.model.cluster import cluster
from kubenet_course.kube.questions.ask import question
from kubenet_course.lab.real.run import missing, run
from kubenet_course.lab.scenario.scenario import load
from kubenet_course.linux.namespace.memory import Memory
from kubenet_course.linux.packet.packet import Flow
from kubenet_course.linux.packet.wire.write import frame_bytes
from kubenet_course.linux.walk import ask
from tools.bench import Timed, measurement

WHO, WHERE = "pod/default/client", "service/default/web:80"


def dictionary() -> Timed:
    """A hundred look-ups of a connection: what no walk can do without."""
    known = {Flow("tcp", "10.244.1.2", port, "10.96.1.1", 80): port for port in range(100)}
    flows = [Flow("tcp", "10.244.1.2", port, "10.96.1.1", 80) for port in range(100)]
    return lambda: [known[flow] for flow in flows]


def _asked(memory_of_each: bool) -> Timed:
    ours = cluster([data("clusters/two-nodes.yaml")])
    world, memory = ours.world(), Memory()
    packet = question(ours, WHERE)
    ask(world, packet, WHO, memory)
    fresh = [Memory()]

    def story() -> object:
        fresh[0] = Memory() if memory_of_each else memory
        return ask(world, packet, WHO, fresh[0])

    return story


@measurement(
    "a request and its answer, about 120 steps, connection known (250 us for 20 steps)",
    figure=1500e-6,
    floor=dictionary,
)
def known_connection() -> Timed:
    return _asked(memory_of_each=False)


@measurement(
    "a request and its answer, about 190 steps, everything new (500 us for 20 steps)", figure=4750e-6, floor=dictionary
)
def new_connection() -> Timed:
    return _asked(memory_of_each=True)


@measurement("the bytes of all frames of a request between two nodes", figure=0.05, floor=dictionary)
def all_bytes() -> Timed:
    ours = cluster([data("clusters/two-nodes.yaml")])
    frames = ask(ours.world(), question(ours, WHERE), WHO).frames

    def story() -> object:
        getattr(frame_bytes, "cache_clear", lambda: None)()
        return [frame_bytes(frame) for *_, frame in frames]

    return story


if missing() is None:

    @measurement("the lab: two nodes built, a packet sent, every frame captured", figure=1.5, floor=dictionary)
    def the_lab() -> Timed:
        scenario = load(data("scenarios/host-gw-service-two-endpoints.json"))
        return lambda: run(scenario)
