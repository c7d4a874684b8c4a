"""The small internet that every case runs in: client - router - server, three network namespaces joined by two veth pairs.

    client 10.0.1.2, 10.0.1.3  -- eth1 10.0.1.1  [router]  10.0.2.1 eth2 --  server 10.0.2.2, 10.0.2.3

The same in IPv6 with fd00:10:0:1::/64 and fd00:10:0:2::/64. The router forwards and has no default route; the other two
have one that leads to it. Neighbours are permanent, so that no ARP or neighbour discovery delays a packet or is counted
by a rule. The .9 (and ::9) of each net has a MAC that nobody owns: what is sent there leaves, and is lost at once.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class Interface(NamedTuple):
    """One end of a veth pair: where it is, its MAC, which net it is in, and its host numbers there."""

    namespace: str
    device: str
    mac: str
    net: int
    hosts: tuple[int, ...]


INTERFACES = (
    Interface("client", "eth0", "02:00:00:00:01:02", 1, (2, 3)),
    Interface("router", "eth1", "02:00:00:00:01:01", 1, (1,)),
    Interface("router", "eth2", "02:00:00:00:02:01", 2, (1,)),
    Interface("server", "eth0", "02:00:00:00:02:02", 2, (2, 3)),
)
NAMES = ("client", "router", "server")
ROUTER = 1
NOBODY = 9
# The router answers for host 0 of each IPv6 net too (subnet-router anycast, RFC 4291 section 2.6.1), but up to 1 s late.
ANYCAST = 0
NOBODYS_MAC = "02:00:00:00:ff:ff"

# What a packet's fate must not depend on, and what the host may have set otherwise: sysctls may be inherited.
# No ICMP type is limited (ratemask). icmp_ratelimit=0 would not do: a limit of 0 empties the budget of the peer
# (inet_peer_xrlim_allow), which is also the budget of "no route" (ip_error): after a REJECT that would be silent for 1 s.
SYSCTLS = {
    "net/ipv4/icmp_ratemask": "0",
    "net/ipv6/icmp/ratemask": "0",
    "net/ipv4/icmp_echo_ignore_all": "0",
    "net/ipv4/icmp_echo_ignore_broadcasts": "1",
    "net/ipv4/icmp_errors_use_inbound_ifaddr": "0",
    "net/ipv4/ip_default_ttl": "64",
    "net/ipv4/fwmark_reflect": "0",
    "net/ipv4/ip_local_port_range": "32768 60999",
    "net/ipv4/tcp_timestamps": "0",
    "net/ipv4/tcp_synack_retries": "0",
    "net/ipv4/tcp_syncookies": "0",
    "net/ipv6/auto_flowlabels": "0",
    "net/ipv6/fwmark_reflect": "0",
    "net/netfilter/nf_conntrack_acct": "0",
    "net/netfilter/nf_conntrack_checksum": "1",
    "net/netfilter/nf_conntrack_tcp_loose": "1",
}
# Multicast reports of new addresses are sent within milliseconds: by default they trickle for a second, and are counted.
DEVICE_SYSCTLS = {
    "net/ipv6/conf/{}/mldv1_unsolicited_report_interval": "1",
    "net/ipv6/conf/{}/mldv2_unsolicited_report_interval": "1",
    "net/ipv4/conf/{}/rp_filter": "0",
    "net/ipv4/conf/{}/route_localnet": "0",
    "net/ipv4/conf/{}/accept_local": "0",
    "net/ipv4/conf/{}/send_redirects": "0",
    "net/ipv4/conf/{}/accept_redirects": "0",
    "net/ipv6/conf/{}/accept_dad": "0",
    "net/ipv6/conf/{}/dad_transmits": "0",
    "net/ipv6/conf/{}/router_solicitations": "0",
    "net/ipv6/conf/{}/accept_ra": "0",
    "net/ipv6/conf/{}/accept_redirects": "0",
}


def address(family: int, net: int, host: int) -> str:
    """The address of a host number in net 1 or 2: 10.0.1.2, fd00:10:0:1::2."""
    return f"10.0.{net}.{host}" if family == 4 else f"fd00:10:0:{net}::{host:x}"


def _devices_of(name: str) -> Iterator[str]:
    """The `ip` commands that give a namespace its devices' addresses and neighbours."""
    yield "link set lo up"
    for mine in INTERFACES:
        if mine.namespace != name:
            continue
        yield f"link set {mine.device} up"
        for family, length, more, anywhere in ((4, 24, "brd +", "0.0.0.0/0"), (6, 64, "nodad", "::/0")):
            for host in mine.hosts:
                yield f"addr add {address(family, mine.net, host)}/{length} {more} dev {mine.device}"
            near = [
                (host, other.mac)
                for other in INTERFACES
                if other.net == mine.net and other != mine
                for host in other.hosts
            ]
            if family == 6 and name != "router":
                near.append((ANYCAST, near[0][1]))
            for host, mac in [*near, (NOBODY, NOBODYS_MAC)]:
                yield f"neigh replace {address(family, mine.net, host)} lladdr {mac} dev {mine.device} nud permanent"
            if name != "router":
                yield f"route add {anywhere} via {address(family, mine.net, ROUTER)} dev {mine.device}"


def _run(argv: list[str], text: str = "") -> None:
    done = subprocess.run(argv, input=text, text=True, capture_output=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)}: {done.stderr.strip()}")


def build() -> None:
    """Make the three namespaces. Needs a private network and mount namespace with an empty /run."""
    for name in NAMES:
        _run(["ip", "netns", "add", name])
    for near, far in ((INTERFACES[1], INTERFACES[0]), (INTERFACES[2], INTERFACES[3])):
        pair = f"netns {near.namespace} address {near.mac} type veth peer name {far.device} netns {far.namespace}"
        _run(["ip", "link", "add", near.device, *pair.split(), "address", far.mac])


def demolish() -> None:
    """The names go; a namespace itself goes when the last socket in it is closed."""
    _run(["ip", "-all", "netns", "delete"])


def settle(name: str) -> None:
    """Set the sysctls of the namespace this process stands in, then its addresses, routes and neighbours."""
    devices = [one.device for one in INTERFACES if one.namespace == name]
    wanted = dict(SYSCTLS)
    for path, value in DEVICE_SYSCTLS.items():
        wanted |= {path.format(device): value for device in ("all", "default", *devices)}
    wanted["net/ipv4/ip_forward"] = wanted["net/ipv6/conf/all/forwarding"] = str(int(name == "router"))
    for path, value in wanted.items():
        file = Path("/proc/sys", path)
        if file.exists():
            file.write_text(value)
    _run(["ip", "-batch", "-"], "\n".join(_devices_of(name)) + "\n")
