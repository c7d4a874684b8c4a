"""`kubenet-portmap`: host ports for a pod that other plugins wired, as the reference plugin does."""

import shlex
import sys

from ..bridge.masquerade import PROGRAM, chain_name
from ..contract import skel
from ..contract.address import Cidr
from ..contract.result import Result
from ..contract.skel import Call
from ..contract.spec import CniError, refused
from ..runtime import nft
from ..runtime.commands import Command, Failed, execute, run, shown
from . import nft as portmap_nft
from .config import PortMap, Words, portmap_config
from .plan import DNAT, Chain, container_chain, plan_around, plan_no_ports, plan_ports


def add(call: Call) -> Result:
    """ADD: rules for each of the pod's addresses; the result goes on unchanged."""
    conf = _conf(call)
    if conf.result is None:
        raise refused("must be called as chained plugin", "put it behind the plugin that gives the pod its address")
    for pod in conf.pods if conf.mappings else ():
        plan = portmap_nft.plan_ports if conf.backend == "nftables" else plan_ports
        run(plan(conf, call.container_id, pod))
        run(plan_around(conf, pod.ip.version, device_towards(pod)))
    return conf.result


def _conf(call: Call) -> PortMap:
    try:
        return portmap_config(call.conf, call.ifname)
    except CniError as wrong:
        raise CniError(wrong.code, f"failed to parse config: {wrong.msg}", wrong.details) from None


def device_towards(pod: Cidr) -> str:
    """The node's device that leads to the pod; empty when none does."""
    try:
        return str(shown("ip", "route", "get", str(pod.ip))[0].get("dev", ""))
    except (Failed, IndexError):
        return ""


def delete(call: Call) -> None:
    """DEL: the container's chain goes, in both families, whatever the result was."""
    conf = _conf(call)
    if not conf.mappings:
        return
    if conf.backend == "nftables":
        run(portmap_nft.plan_no_ports(call.container_id, standing()))
        return
    chain = chain_name(conf.name, call.container_id, "DN-")
    for family in (4, 6):
        run(plan_no_ports(family, chain, leading_to(family, chain)))


def standing() -> dict[nft.Chain, list[nft.Rule]]:
    """The rules of all chains of nftables in which containers have some."""
    return {chain: nft.rules_of(chain) for chain in portmap_nft.own_chains()}


def leading_to(family: int, chain: str) -> list[Words]:
    """The rules of the shared chain that lead to this one, without their `-A CNI-HOSTPORT-DNAT`."""
    return [rule for rule in rules_of(family, DNAT) if rule[-2:] == ("-j", chain)]


def rules_of(family: int, chain: str) -> list[Words]:
    """A chain's rules as words; none when there is no such chain."""
    try:
        text = execute(Command((PROGRAM[family], "-w", "-t", "nat", "-S", chain)))
    except Failed:
        return []
    rules = [tuple(shlex.split(line)) for line in text.splitlines()]
    return [rule[2:] for rule in rules if rule[:1] == ("-A",)]


def check(call: Call) -> None:
    """CHECK: the container's chain and the rules that lead to it are there."""
    conf = portmap_config(call.conf, call.ifname)
    if conf.result is None:
        raise refused("Required prevResult missing", "send what ADD answered as prevResult")
    for pod in conf.pods if conf.mappings else ():
        if conf.backend == "nftables":
            portmap_nft.check_ports(conf, call.container_id, pod, standing())
        else:
            check_chain(pod.ip.version, container_chain(conf, call.container_id, pod))


def check_chain(family: int, chain: Chain) -> None:
    """Raises CniError (999) naming what is missing."""
    table = (PROGRAM[family], "-w", "-t", "nat")
    why = f"could not check ipv{family} dnat"
    if not there((*table, "-S", chain.name)):
        raise refused(f"{why}: chain {chain.name} not found in iptables table nat")
    for rule in reversed(chain.rules):
        if not there((*table, "-C", chain.name, *rule)):
            raise refused(f"{why}: rule {' '.join(rule)} in chain {chain.name} not found in table nat")
    for place in chain.entered_from:
        for entry in reversed(chain.entries):
            if not there((*table, "-C", place, *entry, "-j", chain.name)):
                raise refused(f"{why}: rule {' '.join(entry)} in chain {place} not found in table nat")


def there(question: Words) -> bool:
    """Whether a question to iptables is answered yes."""
    try:
        execute(Command(question))
    except Failed:
        return False
    return True


COMMANDS = {"ADD": add, "CHECK": check, "DEL": delete}


def main() -> None:
    """The executable: one call, one exit code."""
    sys.exit(skel.plugin_main("portmap", COMMANDS))


if __name__ == "__main__":
    main()
