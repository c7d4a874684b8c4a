"""Chapter 04: a Layout that does not do what is needed, and the change that mends it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import yaml
from msgspec import Struct

from ....kube.layout.asked.reach import Cell
from ....kube.model.cluster import Cluster
from ....views.tables.table import Table
from ...questions.kinds import Finding, Slip
from ...questions.kinds_made import Repair
from ...questions.reading import Unreadable
from ...worlds.layouts import laid_out
from .. import Chance, defined
from .drawn import BORDER, Drawn, drawn, way

Wanted = Callable[[Drawn, Cluster], tuple[tuple[str, bool, Cell], ...]]


class Case(Struct, frozen=True):
    """What is broken: the spec as it stands, what is needed in words, a repair, wrong ones with their beliefs, what is tested."""

    spec: Mapping[str, Any]
    asks: str
    needs: Wanted
    repair: tuple[str, str]  # words of the spec, and what stands there instead
    slips: tuple[tuple[str, str, int], ...]
    because: str
    hints: tuple[str, str]


def _cases(of: Drawn) -> tuple[Case, ...]:
    return _list(of), _overlap(of), _wall(of), _border(of), _door(of)


def _list(of: Drawn) -> Case:
    spec = of.spec("island", nonMasqueradeCIDRs=["10.0.0.0/8"])

    def needs(of: Drawn, cluster: Cluster) -> tuple[tuple[str, bool, Cell], ...]:
        asked, inside = of.asks(cluster, "client", "laptop"), of.asks(cluster, "client", "db")
        return (
            ("client gets no answer from the laptop", asked.reached, asked),
            (("db no longer sees client's own address"), inside.seen_from == of.end(cluster, "client").address, inside),
        )

    return Case(
        spec,
        "The cluster is an island. Since somebody set the list, `client` gets no answers from the "
        "laptop any more. Change the Layout so "
        "that the answers come, and that pods of the cluster still see each other's own addresses. "
        "It must stay an island.",
        needs,
        ("10.0.0.0/8", "10.244.0.0/16"),
        (("[10.0.0.0/8]", "[]", 0), ("10.0.0.0/8", of.office, 0)),
        "The office is not in the list any more, so the node masquerades. The pods' range is, so pods see each other.",
        (
            ("Which destinations must keep the pod's address? Those that have a route to it: the pods of the cluster."),
            ("The list should hold the range of the cluster's own pods, 10.244.0.0/16, and nothing of the office."),
        ),
    )


def _overlap(of: Drawn) -> Case:
    spec = of.spec("flat", west={"podSubnet": "10.244.0.0/16"})

    def needs(of: Drawn, cluster: Cluster) -> tuple[tuple[str, bool, Cell], ...]:
        east, west = of.asks(cluster, "laptop", "db"), of.asks(cluster, "laptop", "west")
        return (
            ("the laptop does not reach db of east", east.reached, east),
            ("the laptop does not reach web-1 of west", west.reached, west),
        )

    return Case(
        spec,
        "Two teams have set up two flat clusters. The model refuses this Layout. Change it so that "
        "the laptop reaches the pods of both "
        "clusters by their own addresses.",
        needs,
        ("10.244.0.0/16", "10.250.0.0/16"),
        (("clusters:", "overlap: allowed\nclusters:", 28), ("layout: flat}", "layout: island}", 141)),
        "Each flat cluster needs a range that nobody else has. Now the router has one route to each block.",
        (
            ("Both clusters have to stay flat, or the laptop could not reach their pods. What can change then?"),
            ("Give west a range for its pods that overlaps with nothing: not with 10.244.0.0/16, not with the office."),
        ),
    )


def _wall(of: Drawn) -> Case:
    rule = [{"action": "drop", "from": "10.244.0.0/16", "to": of.office}]
    spec = of.spec("island", firewall=rule)

    def needs(of: Drawn, cluster: Cluster) -> tuple[tuple[str, bool, Cell], ...]:
        pod, other = of.asks(cluster, "client", "laptop"), of.asks(cluster, "db", "laptop")
        return (
            ("client still reaches the laptop", not pod.reached, pod),
            ("db still reaches the laptop", not other.reached, other),
            (("client no longer reaches the partner"), (out := of.asks(cluster, "client", "partner")).reached, out),
        )

    return Case(
        spec,
        "No pod shall reach the office. The firewall's rule drops what comes from the pods' range, "
        "and all pods reach the laptop "
        "all the same. Change the rule so that it works. Pods must still reach the partner.",
        needs,
        ("from: 10.244.0.0/16", "from: 192.168.1.0/24"),
        (
            ("from: 10.244.0.0/16", f"from: 192.168.1.{10 + of.here}/32", 147),
            (f"to: {of.office}", "to: 0.0.0.0/0", 141),
        ),
        "In an island the firewall sees the nodes' addresses, so that is what its rule has to "
        "name. It stops programs of the nodes, too.",
        (
            "Which source address does the router see on a packet from a pod of an island?",
            "The nodes have 192.168.1.0/24. Both nodes have pods.",
        ),
    )


def _border(of: Drawn) -> Case:
    spec = of.spec("flat")
    spec["internet"] = {**spec["internet"], "nat": False}

    def needs(of: Drawn, cluster: Cluster) -> tuple[tuple[str, bool, Cell], ...]:
        out, office = of.asks(cluster, "client", "partner"), of.asks(cluster, "client", "laptop")
        return (
            ("client gets no answer from the partner", out.reached, out),
            (
                "the laptop no longer sees client's own address",
                office.seen_from == of.end(cluster, "client").address,
                office,
            ),
        )

    return Case(
        spec,
        "A flat cluster has private pod addresses. `client` gets no answers from the partner on "
        "the internet. Change the Layout so that "
        "they come. The laptop in the office must still see the pod's own address.",
        needs,
        ("nat: false", "nat: true"),
        (("layout: flat", "layout: island", 141), ("layout: flat", "layout: flat\nroutes: cloud", 142)),
        "The internet has no route to a private address. The border has to translate, and nobody else.",
        (
            ("How far does the packet get, and what would the answer need? Who on the way has a public address?"),
            "The border has one. Let it translate private sources.",
        ),
    )


def _door(of: Drawn) -> Case:
    gate = {"name": "partner", "pods": ["default/web"], "node": f"node-{of.there}"}
    spec = of.spec("island", egressGateways=[{**gate, "address": "192.168.1.50", "to": ["203.0.113.0/24"]}])
    said = {"from": "192.168.1.50/32", "to": "198.51.100.3"}
    spec["internet"] = {**spec["internet"], "translations": [said]}

    def needs(of: Drawn, cluster: Cluster) -> tuple[tuple[str, bool, Cell], ...]:
        one, other = of.asks(cluster, "client", "partner"), of.asks(cluster, "web", "partner")
        return (
            ("the partner does not see client under 198.51.100.3", one.seen_from == "198.51.100.3", one),
            ("web has the same address now", other.seen_from == BORDER, other),
        )

    return Case(
        spec,
        "The partner lets in 198.51.100.3 and nobody else. `client` must come from that address, "
        "and no other pod may. There is an egress gateway, but it does not do that. Change it.",
        needs,
        ("default/web", "default/client"),
        (("default/web]", "default/web, default/client]", 147), ("192.168.1.50/32", "192.168.1.0/24", 147)),
        "The gateway takes what client sends to the partner, and nothing else. The border has a "
        "public address for the gateway's address alone.",
        (
            "Whose packets does the gateway take now?",
            "Its list `pods` has to name the pod `client` of namespace default, and no other.",
        ),
    )


@defined("04-mend", "Mend a Layout")
def mend(chance: Chance) -> Repair:
    turn = chance.turn(0, 1, 2, 3, 4)
    of = drawn(chance)
    case = _cases(of)[turn]
    text = yaml.safe_dump(dict(case.spec), sort_keys=False, default_flow_style=None, width=110)
    repaired = text.replace(case.repair[0], case.repair[1], 1) if turn != 1 else _last(text, *case.repair)
    return Repair(
        asks=f"{case.asks} Below stands the `spec` of the Layout.",
        starts=text,
        tests=lambda answer: _tested(of, case, answer),
        solution=repaired,
        slips=tuple(Slip(_last(text, old, new), belief) for old, new, belief in case.slips),
        because=case.because,
        evidence=_shown(of, case, repaired),
        hints=(*case.hints, f"Write {case.repair[1]} in place of {case.repair[0]}."),
    )


def _last(text: str, old: str, new: str) -> str:
    head, _, tail = text.rpartition(old)
    return f"{head}{new}{tail}"


def _tested(of: Drawn, case: Case, answer: str) -> tuple[Finding, ...]:
    """Builds the cluster that the text describes, and sends the pings that matter."""
    try:
        said = yaml.safe_load(answer)
    except yaml.YAMLError as error:
        line = getattr(getattr(error, "problem_mark", None), "line", 0) + 1
        raise Unreadable(f"This is not YAML: look at line {line}.") from None
    if isinstance(said, dict) and isinstance(said.get("spec"), dict):
        said = said["spec"]
    if not isinstance(said, dict):
        raise Unreadable("Write the fields of the spec, each on a line of its own, such as layout: island.")
    cluster = laid_out(said, *of.items())
    cells = case.needs(of, cluster)
    if said.get("overlap") == "allowed":
        told = "That only lets the model build it. The addresses are still there twice."
        return (Finding(False, told, 28, way(*(cell for *_, cell in cells))),)
    if said.get("layout") != case.spec["layout"]:
        told = f"The layout has to stay as it is: {case.spec['layout']}."
        return (Finding(False, told, _belief(case, answer), way(*(cell for *_, cell in cells))),)
    return tuple(
        Finding(ok, "" if ok else f"Not yet: {what}.", 0 if ok else _belief(case, answer), way(cell))
        for what, ok, cell in cells
    )


def _shown(of: Drawn, case: Case, text: str) -> Table:
    """What the model does with a Layout that is right."""
    cluster = laid_out(yaml.safe_load(text), *of.items())
    return way(*(cell for *_, cell in case.needs(of, cluster)))


def _belief(case: Case, answer: str) -> int:
    """The belief behind a wrong text that was foreseen; none behind any other."""
    return next((belief for _, new, belief in case.slips if new in answer), 0)
