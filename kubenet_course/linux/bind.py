"""One program on one address, port and protocol: which bind succeeds, and what the other is told
(net/ipv4/inet_connection_sock.c: inet_csk_get_port; net/ipv4/udp.c: udp_lib_get_port)."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from .address import IPV4, IPV6, family
from .tables import Netns, Socket

IN_USE = "EADDRINUSE"  # Address already in use
NOT_HERE = "EADDRNOTAVAIL"  # Cannot assign requested address


class Bound(Struct, frozen=True):
    """What came of a bind: the namespace as it then is, and, where it failed, the error and the socket in the way."""

    ns: Netns
    error: str = ""
    by: Socket | None = None

    def __str__(self) -> str:
        if not self.error:
            return f"listening: {self.ns.sockets[-1]}"
        return f"{self.error}: {self.by} has it" if self.by else f"{self.error}: no device here has that address"

    __repr__ = __str__


def bind(ns: Netns, wanted: Socket) -> Bound:
    """A program asks for a socket that listens. Whoever is first has it; two may share it where both said SO_REUSEPORT."""
    if wanted.address not in (IPV4.any, IPV6.any) and ns.fib.lookup(wanted.address).type != "local":
        return Bound(ns, NOT_HERE)
    for other in ns.sockets:
        if clash(wanted, other):
            return Bound(ns, IN_USE, other)
    return Bound(replace(ns, sockets=(*ns.sockets, wanted)))


def clash(one: Socket, other: Socket) -> bool:
    """Whether two sockets cannot listen at once. TCP and UDP have ports of their own, and so has each address."""
    if (one.proto, one.port) != (other.proto, other.port) or not _overlap(one, other):
        return False
    shared = one.reuseport and other.reuseport
    return not (shared or (one.proto == "udp" and one.reuseaddr and other.reuseaddr))


def _overlap(one: Socket, other: Socket) -> bool:
    """Equal addresses overlap, and the any-address overlaps all of its family; `::` those of IPv4 too, unless told otherwise."""
    if one.address == other.address:
        return True
    for wide, narrow in ((one, other), (other, one)):
        if wide.address == family(narrow.address).any:
            return True
        if wide.address == IPV6.any and not wide.v6only and family(narrow.address) is IPV4:
            return True
    return False
