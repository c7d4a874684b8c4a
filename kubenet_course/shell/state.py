"""What the console holds: the namespaces as the model has them, and the little that a kernel keeps besides.

Every command makes a new state from an old one. What can be refused is refused with `Refused`, before anything has changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from ..linux.namespace.device import Device
from ..linux.namespace.memory import Memory
from ..linux.namespace.netns import Netns
from ..linux.namespace.trace import Trace
from ..linux.packet.address import Mac

LO_MAC: Mac = "00:00:00:00:00:00"
LEAST_MTU6 = 1280  # a link with less carries no IPv6 (RFC 8200 section 5)

Place = tuple[str, str]  # a namespace, and the name of a device or a switch


class Refused(Exception):
    """A command that changes nothing: why, in a sentence, and what the real program says in that situation.

    Without `quote` it is the console's own limit: the real program would take the command, or nobody would type it.
    """

    def __init__(self, said: str, quote: str = ""):
        super().__init__(said)
        self.said, self.quote = said, quote


class Note(Struct, frozen=True):
    """What a kernel keeps of a device and no packet's way depends on."""

    index: int
    mac_given: bool = False  # a bridge that was given a MAC keeps it; another takes the smallest of its ports'
    mtu_given: bool = False  # the same of its MTU
    had_port: bool = False  # of a bridge: before its first port it believes that it has a link
    makes_link_local: bool = True  # addrgenmode eui64
    ready: bool = False  # it has had its link since it went up, so its IPv6 has begun


class State(Struct, frozen=True):
    """All namespaces, what is noted of devices, and the switches that the model does not read. `here` is the terminal's own."""

    world: Mapping[str, Netns]
    notes: Mapping[Place, Note]
    here: str
    switches: Mapping[Place, str] = field(default_factory=dict)
    is_named: bool = (
        False  # whether `ip -n` reaches the terminal's own namespace by its name, as on a machine where it was made
    )

    def ns(self, name: str) -> Netns:
        """A namespace by name, as `ip -n` opens it."""
        if name not in self.world:
            known = ", ".join(other for other in self.world if other != self.here) or "none yet"
            quote = f'Cannot open network namespace "{name}": No such file or directory'
            raise Refused(f"There is no namespace {name}; those that are: {known}.", quote)
        return self.world[name]

    def device(self, ns: str, name: str, quote: str = 'Cannot find device "{}"') -> Device:
        """A device by name; how a program says that there is none differs from program to program."""
        devices = self.ns(ns).devices
        if name not in devices:
            raise Refused(f"{ns} has no device {name}; it has {', '.join(devices)}.", quote.format(name))
        return devices[name]

    def with_ns(self, ns: Netns) -> State:
        return replace(self, world={**self.world, ns.name: ns})

    def with_tables(self, ns: str, **tables: Any) -> State:
        return self.with_ns(replace(self.world[ns], **tables))

    def with_device(self, ns: str, device: Device, **noted: Any) -> State:
        """With a device as it now is, and what is newly noted of it."""
        one = self.world[ns]
        made = self.with_ns(replace(one, devices={**one.devices, device.name: device}))
        note = self.notes.get((ns, device.name)) or Note(self._index(ns))
        return replace(made, notes={**self.notes, (ns, device.name): replace(note, **noted)})

    def without_device(self, ns: str, name: str) -> State:
        one = self.world[ns]
        devices = {other: device for other, device in one.devices.items() if other != name}
        notes = {place: note for place, note in self.notes.items() if place != (ns, name)}
        return replace(self.with_ns(replace(one, devices=devices)), notes=notes)

    def note(self, ns: str, device: str) -> Note:
        return self.notes[ns, device]

    def _index(self, ns: str) -> int:
        """The next number for a device, counted in each namespace from 1."""
        return max((note.index for (name, _), note in self.notes.items() if name == ns), default=0) + 1

    def switch(self, ns: str, name: str, otherwise: str = "0") -> str:
        """A switch that the model does not read."""
        return self.switches.get((ns, name), otherwise)

    def has_ipv6(self, ns: str, device: Device) -> bool:
        """Whether a device speaks IPv6 at all."""
        return device.mtu >= LEAST_MTU6 and self.switch(ns, f"net/ipv6/conf/{device.name}/disable_ipv6") == "0"


class Result(Struct, frozen=True):
    """What a command leaves: the state, a sentence where the change does not speak for itself, what it prints, what was sent."""

    state: State
    said: str = ""
    shown: str = ""
    trace: Trace | None = None
    earlier: tuple[Trace, ...] = ()  # what was sent before it
    listens: Any = None  # a tcpdump that has begun


class Call(Struct, frozen=True):
    """One command for one program: where it runs, its words, its flags such as -4, and its standard input."""

    state: State
    memory: Memory
    at: str
    words: tuple[str, ...]
    flags: frozenset[str] = frozenset()
    stdin: str = ""

    @property
    def ns(self) -> Netns:
        return self.state.ns(self.at)

    @property
    def families(self) -> tuple[int, ...]:
        """The families that a listing is asked for; both where none is named."""
        return tuple(number for number in (4, 6) if f"-{number}" in self.flags) or (4, 6)


def fresh(name: str) -> Netns:
    """A namespace as a kernel makes it: lo, which is down and has no address."""
    return Netns(name, {"lo": Device("lo", "lo", LO_MAC, mtu=65536, up=False)})


def has_carrier(state: State, ns: str, device: Device) -> bool:
    """Whether a device has a link: a cable whose ends are both up, a bridge with a port that has one."""
    if not device.up:
        return False
    if device.peer:
        return state.world[device.peer[0]].devices[device.peer[1]].up
    if device.kind == "bridge" and state.note(ns, device.name).had_port:
        others = state.world[ns].devices.values()
        return any(port.master == device.name and has_carrier(state, ns, port) for port in others)
    return True
