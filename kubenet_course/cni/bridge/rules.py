"""The bridge plugin's netfilter rules on this node: masquerading by either program, and the guard against false MACs."""

from ..contract.address import Cidr
from ..contract.skel import Call
from ..contract.spec import quoted, refused
from ..runtime import nft
from ..runtime.commands import run
from . import masquerade_nft
from .config import Bridge
from .masquerade import default_backend, plan_masquerade, plan_no_masquerade
from .spoofing import PREROUTING, plan_guard, plan_no_guard


def masquerade(conf: Bridge, call: Call, pods: list[Cidr]) -> None:
    """Masquerading by the program that the configuration names. Raises CniError (999) for another."""
    backend = default_backend() if conf.masquerade_backend is None else conf.masquerade_backend
    if backend == "iptables":
        run(plan_masquerade(conf.name, call.container_id, pods))
    elif backend == "nftables":
        comment = masquerade_nft.comment_of(conf.name, call.ifname, call.container_id)
        run(masquerade_nft.plan_masquerade(comment, pods, own_rules(conf, call)))
    else:
        raise refused(f"unknown ipmasq backend {quoted(backend)}", "write iptables or nftables, or leave it out")


def own_rules(conf: Bridge, call: Call) -> list[nft.Rule]:
    """The interface's masquerading rules in nftables."""
    rules = nft.rules_of(masquerade_nft.CHECKS)
    return masquerade_nft.owned(rules, conf.name, call.ifname, call.container_id)


def no_masquerade(conf: Bridge, call: Call, pods: list[Cidr]) -> None:
    """Takes it back from both programs: the pod may be older than the configuration."""
    run(plan_no_masquerade(conf.name, call.container_id, pods))
    run(masquerade_nft.plan_no_masquerade(own_rules(conf, call)))


def guard(call: Call, veth: str, mac: str) -> None:
    """Lets the interface send with its own MAC only."""
    run(plan_guard(call.container_id, call.ifname, veth, mac))


def unguard(call: Call) -> None:
    """Lets the interface send with any MAC again."""
    run(plan_no_guard(call.container_id, call.ifname, nft.rules_of(PREROUTING)))
