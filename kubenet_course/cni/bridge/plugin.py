"""`kubenet-bridge`: wires a pod to a bridge on its node, as the reference plugin does."""

import sys
from ipaddress import ip_address
from time import sleep
from typing import Any

from ..contract import skel
from ..contract.address import Cidr
from ..contract.result import Result
from ..contract.skel import Call
from ..contract.spec import CURRENT, CniError, quoted, refused
from ..runtime import netns
from ..runtime.commands import Command, Failed, addresses, execute, link, run
from ..runtime.delegate import delegated, result_of
from ..runtime.machine import entropy
from .check import check_wiring
from .config import Bridge, bridge_config, refuse_bridge, refuse_contradictions, refuse_mac
from .plan import gateways_of, plan_bridge, plan_forwarding, plan_gateway, plan_pod, plan_veth, with_gateways
from .rules import guard, masquerade, no_masquerade, unguard

PORT_WAITS = (0, 0.05, 0.5, 1.0, 1.0)  # seconds
ADDRESS_WAITS = (0.0, *[0.1] * 50)


def add(call: Call) -> Result:
    """ADD: bridge, cable, address, routes, gateway, masquerading; a failure after IPAM gives the address back."""
    conf = bridge_config(call.conf, call.args)
    refuse_contradictions(conf)
    refuse_bridge(conf.bridge)
    run(plan_bridge(conf))
    bridge = device_of(conf.bridge, f"failed to create bridge {quoted(conf.bridge)}", "bridge")
    netns.opened(call.netns)
    refuse_mac(conf.mac)
    veth = f"veth{entropy(4).hex()}"
    cable(conf, call.netns, call.ifname, veth, conf.vlan, conf.trunk)
    if not conf.spoof_check:
        return connected(conf, call, veth, bridge["address"])
    pod = device_of(call.ifname, "container interface", path=call.netns)
    guard(call, veth, pod["address"])
    try:
        return connected(conf, call, veth, bridge["address"])
    except CniError:
        unguard(call)
        raise


def connected(conf: Bridge, call: Call, veth: str, mac: str) -> Result:
    """What follows when the cable hangs: addresses from IPAM, or none. `mac` is the bridge's."""
    result: Result = {"cniVersion": CURRENT, "interfaces": [], "ips": [], "routes": [], "dns": {}}
    if not conf.ipam:
        if not conf.container_down:
            up = ("ip", "link", "set", "dev", call.ifname, "up")
            run([Command(up, netns=call.netns, purpose=f"failed to set {quoted(call.ifname)} up")])
        return completed(conf, call, veth, result, None)
    result = result_of(delegated("ADD", conf.ipam, call.stdin), conf.version)
    try:
        return completed(conf, call, veth, *configured(conf, call, result, mac))
    except CniError:
        try_delete_ipam(conf, call)
        raise


def cable(conf: Bridge, path: str, ifname: str, veth: str, vlan: int, trunk: tuple[int, ...]) -> None:
    """Makes a veth pair and attaches it. Raises CniError (999); a name that is taken has its own sentence."""
    first, *rest = plan_veth(conf, path, ifname, veth, vlan, trunk)
    try:
        execute(first)
    except Failed as failure:
        if "file exists" in str(failure).lower():
            told = f"container veth name ({quoted(ifname)}) peer provided ({quoted(veth)}) already exists"
            raise refused(told, "send DEL for this interface first") from None
        raise refused(f"{first.purpose}: {failure}") from None
    run(rest)


def configured(conf: Bridge, call: Call, result: Result, mac: str) -> tuple[Result, dict[str, Any] | None]:
    """Addresses, routes and gateway as IPAM answered; the second value is the device of the gateway's VLAN, if any."""
    if not result["ips"]:
        raise refused("IPAM plugin returned missing IP config")
    result = with_gateways(conf, result)
    pod = plan_pod(conf, result, call.netns, call.ifname)
    routes = sum(command.argv[:2] == ("ip", "route") for command in pod)
    run(pod[: len(pod) - routes])
    settle(call.ifname, call.netns)
    run(pod[len(pod) - routes :])
    vlan_device = None
    gateways = gateways_of(conf, result)
    for gateway in gateways:
        device, own = conf.bridge, mac
        if conf.vlan:
            vlan_device = vlan_device or vlan_gateway(conf)
            device, own = vlan_device["ifname"], vlan_device["address"]
        run(plan_gateway(conf, device, own, gateway, present(device)))
    run(plan_forwarding(gateways))
    if conf.masquerade:
        masquerade(conf, call, [cidr_of(each["address"]) for each in result["ips"]])
    return result, vlan_device


def vlan_gateway(conf: Bridge) -> dict[str, Any]:
    """The node's own end in the VLAN, `cni0.100`: a cable whose both ends stay in the host."""
    name = f"{conf.bridge}.{conf.vlan}"
    if link(name) is None:
        cable(conf, "", name, f"veth{entropy(4).hex()}", conf.vlan, ())
        run([Command(("ip", "link", "set", "dev", name, "up"), purpose=f"failed to up {quoted(name)}")])
    return device_of(name, "failed to create vlan interface")


def completed(conf: Bridge, call: Call, veth: str, result: Result, vlan_device: dict[str, Any] | None) -> Result:
    """The result with the interfaces as they are when all is done: MACs may have changed on the way."""
    host = device_of(veth, "host interface")
    for pause in () if conf.container_down else PORT_WAITS:
        sleep(pause)
        host = device_of(veth, "host interface")
        if host["operstate"] == "UP":
            break
    else:
        if not conf.container_down:
            raise refused(f"bridge port in error state: {host['operstate'].lower()}")
    bridge = device_of(conf.bridge, "bridge")
    pod = device_of(call.ifname, "container interface", path=call.netns)
    interfaces = [{"name": each["ifname"], "mac": each["address"]} for each in (bridge, host, pod)]
    interfaces[2]["sandbox"] = call.netns
    if vlan_device is not None:
        interfaces.append({"name": vlan_device["ifname"], "mac": vlan_device["address"]})
    dns = result.get("dns") or {} if conf.dns is None else {name: value for name, value in conf.dns.items() if value}
    return {**result, "interfaces": interfaces, "dns": dns}


def settle(ifname: str, path: str) -> None:
    """Waits until no IPv6 address of the pod is tentative any more. Raises CniError (999) for a duplicate."""
    for pause in ADDRESS_WAITS:
        sleep(pause)
        found = [each for each in addresses(ifname, path) if each["family"] == "inet6"]
        failed = [each["local"] for each in found if each.get("dadfailed")]
        if failed:
            raise refused(
                f"failed to settle addresses for {quoted(ifname)}: link {ifname} has address {failed[0]}: dadfailed"
            )
        if not any(each.get("tentative") for each in found):
            return
    raise refused(f"failed to settle addresses for {quoted(ifname)}: timed out")


def device_of(name: str, purpose: str, kind: str = "", path: str = "") -> dict[str, Any]:
    """A device that must be there. Raises CniError (999) when it is not, or is of another kind."""
    found = link(name, path)
    if found is None:
        raise refused(f"{purpose}: could not lookup {quoted(name)}: Link not found")
    if kind and found.get("linkinfo", {}).get("info_kind") != kind:
        told = f"{quoted(name)} already exists but is not a {kind}"
        raise refused(f"{purpose}: {told}", "name another device in the configuration")
    return found


def present(device: str) -> list[Cidr]:
    """The addresses that a device has."""
    return [cidr_of(f"{each['local']}/{each['prefixlen']}") for each in addresses(device)]


def cidr_of(text: str) -> Cidr:
    """An address with its mask length, from text that a program printed."""
    local, _, ones = text.partition("/")
    ip = ip_address(local)
    return Cidr(ip, int(ones), ip.max_prefixlen)


def try_delete_ipam(conf: Bridge, call: Call) -> None:
    """Gives the address back after a failure; a second failure would hide the first."""
    try:
        delegated("DEL", conf.ipam, call.stdin)
    except CniError:
        return


def delete(call: Call) -> None:
    """DEL: the pod's end goes, and the other with it; then the address. What is gone already is no error."""
    conf = bridge_config(call.conf, call.args)
    held: list[Cidr] = []
    if call.netns:
        try:
            netns.require(call.netns)
            held = unplug(call.ifname, call.netns)
        except netns.Gone:
            call = call._replace(netns="")
    if conf.ipam:
        delegated("DEL", conf.ipam, call.stdin)
    if conf.spoof_check and call.netns:
        unguard(call)
    if conf.ipam and conf.masquerade and call.netns:
        no_masquerade(conf, call, held)


def unplug(ifname: str, path: str) -> list[Cidr]:
    """Removes the pod's device and returns the addresses it had, without link-local ones."""
    if link(ifname, path) is None:
        return []
    held = [cidr_of(f"{each['local']}/{each['prefixlen']}") for each in addresses(ifname, path)]
    run([Command(("ip", "link", "del", "dev", ifname), netns=path, purpose=f"failed to delete {quoted(ifname)}")])
    return [each for each in held if not (each.ip.is_link_local or each.ip.is_loopback or each.ip.is_multicast)]


def check(call: Call) -> None:
    """CHECK: the devices, addresses and routes of the previous result are still there."""
    conf = bridge_config(call.conf, call.args)
    netns.opened(call.netns)
    delegated("CHECK", conf.ipam, call.stdin)
    check_wiring(conf, call)


def status(call: Call) -> None:
    """STATUS: ready when the IPAM plugin is."""
    conf = bridge_config(call.conf, call.args)
    if conf.ipam:
        delegated("STATUS", conf.ipam, call.stdin)


def collect(call: Call) -> None:
    """GC: a plugin that delegates hands GC on (SPEC.md section 4). The reference bridge leaves it out (DEV-16)."""
    conf = bridge_config(call.conf, call.args)
    if conf.ipam:
        delegated("GC", conf.ipam, call.stdin)


COMMANDS = {"ADD": add, "CHECK": check, "DEL": delete, "STATUS": status, "GC": collect}


def main() -> None:
    """The executable: one call, one exit code."""
    sys.exit(skel.plugin_main("bridge", COMMANDS))


if __name__ == "__main__":
    main()
