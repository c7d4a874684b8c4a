"""Plays recorded cases of the real kernel (data/reference/kernel-6.18) through the model, and says where the two differ."""

from __future__ import annotations

import re

from kubenet_course.linux.address import family
from kubenet_course.linux.kernel import send
from kubenet_course.linux.memory import Memory
from kubenet_course.linux.packet import Packet, udp
from kubenet_course.linux.route import ifaddr
from kubenet_course.linux.save import read
from kubenet_course.linux.tables import Device, Netns, netns
from kubenet_course.linux.trace import Trace

HOSTS = {
    "client": ("10.0.1.2", "10.0.1.3", "fd00:10:0:1::2", "fd00:10:0:1::3"),
    "server": ("10.0.2.2", "10.0.2.3", "fd00:10:0:2::2", "fd00:10:0:2::3"),
}
DEVICES = {"client": "eth1", "server": "eth2", "router": ""}
# What a connected UDP socket hears of an ICMP error (net/ipv4/icmp.c, icmp_err_convert: those that are fatal).
ERRNO = {(3, 3): "ECONNREFUSED", (3, 2): "ENOPROTOOPT", (3, 9): "ENETUNREACH", (3, 10): "EHOSTUNREACH", (3, 13): "EHOSTUNREACH"}


def router(case: dict) -> Netns:
    """The machine in the middle, with a case's rules."""
    devices = (
        Device("eth1", addresses=(ifaddr("10.0.1.1/24"), ifaddr("fd00:10:0:1::1/64"))),
        Device("eth2", addresses=(ifaddr("10.0.2.1/24"), ifaddr("fd00:10:0:2::1/64"))),
    )
    rules = {4: read(case["restore_input"]).rules}
    if case.get("restore_input6"):
        rules[6] = read(case["restore_input6"]).rules
    switches = {"net.ipv4.ip_forward": 1, "net.ipv6.conf.all.forwarding": 1}
    return netns("router", devices, rules=rules, sysctls=switches, sockets_known=False)


def told(case: dict, row: dict) -> tuple[dict, Trace, Memory]:
    """What the model says of one packet, in the words of the record."""
    ns, memory = router(case), Memory()
    sent = udp(row["src"] or family(row["dst"]).any, row["sport"], row["dst"], row["dport"], b"x" * 8)
    trace = send(ns, sent, dev=DEVICES[row["from"]], memory=memory)
    return {
        "received": received(trace, row),
        "sender_errno": errno(trace, row),
        "rule_packet_counters": counters(memory),
        "conntrack": sorted(entries(memory)),
    }, trace, memory


def _where(packet: Packet) -> str:
    return next((name for name, own in HOSTS.items() if packet.flow.dst in own), "")


def received(trace: Trace, row: dict) -> list[dict]:
    found = []
    for step in trace.steps:
        packet = step.skb.packet
        if packet.is_error or step.end not in ("local", "forwarded"):
            continue
        rx = "router" if step.end == "local" else _where(packet)
        link = {"eth1": "client", "eth2": "server"}.get(step.skb.dev_out, rx)
        martian = rx in HOSTS and packet.flow.src in HOSTS[rx]
        if rx and rx == (link if step.end == "forwarded" else rx) and not martian and 5000 <= packet.flow.dport <= 5003:
            flow = packet.flow
            found.append({"rx": rx, "dst": flow.dst, "dport": flow.dport, "src": flow.src, "sport": flow.sport})
    return found


def errno(trace: Trace, row: dict) -> str | None:
    first = trace.last
    if row["from"] == "router" and first.end in ("no-route", "not-permitted"):
        return {"no-route": "ENETUNREACH", "not-permitted": "EPERM"}[first.end]
    if row["from"] == "router" and first.end == "rejected" and first.stage.endswith("OUTPUT"):
        return "EPERM"
    for step in trace.steps:
        packet = step.skb.packet
        if packet.is_error and step.end in ("local", "forwarded"):
            at = "router" if step.end == "local" else _where(packet)
            if at == row["from"]:
                return ERRNO.get((packet.flow.dport >> 8, packet.flow.dport & 255))
    return None


def counters(memory: Memory) -> dict[str, int]:
    counted = memory.of("router").packets
    return {f"{table}/{chain}/{n}": seen for (_, table, chain, n), seen in sorted(counted.items()) if n}


def entries(memory: Memory) -> list[tuple]:
    known = {id(c): c for c in memory.of("router").connections.values()}
    return [(c.original.src, c.original.dst, c.original.sport, c.original.dport,
             c.reply.src, c.reply.dst, c.reply.sport, c.reply.dport) for c in known.values()]  # fmt: skip


def recorded_entries(lines: list[str]) -> list[tuple]:
    found = []
    for line in lines:
        words = re.findall(r"(src|dst|sport|dport)=(\S+)", line)
        values = [value if name in ("src", "dst") else int(value) for name, value in words]
        if len(values) == 8:
            found.append(tuple(values))
    return sorted(found)


def differences(case: dict, row: dict) -> list[str]:
    """Where model and kernel differ about one packet; empty where they agree."""
    model, trace, _ = told(case, row)
    kernel = {
        "received": row["received"],
        "sender_errno": row["sender_errno"],
        "rule_packet_counters": dict(row["rule_packet_counters"]),
        "conntrack": recorded_entries(row["conntrack"]),
    }
    return [f"{name}: model {model[name]}, kernel {kernel[name]}" for name in kernel if model[name] != kernel[name]]
