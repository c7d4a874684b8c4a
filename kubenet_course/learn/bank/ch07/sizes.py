"""Chapter 07: what envelopes cost, and how long a packet may be on its way."""

from __future__ import annotations

from msgspec import Struct

from ....linux.namespace.overhead import overhead, payload, room
from ....views.tables.table import Table, table
from ...questions.kinds import Slip, Value
from ...questions.reading import NUMBER
from .. import Chance, defined

NAMES = {"vxlan": "VXLAN", "geneve": "GENEVE", "ipip": "IP in IP", "wireguard": "WireGuard"}


class Stack(Struct, frozen=True):
    """Tunnels in each other, the outermost first, each with the family of its outer packet; and the story of a cluster."""

    story: str
    around: tuple[tuple[str, int], ...]


STACKS = (
    Stack("The nodes are joined by VXLAN over IPv4, as with flannel.", (("vxlan", 4),)),
    Stack("The nodes are joined by VXLAN, and their LAN has IPv6 only: the outer packets are IPv6.", (("vxlan", 6),)),
    Stack("The nodes are joined by IP in IP, as with Calico.", (("ipip", 4),)),
    Stack("A VPN of the cloud provider joins the nodes: WireGuard over IPv4. Inside of it runs the cluster's VXLAN, over "
          "IPv4 too.", (("wireguard", 4), ("vxlan", 4))),
    Stack("The nodes are joined by WireGuard over IPv6.", (("wireguard", 6),)),
)  # fmt: skip


@defined("07-mtu", "What is left for the pods?")
def mtu(chance: Chance) -> Value:
    stack, lan = chance.turn(*STACKS), chance.choice((1500, 1460, 9001, 8950))
    right = room(lan, *stack.around)
    return Value(
        asks=f"{stack.story} The LAN between the nodes carries packets of up to {lan} bytes (its "
        f"MTU is {lan}). Which MTU "
        "must the pods have, so that nothing is cut?",
        look=_parts(),
        answer=right,
        reads=NUMBER,
        slips=_slips(stack, lan, right),
        because=f"{' and '.join(f'{NAMES[kind]} over IPv{of} adds {overhead(kind, of)} bytes' for kind, of in stack.around)}.",
        evidence=_counted(stack, lan),
        hints=(
            "Start from the MTU of the LAN, and take off what each envelope adds.",
            ("An envelope adds its outer IP header (20 bytes in IPv4, 40 in IPv6), its own "
            "headers, and for a tunnel of frames the "
            "inner Ethernet header too."),
            f"The envelopes add {sum(overhead(*one) for one in stack.around)} bytes together.",
        ),
    )  # fmt: skip


def _parts() -> Table:
    """The sizes of the parts, which are added up in the exercise."""
    rows = [("IPv4 header", 20), ("IPv6 header", 40), ("UDP header", 8), ("VXLAN header", 8), ("GENEVE header", 8)]
    rows += [("Ethernet header", 14), ("WireGuard: header and seal", 32)]
    return table("Sizes in bytes", ("part", "bytes"), rows)


def _counted(stack: Stack, lan: int) -> Table:
    rows, left = [("the LAN", "", lan)], lan
    for kind, of in stack.around:
        left -= overhead(kind, of)
        rows.append((f"inside {NAMES[kind]} over IPv{of}", f"- {overhead(kind, of)}", left))
    return table("What is left", ("where", "bytes", "MTU"), rows)


def _slips(stack: Stack, lan: int, right: int) -> tuple[Slip, ...]:
    """The frame's header forgotten or counted twice, the other family, one envelope only, nothing at all."""
    framed = sum(14 for kind, _ in stack.around if kind in ("vxlan", "geneve"))
    other = lan - sum(overhead(kind, 10 - of) for kind, of in stack.around)
    slips = [
        Slip(lan, 33, "Then the LAN would have to carry longer packets than it can: every envelope needs room too.")
    ]
    if framed:
        slips.append(
            Slip(right + framed, 222, "A tunnel of frames carries the inner Ethernet header as well: 14 bytes.")
        )
    slips.append(Slip(right - 14, 222, "The outer Ethernet header does not count: an MTU is about packets."))
    slips.append(Slip(other, 0, "Look at the family of the outer packet once more: its header has 20 or 40 bytes."))
    if len(stack.around) > 1:
        slips.append(Slip(lan - overhead(*stack.around[0]), 222, "There is a second envelope inside of the first."))
    return tuple(slips)


class Seen(Struct, frozen=True):
    """What somebody saw, and what is asked."""

    shown: str
    asks: str
    because: str


@defined("07-path", "Read what the programs say")
def path(chance: Chance) -> Value:
    what, size = chance.turn("least", "told", "segment", "six"), 8 * chance.randrange(166, 185)
    seen, right, slips = {"least": _least, "told": _told, "segment": _segment, "six": _six}[what](size)
    return Value(
        asks=f"{seen.asks}",
        look=table("On the terminal", ("line",), [(line,) for line in seen.shown.splitlines()], code=(0,)),
        answer=right,
        reads=NUMBER,
        slips=slips,
        because=seen.because,
        evidence=table("The parts of such a packet", ("part", "bytes"), _summed(what, size)),
        hints=(
            "`ping -s` counts what stands behind the ICMP header. An MTU counts the whole packet.",
            "The ICMP header has 8 bytes, the TCP header 20, an IPv4 header 20, an IPv6 header 40.",
            "Add the headers to what a program counts, or take them off the MTU.",
        ),
    )


def _summed(what: str, size: int) -> list[tuple[str, int]]:
    of, proto = (6 if what == "six" else 4), ("tcp" if what == "segment" else "icmp")
    content = payload(size, of, proto)
    return [(f"IPv{of} header", 20 if of == 4 else 40), (f"{proto.upper()} header", 20 if proto == "tcp" else 8),
            ("content", content), ("together", size)]  # fmt: skip


Told = tuple[Seen, int, tuple[Slip, ...]]


def _least(size: int) -> Told:
    fits = payload(size)
    shown = (f"ping -M do -s {fits} 10.244.2.10\n{fits + 8} bytes from 10.244.2.10: icmp_seq=1 ttl=62\n"
             f"ping -M do -s {fits + 1} 10.244.2.10\nFrom 10.244.1.1 icmp_seq=1 Frag needed and DF set")  # fmt: skip
    asks = (f"`client` pings `web` with packets that may not be cut. {fits} bytes of content come through, {fits + 1} do "
            "not. Which MTU does the narrowest place of the way have?")  # fmt: skip
    slips = (Slip(fits, 223, "That is the content alone. The packet has two headers more."),
             Slip(fits + 8, 223, "That is the ICMP message. It travels in an IPv4 packet, which has a header too."),
             Slip(fits + 14 + 28, 222, "An MTU does not count the Ethernet header."))  # fmt: skip
    return Seen(shown, asks, "8 bytes of ICMP and 20 bytes of IPv4 belong to the packet."), size, slips


def _told(size: int) -> Told:
    fits = payload(size)
    shown = f"ping -M do -s 1472 10.244.2.10\nFrom 10.244.1.1 icmp_seq=1 Frag needed and DF set (mtu = {size})"
    asks = "A router has told `client` which packets it can send on. What is the largest number for `ping -M do -s`?"
    slips = (Slip(size, 223, "The router tells the length of a whole packet. `-s` counts the content only."),
             Slip(size - 8, 223, "The IPv4 header belongs to the packet as well."),
             Slip(size - 20, 223, "The ICMP header belongs to the packet as well."))  # fmt: skip
    return Seen(shown, asks, "Of the MTU, 20 bytes are the IPv4 header and 8 the ICMP header."), fits, slips


def _segment(size: int) -> Told:
    mss = payload(size, 4, "tcp")
    shown = f"tcpdump -i eth0 tcp\nIP 10.244.1.10.40000 > 10.244.2.10.443: Flags [S], options [mss {mss}], length 0"
    asks = (
        f"The SYN of a connection offers a segment size (MSS) of {mss} bytes. For which MTU did the kernel compute it?"
    )
    slips = (Slip(mss, 223, "A segment size counts the data only, without the headers of TCP and IP."),
             Slip(mss + 20, 223, "The IPv4 header belongs to the packet as well."),
             Slip(mss + 60, 223, "That would be right for IPv6, whose header has 40 bytes."))  # fmt: skip
    return Seen(shown, asks, "20 bytes of TCP and 20 bytes of IPv4 belong to the packet."), size, slips


def _six(size: int) -> Told:
    fits = payload(size, 6)
    shown = f"ping -M do -s 1452 fd00:10:244:2::10\nFrom fd00:10:244:1::1 icmp_seq=1 Packet too big: mtu={size}"
    asks = "The same in IPv6: what is the largest number for `ping -M do -s`?"
    slips = (Slip(size, 223, "The router tells the length of a whole packet. `-s` counts the content only."),
             Slip(size - 28, 223, "That would be right for IPv4. An IPv6 header has 40 bytes."),
             Slip(size - 40, 223, "The ICMPv6 header belongs to the packet as well."))  # fmt: skip
    return Seen(shown, asks, "Of the MTU, 40 bytes are the IPv6 header and 8 the ICMPv6 header."), fits, slips
