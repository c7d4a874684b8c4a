"""How long a packet may be on its way: what the device and the row take, and what ICMP has told about the rest of the way
(net/ipv4/route.c: ip_dst_mtu_maybe_forward, __ip_rt_update_pmtu; net/ipv6/route.c: __ip6_rt_update_pmtu)."""

from __future__ import annotations

from dataclasses import dataclass, field

from msgspec import Struct

from ..namespace.kernel import Kernel
from ..namespace.skb import Skb
from ..packet.address import IPV4, IPV6, Address, family
from ..packet.packet import ECHO_REPLY, Packet
from ..timeline import SECOND
from .expected import Expected
from .icmp import TOO_BIG
from .stream import Streams

LEAST6 = 1280  # RFC 8200 section 5


class PathMtu(Struct, frozen=True):
    """What one destination takes, until when that is believed. `locked`: less than any real way has, so packets are cut."""

    mtu: int
    expires: int
    locked: bool = False


@dataclass(slots=True)
class PathMtus:
    """The destinations to which something on the way was too narrow (`ip route get`: cache expires ... mtu ...)."""

    known: dict[Address, PathMtu] = field(default_factory=dict)


def device_mtu(kernel: Kernel, dev: str) -> int:
    """How many bytes of a packet a device takes."""
    return kernel.ns.devices[dev].mtu if dev in kernel.ns.devices else 1500


def path_mtu(kernel: Kernel, to: Address) -> PathMtu | None:
    """What ICMP has told about the way to a destination, if it was not too long ago."""
    known = kernel.remembers[PathMtus].known.get(to)
    return known if known and kernel.now < known.expires else None


def mtu_towards(kernel: Kernel, to: Address, dev: str) -> int:
    """How long a packet of this machine's own may be."""
    known, mtu = path_mtu(kernel, to), device_mtu(kernel, dev)
    return min(mtu, known.mtu) if known else mtu


def mtu_of(kernel: Kernel, skb: Skb) -> int:
    """How long a packet may be. For others' packets of IPv4 a router asks its device alone (ip_forward_use_pmtu is 0)."""
    if skb.forwarded and family(skb.packet.flow.dst) is IPV4:
        return device_mtu(kernel, skb.dev_out)
    return mtu_towards(kernel, skb.packet.flow.dst, skb.dev_out)


def remember(kernel: Kernel, to: Address, mtu: int) -> None:
    """Believes that the way to a destination takes so much, if that is less than was thought."""
    is4 = family(to) is IPV4
    before = path_mtu(kernel, to)
    old = mtu_towards(kernel, to, kernel.ns.fib.lookup(to).dev)
    least = kernel.ns.sysctl("net.ipv4.route.min_pmtu") if is4 else LEAST6
    if old < mtu or (before and before.locked) or (not is4 and (mtu < least or old == mtu)):
        return
    seconds = kernel.ns.sysctl("net.ipv4.route.mtu_expires" if is4 else "net.ipv6.route.mtu_expires")
    locked = mtu < least
    row = PathMtu(min(old, least) if locked else mtu, kernel.now + seconds * SECOND, locked)
    kernel.remembers[PathMtus].known[to] = row


def told_too_big(kernel: Kernel, error: Packet) -> int:
    """An ICMP error has come in: if it says that a packet of ours was too big, the way's MTU is remembered, and returned.

    It has to be about something that this machine has: what its kernel answers itself, or a program's conversation (icmp_err,
    icmpv6_err, udp_err, tcp_v4_err). A program that writes its own headers has none in IPv4.
    """
    proto, sent = error.flow.proto, error.payload.packet  # type: ignore[union-attr]
    quoted = sent.flow
    if divmod(error.flow.dport, 256) != TOO_BIG[4 if proto == "icmp" else 6] or sent.is_later_piece:
        return 0
    mtu = error.header.rest & (0xFFFF if proto == "icmp" else 0xFFFFFFFF)  # type: ignore[union-attr]
    by_kernel = quoted.proto == IPV6.icmp or (sent.icmp_type == ECHO_REPLY["icmp"] and quoted.proto == "icmp")
    if not by_kernel and not _is_ours(kernel, quoted):
        return 0
    remember(kernel, quoted.dst, mtu)
    return mtu


def _is_ours(kernel: Kernel, sent) -> bool:
    """Whether a program of this machine has such a conversation, or a tunnel ends at that port."""
    waited = {**kernel.remembers[Expected].answers, **kernel.remembers[Streams].ends}
    if sent.has_reverse and sent.reverse in waited:
        return True
    tunnels = {getattr(dev.tunnel, "port", 0) for dev in kernel.ns.devices.values() if dev.tunnel and dev.up}
    listens = {(socket.proto, socket.port) for socket in kernel.ns.sockets}
    return (sent.proto == "udp" and sent.dport in tunnels) or (sent.proto, sent.sport) in listens
