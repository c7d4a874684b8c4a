"""A picture as one frozen value: boxes, lines and labels with their places. Two renderers draw it (`svg`, `draw`).

Coordinates are pixels of a picture `theme.WIDTH` wide, from its upper left corner. A scene depends on the world's tables
alone; where the packet is and has been is said beside it, so that one scene serves all steps of a trace.
"""

from __future__ import annotations

from msgspec import Struct

from ...linux.namespace.netns import Netns
from ...linux.namespace.trace import Step, Trace
from ..topology.layout import Drawing, drawing
from ..topology.parts import DrawnMachine, Parts, chosen
from ..topology.roles import World, address_on, addresses

ARRIVING = ("netif_receive_skb", "ip_rcv")  # stages at the device by which a packet came
LEAVING = ("dev_queue_xmit", "neigh_output", "vxlan_xmit")  # stages at the device by which it goes


class Scene(Struct, frozen=True):
    """What is drawn where, and the same in sentences for those who do not see it."""

    drawing: Drawing
    said: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join(self.said)

    __repr__ = __str__

    def place(self, step: Step) -> str:
        """The key of the box where a step happens; empty where its namespace is not drawn."""
        keys, name = self.drawing.keys, step.namespace
        wanted = [f"{name}/{dev}" for dev in _devices(step) if dev]
        return next((key for key in (*wanted, f"{name}:kernel", name) if key in keys), "")

    def crossed(self, one: str, other: str) -> list[str]:
        """The lines that a packet takes between two places: those of the shortest way that the picture has."""
        return self.drawing.way(one, other)


def scene(world: World | Netns, *traces: Trace) -> Scene:
    """The picture of a world. Of a large one only what the traces touch, and its neighbours."""
    world = {world.name: world} if isinstance(world, Netns) else world
    parts = chosen(world, traces)
    return Scene(drawing(parts), _said(parts))


def _devices(step: Step) -> tuple[str, ...]:
    """The devices that a step is at, likeliest first; none where it is inside the kernel."""
    skb = step.skb
    if step.stage in ARRIVING:
        return (skb.dev_in,)
    if step.stage in LEAVING:
        return (skb.dev_out,)
    if step.stage.startswith("br_"):
        return (skb.dev_out, skb.dev_in) if step.stage == "br_dev_xmit" else (skb.dev_in, skb.dev_out)
    return ()


def _said(parts: Parts) -> tuple[str, ...]:
    """The picture in sentences, one for each machine and each thing that joins them."""
    lines = [_machine_said(machine) for machine in parts.machines]
    for segment in parts.segments:
        who = " and ".join(f"{name} {dev}" for name, dev in segment.ends)
        title = " ".join(part for part in (segment.name, segment.block) if part)
        if len(segment.ends) > 1:
            lines.append(f"{title or 'A cable'} joins {who}.")
        else:
            lines.append(f"{who} leads to {title or 'a machine that is not modelled'}.")
    if parts.left_out:
        lines.append(f"{parts.left_out} more namespaces are not drawn.")
    return tuple(lines)


def _machine_said(machine: DrawnMachine) -> str:
    ns = machine.ns
    own = ", ".join(f"{d.name} {address_on(d)}".strip() for d in ns.devices.values() if d.kind in ("eth", "vxlan"))
    bridges = ", ".join(f"{d.name} {address_on(d)}".strip() for d in ns.devices.values() if d.kind == "bridge")
    pods = ", ".join(_named(pod) for pod in machine.pods)
    said = f"{ns.name}" + (f" ({own})" if own else "")
    said += f" has {'hosts' if machine.leads_outside else 'pods'} {pods}" if pods else ""
    said += f" and {machine.left_out} more" if machine.left_out else ""
    said += f" on bridge {bridges}" if bridges and pods else f" has bridge {bridges}" if bridges else ""
    return said + "."


def _named(pod: Netns) -> str:
    """A namespace with its address, unless that is in its name."""
    own = addresses(pod)
    return f"{pod.name} {own[0]}" if own and own[0] not in pod.name else pod.name
