"""`kubenet proxy`: what kube-proxy decides."""

import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import click
import msgspec

from ..errors import BadInput
from ..kube.manifest.read import read
from ..kube.model.cluster import Cluster
from ..kube.proxy.ipvs.rules import jumps_text
from ..kube.proxy.ipvs.tables import DEVICE, IpvsTables, ipvs_tables
from ..kube.proxy.nftables.rules import nftables_rules
from ..kube.proxy.nftables.settings import service_ranges
from ..linux.netfilter.ipset.write import restore
from ..linux.netfilter.iptables.save import write
from ..linux.netfilter.nft.json_form import json_form
from ..linux.netfilter.nft.write import write as write_nft
from ..linux.stack.ipvs.servers import ipvsadm
from .proxy_diff import diff


class Written(NamedTuple):
    """What one mode leaves behind: parts with the program that reads each, and what more `--json` holds."""

    parts: dict[str, str]
    more: dict[str, Any]


@click.group("proxy")
def command() -> None:
    """What kube-proxy decides, from the manifests of a cluster."""


command.add_command(diff)


def _iptables(cluster: Cluster, node: str, family: int) -> Written:
    return Written({"iptables": write(cluster.proxy_rules(node, family))}, {})


def _nftables(cluster: Cluster, node: str, family: int) -> Written:
    rules = nftables_rules(cluster.watched[family], cluster.facts(node), cluster.proxy, service_ranges(cluster.ranges))
    return Written({"nft": write_nft(rules)}, json_form(rules))


def _ipvs(cluster: Cluster, node: str, family: int) -> Written:
    found = ipvs_tables(cluster.watched[family], cluster.facts(node), cluster.proxy)
    parts = {
        "ipset": restore(found.ipsets),
        "ipvsadm": ipvsadm(found.servers),
        "ip": _addresses(found),
        "iptables": found.iptables,
        "jumps": jumps_text(found.to.shared.family),
    }
    return Written(parts, _ipvs_json(found))


def _addresses(found: IpvsTables) -> str:
    """As commands for `ip -batch`."""
    bits = found.to.shared.family.bits
    rows = [f"link add {DEVICE} type dummy", *(f"address add {ip}/{bits} dev {DEVICE}" for ip in found.addresses)]
    return "".join(f"{row}\n" for row in rows)


def _ipvs_json(found: IpvsTables) -> dict[str, Any]:
    return {
        "virtualServers": [msgspec.to_builtins(server) for server in found.servers],
        "ipsets": {one.name: list(one.members) for one in found.ipsets if one.members},
        "dummyAddrs": list(found.addresses),
        "sysctls": found.sysctls,
    }


MODES: dict[str, Callable[[Cluster, str, int], Written]] = {
    "iptables": _iptables,
    "nftables": _nftables,
    "ipvs": _ipvs,
}
READERS = {
    "ipset": "ipset restore",
    "ipvsadm": "ipvsadm -R",
    "ip": "ip -batch -",
    "iptables": "iptables-restore --noflush",
    "jumps": "sh",
}


@command.command("rules")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--node", required=True, metavar="NAME", help="The node on which this kube-proxy runs.")
@click.option(
    "--mode",
    type=click.Choice(list(MODES)),
    help="kube-proxy's --proxy-mode; as the files configure it, else iptables.",
)
@click.option(
    "--family", type=click.Choice(["4", "6"]), default="4", show_default=True, help="Rules for IPv4 or for IPv6."
)
@click.option(
    "--part", type=click.Choice(list(READERS)), help="Of ipvs mode only what one program reads, without headings."
)
@click.option("--json", "as_json", is_flag=True, help="The answer as JSON.")
def rules(files: tuple[str, ...], node: str, mode: str | None, family: str, part: str | None, as_json: bool) -> None:
    """What kube-proxy 1.36 would write on a node, as text that iptables-restore, nft -f, or ipvsadm -R and ipset restore take.

    FILE is what `kubectl get nodes,pods,services,endpointslices -A -o yaml` prints, or plain manifests; `-` is standard
    input. A KubeProxyConfiguration among them is obeyed; without one kube-proxy is set up as kubeadm does it.
    """
    cluster = Cluster(read(files))
    mode = mode or cluster.mode
    if mode not in MODES:
        where, right = "KubeProxyConfiguration: mode", "write --mode iptables for the rules of that mode"
        raise BadInput(where, f"the rules of {mode} are not modelled", right)
    if part and mode != "ipvs":
        raise click.UsageError("--part belongs to --mode ipvs; the other modes write one text")
    written = MODES[mode](cluster, node, int(family))
    for notice in (*cluster.notices, *_wants_counters(written)):
        click.echo(f"kubenet: {notice}", err=True)
    text = written.parts[part] if part else _joined(written.parts)
    if as_json:
        said = {"node": node, "mode": mode, "family": int(family), "rules": text.splitlines()}
        text = json.dumps(said | written.more, indent=1) + "\n"
    click.echo(text, nl=False)


def _wants_counters(written: Written) -> list[str]:
    """kube-proxy makes the counters that its rules name; iptables-restore does not, and refuses the rules without them."""
    found = sorted(set(re.findall(r"--nfacct-name (\S+)", written.parts.get("iptables", ""))))
    return [f"iptables-restore wants these counters first: nfacct add {' '.join(found)}"] if found else []


def _joined(parts: dict[str, str]) -> str:
    """All parts, each under a heading that names its reader; one part alone needs none."""
    if len(parts) == 1:
        return "".join(parts.values())
    return "".join(f"# {READERS[name]}\n{text}" for name, text in parts.items())
