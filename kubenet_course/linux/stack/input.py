"""Can this be true? What a kernel asks of a packet's addresses before it routes it (net/ipv4/route.c: ip_route_input_slow;
net/ipv4/fib_frontend.c: fib_validate_source)."""

from __future__ import annotations

from functools import lru_cache

from msgspec.structs import replace

from ..namespace.fib import LIMITED_BROADCAST, LINK_LOCAL, LOCAL_GROUPS, LOOPBACK, MULTICAST, ZERO, Route
from ..namespace.kernel import Kernel
from ..namespace.policy import EVERYONES, Asked, asked_of
from ..namespace.skb import Skb
from ..packet.address import IPV4, IPV6, Address, family, number, prefix
from ..packet.packet import Flow

FORBIDDEN = ("unreachable", "prohibit", "blackhole", "none")


@lru_cache(maxsize=1 << 16)
def is_special(ip: Address) -> bool:
    """Whether an address lies in a block that means something by itself (RFC 6890). Most do not: nobody looks at each block."""
    blocks = (ZERO, LINK_LOCAL, *LOOPBACK.values(), *MULTICAST.values())
    return ip == LIMITED_BROADCAST or any(ip in block for block in blocks)


def is_no_wire_address(flow: Flow) -> bool:
    """Whether IPv6 refuses such addresses of what comes over a wire (ip6_rcv_core): groups that send, loopback, narrow scopes."""
    src, dst = flow.src, flow.dst
    if not (is_special(src) or is_special(dst)):
        return False
    lies = src in MULTICAST[6] or src in LOOPBACK[6] or dst in LOOPBACK[6]
    return lies or (dst in MULTICAST[6] and number(dst) >> 112 & 0xF in (0, 1))  # scopes that no wire carries


def row_in(kernel: Kernel, skb: Skb) -> Route:
    """The row that decides for what came in. What goes to many has none in IPv4's tables: no default route leads it on. An address
    that means something on one link only needs a row for that link (rt6_need_strict)."""
    to, asked = skb.packet.flow.dst, asked_of(skb.packet, skb.mark, skb.dev_in)
    if not is_special(to):
        return kernel.hop(kernel.ns.fib.lookup(to, "", asked), to, asked)
    if to == LIMITED_BROADCAST or to == asked.src == IPV4.any:
        return Route(prefix(to), skb.dev_in, type="broadcast")
    if to in MULTICAST[4]:
        return Route(MULTICAST[4], skb.dev_in, type="multicast")
    strict = to in LINK_LOCAL or to in LOOPBACK[6]
    return kernel.hop(kernel.ns.fib.lookup(to, skb.dev_in if strict else "", asked), to, asked)


def forwards_from(kernel: Kernel, skb: Skb) -> bool:
    """Whether what came in by that device may be sent on: IPv4 asks the device's own switch, IPv6 the one for all."""
    is4 = family(skb.packet.flow.dst) is IPV4
    return kernel.ns.forwards(4, skb.dev_in) if is4 else kernel.ns.forwards(6)


def martian(kernel: Kernel, asked: Asked, dst: Address, row: Route) -> str:
    """Why this source or destination cannot be true here, or nothing (ip_route_input_slow). IPv6 does not ask, ARP does."""
    ns, src, dev = kernel.ns, asked.src, asked.iif
    if family(dst) is IPV6 or dev == "lo":
        return ""
    if (is_special(src) or is_special(dst)) and (why := _special_cannot_be(kernel, src, dst, dev)) is not None:
        return why
    for_us = row.type in ("local", "broadcast", "multicast")
    if row.type in FORBIDDEN or not (for_us or ns.forwards(4, dev)):
        return ""
    if not for_us and row.type != "unicast":
        return f"{dst} is not for one machine"
    return _source_cannot_be(kernel, asked, dst, "" if for_us else row.dev)


def _special_cannot_be(kernel: Kernel, src: Address, dst: Address, dev: str) -> str | None:
    """Why such a source or destination cannot be true; "" for what is let through unasked, None for what is asked on."""
    if src in MULTICAST[4] or src == LIMITED_BROADCAST:
        return f"{src} cannot send"
    if src in ZERO or dst in ZERO:
        asks = dst == LIMITED_BROADCAST or dst in LOCAL_GROUPS or src == dst == IPV4.any  # as DHCP does, and BOOTP did
        return "" if asks else "addresses in 0.0.0.0/8 name nobody"
    if (dst in LOOPBACK[4] or src in LOOPBACK[4]) and not kernel.ns.conf("ipv4", dev, "route_localnet"):
        return "loopback addresses stay on their own machine"
    return None


def _source_cannot_be(kernel: Kernel, asked: Asked, dst: Address, out: str) -> str:
    """Why a source is not believed (fib_validate_source): it is our own, or answers to it would go another way (rp_filter).

    Where there are routing rules or local rows of somebody's own, their answer counts, not only the list of addresses.
    """
    ns, src, dev = kernel.ns, asked.src, asked.iif
    strict = ns.conf("ipv4", dev, "rp_filter")
    accepts_own = ns.conf("ipv4", dev, "accept_local")
    own = f"{src} is an address of this machine"
    plain = ns.policy.get(4, EVERYONES[4]) == EVERYONES[4] and not ns.fib.local_added
    if plain and not strict and (dev != out or not ns.conf("ipv4", dev, "send_redirects")):
        return own if src in ns.addresses4 and not accepts_own else ""
    mark = asked.mark if ns.conf("ipv4", dev, "src_valid_mark") else 0
    back = ns.fib.lookup(src, "", replace(asked.back, src=dst, mark=mark, iif=out or "lo"))
    another = f"answers to {src} would not leave by {dev} (rp_filter)"
    if back.type in FORBIDDEN:
        return another if strict else ""
    if back.type == "local" and not accepts_own:
        return own
    if back.type not in ("unicast", "local"):
        return f"{src} is not the address of one machine"
    if back.leads_by(dev):
        return ""
    if not _addresses4(kernel, dev):  # loose or not: a device without an address is nobody's way back
        return another if strict else ""
    return another if strict == 1 else ""


def _addresses4(kernel: Kernel, dev: str) -> list[Address]:
    return [a.address for a in kernel.ns.devices[dev].addresses if family(a.address) is IPV4]
