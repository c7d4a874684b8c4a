"""Chapter 09: numbers to say: what a rule takes of all connections, and which of four ports stands in a packet."""

from __future__ import annotations

from random import Random

from msgspec.structs import replace

from ....linux.namespace.trace import Trace
from ....views.tables.shares import Shares, by_rule
from ....views.tables.source import Source
from ...questions.evidence import journey
from ...questions.kinds import Slip, Value
from ...questions.reading import NUMBER, PORT
from .. import defined
from .shop import STRANGER, Shop, shop, turn

TOTAL = 12_000
SHARES = ("rule", "share", "count", "asked")
PORTS = ("arrives", "stranger", "answer", "manifest")


def _fair(n: int) -> Shares:
    return by_rule([1 / (n - at) for at in range(n)], [f"{at + 1} of {n}" for at in range(n)])


@defined("09-share", "What does this rule take?")
def share(chance: Random) -> Value:
    kind = turn(chance, SHARES, 3)
    n = chance.choice((4, 5, 6, 8))
    k = chance.randrange(2, n)
    asks, answer, slips = _shared(kind, n, k)
    return Value(
        asks=asks,
        answer=answer,
        reads=NUMBER,
        slips=tuple(Slip(wrong, 2, said, _fair(3)) for wrong, said in slips),
        because=_why(kind, n, k),
        evidence=_fair(n),
        hints=_hints(kind, n, k),
    )


def _why(kind: str, n: int, k: int) -> str:
    if kind == "count":
        return (
            f"The first rule is asked about **all** connections. If each of {n} endpoints gets the same share, it must "
            f"take one part of {n}, and {1 / n:.5f} is 1/{n}."
        )
    return (
        f"Rule {k} of {n} is asked only about the connections that the rules before it left: {n - k + 1} "
        f"parts of {n}. It takes one of these {n - k + 1} parts, and so every endpoint gets one part of {n}."
    )


def _hints(kind: str, n: int, k: int) -> tuple[str, str, str]:
    if kind == "count":
        return (
            "Which connections is the first rule asked about, and which part of them does it take?",
            "The first rule is asked about all connections, and takes the share of one endpoint.",
            f"Each endpoint has the same share, {1 / n:.5f} of all. How many such shares make the whole?",
        )
    before = "there is one rule, and it" if k == 2 else f"there are {k - 1} rules, and each of them"
    return (
        "A rule is asked only about connections that no earlier rule took.",
        f"The first rule takes one part of {n}. How many parts are left for the rules behind it?",
        f"Before rule {k} {before} took one part of {n}. So {n - k + 1} parts are left.",
    )


def _shared(kind: str, n: int, k: int) -> tuple[str, int, tuple[tuple[int, str], ...]]:
    """The question, its answer, and wrong answers with what is wrong with them."""
    left, says = n - k + 1, f"{1 / (n - k + 1):.5f}"
    if kind == "rule":
        asks = (
            f"A Service has {n} endpoints. kube-proxy writes a rule for each. Rule number {k} says `--probability` "
            f"1/x. What is **x**?"
        )
        return asks, left, (
            (n, (f"Suppose that every rule said 1/{n}. Then some connections would reach the end of the chain, and "
                 f"no rule would take them.")),
            (k, ("The chance does not grow with the number of the rule; it depends on how many endpoints are still "
                 "to come.")),
        )  # fmt: skip
    if kind == "share":
        asks = (
            f"A Service has {n} endpoints. Rule number {k} says `--probability {says}`. About how many of {TOTAL:,} "
            f"new connections "
        )
        return asks + "does its endpoint get?", TOTAL // n, (
            (round(TOTAL / left), (f"That would be {says} of **all** connections. But the rules before this one have "
                                   f"already taken some.")),
            (TOTAL // k, ("The number of the rule says nothing by itself. Follow the connections from the first "
                          "rule on.")),
        )  # fmt: skip
    return _counted(kind, n, k)


def _counted(kind: str, n: int, k: int) -> tuple[str, int, tuple[tuple[int, str], ...]]:
    """The same for questions about how many there are."""
    left = n - k + 1
    if kind == "count":
        asks = (
            f"In the chain of a Service the **first** endpoint's rule says `--probability {1 / n:.5f}`. How many "
            f"endpoints has the Service?"
        )
        return asks, n, (
            (n - 1, ("The last endpoint's rule has no probability in it, and is easily forgotten. It takes all that "
                     "is left.")),
            (n + 1, "The last rule is an endpoint's rule too, and nothing stands behind it."),
        )  # fmt: skip
    asks = (
        f"A Service has {n} endpoints. Of {TOTAL:,} new connections, about how many **reach** rule number {k}, so "
        f"that it is asked at all?"
    )
    return asks, TOTAL * left // n, (
        (TOTAL, (f"Only the first rule sees them all. What it takes goes to the endpoint's chain and never reaches "
                 f"rule {k}.")),
        (TOTAL // n, "That is what the rule takes. It is asked about more than it takes."),
        (TOTAL * (k - 1) // n, f"That is how many are taken **before** rule {k}. The question asks for those that are left."),
        (TOTAL // left, ("The number in the rule says how many of the connections that reach it match. It does not "
                         "say how many reach it.")),
    )  # fmt: skip


@defined("09-ports", "Four ports")
def ports(chance: Random) -> Value:
    kind = turn(chance, PORTS, 13)
    of = shop(chance, endpoints=1, homes="there")
    other = chance.choice([port for port in (5000, 7070, 9999) if port != of.target])
    asks, answer, slips, trace = _ported(kind, of, other)
    seen = journey(trace)
    begins = replace(seen, caption="The packet as it leaves the asker", rows=seen.rows[:1])
    return Value(
        asks=asks,
        look=_manifest(of, other),
        answer=answer,
        reads=PORT,
        slips=tuple(Slip(wrong, 15, said, begins) for wrong, said in slips),
        because=(
            "`nodePort` is asked from outside, at a node. `port` is asked inside, at the Service. Both are "
            "replaced by `targetPort`, where the program listens. `containerPort` is a note for people and "
            "does nothing."
        ),
        evidence=seen,
        hints=(
            "Two of these ports are asked by clients, one is where the program listens, and one is only a note.",
            (
                "The rule that translates says `--to-destination ADDRESS:PORT`. Which field of the manifest does this "
                "port come from?"
            ),
            (
                "The path is: nodePort (outside) or port (inside), then targetPort. The answer is translated back the "
                "same way."
            ),
        ),
    )


def _ported(kind: str, of: Shop, note: int) -> tuple[str, int, tuple[tuple[int, str], ...], Trace]:
    wrong: tuple[tuple[int, str], ...]
    arrives = (
        (of.port, "The client asks this port. On the client's node a rule replaces it, together with the address."),
        (of.node_port, "Only who asks a node from outside uses this port."),
        (note, "Nothing reads this field: no rule and no kernel."),
    )
    if kind == "arrives":
        asks = (
            f"A pod asks the Service at its address, port {of.port}. Which destination port has the packet when it "
            f"reaches the pod `web-1`?"
        )
        return asks, of.target, arrives, of.asked()
    if kind == "stranger":
        asks = (
            "A machine outside the cluster knows only the address of a node. Which port must it ask there to reach "
            "`web`?"
        )
        wrong = ((of.port, ("That port belongs to the Service's address. On the node's own address nobody listens "
                            "there.")),
                 (of.target, "The program listens there in its pod, and a pod has an address of its own."),
                 (note, "Nothing reads this field: no rule and no kernel."))  # fmt: skip
        return asks, of.node_port, wrong, of.asked(STRANGER, of.outside)
    if kind == "answer":
        asks = (
            f"A pod asks the Service at its address, port {of.port}, and `web-1` answers. From which source **port** "
            f"does the answer come, "
        )
        wrong = ((of.target, "web-1 sends it from there. On its way back the client's node translates it once more."),
                 (of.node_port, "Nobody has asked this port here."),
                 (note, "Nothing reads this field: no rule and no kernel."))  # fmt: skip
        return asks + "as the asking pod sees it?", of.port, wrong, of.asked()
    asks = (
        f"Somebody deletes the line `containerPort: {note}` and changes nothing else. Which port of `web-1` do "
        f"connections through the "
    )
    wrong = ((note, "It never did anything: the packets went to another port before, too."), *arrives[:2],
             (0, "The field is only a note. Connections go on as before."))  # fmt: skip
    return asks + "Service arrive at now?", of.target, wrong, of.asked()


def _manifest(of: Shop, note: int) -> Source:
    lines = (
        "kind: Service",
        "spec:",
        "  type: NodePort",
        f"  clusterIP: {of.address}",
        "  ports:",
        f"  - port: {of.port}",
        f"    targetPort: {of.target}",
        f"    nodePort: {of.node_port}",
        "---",
        "kind: Pod",
        f"# the program in web-1 listens on port {of.target}",
        "spec:",
        "  containers:",
        f"  - ports: [{{containerPort: {note}}}]",
    )
    return Source("\n".join(lines), "the parts of both manifests that matter")
