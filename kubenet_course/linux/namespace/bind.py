"""One program on one address, port and protocol: which bind succeeds, and what the other is told
(net/ipv4/inet_connection_sock.c: inet_bind_conflict; net/ipv4/udp.c: udp_lib_lport_inuse)."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from ..packet.address import IPV4, IPV6, family
from .netns import Netns, Socket

IN_USE = "EADDRINUSE"  # Address already in use
NOT_HERE = "EADDRNOTAVAIL"  # Cannot assign requested address
BINDABLE = {4: ("local", "broadcast"), 6: ("local",)}  # what the route to an address must be


class Bound(Struct, frozen=True):
    """What came of a bind: the namespace as it then is, and, where it failed, the error and the socket in the way."""

    ns: Netns
    wanted: Socket
    error: str = ""
    by: Socket | None = None

    def __str__(self) -> str:
        if not self.error:
            return f"{'listening' if self.wanted.listens else 'bound'}: {self.wanted}"
        return f"{self.error}: {self.by} has it" if self.by else f"{self.error}: no device here has that address"

    __repr__ = __str__


def bind(ns: Netns, wanted: Socket) -> Bound:
    """A program asks for a port, by bind and, for TCP, listen. Whoever is first has it; some may share it.

    The kernel does not always compare with all: UDP stops at the first with which it may share by SO_REUSEPORT, and TCP lets
    in who may share with the port's owner.
    """
    of = family(wanted.address)
    if wanted.address != of.any and ns.fib.lookup(wanted.address).type not in BINDABLE[of.number]:
        return Bound(ns, wanted, NOT_HERE)
    if _is_let_in(wanted, ns.sockets):
        return Bound(replace(ns, sockets=(*ns.sockets, wanted)), wanted)
    for other in _looked_at(ns.sockets):
        if clash(wanted, other):
            return Bound(ns, wanted, IN_USE, other)
        if wanted.proto == "udp" and overlap(wanted, other) and not _both_reuse(wanted, other):
            break
    return Bound(replace(ns, sockets=(*ns.sockets, wanted)), wanted)


def in_turn(ns: Netns, wanted: Iterable[Socket]) -> tuple[Bound, ...]:
    """Several programs ask, one after the other: what each is told, and the namespace as it is then."""
    told: list[Bound] = []
    for one in wanted:
        told.append(bind(told[-1].ns if told else ns, one))
    return tuple(told)


def _looked_at(sockets: tuple[Socket, ...]) -> list[Socket]:
    """The newest first; IPv6 sockets with SO_REUSEPORT last, and the oldest of those first (sk_add_node_rcu)."""
    late = [one for one in sockets if one.reuseport and family(one.address) is IPV6]
    return [one for one in reversed(sockets) if one not in late] + late


def _is_let_in(wanted: Socket, sockets: Iterable[Socket]) -> bool:
    """Whether TCP spares itself the comparison (sk_reuseport_match, inet_csk_update_fastreuse).

    The owner of a port is who last said SO_REUSEPORT without being let in by the owner before. The very first user of a port
    lets in all others of its kind, whatever their address.
    """
    held = [one for one in sockets if (one.proto, one.port) == (wanted.proto, wanted.port)]
    if wanted.proto != "tcp" or not held:
        return False
    owner = held[0] if held[0].reuseport else None
    for one in held[1:]:
        if not _lets_in(owner, one, held[0]):
            owner = one if one.reuseport else None
    return _lets_in(owner, wanted, held[0])


def _lets_in(owner: Socket | None, one: Socket, first: Socket) -> bool:
    return owner is not None and _both_share(owner, one) and (owner is first or _covers(owner, one))


def _covers(owner: Socket, one: Socket) -> bool:
    """Whether what is for `one` is for the owner too; the any-address of IPv4 covers `::` as far as that means IPv4."""
    both_any = owner.address == IPV4.any and one.address == IPV6.any and not one.v6only
    return owner.address == one.address or _holds(owner, one) or both_any


def clash(one: Socket, other: Socket) -> bool:
    """Whether a socket cannot join an older one. TCP and UDP have ports of their own, and so has each address."""
    return overlap(one, other) and not _both_reuse(one, other) and not _both_share(one, other)


def overlap(one: Socket, other: Socket) -> bool:
    """Whether two sockets want a packet alike: the same protocol and port, and an address in common."""
    if (one.proto, one.port) != (other.proto, other.port):
        return False
    if one.address == other.address:
        return True
    return _holds(one, other) or _holds(other, one)


def _holds(wide: Socket, narrow: Socket) -> bool:
    """The any-address holds all of its family; `::` those of IPv4 too, unless told otherwise."""
    if wide.address == family(narrow.address).any:
        return True
    return wide.address == IPV6.any and not wide.v6only and family(narrow.address) is IPV4


def _both_share(one: Socket, other: Socket) -> bool:
    """SO_REUSEPORT in both, by programs of one user: the kernel spreads what comes over them."""
    return one.reuseport and other.reuseport and one.uid == other.uid


def _both_reuse(one: Socket, other: Socket) -> bool:
    """SO_REUSEADDR in both; in TCP it does not help against one that listens."""
    return one.reuseaddr and other.reuseaddr and (one.proto == "udp" or not other.listens)
