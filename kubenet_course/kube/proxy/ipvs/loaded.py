"""IPVS mode's tables as a node's kernel has them: rules beside those of other programs, sets, virtual servers, kube-ipvs0."""

from collections.abc import Callable, Iterable, Mapping

from msgspec.structs import replace

from ....linux.namespace.device import Device, IfAddr
from ....linux.netfilter.ipset.sets import IpSet
from ....linux.netfilter.iptables.save import read
from ....linux.netfilter.rules import Chain, Rule, Ruleset, Table
from ....linux.netfilter.statement import Jump
from ....linux.netfilter.xt.comment import Comment
from ....linux.packet.address import Address, family
from ....linux.stack.ipvs.servers import RealServer, VirtualServer
from ..iptables.frame import BASE, Frame
from .rules import JUMPS
from .tables import DEVICE, IpvsTables

Servers = Mapping[tuple[Address, int, str], VirtualServer]


def ipvs_rules(found: IpvsTables, others: Frame) -> Ruleset:
    """kube-proxy's chains; in the base chains its jumps stand first, and of those the one that it made last (`iptables -I`)."""
    written = read(found.iptables).rules.tables
    tables: dict[str, Table] = {}
    for name, base in BASE.items():
        own = written[name].chains if name in written else {}
        added = others.get(name, {})
        chains = {chain: Chain(chain, (*_jumps(name, chain), *added.get(chain, ())), "ACCEPT") for chain in base}
        chains |= {chain: one for chain, one in own.items() if chain not in base}
        chains |= {chain: Chain(chain, rules) for chain, rules in added.items() if chain not in base}
        tables[name] = Table(name, chains)
    return Ruleset(tables)


def _jumps(table: str, chain: str) -> tuple[Rule, ...]:
    mine = [(to, said) for of, base, to, said in JUMPS if (of, base) == (table, chain)]
    return tuple(Rule((Comment(text=said),), Jump(to)) for to, said in reversed(mine))


def dummy(addresses: Iterable[Address]) -> Device:
    """kube-ipvs0. It is down and asks nobody for a MAC, but what it has as addresses is this machine's own."""
    return Device(DEVICE, "dummy", "", tuple(IfAddr(ip, family(ip).bits) for ip in addresses), up=False)


def virtual_servers(found: Iterable[IpvsTables]) -> Servers:
    return {server.key: server for one in found for server in one.servers}


def sets_of(found: Iterable[IpvsTables]) -> Mapping[str, IpSet]:
    return {one.name: one for each in found for one in each.ipsets}


def leaving(before: Servers, after: Servers, connections: Callable[[VirtualServer, RealServer], int]) -> Servers:
    """What stands in the kernel while servers leave (pkg/proxy/ipvs/graceful_termination.go).

    A TCP server that is no endpoint any more keeps its connections, at weight 0, until it has none; then it is deleted. Those
    of other protocols are deleted at once. `connections`: how many a server has, active and inactive ones.
    """
    found = dict(after)
    for key, new in after.items():
        old = before.get(key)
        if old is None or new.protocol != "TCP":
            continue
        places = {(real.address, real.port) for real in new.reals}
        gone = [real for real in old.reals if (real.address, real.port) not in places and connections(old, real)]
        found[key] = replace(new, reals=(*(replace(real, weight=0) for real in gone), *new.reals)) if gone else new
    return found
