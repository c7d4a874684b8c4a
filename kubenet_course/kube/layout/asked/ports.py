"""How many connections one address can stand for: the source ports that masquerade has, computed and tried.

Two connections need different ports only if everything else of them is alike: protocol, destination, destination port. So
the room is counted per destination (nf_nat_l4proto_unique_tuple in net/netfilter/nf_nat_core.c).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from ....linux.namespace.choices import Choices, Seeded
from ....linux.namespace.kernel import Kernel
from ....linux.namespace.memory import Memory
from ....linux.namespace.netns import netns
from ....linux.namespace.skb import Skb
from ....linux.netfilter.conntrack import confirm, conntrack_in
from ....linux.netfilter.nat import Range, translate
from ....linux.packet.address import Address
from ....linux.packet.packet import Flow, Packet, Tcp, Udp

# What a kernel chooses from, by the port that the connection came with: it keeps privileged ports privileged.
CLASSES = ((0, 511, range(1, 512)), (512, 1023, range(600, 1024)), (1024, 65535, range(1024, 65536)))
LOCAL_PORTS = range(32768, 61000)  # from which a sender's own kernel takes a source port (ip_local_port_range)


def room(sport: int = 40000) -> int:
    """How many connections to one destination and port an address can have at once, for senders with such a source port."""
    return next(len(ports) for first, last, ports in CLASSES if first <= sport <= last)


def clients(pods: Iterable[Address], to: Address, dport: int, each: int, proto: str = "tcp") -> Iterator[Flow]:
    """The connections of some pods to one destination, `each` of them from ports as the pods' kernels would take them."""
    return (
        Flow(proto, pod, LOCAL_PORTS[number % len(LOCAL_PORTS)], to, dport) for pod in pods for number in range(each)
    )


class Opened(Struct, frozen=True):
    """What came of connections: as which flows they left, in order. Where no port was found, the packet is dropped: None."""

    flows: tuple[Flow | None, ...]

    @property
    def failed(self) -> int:
        return sum(flow is None for flow in self.flows)

    @property
    def first_failure(self) -> int:
        """How many connections were opened before the first that failed; -1 where none did."""
        return next((number for number, flow in enumerate(self.flows) if flow is None), -1)

    def __str__(self) -> str:
        return f"{len(self.flows) - self.failed} opened, {self.failed} dropped"

    __repr__ = __str__


def opened(
    flows: Iterable[Flow],
    node: Address,
    memory: Memory | None = None,
    choices: Choices | None = None,
    to: Range = Range(),  # noqa: B008
) -> Opened:
    """Opens connections through one node that masquerades them with its address: tracking and translation alone, no walk."""
    kernel = Kernel(netns("node"), memory or Memory(), choices or Seeded())
    own = replace(to, low=node, high=node)
    return Opened(tuple(_opened(kernel, flow, own) for flow in flows))


def _opened(kernel: Kernel, flow: Flow, own: Range) -> Flow | None:
    header = Tcp("S") if flow.proto == "tcp" else Udp()
    skb = conntrack_in(Skb(Packet(flow, header)), kernel)
    _, skb = translate(skb, own, "src", kernel)
    kept = confirm(skb, kernel)
    return kept.connection.reply.reverse if kept is not None else None
