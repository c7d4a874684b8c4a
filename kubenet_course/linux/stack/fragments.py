"""Packets that are cut into pieces, each as long as may be (net/ipv4/ip_output.c, net/ipv6/ip6_output.c: ip_do_fragment,
ip6_fragment)."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from ..namespace.kernel import Kernel
from ..namespace.skb import WHOLE, Skb
from ..packet.address import IPV4, IPV6, family
from ..packet.packet import Fragment, Other, Packet, length
from .path_mtu import LEAST6, mtu_of


def cut(
    packet: Packet, mtu: int, id: int, sizes: tuple[int, ...] = (), df: bool = False, to_the_end: bool = True
) -> Iterator[Packet]:
    """The pieces of a packet that fit into `mtu`: as long as may be, of whole eights of bytes; or of the `sizes` that it had.

    The last one may fill the room `to_the_end`, but not where a program's packet of IPv6 is cut (__ip6_append_data). A piece
    that is too long itself is cut further.
    """
    of = family(packet.flow.src)
    room = mtu - of.header - of.fragment_header
    piece = packet.payload
    if not isinstance(piece, Fragment):
        piece = Fragment(packet, 0, length(packet) - of.header, False)
    at, wanted, last = piece.at, iter(sizes), room if to_the_end else room & ~7
    while at < piece.end:
        left = piece.end - at
        size = min(next(wanted, 0) or (left if left <= last else room & ~7), left)
        own = Fragment(piece.whole, at, size, piece.more or size < left)
        first = {"flow": piece.whole.flow, "header": piece.whole.header}
        later = {"flow": replace(packet.flow, sport=0, dport=0), "header": Other()}
        yield replace(packet, payload=own, id=id, df=df, **(later if at else first))
        at += size


def is_too_long(kernel: Kernel, skb: Skb) -> bool:
    """Whether a packet has to be cut before it leaves; one that came in pieces leaves in pieces."""
    size, largest = length(skb.packet), skb.pieces.largest
    if family(skb.packet.flow.dst) is IPV4:
        return size > mtu_of(kernel, skb) or largest > 0
    return size > mtu_of(kernel, skb) or 0 < largest < size


def may_be_cut(kernel: Kernel, skb: Skb) -> bool:
    """Whether it may: IPv4 asks the flag, IPv6 lets only the sender cut; what came in pieces may go on in pieces (ignore_df)."""
    if family(skb.packet.flow.dst) is IPV4 and not skb.packet.df:
        return True
    return skb.ignore_df and skb.pieces.largest <= mtu_of(kernel, skb)


def pieces_of(kernel: Kernel, skb: Skb) -> tuple[Skb, ...]:
    """The packet as it leaves: in one piece, or cut so that each piece fits (ip_do_fragment, ip6_fragment)."""
    if not is_too_long(kernel, skb):
        return (skb,)
    return _cut_to(kernel, skb, mtu_of(kernel, skb))


def through_port(kernel: Kernel, skb: Skb, mtu: int) -> tuple[Skb, ...]:
    """What leaves by a bridge's port after the rules have seen it: nothing, if it does not fit and may not be cut
    (br_nf_dev_queue_xmit)."""
    largest, size = skb.pieces.largest, length(skb.packet)
    if size <= (min(mtu, largest) if largest else mtu):
        return (skb,)
    is4 = family(skb.packet.flow.dst) is IPV4
    refused = largest > mtu or not (skb.ignore_df or (is4 and not skb.packet.df))
    return () if refused else _cut_to(kernel, skb, mtu)


def _cut_to(kernel: Kernel, skb: Skb, mtu: int) -> tuple[Skb, ...]:
    packet, came, of = skb.packet, skb.pieces, family(skb.packet.flow.dst)
    if came.largest:
        mtu = min(mtu, max(came.largest, LEAST6) if of is IPV6 else came.largest)
    dev = kernel.ns.devices.get(skb.dev_out)
    kept = () if dev and dev.tunnel else came.sizes  # in front of the pieces there is no room for what a tunnel adds
    kept = kept if all(size + of.header + of.fragment_header <= mtu for size in kept) else ()
    id = packet.id if of is IPV4 else kernel.choices.pick(("id6", kernel.ns.name, packet.flow), range(1, 1 << 32))
    df = came.df and not kept
    to_the_end = of is IPV4 or skb.pieces is not WHOLE
    return tuple(replace(skb, packet=one, pieces=WHOLE) for one in cut(packet, mtu, id, kept, df, to_the_end))
