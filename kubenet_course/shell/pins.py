"""The switches that are set in every namespace of the lab: those that the model reads, and those that keep a kernel to the point.

A namespace may inherit switches from the machine, and some answers of a kernel are rationed or come by chance; what a capture
shows must depend on the scenario alone (Documentation/networking/ip-sysctl.rst).
"""

from __future__ import annotations

from collections.abc import Iterator

from ..linux.namespace.device import Device
from ..linux.namespace.netns import Netns
from ..linux.namespace.switches import SYSCTLS
from ..linux.packet.address import IPV6, family

# Written as sysctl(8) takes them, with slashes, because a device's name may have a dot.
MACHINE = {
    # ICMP errors are rationed by type; no type is. A limit of 0 would not do: it empties a budget that "no route" shares.
    "net/ipv4/icmp_ratemask": "0",
    "net/ipv6/icmp/ratemask": "0",
    "net/ipv4/icmp_echo_ignore_all": "0",
    "net/ipv4/fwmark_reflect": "0",
    "net/ipv6/fwmark_reflect": "0",
    # A SYN-ACK without a clock in it, from a window that depends on the MTU alone, and sent once.
    "net/ipv4/tcp_timestamps": "0",
    "net/ipv4/tcp_syncookies": "0",
    "net/ipv4/tcp_synack_retries": "0",
    "net/ipv4/tcp_invalid_ratelimit": "0",  # a SYN that comes again is answered again
    "net/ipv4/tcp_rmem": "4096 131072 6291456",
    "net/ipv6/auto_flowlabels": "0",
    "net/ipv6/flowlabel_reflect": "0",
    "net/netfilter/nf_conntrack_checksum": "1",
    "net/netfilter/nf_conntrack_acct": "0",
}
# Of every device: `all`, and `default`, which a device has from its birth.
DEVICE = {
    "net/ipv4/conf/{}/rp_filter": "0",
    "net/ipv4/conf/{}/route_localnet": "0",
    "net/ipv4/conf/{}/accept_local": "0",
    "net/ipv4/conf/{}/proxy_arp": "0",
    "net/ipv4/conf/{}/send_redirects": "0",
    "net/ipv4/conf/{}/accept_redirects": "0",
    "net/ipv4/conf/{}/arp_ignore": "0",
    "net/ipv4/conf/{}/arp_announce": "0",
    "net/ipv4/conf/{}/arp_notify": "0",
    "net/ipv4/conf/{}/arp_accept": "0",
    "net/ipv6/conf/{}/accept_dad": "0",
    "net/ipv6/conf/{}/dad_transmits": "0",
    "net/ipv6/conf/{}/router_solicitations": "0",
    "net/ipv6/conf/{}/accept_ra": "0",
    "net/ipv6/conf/{}/accept_redirects": "0",
    "net/ipv6/conf/{}/ndisc_notify": "0",
    "net/ipv6/conf/{}/use_tempaddr": "0",
    "net/ipv6/conf/{}/mldv2_unsolicited_report_interval": "1",
}
# A MAC once learned is believed for an hour: no probe comes between. These have no `default` in a new namespace.
NEIGHBOURS = {
    "net/ipv{}/neigh/{}/delay_first_probe_time": "3600",
    "net/ipv{}/neigh/{}/base_reachable_time_ms": "3600000",
}
# `ethtool -K`: frames stay as they were sent, and their checksums are written by who sends them.
OFFLOADS = ("tx", "off", "rx", "off", "sg", "off", "tso", "off", "gso", "off", "gro", "off")
FORWARDING = ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding")  # writing them resets others, so they come first


def path(name: str) -> str:
    """`net.ipv4.conf.flannel.1.rp_filter` as /proc/sys has it, where the dot in a device's name stays."""
    head, dot, rest = name.partition(".conf.")
    if not dot:
        return name.replace(".", "/")
    device, _, leaf = rest.rpartition(".")
    return f"{head.replace('.', '/')}/conf/{device}/{leaf}"


def of_machine(ns: Netns) -> dict[str, str]:
    """What is set before any device is made, in the order in which it has to be written."""
    found = {path(name): str(ns.sysctl(name)) for name in FORWARDING}
    found |= MACHINE
    for name, value in DEVICE.items():
        found |= {name.format(device): value for device in ("all", "default")}
        if "ipv4" in name:
            found[name.format("lo")] = value
    found["net/ipv6/conf/default/hop_limit"] = str(ns.sysctl("net.ipv6.conf.all.hop_limit"))
    read = {
        name: ns.sysctl(name) for name in SYSCTLS if name not in FORWARDING and name != "net.ipv6.conf.all.hop_limit"
    }
    return found | {path(name): str(value) for name, value in {**read, **_said(ns, "")}.items()}


def _said(ns: Netns, device: str) -> dict[str, int]:
    """The switches that the scenario itself sets: of one device, or of none."""
    of = {name: path(name).split("/")[3] if ".conf." in name else "" for name in ns.sysctls}
    return {
        name: value
        for name, value in ns.sysctls.items()
        if (of[name] == device if device else of[name] not in ns.devices or of[name] == "lo") and name not in FORWARDING
    }


def of_device(ns: Netns, device: Device) -> dict[str, str]:
    """What is set for one device before it goes up. Without an IPv6 address it has no IPv6 at all, and so is silent."""
    has6 = any(family(own.address) is IPV6 for own in device.addresses)
    found = {f"net/ipv6/conf/{device.name}/disable_ipv6": str(int(not has6))}
    for of in (4, 6) if has6 else (4,):
        found |= {name.format(of, device.name): value for name, value in NEIGHBOURS.items()}
    if ns.conf("ipv4", device.name, "proxy_arp"):  # who answers for others waits, up to 0.8 seconds (arp_process)
        found[f"net/ipv4/neigh/{device.name}/proxy_delay"] = "0"
    return found | {path(name): str(value) for name, value in _said(ns, device.name).items()}


def shown(settings: dict[str, str]) -> Iterator[str]:
    """As the arguments of `sysctl -w`."""
    return (f"{name}={value}" for name, value in settings.items())
