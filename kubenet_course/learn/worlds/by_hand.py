"""What a person types to join pods on one node: the chapter's scripts, and a console's world as a scenario for the real kernel."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from ...data import data
from ...lab.real.run import missing, run
from ...lab.scenario.capture import Capture, load_capture
from ...lab.scenario.packets import Sending
from ...lab.scenario.scenario import QUIET, Scenario, load
from ...linux.namespace.device import Device
from ...linux.namespace.fib import LINK_LOCAL
from ...linux.namespace.netns import Netns, netns
from ...linux.namespace.trace import Trace
from ...linux.packet.address import IPV6, family
from ...linux.packet.packet import Packet, ping
from ...linux.walk import ask
from ...views.console import Console


def cable(name: str, address: str) -> str:
    """A namespace, a cable into it, its address, and both ends up: five lines."""
    return f"""ip netns add {name}
ip link add veth-{name} type veth peer name eth0 netns {name}
ip -n {name} addr add {address}/24 dev eth0
ip -n {name} link set eth0 up
ip link set veth-{name} up
"""


def plug(name: str) -> str:
    """The node's end of a pod's cable becomes a port of the bridge."""
    return f"ip link set veth-{name} master cni0\n"


BRIDGE = "ip link add cni0 type bridge\nip link set cni0 up\n"
TWO_CABLES = cable("client", "10.244.1.10") + cable("web-1", "10.244.1.11")
TWO_PODS = TWO_CABLES + BRIDGE + plug("client") + plug("web-1")

UPLINK = """ip netns add lan
ip link add eth0 type veth peer name node-1 netns lan
ip -n lan link set node-1 up
ip link set eth0 up
ip addr add 192.168.1.11/24 dev eth0
ip route add default via 192.168.1.1
sysctl -w net.ipv4.ip_forward=1
"""


def routed_pod(name: str, address: str) -> str:
    """A pod without a bridge: a route to it on the node, and a gateway that nobody has, for which the node answers."""
    return f"""ip netns add {name}
ip link add cali-{name} type veth peer name eth0 netns {name}
ip -n {name} addr add {address}/32 dev eth0
ip -n {name} link set eth0 up
ip link set cali-{name} up
ip -n {name} route add default via 169.254.1.1 dev eth0 onlink
ip route add {address}/32 dev cali-{name}
sysctl -w net.ipv4.conf.cali-{name}.proxy_arp=1
"""


ROUTED = UPLINK + routed_pod("client", "10.244.1.10") + routed_pod("web-1", "10.244.1.11")


def typed(text: str, here: str = "node-1") -> Console:
    """A console in which a script has been typed. A script that is refused is a ValueError."""
    console = Console(here)
    answer = console(text)
    if answer.refused:
        raise ValueError(str(answer.done[-1]))
    return console


def scenario(name: str, about: str, world: Mapping[str, Netns], *sent: tuple[str, Packet]) -> Scenario:
    """A console's world as a scenario. IPv6 is off where nobody gave an IPv6 address, and lo is up."""
    quiet = {name: _quiet(ns) for name, ns in world.items()}
    return Scenario(name, about, quiet, tuple(Sending(at, packet) for at, packet in sent))


def _quiet(ns: Netns) -> Netns:
    devices = {device.name: _without_own(device) for device in ns.devices.values()} | {"lo": netns("").devices["lo"]}
    return replace(ns, devices=devices, sysctls={**QUIET, **ns.sysctls})


def _without_own(device: Device) -> Device:
    """A device without the address that it gave itself, if it has no other of IPv6."""
    given = tuple(own for own in device.addresses if own.address not in LINK_LOCAL)
    return device if any(family(own.address) is IPV6 for own in given) else replace(device, addresses=given)


def echo(src: str, dst: str) -> Packet:
    """The echo request that ping sends: 56 bytes of payload."""
    return ping(src, dst, 1, 1, bytes(56))


def by_hand() -> list[Scenario]:
    """The two that the course records: pods on a bridge, and pods with routes."""
    sent = ("client", echo("10.244.1.10", "10.244.1.11"))
    return [
        scenario("two-pods-by-hand", "what chapter 02 types, and a ping", typed(TWO_PODS).world, sent),
        scenario("routed-veth-proxy-arp", "no bridge: a route to each pod, and proxy ARP", typed(ROUTED).world, sent),
    ]


def story(name: str) -> tuple[Scenario, Trace]:
    """A named scenario, and what becomes of its first packet and of what comes back."""
    found = load(data(f"scenarios/{name}.json"))
    first = found.packets[0]
    return found, ask(found.world, first.packet, first.at)


def on_a_kernel(of: Scenario) -> Capture:
    """What a real kernel does with a scenario: this machine's where it may, else what was recorded of these very tables."""
    return load_capture(data(f"captures/{of.name}.json"), of) if missing() else run(of)
