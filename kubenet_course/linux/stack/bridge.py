"""A bridge: it learns who is where by listening, and sends out of all ports what it has not learned (net/bridge/br_*.c).

With br_netfilter a bridged IP packet passes PREROUTING, FORWARD and POSTROUTING like a routed one, but no hop is counted down and
its sender's MAC stays. A packet whose destination was translated to a neighbour on the same bridge stays bridged.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from msgspec.structs import replace

from ..namespace.kernel import Kernel, hook
from ..namespace.netns import FdbEntry
from ..namespace.policy import asked_of
from ..namespace.skb import NO_CONNECTION, NOWHERE, UNTRACKED, Pieces, Skb
from ..namespace.trace import Next, Step
from ..packet.address import IPV6, Mac, family
from ..packet.packet import Packet, frame_length, is_multicast, length
from .device import VLAN_ROOM
from .fragments import through_port
from .input import FORBIDDEN, forwards_from, martian, row_in
from .neighbour import Neighbours, neighbour_of, solicit

CALLS = {4: "net.bridge.bridge-nf-call-iptables", 6: "net.bridge.bridge-nf-call-ip6tables"}


@dataclass(slots=True)
class Fdb:
    """What the bridges of one kernel have learned: by bridge and MAC, the port where it was heard (`bridge fdb`)."""

    heard: dict[tuple[str, Mac], FdbEntry] = field(default_factory=dict)


def heard(kernel: Kernel, bridge: str, mac: Mac) -> FdbEntry | None:
    """The port behind which a bridge heard a MAC, by hand or not too long ago."""
    fixed = kernel.ns.fixed_fdb.get((bridge, mac))
    row = kernel.remembers[Fdb].heard.get((bridge, mac))
    row = row if row and row.port in kernel.ns.devices else None  # a port that is gone took its rows with it
    if fixed:  # it never ages, but it follows its MAC to where that is heard (br_fdb_update; no row is sticky)
        return replace(row, heard=-1) if row and not fixed.dst else fixed
    return row if row and kernel.now - row.heard < kernel.ns.devices[bridge].ageing else None


def br_handle_frame(kernel: Kernel, stage: str, skb: Skb) -> Step:
    """A frame comes in by a port. With br_netfilter the rules see it first, as if it came in by the bridge."""
    here, port = kernel.ns.name, kernel.ns.devices[skb.dev_in]
    if is_multicast(skb.frame.src):
        return Step(here, stage, skb, "a sender cannot be many", end="dropped")
    if not kernel.ns.devices[port.master].up:
        return Step(here, stage, skb, f"{port.master} is down, and so its ports are disabled", end="dropped")
    skb = replace(skb, port=port.name, dev_in=port.master)
    packet = skb.packet
    if isinstance(packet, Packet) and kernel.ns.sysctl(CALLS[family(packet.flow.dst).number]):
        skb = replace(skb, came_by=port.name)
        return Step(here, stage, skb, "br_netfilter: the rules see it first", (), hook(kernel, "PREROUTING", skb))
    return Step(here, stage, skb, "", (), (Next(here, "br_handle_frame_finish", skb),))


def br_nf_pre_routing_finish(kernel: Kernel, stage: str, skb: Skb) -> Step:
    """After PREROUTING: a new destination on this bridge gets its MAC and stays bridged, one elsewhere goes up to be routed."""
    here, flow, bridge = kernel.ns.name, skb.packet.flow, skb.dev_in
    skb = replace(skb, prerouted=True)
    if flow.dst == skb.frame.payload.flow.dst:
        return Step(here, stage, skb, "", (), (Next(here, "br_handle_frame_finish", skb),))
    row = row_in(kernel, skb)
    strange = martian(kernel, asked_of(skb.packet, skb.mark, bridge), flow.dst, row)
    if not strange and row.type in FORBIDDEN and family(flow.dst) is IPV6:
        strange = "no route leads there"
    if strange:
        return Step(here, stage, skb, f"translated to {flow.dst}: {strange}", (row,), end="dropped")
    bridged = family(flow.dst) is IPV6 or forwards_from(
        kernel, skb
    )  # IPv4 without forwarding takes no row that leads on
    if bridged and row.type == "unicast" and row.dev == bridge:
        hop = row.via or flow.dst
        skb = replace(skb, route=row)
        known = neighbour_of(kernel, bridge, hop)
        if known is None:
            waiting = kernel.remembers[Neighbours].waiting.setdefault((bridge, hop), [])
            waiting.append(skb)
            asks = solicit(kernel, skb, bridge, hop)
            return Step(here, stage, skb, f"translated to {hop} on this bridge; it waits for its MAC", (row,), asks)
        ready = (bridge, hop) in kernel.remembers[Neighbours].headers and not known.stale
        kernel.remembers[Neighbours].headers.add((bridge, hop))
        on = replace(skb, frame=replace(skb.frame, dst=known.mac))
        then = Next(here, "br_handle_frame_finish" if ready else "br_nf_bridged_dnat", on)
        return Step(
            here, stage, on, f"translated to {hop}, which is on this bridge: it stays bridged", (row, known), (then,)
        )
    up = replace(skb, frame=replace(skb.frame, dst=kernel.ns.devices[bridge].mac))
    return Step(here, stage, up, "translated: up, to be routed", (row,), (Next(here, "br_handle_frame_finish", up),))


def br_nf_bridged_dnat(kernel: Kernel, stage: str, skb: Skb) -> Step:
    """Its new MAC was written by the machine's own neighbour code, so that it is seen leaving by the bridge device as well."""
    passed = replace(skb, dev_out=skb.dev_in, frame=replace(skb.frame, payload=skb.packet))
    then = (Next(kernel.ns.name, "br_handle_frame_finish", skb),)
    return Step(kernel.ns.name, stage, passed, f"its MAC is now {skb.frame.dst}", (), then, frame=passed.frame)


def br_handle_frame_finish(kernel: Kernel, stage: str, skb: Skb) -> Step:
    """Learn the sender's port; then out of the port where the destination was last heard, out of all others, or up."""
    here, frame, bridge = kernel.ns.name, skb.frame, skb.dev_in
    if kernel.ns.devices[skb.port].learning:
        kernel.remembers[Fdb].heard[bridge, frame.src] = FdbEntry(frame.src, skb.port, heard=kernel.now)
    if is_multicast(frame.dst):
        then = (*_through(kernel, skb, _others(kernel, bridge, skb.port)), _up(kernel, skb))
        return Step(here, stage, skb, "for many: out of all other ports, and up", (), then)
    if frame.dst in kernel.ns.own_macs[bridge]:
        return Step(here, stage, skb, f"{frame.dst} is the machine's own: up", (), (_up(kernel, skb),))
    known = heard(kernel, bridge, frame.dst)
    if known is None:
        ports = _others(kernel, bridge, skb.port)
        said = f"{frame.dst} was never heard: out of {', '.join(ports) or 'no port'}"
        return Step(here, stage, skb, said, (), _through(kernel, skb, ports), end="" if ports else "dropped")
    if not _alive(kernel, known):
        return Step(
            here, stage, skb, f"{known.port}, where {frame.dst} was heard, is disabled", (known,), end="dropped"
        )
    if known.port == skb.port and not kernel.ns.devices[skb.port].hairpin:
        said = f"{frame.dst} is behind {known.port}, where it came from, and hairpin is off"
        return Step(here, stage, skb, said, (known,), end="dropped")
    return Step(here, stage, skb, f"{frame.dst} is behind {known.port}", (known,), _through(kernel, skb, [known.port]))


def _others(kernel: Kernel, bridge: str, port: str = NOWHERE) -> list[str]:
    """The ports that a frame may leave by: all but the one that it came in by, unless that has hairpin mode."""
    return [device.name for device in kernel.ports(bridge) if device.name != port or device.hairpin]


def _alive(kernel: Kernel, known: FdbEntry) -> list[str]:
    """The port of a forwarding row, unless it is disabled."""
    return [port.name for port in kernel.ports(kernel.ns.devices[known.port].master) if port.name == known.port]


def _through(kernel: Kernel, skb: Skb, ports: list[str]) -> tuple[Next, ...]:
    return tuple(Next(kernel.ns.name, "br_forward", replace(skb, dev_out=port)) for port in ports)


def _up(kernel: Kernel, skb: Skb) -> Next:
    """To the machine itself, as if the bridge were an ordinary device (br_pass_frame_up)."""
    up = replace(skb, port=NOWHERE, frame=replace(skb.frame, payload=skb.packet))
    up = replace(up, pieces=Pieces(skb.pieces.sizes))  # ip_rcv forgets what defragmentation noted there (IPCB)
    return Next(kernel.ns.name, "br_pass_frame_up", up)


def br_pass_frame_up(kernel: Kernel, stage: str, skb: Skb) -> Step:
    """The frame is now one that came in by the bridge device. Of one for many the connection is as good as
    remembered: the nat table's INPUT is not asked about a copy (br_nf_local_in; its source stays, DEV-24)."""
    if skb.came_by and is_multicast(skb.frame.dst):
        known = skb.connection
        if not (known is NO_CONNECTION or known is UNTRACKED or known.confirmed):
            skb = replace(skb, connection=replace(known, snat_done=True))
    return Step(kernel.ns.name, stage, skb, "", (), (Next(kernel.ns.name, "netif_receive_skb", skb),))


def br_forward(kernel: Kernel, stage: str, skb: Skb) -> Step:
    """Towards a port; with br_netfilter the rules at FORWARD are asked."""
    here, packet, port = kernel.ns.name, skb.packet, kernel.ns.devices[skb.dev_out]
    if isinstance(packet, Packet) and skb.prerouted:
        seen = replace(skb, dev_out=port.master, port=port.name)
        return Step(here, stage, seen, "br_netfilter: FORWARD", (), hook(kernel, "FORWARD", seen))
    return Step(here, stage, skb, "", (), (Next(here, "br_dev_queue_push_xmit", replace(skb, port=port.name)),))


def br_nf_forward_finish(kernel: Kernel, stage: str, skb: Skb) -> Step:
    return Step(kernel.ns.name, stage, skb, "", (), hook(kernel, "POSTROUTING", skb))


def br_dev_queue_push_xmit(kernel: Kernel, stage: str, skb: Skb) -> Step:
    """Out of the port, in the frame that it came in, with what the rules made of the packet. What is too long for the port ends
    here, unless the rules have seen it and it may be cut."""
    here, packet, port = kernel.ns.name, skb.packet, kernel.ns.devices[skb.port]
    room = port.mtu + (0 if skb.prerouted else VLAN_ROOM)
    left: tuple[Skb, ...] = (skb,)
    if isinstance(packet, Packet):
        left = through_port(kernel, skb, room) if skb.prerouted else left if length(packet) <= room else ()
    if not left:
        return Step(here, stage, skb, f"{length(packet)} bytes do not fit through {port.name}", (port,), end="dropped")
    sent = [replace(one, dev_out=port.name, port=NOWHERE, frame=replace(skb.frame, payload=one.packet)) for one in left]
    said = f"{length(packet)} bytes: cut into {len(sent)} pieces" if len(sent) > 1 else ""
    return Step(here, stage, sent[0], said, (), tuple(Next(here, "dev_queue_xmit", one) for one in sent))


def br_dev_xmit(kernel: Kernel, stage: str, skb: Skb) -> Step:
    """The machine itself sends by its bridge: a port, or all of them but those that are too narrow."""
    here, bridge, dst = kernel.ns.name, skb.dev_out, skb.frame.dst
    known = None if is_multicast(dst) else heard(kernel, bridge, dst)
    ports = _alive(kernel, known) if known else _others(kernel, bridge)
    ports = [port for port in ports if frame_length(skb.frame) <= kernel.ns.devices[port].mtu + 14 + VLAN_ROOM]
    said = f"{dst} is behind {known.port}" if known else f"out of {', '.join(ports) or 'no port'}"
    then = tuple(Next(here, "dev_queue_xmit", replace(skb, dev_out=port)) for port in ports)
    return Step(here, stage, skb, said, (known,) if known else (), then, end="" if then else "dropped")


STAGES = {
    stage.__name__: stage
    for stage in (
        br_handle_frame,
        br_nf_pre_routing_finish,
        br_nf_bridged_dnat,
        br_handle_frame_finish,
        br_pass_frame_up,
        br_forward,
        br_nf_forward_finish,
        br_dev_queue_push_xmit,
        br_dev_xmit,
    )
}
