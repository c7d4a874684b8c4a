"""Is a pod still wired as ADD answered? Real system: cmdCheck of `containernetworking/plugins/plugins/main/bridge`."""

from typing import Any

from ..contract.address import Cidr, parse_cidr
from ..contract.skel import Call
from ..contract.spec import refused
from ..runtime.commands import Failed, addresses, link, shown
from ..runtime.delegate import previous_result
from .config import Bridge

Device = dict[str, Any]


def check_wiring(conf: Bridge, call: Call) -> None:
    """Raises CniError (999) naming the first thing that is not as the previous result says."""
    result = previous_result(call.conf)
    if result is None:
        raise refused("Required prevResult missing", "send what ADD answered as prevResult")
    interfaces = result["interfaces"]
    bridge = next((each for each in reversed(interfaces) if each["name"] == conf.bridge), {"name": ""})
    pods = [each for each in interfaces if each["name"] == call.ifname and each.get("sandbox") == call.netns]
    bridge_device = check_bridge(bridge, conf)
    if not pods:
        raise refused(f"Sandbox in prevResult  doesn't match configured netns: {call.netns}")
    pod_device = check_pod(pods[-1], call.netns)
    others = (each for each in interfaces if each["name"] not in (bridge["name"], call.ifname))
    if not any(is_cable(each, bridge_device, pod_device) for each in others):
        raise refused(f"CNI veth created for bridge {conf.bridge} was not found")
    for each in result["ips"]:
        check_address(each, call)
    for route in filter(None, result["routes"]):
        check_route(route, call.netns)


def expected(interface: dict[str, Any], path: str) -> Device:
    """The device of an interface of the result."""
    name = interface["name"]
    if not name:
        raise refused("Interface name missing ")
    device = link(name, path)
    if device is None:
        raise refused(f"Interface name {name} not found")
    if path and not interface.get("sandbox"):
        raise refused(f"Interface {name} is expected to be in a sandbox")
    if not path and interface.get("sandbox"):
        raise refused(f"Interface {name} should not be in sandbox")
    return device


def kind_of(device: Device) -> str:
    """bridge, veth, ..., empty for hardware."""
    return str(device.get("linkinfo", {}).get("info_kind", ""))


def check_bridge(interface: dict[str, Any], conf: Bridge) -> Device:
    """The bridge has its kind, its MAC and its promiscuous mode."""
    device = expected(interface, "")
    name, mac = interface["name"], interface.get("mac", "")
    if kind_of(device) != "bridge":
        raise refused(f"Interface {name} does not have link type of bridge")
    if mac and mac != device["address"]:
        raise refused(f"Bridge interface {name} Mac doesn't match: {mac}")
    promiscuous = bool(device.get("promiscuity"))
    if promiscuous != conf.promiscuous:
        wanted, found = str(conf.promiscuous).lower(), str(promiscuous).lower()
        raise refused(f"Bridge interface {name} configured Promisc Mode {wanted} doesn't match current state: {found} ")
    return device


def check_pod(interface: dict[str, Any], path: str) -> Device:
    """The pod's end is a veth with its MAC."""
    device = expected(interface, path)
    name, mac = interface["name"], interface.get("mac", "")
    if kind_of(device) != "veth":
        raise refused(f"Error: Container interface {name} not of type veth")
    if mac and mac != device["address"]:
        raise refused(f"Interface {name} Mac {mac} doesn't match container Mac: {device['address']}")
    return device


def is_cable(interface: dict[str, Any], bridge: Device, pod: Device) -> bool:
    """Whether this is the host's end of the pod's cable, on the bridge. Raises CniError (999) when its MAC changed."""
    device = expected(interface, "")
    if kind_of(device) != "veth" or device.get("master") != bridge["ifname"]:
        return False
    if device["ifindex"] != pod.get("link_index") or device.get("link_index") != pod["ifindex"]:
        return False
    mac = interface.get("mac", "")
    if mac and mac != device["address"]:
        raise refused(f"Interface {interface['name']} Mac doesn't match: {mac} not found")
    return True


def check_address(ip: dict[str, Any], call: Call) -> None:
    """The pod has the address, and a route to its network."""
    wanted = parse_cidr(ip["address"])
    held = [f"{each['local']}/{each['prefixlen']}" for each in addresses(call.ifname, call.netns)]
    if str(wanted) not in held or wanted is None:
        raise refused(f"Failed to match addr {wanted} on interface {call.ifname}")
    network = Cidr(type(wanted.ip)(wanted.network), wanted.ones, wanted.bits)
    if not routes_to(network, call.netns):
        raise refused(f"Failed to find Gateway {ip.get('gateway', '<nil>')} for interface {call.ifname}")


def check_route(route: dict[str, Any], path: str) -> None:
    """The pod has the route; a default route by any gateway will do, as for the reference."""
    wanted = parse_cidr(route["dst"])
    found = routes_to(wanted, path) if wanted else []
    gateway = route.get("gw")
    if wanted is not None and wanted.prefix > 0 and gateway:
        found = [each for each in found if each.get("gateway") == gateway]
    if not found:
        raise refused(f"Expected Route {{Dst:{route['dst']} GW:{gateway or '<nil>'}}} not found in routing table")


def routes_to(network: Cidr, path: str) -> list[dict[str, Any]]:
    """The routes to exactly this network."""
    family = f"-{network.ip.version}"
    text = str(network) if network.prefix else "default"
    try:
        return shown("ip", family, "route", "show", "exact", text, netns=path)
    except Failed:
        return []
