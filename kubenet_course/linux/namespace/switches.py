"""The kernel switches that the model acts on (`sysctl`)."""

from __future__ import annotations

from ...errors import BadInput

# Kernel switches that the model reads, with the value a fresh namespace has (Documentation/networking/ip-sysctl.rst).
SYSCTLS = {
    "net.ipv4.ip_forward": 0,
    "net.ipv6.conf.all.forwarding": 0,
    "net.ipv4.conf.all.rp_filter": 0,
    "net.ipv4.conf.all.route_localnet": 0,
    "net.ipv4.conf.all.accept_local": 0,
    "net.ipv4.conf.all.src_valid_mark": 0,
    "net.ipv4.conf.all.proxy_arp": 0,
    "net.ipv4.conf.all.send_redirects": 1,
    "net.ipv4.conf.all.arp_ignore": 0,
    "net.ipv4.conf.all.arp_announce": 0,
    "net.ipv4.icmp_echo_ignore_all": 0,
    "net.ipv4.fib_multipath_hash_policy": 0,
    "net.ipv4.icmp_errors_use_inbound_ifaddr": 0,
    "net.ipv4.ip_default_ttl": 64,
    "net.ipv4.route.min_pmtu": 552,
    "net.ipv4.route.mtu_expires": 600,
    "net.ipv6.route.mtu_expires": 600,
    "net.ipv6.conf.all.hop_limit": 64,
    "net.ipv6.fib_multipath_hash_policy": 0,
    "net.ipv6.icmp.echo_ignore_all": 0,
    "net.netfilter.nf_conntrack_generic_timeout": 600,
    "net.netfilter.nf_conntrack_icmp_timeout": 30,
    "net.netfilter.nf_conntrack_icmpv6_timeout": 30,
    "net.netfilter.nf_conntrack_udp_timeout": 30,
    "net.netfilter.nf_conntrack_udp_timeout_stream": 120,
    "net.netfilter.nf_conntrack_tcp_timeout_syn_sent": 120,
    "net.netfilter.nf_conntrack_tcp_timeout_syn_recv": 60,
    "net.netfilter.nf_conntrack_tcp_timeout_established": 432000,
    "net.netfilter.nf_conntrack_tcp_timeout_fin_wait": 120,
    "net.netfilter.nf_conntrack_tcp_timeout_close_wait": 60,
    "net.netfilter.nf_conntrack_tcp_timeout_last_ack": 30,
    "net.netfilter.nf_conntrack_tcp_timeout_time_wait": 120,
    "net.netfilter.nf_conntrack_tcp_timeout_close": 10,
    "net.netfilter.nf_conntrack_tcp_timeout_unacknowledged": 300,
    "net.netfilter.nf_conntrack_tcp_be_liberal": 0,
    "net.netfilter.nf_conntrack_tcp_loose": 1,
    "net.bridge.bridge-nf-call-iptables": 1,
    "net.bridge.bridge-nf-call-ip6tables": 1,
}
# Those of IPVS, which only a machine with its module has (Documentation/networking/ipvs-sysctl.rst).
IPVS_SYSCTLS = {
    "net.ipv4.vs.conntrack": 0,
    "net.ipv4.vs.conn_reuse_mode": 1,
    "net.ipv4.vs.expire_nodest_conn": 0,
    "net.ipv4.vs.expire_quiescent_template": 0,
}
# Those that each device has for itself, under its name, `default` (what a new device begins with) or `all`.
PER_DEVICE = {
    "ipv4": (
        "forwarding", "rp_filter", "route_localnet", "accept_local", "proxy_arp", "send_redirects", "arp_ignore",
        "arp_announce", "src_valid_mark",
    ),
    "ipv6": ("forwarding", "hop_limit"),
}  # fmt: skip


def switch_of(name: str) -> tuple[str, str, str]:
    """Family, device and last word of a per-device switch (`net.ipv4.conf.flannel.1.rp_filter`); empty for any other."""
    head, dot, rest = name.partition(".conf.")
    device, _, leaf = rest.rpartition(".")
    return (head.removeprefix("net."), device, leaf) if dot else ("", "", "")


def check_switch(name: str, where: str = "") -> None:
    """Refuses a switch that the model does not act on: a real machine would take it, and would then behave otherwise."""
    of, device, leaf = switch_of(name)
    if (
        name in SYSCTLS
        or name in IPVS_SYSCTLS
        or name == "net.ipv4.conf.all.forwarding"
        or (device != "all" and leaf in PER_DEVICE.get(of, ()))
    ):
        return
    known = [one for one in SYSCTLS if ".conf.all." not in one or one == "net.ipv6.conf.all.forwarding"]
    known += [f"net.{of}.conf.DEVICE.{leaf}" for of, leaves in PER_DEVICE.items() for leaf in leaves]
    raise BadInput(
        where, f"the model does not act on {name}, which a real machine may have", f"set one of {', '.join(known)}"
    )
