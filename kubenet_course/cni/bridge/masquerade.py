"""Masquerading of a pod's own address, as the bridge plugin's ipMasq does it: one chain for each container.

Real system: `containernetworking/plugins/pkg/ip/ipmasq_iptables_linux.go` and `pkg/utils`.
"""

from hashlib import sha512

from ...shell.command import restored
from ..contract.address import Cidr
from ..contract.spec import quoted
from ..runtime.commands import Command, installed

MULTICAST = {4: "224.0.0.0/4", 6: "ff00::/8"}
PROGRAM = {4: "iptables", 6: "ip6tables"}
CHAIN_LENGTH = 28  # as much as iptables takes


def default_backend() -> str:
    """`iptables`, unless the node has only `nft`."""
    return "nftables" if installed("nft") and not installed("iptables") else "iptables"


def chain_name(network: str, container_id: str, prefix: str = "") -> str:
    """`CNI-` and the beginning of a digest, so that every container's chain is its own."""
    return f"CNI-{prefix}{sha512((network + container_id).encode()).hexdigest()}"[:CHAIN_LENGTH]


def comment_of(network: str, container_id: str) -> str:
    """What tells a person whose rule it is."""
    return f"name: {quoted(network)} id: {quoted(container_id)}"


def plan_masquerade(network: str, container_id: str, pods: list[Cidr]) -> list[Command]:
    """Traffic from the pod to other networks leaves with the node's address; within its network, and multicast, not."""
    chain, comment = (
        chain_name(network, container_id),
        ("-m", "comment", "--comment", comment_of(network, container_id)),
    )
    commands = []
    for family in sorted({pod.ip.version for pod in pods}):
        mine = [pod for pod in pods if pod.ip.version == family]
        masquerade = ("-A", chain, "!", "-d", MULTICAST[family], *comment, "-j", "MASQUERADE")
        rules: list[tuple[str, ...]] = [
            ("-A", chain, "-d", f"{type(pod.ip)(pod.network)}/{pod.prefix}", *comment, "-j", "ACCEPT") for pod in mine
        ]
        rules.insert(1, masquerade)
        text = "\n".join(["*nat", f":{chain} - [0:0]", *(restored(rule) for rule in rules), "COMMIT", ""])
        commands.append(Command((f"{PROGRAM[family]}-restore", "--noflush", "-w"), stdin=text))
        for pod in mine:
            rule = ("POSTROUTING", "-s", str(pod.ip), *comment, "-j", chain)
            table = (PROGRAM[family], "-w", "-t", "nat")
            commands.append(Command((*table, "-A", *rule), unless=(*table, "-C", *rule)))
    return commands


def plan_no_masquerade(network: str, container_id: str, pods: list[Cidr]) -> list[Command]:
    """Takes it back; what is gone already is no error."""
    chain, comment = (
        chain_name(network, container_id),
        ("-m", "comment", "--comment", comment_of(network, container_id)),
    )
    commands = []
    for pod in pods:
        table = (PROGRAM[pod.ip.version], "-w", "-t", "nat")
        rule = ("POSTROUTING", "-s", str(pod.ip), *comment, "-j", chain)
        for words in (("-D", *rule), ("-F", chain), ("-X", chain)):
            commands.append(Command((*table, *words), tolerant=True))
    return commands
