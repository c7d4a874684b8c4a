"""What wiring a pod to a bridge takes, as plans: pure functions from a configuration and a result to commands.

Real system: `containernetworking/plugins/plugins/main/bridge/bridge.go`, `pkg/ip/link_linux.go` (veth pairs) and
`pkg/ipam/ipam_linux.go` (addresses and routes). Nothing here runs a command.
"""

from typing import Any

from ..contract.address import Address, Cidr, parse_cidr, parse_ip
from ..contract.result import Result
from ..contract.spec import quoted, refused
from ..runtime.commands import Command, sysctl
from .config import Bridge

DEFAULT = {4: "0.0.0.0/0", 6: "::/0"}
_SCOPES = {0: "universe", 200: "site", 253: "link", 254: "host", 255: "nowhere"}
POD = 2  # the pod's interface among the result's: bridge, host's end, pod's end


def plan_bridge(conf: Bridge) -> list[Command]:
    """The bridge itself: made when absent, and up."""
    name, purpose = conf.bridge, f"failed to create bridge {quoted(conf.bridge)}"
    mtu = ("mtu", str(conf.mtu)) if conf.mtu else ()
    filtering = ("vlan_filtering", "1") if conf.vlan_filtering else ()
    make = ("ip", "link", "add", "name", name, *mtu, "type", "bridge", *filtering)
    there = ("ip", "link", "show", "dev", name)
    commands = [Command(make, unless=there, purpose=f"{purpose}: could not add {quoted(name)}")]
    if conf.promiscuous:
        why = f"{purpose}: could not set promiscuous mode on {quoted(name)}"
        commands.append(Command(("ip", "link", "set", "dev", name, "promisc", "on"), purpose=why))
    # The routes of this device are ours: no router advertisement may add any.
    commands.append(sysctl(f"net/ipv6/conf/{name}/accept_ra", "0"))
    return [*commands, Command(("ip", "link", "set", "dev", name, "up"), purpose=purpose)]


def plan_veth(conf: Bridge, netns: str, ifname: str, veth: str, vlan: int, trunk: tuple[int, ...]) -> list[Command]:
    """A cable: one end in the pod, the other on the bridge. `netns` empty puts both ends into the host."""
    size = ("mtu", str(conf.mtu)) if conf.mtu else ()
    mac = ("address", conf.mac) if conf.mac and netns else ()
    there = ("netns", netns) if netns else ()
    # The reference makes the host's end with a queue length of 0.
    near = ("ip", "link", "add", "name", veth, *size, "txqueuelen", "0", "type", "veth")
    far = ("peer", "name", ifname, *size, *mac, *there)
    attach = f"failed to connect {quoted(veth)} to bridge {conf.bridge}"
    hairpin = ("hairpin", "on" if conf.hairpin and netns else "off")
    commands = [
        Command((*near, *far), purpose="failed to make veth pair"),
        Command(("ip", "link", "set", "dev", veth, "up"), purpose=f"failed to set {quoted(veth)} up"),
        sysctl(f"net/ipv6/conf/{veth}/accept_ra", "0"),
        Command(("ip", "link", "set", "dev", veth, "master", conf.bridge), purpose=attach),
        Command(("bridge", "link", "set", "dev", veth, *hairpin), purpose=f"failed to setup hairpin mode for {veth}"),
    ]
    if conf.isolated and netns:
        isolate = ("bridge", "link", "set", "dev", veth, "isolated", "on")
        commands.append(Command(isolate, purpose=f"failed to set port isolation on {veth}"))
    return commands + plan_vlans(conf, veth, vlan, trunk)


def plan_vlans(conf: Bridge, veth: str, vlan: int, trunk: tuple[int, ...]) -> list[Command]:
    """Which VLANs the bridge's port carries: one untagged, a trunk tagged."""
    commands = []
    why = f"failed to setup vlan tag on interface {quoted(veth)}"
    if (vlan or trunk) and not conf.preserve_default_vlan:
        remove = ("bridge", "vlan", "del", "dev", veth, "vid", "1", "master")
        commands.append(Command(remove, purpose=f"failed to remove default vlan on interface {quoted(veth)}"))
    if vlan:
        untagged = ("bridge", "vlan", "add", "dev", veth, "vid", str(vlan), "pvid", "untagged", "master")
        commands.append(Command(untagged, purpose=why))
    for each in trunk:
        commands.append(Command(("bridge", "vlan", "add", "dev", veth, "vid", str(each), "master"), purpose=why))
    return commands


def plan_pod(conf: Bridge, result: Result, netns: str, ifname: str) -> list[Command]:
    """The pod's end: addresses, up, routes."""
    settings = {"accept_dad": "1" if conf.detect_duplicates else "0"}
    if conf.detect_duplicates:
        settings = {"enhanced_dad": "1"} | settings
    commands = [sysctl(f"net/ipv6/conf/{ifname}/{name}", value, netns) for name, value in settings.items()]
    # Neighbours hear of the pod's address as soon as it is up.
    commands.append(sysctl(f"net/ipv4/conf/{ifname}/arp_notify", "1", netns))
    networks = [_network(each) for each in result["ips"]]
    if any(network.ip.version == 6 for network in networks):
        commands += [sysctl(f"net/ipv6/conf/{each}/disable_ipv6", "0", netns) for each in ("lo", ifname)]
        commands.append(sysctl(f"net/ipv6/conf/{ifname}/keep_addr_on_down", "1", netns))
    for network in networks:
        why = f"failed to add IP addr {network} to {quoted(ifname)}"
        commands.append(Command(_addr("add", network, ifname), netns=netns, purpose=why))
    up = ("ip", "link", "set", "dev", ifname, "up")
    commands.append(Command(up, netns=netns, purpose=f"failed to set {quoted(ifname)} UP"))
    return commands + plan_routes(result, netns, ifname)


def plan_routes(result: Result, netns: str, ifname: str) -> list[Command]:
    """The pod's routes; one without a gateway goes through the first gateway of its family."""
    gateways: dict[int, Address] = {}
    for each in result["ips"]:
        gateway = parse_ip(each.get("gateway") or "")
        if gateway is not None:
            gateways.setdefault(gateway.version, gateway)
    commands = []
    for route in filter(None, result.get("routes") or []):
        network = parse_cidr(route["dst"])
        if network is None:
            raise refused(f"failed to add route '{route['dst']} dev {ifname}': invalid argument")
        via = route.get("gw") or gateways.get(network.ip.version)
        scope = route.get("scope", None if via else 0)  # without a gateway `ip` would choose link
        words = ["via", str(via)] if via else []
        words += ["dev", ifname]
        for name, value in (("metric", route.get("priority")), ("table", route.get("table")), ("scope", scope)):
            words += [name, str(value)] if value is not None else []
        why = f"failed to add route '{_shown(network, route)} via {via or '<nil>'} dev {ifname} {_attributes(route)}'"
        # `prepend` makes several routes to one place into one route with several next hops, where the kernel can.
        commands.append(Command(("ip", "route", "prepend", str(network), *words), netns=netns, purpose=why))
    return commands


def _shown(network: Cidr, route: dict[str, Any]) -> str:
    """A destination as the reference prints it: address and mask; its own default route has a long IPv4 mask."""
    bits = network.ip.max_prefixlen
    mask = (1 << bits) - (1 << bits - network.prefix)
    digits = f"{mask:0{bits // 4}x}"
    own = network.prefix == 0 and bits == 32 and route.get("gw")
    return f"{{{network.ip} {'0' * 20 + 'ffff' if own else ''}{digits}}}"


def _attributes(route: dict[str, Any]) -> str:
    scope = _SCOPES.get(route.get("scope", 0), route.get("scope"))
    return f"metric {route.get('priority', 0)} (Scope: {scope}, Table: {route.get('table', 0)})"


def with_gateways(conf: Bridge, result: Result) -> Result:
    """The result as bridge completes it: whose interface the addresses are, their gateways, and default routes."""
    ips: list[dict[str, Any]] = []
    routes = list(result.get("routes") or [])
    for each in result["ips"]:
        network = _network(each)
        gateway = each.get("gateway")
        if gateway is None and conf.gateway:
            gateway = str(type(network.ip)(network.network + 1))
        default = DEFAULT[network.ip.version]
        if conf.default_gateway and not any(route and route["dst"] == default and route.get("gw") for route in routes):
            routes.append({"dst": default, "gw": gateway})
        ips.append({"interface": POD, "address": str(network)} | ({"gateway": gateway} if gateway else {}))
    return {**result, "ips": ips, "routes": routes}


def gateways_of(conf: Bridge, result: Result) -> list[Cidr]:
    """The addresses that the bridge has to have, IPv4 first."""
    if not conf.gateway:
        return []
    pairs = [(_network(each), parse_ip(each["gateway"])) for each in result["ips"]]
    wanted = [Cidr(gateway, network.ones, network.bits) for network, gateway in pairs if gateway is not None]
    families = [network.ip.version for network, gateway in pairs if gateway is not None]
    return [each for _, each in sorted(zip(families, wanted, strict=True), key=lambda pair: pair[0])]


def plan_gateway(conf: Bridge, device: str, mac: str, gateway: Cidr, present: list[Cidr]) -> list[Command]:
    """One gateway address on the bridge. `present` are the device's addresses, `mac` what it had when it was made (or empty).

    Raises CniError (999) when another address stands there and may not be replaced.
    """
    kind = "vlan interface for bridge with" if conf.vlan else "bridge"
    purpose, commands = f"failed to set {kind} addr", []
    for other in (each for each in present if each.ip.version == gateway.ip.version):
        if str(other) == str(gateway):
            return []
        if gateway.ip.version == 4 or other.contains(gateway.ip) or gateway.contains(other.ip):
            if not conf.force_address:
                told = f"{quoted(device)} already has an IP address different from {gateway}"
                raise refused(f"{purpose}: {told}", "set forceAddress, or give this network a bridge of its own")
            why = f"{purpose}: could not remove IP address from {quoted(device)}"
            commands.append(Command(_addr("del", other, device)[:6], purpose=why))
    why = f"{purpose}: could not add IP address {gateway} to {quoted(device)}"
    commands.append(Command(_addr("add", gateway, device), purpose=why))
    # A bridge without a MAC of its own takes its lowest port's, and would change with every pod.
    own = ("ip", "link", "set", "dev", device, "address", mac)
    return [*commands, *([Command(own, purpose=f"{purpose}: could not set bridge's mac")] if mac else [])]


def plan_forwarding(gateways: list[Cidr]) -> list[Command]:
    """A gateway forwards."""
    names = {4: "net/ipv4/ip_forward", 6: "net/ipv6/conf/all/forwarding"}
    return [sysctl(names[family], "1", tolerant=False) for family in sorted({each.ip.version for each in gateways})]


def _network(ip: dict[str, Any]) -> Cidr:
    network = parse_cidr(ip["address"])
    if network is None:
        raise refused(f"Unknown IP object: {ip}")
    return network


def _addr(verb: str, network: Cidr, device: str) -> tuple[str, ...]:
    broadcast = ("broadcast", "+") if network.ip.version == 4 and network.prefix < 31 else ()
    return ("ip", "addr", verb, str(network), "dev", device, *broadcast)
