"""Host ports in tables of nftables, portmap's `"backend": "nftables"`: one rule for each port, told by its comment.

Only packets to the node's own addresses are looked at. Real system: `plugins/meta/portmap/portmap_nftables.go` as of
1.9.0, which closed CVE-2025-67499; before, packets that only passed through the node were caught as well.
"""

from ..contract.address import Cidr, parse_ip
from ..contract.spec import quoted, refused
from ..runtime import nft
from ..runtime.commands import Command
from ..runtime.nft import Chain, Rule
from .config import Mapping, PortMap

TABLE = "cni_hostport"
TABLE_COMMENT = "CNI portmap plugin"
FAMILY = {4: "ip", 6: "ip6"}
DSTNAT, SRCNAT = -100, 100
OWN = ("hostports", "hostip_hostports", "masquerading")  # the chains with rules of containers


def chain_of(version: int, name: str) -> Chain:
    """A chain of the table of an IP version."""
    return Chain(FAMILY[version], TABLE, name)


def ports_of(conf: PortMap, version: int) -> list[tuple[Mapping, str]]:
    """The mappings of an IP version, each with the one address of the node it is for, or an empty text."""
    found = []
    for each in conf.mappings:
        host = parse_ip(each.host_ip)
        if each.host_ip and (host.version if host else 6) != version:
            continue
        found.append((each, "" if host is not None and host.is_unspecified else each.host_ip))
    return found


def plan_ports(conf: PortMap, container_id: str, pod: Cidr) -> list[Command]:
    """The table with its chains, and the rules of this container, as one change."""
    version = pod.ip.version
    family = FAMILY[version]
    every, former, ports = (chain_of(version, name) for name in ("hostports_all", "hostip_hostports", "hostports"))
    lines = [
        f'add table {family} {TABLE} {{ comment "{TABLE_COMMENT}" ; }}',
        *(f"add chain {chain}" for chain in (ports, former, every)),
        f"flush chain {every}",
        # Rules of releases before 1.9.0 stand in hostip_hostports; they go on working until their containers end.
        *(nft.added(every, "jump", chain.name) for chain in (former, ports)),
    ]
    for hook in ("prerouting", "output"):
        entry = chain_of(version, hook)
        lines += [nft.base_chain(entry, "nat", hook, DSTNAT), f"flush chain {entry}"]
        lines.append(nft.added(entry, *conf.conditions[version], "fib daddr type local", "jump", every.name))
    for mapping, host in ports_of(conf, version):
        only = (family, "daddr", host) if host else ()
        address = f"[{pod.ip}]" if version == 6 else str(pod.ip)
        target = f"{address}:{mapping.container_port}"
        rule = (*only, mapping.protocol, "dport", mapping.host_port, "dnat to", target)
        lines.append(nft.added(ports, *rule, comment=container_id))
    if conf.snat:
        masquerading = chain_of(version, "masquerading")
        lines.append(nft.base_chain(masquerading, "nat", "postrouting", SRCNAT))
        # Who reaches the pod by one of its own ports, or from 127.0.0.1, must be answered by way of the node.
        for source in (str(pod.ip), "127.0.0.1")[: 2 if version == 4 else 1]:
            rule = (family, "saddr", source, family, "daddr", pod.ip, "masquerade")
            lines.append(nft.added(masquerading, *rule, comment=container_id))
    return [nft.script(lines, "unable to set up nftables rules for port mappings")]


def plan_no_ports(container_id: str, standing: dict[Chain, list[Rule]]) -> list[Command]:
    """Takes a container's rules away; `standing` are the rules of the chains of both IP versions."""
    lines = []
    for chain, rules in standing.items():
        lines += nft.deleted(chain, [rule for rule in rules if rule.comment == container_id])
    return [nft.script(lines, "error deleting nftables rules")] if lines else []


def own_chains() -> list[Chain]:
    """Every chain in which a container may have rules."""
    return [chain_of(version, name) for version in (4, 6) for name in OWN]


def check_ports(conf: PortMap, container_id: str, pod: Cidr, standing: dict[Chain, list[Rule]]) -> None:
    """Raises CniError (999) when a chain has fewer rules of this container than ADD made."""
    version = pod.ip.version
    masquerading = (2 if version == 4 else 1) if conf.snat else 0
    for name, wanted in (("hostports", len(ports_of(conf, version))), ("masquerading", masquerading)):
        rules = standing.get(chain_of(version, name), [])
        if sum(rule.comment == container_id for rule in rules) < wanted:
            raise refused(f"missing hostport rules in {quoted(name)} chain")
