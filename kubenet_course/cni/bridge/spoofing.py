"""`macspoofchk`: a pod may send with its own MAC only; the bridge drops its other frames.

A base chain before bridging sends each guarded port's frames through two chains of its own. Real system:
`containernetworking/plugins/pkg/link/spoofcheck.go`.
"""

from ..runtime import nft
from ..runtime.commands import Command
from ..runtime.nft import Chain, Rule

TABLE = "nat"  # as the reference has it, though nothing is translated there
PREROUTING = Chain("bridge", TABLE, "PREROUTING")
BEFORE_BRIDGING = -300


def chains_of(container_id: str, ifname: str) -> tuple[Chain, Chain]:
    """The interface's chain and the one with its MAC."""
    name = f"cni-br-iface-{container_id}-{ifname}"
    return PREROUTING._replace(name=name), PREROUTING._replace(name=f"{name}-mac")


def comment_of(container_id: str, ifname: str) -> str:
    """What tells the rules of one interface."""
    return f"macspoofchk-{container_id}-{ifname}"


def plan_guard(container_id: str, ifname: str, veth: str, mac: str) -> list[Command]:
    """Lets through what comes from `veth` with this MAC, and drops its other frames."""
    port, own = chains_of(container_id, ifname)
    comment = comment_of(container_id, ifname)
    lines = [
        f"add table bridge {TABLE}",
        nft.base_chain(PREROUTING, "filter", "prerouting", BEFORE_BRIDGING),
        *(f"{verb} chain {chain}" for chain in (port, own) for verb in ("add", "flush")),
        nft.added(PREROUTING, "iifname", f'"{veth}"', "jump", port.name, comment=comment),
        nft.added(port, "jump", own.name, comment=comment),
        nft.added(own, "ether saddr", mac, "return", comment=comment),
        nft.added(own, "drop", comment=comment),
    ]
    return [nft.script(lines, "failed to setup spoof-check")]


def plan_no_guard(container_id: str, ifname: str, standing: list[Rule]) -> list[Command]:
    """Takes it back; `standing` are the rules of the base chain. What is gone already is no error."""
    mine = [rule for rule in standing if rule.comment == comment_of(container_id, ifname)]
    chains = [f"delete chain {chain}" for chain in chains_of(container_id, ifname)]
    return [nft.script(lines, tolerant=True) for lines in (nft.deleted(PREROUTING, mine), chains) if lines]
