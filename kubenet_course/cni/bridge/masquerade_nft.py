"""Masquerading in a table of nftables, the bridge plugin's `"ipMasqBackend": "nftables"`: one rule for each address.

Real system: `containernetworking/plugins/pkg/ip/ipmasq_nftables_linux.go`; there, too, a rule's owner is read from the
digests that begin its comment.
"""

from hashlib import sha512

from ..contract.address import Cidr
from ..runtime import nft
from ..runtime.commands import Command
from ..runtime.nft import Chain, Rule
from .masquerade import MULTICAST

TABLE = "inet cni_plugins_masquerade"
TABLE_COMMENT = "Masquerading for plugins from github.com/containernetworking/plugins"
CHECKS = Chain("inet", "cni_plugins_masquerade", "masq_checks")
CHECKS_COMMENT = "Masquerade traffic from certain IPs to any (non-multicast) IP outside their subnet"
POSTROUTING = CHECKS._replace(name="postrouting")
SRCNAT = 100


def _digest(text: str) -> str:
    return sha512(text.encode()).hexdigest()[:16]


def owner_of(network: str, ifname: str, container_id: str) -> str:
    """How the comment of this interface's rules begins."""
    return f"{_digest(network)}-{_digest(f'{ifname}:{container_id}')}"


def comment_of(network: str, ifname: str, container_id: str) -> str:
    """The owner, then the names for people, cut where the kernel would."""
    names = (name.replace('"', "") for name in (network, ifname, container_id))
    told = "{}, net: {}, if: {}, id: {}".format(owner_of(network, ifname, container_id), *names)
    return told[: nft.LONGEST_COMMENT]


def owned(rules: list[Rule], network: str, ifname: str, container_id: str) -> list[Rule]:
    """The rules that are this interface's."""
    owner = owner_of(network, ifname, container_id)
    return [rule for rule in rules if rule.comment.startswith(owner)]


def plan_masquerade(comment: str, pods: list[Cidr], stale: list[Rule]) -> list[Command]:
    """Table, chains and the rules of these addresses; `stale` ones of the same owner go in the same step."""
    lines = [
        f'add table {TABLE} {{ comment "{TABLE_COMMENT}" ; }}',
        f'add chain {CHECKS} {{ comment "{CHECKS_COMMENT}" ; }}',
        nft.base_chain(POSTROUTING, "nat", "postrouting", SRCNAT),
        f"flush chain {POSTROUTING}",
        nft.added(POSTROUTING, "ip daddr", MULTICAST[4], "return"),
        nft.added(POSTROUTING, "ip6 daddr", MULTICAST[6], "return"),
        nft.added(POSTROUTING, "goto", CHECKS.name),
        *nft.deleted(CHECKS, stale),
    ]
    for pod in pods:
        family = {4: "ip", 6: "ip6"}[pod.ip.version]
        outside = f"{type(pod.ip)(pod.network)}/{pod.prefix}"
        rule = (family, "saddr", pod.ip, family, "daddr !=", outside, "masquerade")
        lines.append(nft.added(CHECKS, *rule, comment=comment))
    return [nft.script(lines)]


def plan_no_masquerade(stale: list[Rule]) -> list[Command]:
    """Takes an owner's rules away; the table and its chains stay for others."""
    return [nft.script(nft.deleted(CHECKS, stale))] if stale else []
