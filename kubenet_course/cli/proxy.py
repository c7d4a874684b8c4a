"""`kubenet proxy`: what kube-proxy decides."""

import json
import re

import click

from ..errors import BadInput
from ..kube.manifest.read import read
from ..kube.model.cluster import Cluster
from ..linux.netfilter.iptables.save import write

MODES = ("iptables",)


@click.group("proxy")
def command() -> None:
    """What kube-proxy decides, from the manifests of a cluster."""


@command.command("rules")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--node", required=True, metavar="NAME", help="The node on which this kube-proxy runs.")
@click.option(
    "--mode", type=click.Choice(MODES), help="kube-proxy's own --proxy-mode; as the files configure it, else iptables."
)
@click.option(
    "--family", type=click.Choice(["4", "6"]), default="4", show_default=True, help="Rules for IPv4 or for IPv6."
)
@click.option("--json", "as_json", is_flag=True, help="The answer as JSON.")
def rules(files: tuple[str, ...], node: str, mode: str | None, family: str, as_json: bool) -> None:
    """What kube-proxy 1.36 would write on a node, as text that iptables-restore takes.

    FILE is what `kubectl get nodes,pods,services,endpointslices -A -o yaml` prints, or plain manifests; `-` is standard
    input. A KubeProxyConfiguration among them is obeyed; without one kube-proxy is set up as kubeadm does it.
    """
    cluster = Cluster(read(files))
    mode = mode or cluster.mode
    if mode not in MODES:
        right = f"write --mode {MODES[0]} for the rules of that mode"
        raise BadInput("KubeProxyConfiguration: mode", f"the rules of {mode} are not modelled", right)
    text = write(cluster.proxy_rules(node, int(family)))
    for notice in cluster.notices:
        click.echo(f"kubenet: {notice}", err=True)
    counters = sorted(set(re.findall(r"--nfacct-name (\S+)", text)))
    if counters:
        click.echo(f"kubenet: iptables-restore wants these counters first: nfacct add {' '.join(counters)}", err=True)
    if as_json:
        text = (
            json.dumps({"node": node, "mode": mode, "family": int(family), "rules": text.splitlines()}, indent=1) + "\n"
        )
    click.echo(text, nl=False)
