"""The recorded clusters of kube-proxy 1.36.2, and iptables text in a form in which equal rules are equal."""

import json
import re
from collections import Counter
from pathlib import Path

import msgspec

from kubenet_course.kube.api.objects import EndpointSlice, KubeProxyConfiguration, Service
from kubenet_course.kube.proxy.node import NodeFacts

RECORDED = Path("data/reference/kube-proxy-1.36.2")
CASES = sorted(path.name for path in RECORDED.iterdir() if path.is_dir())
FILES = {4: "iptables.iptables-save.txt", 6: "iptables.ip6tables-save.txt"}


def recorded(name: str) -> tuple[list[Service], list[EndpointSlice], NodeFacts, KubeProxyConfiguration]:
    """What kube-proxy was given: Services, slices, its node, its flags."""
    given = json.loads((RECORDED / name / "input.json").read_text())
    services = [msgspec.convert(one, Service) for one in given["services"]]
    slices = [msgspec.convert(one, EndpointSlice) for one in given["endpointSlices"]]
    node = given["node"]
    facts = NodeFacts(
        node["name"], node["zone"], tuple(node["podCIDRs"]), tuple(node["internalIPs"]), tuple(node["other_local_ips"])
    )
    return services, slices, facts, configured(given["kubeproxy_flags"])


def configured(flags: list[str]) -> KubeProxyConfiguration:
    """The flags of the recordings as the configuration that they stand for."""
    said = dict(flag.removeprefix("--").split("=", 1) for flag in flags)
    return KubeProxyConfiguration(
        api_version="kubeproxy.config.k8s.io/v1alpha1", cluster_cidr=said.get("cluster-cidr", "")
    )


def canonical(text: str) -> dict[tuple[str, str], list[tuple[tuple[str, int], ...]]]:
    """(table, chain) -> its rules in order, each as a bag of its options; a chain's declaration is an empty list of rules."""
    found: dict[tuple[str, str], list] = {}
    table = ""
    for line in text.splitlines():
        if line.startswith("*"):
            table = line[1:]
        elif line.startswith(":"):
            found.setdefault((table, line[1:].split()[0]), [])
        elif line.startswith("-A"):
            _, chain, rest = (line + " ").split(" ", 2)
            found.setdefault((table, chain), []).append(_options(rest))
    return found


def _options(rest: str) -> tuple[tuple[str, int], ...]:
    words = re.findall(r'(?:! )?--?[a-z][a-z-]*(?: +(?!-|!)(?:"(?:[^"\\]|\\.)*"|\S+))*', rest)
    cleaned = (re.sub(r" +", " ", word).replace('"', "") for word in words)
    bare = (re.sub(r"^((?:! )?-[sd] [0-9a-f.:]+)$", _with_length, word) for word in cleaned)
    return tuple(sorted(Counter(bare).items()))


def _with_length(found: re.Match[str]) -> str:
    return f"{found[1]}/{128 if ':' in found[1] else 32}"
