"""Policies as text, made of their parts: the exercises of chapter 13 change one part and ask what follows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import unified_diff
from random import Random
from typing import Any

import yaml

from ...worlds.shop import Tiers

Part = dict[str, Any]
ANY: Part = {"podSelector": {}}
GATEWAY: Part = {"namespaceSelector": {"matchLabels": {"purpose": "edge"}}}
MONITORING: Part = {"namespaceSelector": {"matchLabels": {"purpose": "monitoring"}}}
PROMETHEUS: Part = {"podSelector": {"matchLabels": {"app": "prometheus"}}}
DNS: Part = {
    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
    "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
}


def in_turn(id: str, chance: Random, count: int) -> int:
    """Which of some cases: the first variants of an exercise take them in turn, later ones draw. It draws first."""
    drawn = chance.random()
    first = [Random(f"{id}:{variant}").random() for variant in range(count)]
    return first.index(drawn) if drawn in first else int(drawn * count)


def tier(name: str) -> Part:
    return {"podSelector": {"matchLabels": {"tier": name}}}


def rule(way: str, peers: Iterable[Part] = (), *ports: int | Part) -> Part:
    """`way` is from or to. A port that is a number is TCP."""
    made: Part = {way: [dict(one) for one in peers]} if peers else {}
    if ports:
        made["ports"] = [{"protocol": "TCP", "port": one} if isinstance(one, int) else one for one in ports]
    return made


def policy(of: Tiers, name: str, selects: str = "", namespace: str = "", **spec: Any) -> str:
    """A manifest. `selects` is a tier, nothing for all pods; `spec` holds ingress, egress, policyTypes."""
    chosen = {"matchLabels": {"tier": selects}} if selects else {}
    whole = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": namespace or of.namespace},
        "spec": {"podSelector": chosen, **spec},
    }
    return dumped(whole)


class Plain(yaml.SafeDumper):
    """No anchors: the same part twice is written twice."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


class Flow(dict):
    """A part that is written in one line."""


class Row(list):
    """A list that is written in one line."""


def _row(dumper: Plain, part: Row) -> yaml.Node:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", part, flow_style=True)


def _flow(dumper: Plain, part: Flow) -> yaml.Node:
    return dumper.represent_mapping("tag:yaml.org,2002:map", part.items(), flow_style=True)


Plain.add_representer(Flow, _flow)
Plain.add_representer(Row, _row)


def _tight(part: Any) -> Any:
    """Selectors in one line each, and a single port too: that is how people read them fastest."""
    if isinstance(part, dict):
        return {key: _in_one_line(key, value) or _tight(value) for key, value in part.items()}
    return [_tight(one) for one in part] if isinstance(part, list) else part


def _in_one_line(key: str, value: Any) -> Any:
    if key in ("podSelector", "namespaceSelector", "matchLabels"):
        return Flow(value)
    return Row(value) if key == "ports" and len(value) == 1 else None


def dumped(value: Any) -> str:
    return yaml.dump(_tight(value), sort_keys=False, default_flow_style=None, width=110, Dumper=Plain)


def specs(text: str) -> str:
    """Several policies, shortened: each name with its spec."""
    return dumped({one["metadata"]["name"]: one["spec"] for one in yaml.safe_load_all(text)})


def joined(*texts: str) -> str:
    return "---\n".join(texts)


def deny(of: Tiers, *ways: str, namespace: str = "") -> str:
    """Default deny for all pods of the namespace."""
    return policy(of, "default-deny", namespace=namespace, policyTypes=list(ways or ("Ingress", "Egress")))


def dns(of: Tiers) -> str:
    ports = [{"protocol": one, "port": of.dns} for one in ("UDP", "TCP")]
    return policy(of, "allow-dns", policyTypes=["Egress"], egress=[rule("to", [DNS], *ports)])


def metrics(of: Tiers, *peers: Part, port: int | Part = 0) -> str:
    """Prometheus may read the metrics of every tier."""
    peers = peers or ({**MONITORING, **PROMETHEUS},)
    return policy(of, "allow-metrics", policyTypes=["Ingress"], ingress=[rule("from", peers, port or of.metrics)])


def web(of: Tiers, port: int = 0) -> str:
    spec: dict[str, Any] = {
        "ingress": [rule("from", [GATEWAY], of.web)],
        "egress": [rule("to", [tier("api")], port or of.api)],
    }
    return policy(of, "web", "web", policyTypes=["Ingress", "Egress"], **spec)


def api(of: Tiers, port: int = 0) -> str:
    spec: dict[str, Any] = {
        "ingress": [rule("from", [tier("web")], port or of.api)],
        "egress": [rule("to", [tier("db")], of.db)],
    }
    return policy(of, "api", "api", policyTypes=["Ingress", "Egress"], **spec)


def db(of: Tiers, *peers: Part) -> str:
    return policy(of, "db", "db", policyTypes=["Ingress"], ingress=[rule("from", peers or (tier("api"),), of.db)])


def application(of: Tiers, **other: str) -> str:
    """All policies of an application; `other` puts another text, or none, in the place of one of them."""
    parts: Mapping[str, str] = {
        "deny": deny(of), "dns": dns(of), "web": web(of), "api": api(of), "db": db(of), "metrics": metrics(of), **other,
    }  # fmt: skip
    return joined(*(text for text in parts.values() if text))


def diff(before: str, after: str) -> str:
    """A change as a colleague sends it, with enough lines around to see which policy it is in."""
    names = "policies.yaml (now)", "policies.yaml (new)"
    return "\n".join(unified_diff(before.splitlines(), after.splitlines(), *names, n=9, lineterm=""))
