"""What kube-proxy writes on a node in the modes that iptables-save does not show, as their own programs print it."""

from __future__ import annotations

import re

from ...errors import BadInput
from ...kube.model.cluster import Cluster
from ...kube.proxy.ipvs.tables import DEVICE, ipvs_tables
from ...kube.proxy.nftables.rules import nftables_rules
from ...kube.proxy.nftables.settings import service_ranges
from ...kube.proxy.other import ebpf, kernelspace
from ...linux.netfilter.nft.write import write
from ...linux.stack.ipvs.servers import ipvsadm
from .source import Source

BLOCK = re.compile(r"^\t(chain|set|map) (\S+) \{\n.*?^\t\}\n", re.MULTILINE | re.DOTALL)


def nft_text(made: Cluster, node: str, *names: str) -> Source:
    """The chains, sets and maps of `table ip kube-proxy` whose names begin so; all of them where no name is given."""
    rules = nftables_rules(made.watched[4], made.facts(node), made.proxy, service_ranges(made.ranges))
    blocks = {found[2]: found[0] for found in BLOCK.finditer(write(rules))}
    chosen = [name for begins in names for name in blocks if name.startswith(begins)] if names else list(blocks)
    if not chosen:
        raise BadInput(
            "name", f"nothing in the table begins with {' or '.join(names)}", f"there is {', '.join(blocks)}"
        )
    text = "\n".join(blocks[name].rstrip("\n") for name in dict.fromkeys(chosen))
    return Source(text.replace("\t", "  "), f"nft list ruleset, on {node}: parts of table ip kube-proxy")


def windows_text(made: Cluster, node: str) -> Source:
    """What kube-proxy would publish if the node were one of Windows."""
    found = kernelspace.kernelspace(made.watched[4], made.facts(node))
    return Source(kernelspace.listed(found), f"objects of the host networking service, if {node} had Windows")


def ebpf_text(made: Cluster, node: str) -> Source:
    """What the programs of a replacement for kube-proxy would look up."""
    found = ebpf.maps(made.watched[4], made.facts(node))
    return Source(ebpf.listed(found), f"the maps of eBPF programs on {node}, as cilium-dbg service list shows them")


def ipvs_text(made: Cluster, node: str) -> Source:
    """The virtual servers with their real servers, and the addresses of the dummy device."""
    found = ipvs_tables(made.watched[4], made.facts(node), made.proxy)
    addresses = " ".join(f"{ip}/32" for ip in found.addresses)
    text = f"{ipvsadm(found.servers)}\n# ip -br address show dev {DEVICE}\n{DEVICE}  DOWN  {addresses}"
    return Source(text, f"ipvsadm -S -n, on {node}")
