"""A packet while one kernel holds it, with the notes that the kernel keeps beside it and drops at the namespace border."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from ..packet.packet import Flow, Frame, is_multicast
from .fib import NO_ROUTE, Route

NOWHERE = ""  # the name of the device of a packet that has not arrived on any, or is not yet on its way out


NO_FRAME = Frame("", "", b"")  # of a packet that no device with MAC addresses has brought


class Verdict(Struct, frozen=True):
    """What a rule says: ACCEPT, DROP, REJECT, RETURN (to the caller) or HANDED_OVER.

    `kind` says which answer a REJECT gives, and which target handed the packet to a program.
    """

    name: str
    kind: str = ""


ACCEPT, DROP, RETURN = Verdict("ACCEPT"), Verdict("DROP"), Verdict("RETURN")


class Connection(Struct, frozen=True):
    """What conntrack remembers (struct nf_conn): the first packet as it arrived, and an answer as it will look.

    Translation is the difference between the two: an answer that is not the plain reverse of the first packet; which end made the
    difference is noted, because the one identifier of an ICMP query does not tell. `expires` is in nanoseconds of the simulated
    clock. Until `confirmed` it exists only beside its first packet.
    """

    original: Flow
    reply: Flow
    state: str = "NONE"  # of TCP: a key of conntrack.TCP; otherwise NONE
    seen_reply: bool = False
    assured: bool = False
    confirmed: bool = False
    snat_done: bool = False  # the nat table has been asked for a source, even if it answered nothing
    dnat_done: bool = False
    snat: bool = False  # answers go elsewhere than the first packet came from (IPS_SRC_NAT)
    dnat: bool = False  # answers come from elsewhere than the first packet was sent to (IPS_DST_NAT)
    since: int = 0  # nanoseconds, when its first packet came
    expires: int = 0
    mark: int = 0

    def __str__(self) -> str:
        return f"{self.original} | answers {self.reply}"


_NO_FLOW = Flow("", "", 0, "", 0)
NO_CONNECTION = Connection(_NO_FLOW, _NO_FLOW)  # not looked up yet, or belonging to none: INVALID
UNTRACKED = Connection(_NO_FLOW, _NO_FLOW, state="UNTRACKED")  # taken out of tracking (NOTRACK, neighbour discovery)


class Pieces(Struct, frozen=True):
    """How a packet came that was put together: the sizes of its pieces, the length of the longest (`frag_max_size`), and whether
    that one forbade to be cut (IPSKB_FRAG_PMTU)."""

    sizes: tuple[int, ...] = ()
    largest: int = 0
    df: bool = False


WHOLE = Pieces()  # of a packet that came in one piece


class Skb(Struct, frozen=True):
    """A packet in one kernel's hands (struct sk_buff). `ctinfo` is how it belongs to its connection, `reply` in which direction."""

    packet: Any  # a Packet; on a link it may be an Arp
    dev_in: str = NOWHERE
    dev_out: str = NOWHERE
    mark: int = 0
    route: Route = NO_ROUTE
    connection: Connection = NO_CONNECTION
    ctinfo: str = "INVALID"  # NEW, ESTABLISHED, RELATED, INVALID, UNTRACKED
    reply: bool = False
    frame: Frame = NO_FRAME  # as it arrived, where a device with MAC addresses brought it
    port: str = NOWHERE  # the bridge port it came in by, while the bridge has it
    prerouted: bool = False  # br_netfilter has already taken it through PREROUTING
    came_by: str = (
        NOWHERE  # the bridge port that it came in by, as br_netfilter notes it for as long as this kernel has it
    )
    ipvs: bool = False  # IPVS has done with it what it does (ipvs_property)

    pieces: Pieces = WHOLE
    ignore_df: bool = (
        False  # it may be cut here, whatever its header says: the sender's own kernel, and what came in pieces
    )
    discovers: str = ""  # of a program's packet, what it asks of the kernel (IP_MTU_DISCOVER): want, dont or do

    @property
    def forwarded(self) -> bool:
        """Whether another machine sent it."""
        return self.dev_in not in (NOWHERE, "lo")

    @property
    def came_to_many(self) -> bool:
        """Whether the frame that brought it was addressed to more than this machine (any `pkt_type` but PACKET_HOST)."""
        return bool(self.frame.dst) and is_multicast(self.frame.dst)
