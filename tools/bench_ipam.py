"""What blocks and Service addresses cost: each beside a bare counter over `ipaddress` integers."""

import ipaddress

from kubenet_course.kube.nodeipam.cidr import parse_sloppy
from kubenet_course.kube.nodeipam.cidr_set import allocate_next, cidr_set
from kubenet_course.kube.nodeipam.kcm_flags import parse_flags
from kubenet_course.kube.nodeipam.node_world import NodeWorld
from kubenet_course.kube.service.service_ipam import allocate_next as next_address
from kubenet_course.kube.service.service_ipam import service_range
from tools.bench import Timed, measurement

NODES = 5_000
SERVICES = 10_000
NAMES = [f"node-{number}" for number in range(1, NODES + 1)]
FLAGS = parse_flags(
    ["--allocate-node-cidrs=true", "--cluster-cidr=10.0.0.0/8", "--service-cluster-ip-range=10.96.0.0/16"]
)
END = 1 << 13  # the blocks of a /11 cut into /24


def counted(how_many: int, shift: int) -> Timed:
    """Addresses as text, counted upwards: no memory, no search, nobody to tell."""
    base = int(ipaddress.ip_address("10.0.0.0"))
    return lambda: [f"{ipaddress.IPv4Address(base + (number << shift))}" for number in range(how_many)]


def counted_blocks() -> Timed:
    return counted(NODES, 8)


def counted_addresses() -> Timed:
    return counted(SERVICES, 0)


@measurement("IPAM: 5,000 nodes register, each is given its block", figure=0.035, floor=counted_blocks)
def give_blocks() -> Timed:
    def story() -> NodeWorld:
        world = NodeWorld(FLAGS)
        world.start()
        for name in NAMES:
            world.create(name)
        return world

    return story


@measurement("IPAM: the controller starts where 5,000 nodes have blocks", figure=0.060, floor=counted_blocks)
def start_again() -> Timed:
    world = give_blocks()()
    return world.start  # type: ignore[attr-defined]


def blocks_from(first: int) -> Timed:
    """A hundred blocks, with all before `first` given already."""
    pool = cidr_set(parse_sloppy("10.0.0.0/11"), 24)
    for _ in range(first):
        pool = allocate_next(pool).rest

    def hundred() -> None:
        rest = pool
        for _ in range(100):
            rest = allocate_next(rest).rest

    return hundred


@measurement("IPAM: 100 blocks at the end of a range (floor: its start)", figure=0.4e-3, floor=lambda: blocks_from(0))
def at_the_end() -> Timed:
    return blocks_from(END - 100)


@measurement("IPAM: 10,000 Services, each is given its address", figure=0.030, floor=counted_addresses)
def give_addresses() -> Timed:
    services = service_range(parse_sloppy("10.96.0.0/16"))

    def story() -> set[str]:
        given: set[str] = set()
        for turn in range(SERVICES):
            given.add(next_address(services, given, lambda size, turn=turn: turn * 40_503 % size))  # type: ignore[misc]
        return given

    return story
