"""A pod as it stands on its node: its containers, each in a box of its own, inside the one network that all of them share."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from msgspec import Struct

from ...kube.questions.containers import Containers
from ...linux.namespace.netns import Netns
from ...linux.packet.packet import endpoint

BOX = "border:1.5px solid currentColor;border-radius:6px;padding:6px 10px;box-sizing:border-box"
DASHED = BOX.replace("solid", "dashed")
LIGHT = "font-size:90%"
PAUSE = ("pause", "only waits")


class PodPicture(Struct, frozen=True):
    """What is apart (a box for each container) and what is shared (one line for each thing)."""

    name: str
    boxes: tuple[tuple[str, str], ...]
    shared: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        apart = [f"    {name}: {says}" if says else f"    {name}" for name, says in self.boxes]
        shared = [f"    {what}: {which}" for what, which in self.shared]
        return "\n".join([f"The pod {self.name}", "  containers:", *apart, "  one network for all of them:", *shared])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        boxes = "".join(
            f'<div style="{BOX};min-width:7em"><b>{escape(name)}</b><br><span style="{LIGHT}">{escape(says)}</span></div>'
            for name, says in self.boxes
        )
        lines = "".join(f"<div>{escape(what)}: <code>{escape(which)}</code></div>" for what, which in self.shared)
        row = f'<div style="display:flex;flex-wrap:wrap;gap:10px;margin:6px 0">{boxes}</div>'
        net = f'<div style="{DASHED}"><b>one network namespace, for all containers</b>{lines}</div>'
        head = f"<div><b>The pod {escape(self.name)}</b></div>"
        return f'<div style="{BOX};max-width:640px">{head}{row}{net}</div>'


def pod(of: Containers, ns: Netns, running: Iterable[str] | None = None) -> PodPicture:
    """The containers of a manifest, of which only some may be `running`, and the network namespace that they have joined.

    Of each device the first address is shown. The pause container is nowhere in a manifest; the container runtime adds it.
    https://kubernetes.io/docs/concepts/windows/intro/#pause-container
    """
    names = [one.name for one in of.in_order] if running is None else list(running)
    limits = {one.name: one.resources.limits.get("memory", "") for one in of.in_order}
    boxes = [(name, f"memory up to {limits[name]}" if limits.get(name) else "") for name in names]
    first = {device.name: device.addresses[0].address for device in ns.devices.values() if device.addresses}
    heard = [f"{one.program} on {one.proto} {endpoint(one.address, one.port)}" for one in ns.sockets if one.listens]
    return PodPicture(ns.name, (PAUSE, *boxes), (*first.items(), ("listening", "; ".join(heard) or "nobody yet")))
