"""Host ports as chains and rules: what `kubenet-portmap` adds to the nat table, as plans.

One chain that all containers share (CNI-HOSTPORT-DNAT, entered for packets to the node's own addresses), and one for
each container. Connections that could not find their way back, from the pod to itself and from 127.0.0.1, are marked and
masqueraded. Real system: `containernetworking/plugins/plugins/meta/portmap` (portmap_iptables.go, chain.go).
"""

from typing import NamedTuple

from ..bridge.masquerade import PROGRAM, chain_name
from ..contract.address import Cidr, parse_ip
from ..contract.spec import quoted
from ..runtime.commands import Command, sysctl
from .config import Mapping, PortMap, Words

DNAT, SETMARK, MASQ = "CNI-HOSTPORT-DNAT", "CNI-HOSTPORT-SETMARK", "CNI-HOSTPORT-MASQ"
MULTIPORT = 15  # as many ports as one multiport match takes
COMMENT = 255  # as long as a comment may be


class Chain(NamedTuple):
    """A chain of the nat table: its rules, the rules that lead to it and where those stand."""

    name: str
    rules: tuple[Words, ...] = ()
    entries: tuple[Words, ...] = ()
    entered_from: Words = ()
    first: bool = False


def shared_chains(conf: PortMap) -> list[Chain]:
    """The chains that all containers share."""
    mark = f"{1 << conf.mark_bit:#x}/{1 << conf.mark_bit:#x}"
    chains = []
    if conf.snat and not conf.mark_chain:
        why = ("-m", "comment", "--comment", "CNI portfwd masquerade mark")
        chains.append(Chain(SETMARK, rules=((*why, "-j", "MARK", "--set-xmark", mark),)))
        rule = ("-m", "mark", "--mark", mark, "-j", "MASQUERADE")
        # First in POSTROUTING: the masquerading of other plugins there would end the walk.
        entry = ("-m", "comment", "--comment", "CNI portfwd requiring masquerade")
        chains.append(Chain(MASQ, (rule,), (entry,), ("POSTROUTING",), first=True))
    local = ("-m", "addrtype", "--dst-type", "LOCAL")
    return [*chains, Chain(DNAT, (), (local,), ("PREROUTING", "OUTPUT"))]


def container_chain(conf: PortMap, container_id: str, pod: Cidr) -> Chain:
    """The container's own chain: for each port the marks, then the translation."""
    comment = f"dnat name: {quoted(conf.name)} id: {quoted(container_id)}"
    comment = comment if len(comment) <= COMMENT else comment[: COMMENT - 2] + "..."
    entries = []
    for protocol in sorted({each.protocol for each in conf.mappings}):
        ports = [str(each.host_port) for each in conf.mappings if each.protocol == protocol]
        for start in range(0, len(ports), MULTIPORT):
            some = ",".join(ports[start : start + MULTIPORT])
            match = (
                "-m",
                "comment",
                "--comment",
                comment,
                "-m",
                "multiport",
                "-p",
                protocol,
                "--destination-ports",
                some,
            )
            entries.append((*match, *conf.conditions[pod.ip.version]))
    rules = tuple(rule for each in conf.mappings for rule in port_rules(conf, each, pod))
    return Chain(chain_name(conf.name, container_id, "DN-"), rules, tuple(entries), (DNAT,))


def port_rules(conf: PortMap, mapping: Mapping, pod: Cidr) -> list[Words]:
    """The rules of one mapping; none when its host address is of the other family."""
    host = parse_ip(mapping.host_ip)
    if mapping.host_ip and (host.version if host else 6) != pod.ip.version:
        return []
    base: Words = ("-p", mapping.protocol, "--dport", str(mapping.host_port))
    if host is not None and not host.is_unspecified:
        base += ("-d", mapping.host_ip)
    rules: list[Words] = []
    if conf.snat:
        everyone = {4: "0.0.0.0/0", 6: "::/0"}[pod.ip.version]
        mark = ("-j", conf.mark_chain or SETMARK)
        rules.append((*base, "-s", everyone if conf.masquerade_all else str(pod), *mark))
        if pod.ip.version == 4 and not conf.masquerade_all:
            rules.append((*base, "-s", "127.0.0.1", *mark))
    address = f"[{pod.ip}]" if pod.ip.version == 6 else str(pod.ip)
    return [*rules, (*base, "-j", "DNAT", "--to-destination", f"{address}:{mapping.container_port}")]


def plan_chain(family: int, chain: Chain) -> list[Command]:
    """Makes a chain and its rules; what is there already stays as it is."""
    table: Words = (PROGRAM[family], "-w", "-t", "nat")
    # Asking for a chain's rules tells whether it is there.
    commands = [Command((*table, "-N", chain.name), unless=(*table, "-S", chain.name))]
    for rule in chain.rules:
        commands.append(Command((*table, "-A", chain.name, *rule), unless=(*table, "-C", chain.name, *rule)))
    for place in chain.entered_from:
        for entry in chain.entries:
            rule = (*entry, "-j", chain.name)
            verb = ("-I", place, "1") if chain.first else ("-A", place)
            commands.append(Command((*table, *verb, *rule), unless=(*table, "-C", place, *rule)))
    return commands


def plan_ports(conf: PortMap, container_id: str, pod: Cidr) -> list[Command]:
    """The rules for one address of the container."""
    family = pod.ip.version
    commands = [command for chain in shared_chains(conf) for command in plan_chain(family, chain)]
    return [*commands, *plan_chain(family, container_chain(conf, container_id, pod))]


def plan_around(conf: PortMap, family: int, device: str) -> list[Command]:
    """What an address needs beside its rules. `device` is the node's device towards the pod, or empty."""
    commands = plan_stale(conf, family)
    if conf.snat and family == 4 and device:
        # Packets from 127.0.0.1 may leave the node by this device.
        localnet = sysctl(f"net/ipv4/conf/{device}/route_localnet", "1", tolerant=False)
        commands.append(localnet._replace(purpose="unable to enable route_localnet"))
    return commands


def plan_stale(conf: PortMap, family: int) -> list[Command]:
    """UDP connections to a mapped port that the kernel remembers would go on to nowhere; they are forgotten."""
    udp = [each.host_port for each in conf.mappings if each.protocol.lower() == "udp"]
    name = {4: "ipv4", 6: "ipv6"}[family]
    return [
        Command(("conntrack", "-D", "-f", name, "-p", "udp", "--orig-port-dst", str(port)), tolerant=True)
        for port in udp
    ]


def plan_no_ports(family: int, chain: str, entries: list[Words]) -> list[Command]:
    """Takes a container's chain away. `entries` are the rules that lead to it, as they stand in CNI-HOSTPORT-DNAT."""
    table: Words = (PROGRAM[family], "-w", "-t", "nat")
    commands = [Command((*table, "-D", DNAT, *entry), tolerant=True) for entry in entries]
    return [*commands, *(Command((*table, flag, chain), tolerant=True) for flag in ("-F", "-X"))]
