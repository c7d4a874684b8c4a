"""The whole of what ADD of the bridge plugin types, as one list: for people who type it, and for the model that runs it."""

from typing import NamedTuple

from kubenet_course.kube.cni.address import Cidr, parse_cidr
from kubenet_course.kube.cni.bridge import (
    gateways_of,
    plan_bridge,
    plan_forwarding,
    plan_gateway,
    plan_pod,
    plan_veth,
    with_gateways,
)
from kubenet_course.kube.cni.bridge_config import Bridge
from kubenet_course.kube.cni.commands import Command
from kubenet_course.kube.cni.masquerade import plan_masquerade
from kubenet_course.kube.cni.masquerade_nft import comment_of
from kubenet_course.kube.cni.masquerade_nft import plan_masquerade as plan_masquerade_nft
from kubenet_course.kube.cni.result import Result
from kubenet_course.kube.cni.spoofing import plan_guard


class Pod(NamedTuple):
    """Whom to wire: the container, its network namespace (a path) and its interface, and the host's end of the cable.

    `mac` is the pod's, needed for `macspoofchk` when the configuration gives none.
    """

    container_id: str
    netns: str
    ifname: str
    veth: str
    mac: str = ""


def plan(conf: Bridge, result: Result, pod: Pod, present: tuple[Cidr, ...] = ()) -> list[Command]:
    """Every command of ADD in order, for what IPAM answered; `present` are the addresses that the bridge has already.

    A pure function; `plugin_bridge` runs the same commands, and only asks the kernel in between. Raises CniError as ADD.
    """
    commands = [*plan_bridge(conf), *plan_veth(conf, pod.netns, pod.ifname, pod.veth, conf.vlan, conf.trunk)]
    if conf.spoof_check:
        commands += plan_guard(pod.container_id, pod.ifname, pod.veth, conf.mac or pod.mac)
    if not conf.ipam:
        up = ("ip", "link", "set", "dev", pod.ifname, "up")
        return commands if conf.container_down else [*commands, Command(up, netns=pod.netns)]
    result = with_gateways(conf, result)
    commands += plan_pod(conf, result, pod.netns, pod.ifname)
    gateways = gateways_of(conf, result)
    device = conf.bridge
    if conf.vlan and gateways:
        device = f"{conf.bridge}.{conf.vlan}"
        commands += plan_veth(conf, "", device, f"{pod.veth[:-2]}gw", conf.vlan, ())
        commands.append(Command(("ip", "link", "set", "dev", device, "up")))
    for gateway in gateways:
        commands += plan_gateway(conf, device, "", gateway, list(present))
    commands += plan_forwarding(gateways)
    if conf.masquerade:
        commands += _masquerade(conf, result, pod)
    return commands


def _masquerade(conf: Bridge, result: Result, pod: Pod) -> list[Command]:
    networks = [each for each in (parse_cidr(ip["address"]) for ip in result["ips"]) if each is not None]
    if conf.masquerade_backend == "nftables":
        return plan_masquerade_nft(comment_of(conf.name, pod.ifname, pod.container_id), networks, [])
    return plan_masquerade(conf.name, pod.container_id, networks)
