"""Chapter 10: how many connections does a pod get when many nodes choose, each by itself?"""

from __future__ import annotations

from ....kube.balance.spread import carried_out
from ....kube.balance.workload import CLIENTS, Connection
from ....views.tables.shares import Shares, shares
from ...questions.kinds import Slip, Value
from ...questions.reading import NUMBER
from .. import Chance, defined

Told = tuple[str, int, tuple[tuple[int, int, str], ...], str, str, Shares]


def staying(nodes: int, each: int) -> list[Connection]:
    """Every node's one client opens so many connections, which stay open."""
    return [Connection(at, at % nodes, ((at, 12),), True) for at in range(nodes * each)]


def spread_out(scheduler: str, nodes: int, each: int, pods: int) -> Shares:
    """The pods' connections, as bars."""
    got = carried_out(scheduler, staying(nodes, each), (4,) * pods, nodes).got
    total = sum(got)
    rows = [(f"pod {number}", count / total, (count,)) for number, count in enumerate(got, 1)]
    return shares(f"{scheduler}: {nodes} nodes, {each} connections each", ("pod", "share", "connections"), rows)


def _one_each(chance: Chance) -> Told:
    pods, nodes = chance.choice((3, 4, 5)), chance.randrange(20, CLIENTS, 2)
    nodes += -nodes % pods if nodes + (-nodes % pods) <= CLIENTS else -(nodes % pods)
    return (
        (f"An agent runs on each of {nodes} nodes and keeps **one** connection open to a Service "
         f"with {pods} pods. The mode is IPVS, the scheduler `rr`. All agents have just connected "
         "anew. How many connections has the pod with most of them?"),
        nodes,
        ((nodes // pods, 190, ("That would be so if the nodes took turns together. Who keeps the "
                               "turn?")),
         (1, 190, "One connection from each node, that is right. How many nodes choose this pod?")),
        ("Each node keeps a turn of its own. For each of them this is the first connection, and it "
         "goes to the pod that stands first in the list. The list is sorted in the same way on "
         "every node."),
        "Each node begins at the head of its own list.",
        spread_out("rr", nodes, 1, pods),
    )  # fmt: skip


def _two_each(chance: Chance) -> Told:
    pods, nodes = chance.choice((5, 6, 8)), chance.randrange(10, CLIENTS)
    return (
        (f"On each of {nodes} nodes a program opens **two** connections to a Service with {pods} "
         "pods and keeps them. The mode is IPVS, the scheduler `lc`, least connection. How many "
         f"of the {pods} pods get **no** connection?"),
        pods - 2,
        ((0, 191, ("Then the nodes would have to know of each other's connections. Each one counts "
                   "only its own.")),
         (pods - 1, 190, ("The second connection of a node goes to a pod with which this node has "
                          "none yet.")),
         (2, 0, "That is how many pods **get** connections. How many get none?"),
         (2 * nodes, 0, "That is the number of connections. The question is how many pods get none.")),
        ("For each node the first connection goes to the first pod, since all have none. The "
         "second goes to the second pod, since now the first has one. No node ever comes to the "
         "third pod."),
        "Take one node alone. Which two pods does it choose? Then take the next node.",
        spread_out("lc", nodes, 2, pods),
    )  # fmt: skip


def _whole_rounds(chance: Chance) -> Told:
    pods, nodes = chance.choice((3, 4)), chance.randrange(5, 12)
    return (
        (f"On each of {nodes} nodes a program opens **{pods}** connections to a Service with "
         f"{pods} pods and keeps them. The mode is IPVS, the scheduler `rr`. How many connections "
         "has the **first** pod in the list?"),
        nodes,
        ((nodes * pods, 190, ("Every node begins with this pod. But a node goes on to the next pod "
                              "with its next connection.")),
         (pods, 190, "That is what one node opens. How many nodes are there?")),
        ("Every node goes once around its list. So each pod gets one connection from each node, "
         "and all is even. Round robin is fair as long as each node opens many connections."),
        "How many of one node's connections go to the first pod?",
        spread_out("rr", nodes, pods, pods),
    )  # fmt: skip


def _one_address(chance: Chance) -> Told:
    pods, nodes = chance.choice((4, 6, 9)), chance.randrange(8, 30)
    return (
        (f"A Service has one ClusterIP and {pods} pods. Programs on {nodes} nodes open several "
         "connections each. The mode is IPVS, the scheduler `dh`, destination hashing. How many "
         "of the pods get any connection?"),
        1,
        ((pods, 3, ("dh takes no turns. It computes a number from the destination. How many "
                    "destinations are there?")),
         (nodes, 190, "Which node asks does not matter: only the destination is hashed.")),
        ("The destination is the ClusterIP, the same for everybody. So everybody computes the same "
         "pod. Destination hashing was made for caches that stand before many addresses; for one "
         "Service it is of no use."),
        "What exactly is hashed, and how many different values of it are there?",
        spread_out("dh", nodes, 3, pods),
    )  # fmt: skip


def _first(asks: str) -> str:
    if "`dh`" in asks:
        return "What does this scheduler look at when it chooses a pod?"
    return "Who decides: the cluster, or each node by itself?"


@defined("10-nodes", "Many nodes, one Service")
def nodes(chance: Chance) -> Value:
    told = chance.turn(_two_each, _whole_rounds, _one_each, _one_address)(chance)
    asks, answer, slips, because, hint, evidence = told
    return Value(
        asks=asks,
        answer=answer,
        reads=NUMBER,
        slips=tuple(Slip(wrong, belief, said, evidence) for wrong, belief, said in slips if wrong != answer),
        because=because,
        evidence=evidence,
        hints=(_first(asks), hint, f"{because.split('. ')[0]}."),
    )
