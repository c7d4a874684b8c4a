"""Chapter 10: which pod gets the next connection? What one node counts stands in a list, as `ipvsadm -Ln` prints it."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from ....linux.stack.ipvs.loads import Asked, Load, expected, overhead
from ....linux.stack.ipvs.schedulers import SCHEDULERS
from ....linux.stack.ipvs.servers import RealServer
from ....views.tables.source import Source
from ....views.tables.table import Table, table
from ...questions.kinds import Slip, Value
from ...questions.reading import one_of
from .. import Chance, defined

SERVICE, CLIENT = "10.96.1.1", "10.244.1.7"
Counted = tuple[int, int, int]  # weight, active, inactive


class Case(Struct, frozen=True):
    """A node's list and the question about it. `wrong` maps the place of a pod to the belief and what to say."""

    scheduler: str
    counted: Sequence[Counted]
    told: str
    wrong: dict[int, tuple[int, str]]
    because: str
    hint: str
    last: int = -1


def _other_nodes(chance: Chance) -> Case:
    many, few = chance.randrange(20, 60), chance.randrange(1, 4)
    return Case(
        "lc",
        ((1, 0, 0), (1, few, 0), (1, few + 1, 0)),
        f"It is the list of **node-2**. At this moment **node-1** has {many} open connections to "
        "the first pod, and none to the others.",
        {1: (191, ("Node-2 would have to know what node-1 has opened. Look at the column "
                   "ActiveConn: whose connections does it count?")),
         2: (191, "This pod has the most connections of all in this list.")},
        "A node counts only its own connections. In node-2's list the first pod has none, so it "
        "gets the next one, however busy it is.",
        "node-2 knows nothing but this list.",
    )  # fmt: skip


def _drained(chance: Chance) -> Case:
    one, other = chance.randrange(2, 9), chance.randrange(2, 9)
    return Case(
        "rr",
        ((1, one, 3), (1, other, 2), (0, one, 4)),
        "The connection before this one went to the **second** pod. The third pod is being "
        "deleted, and kube-proxy has set its weight to 0.",
        {2: (8, "It is the third pod's turn, but look at its weight."),
         1: (3, "The second pod had the connection before this one.")},
        "Round robin goes on to the next pod in the list. A pod of weight 0 keeps the connections "
        "that it has, and gets no new ones. So the turn passes on to the first pod.",
        "What does a weight of 0 mean?",
        last=1,
    )  # fmt: skip


def _weak(chance: Chance) -> Case:
    strong, busy = chance.choice((5, 8, 10)), chance.randrange(1, 3)
    return Case(
        "nq",
        ((strong, busy, 0), (1, 0, 0), (strong, busy + 1, 0)),
        f"Somebody has set the weights by hand: the first and the third pod are {strong} times as "
        "strong as the second.",
        {0: (193, "Shortest expected delay (sed) would choose this one. The scheduler here is nq."),
         2: (193, "It is as strong as the first pod, and has more to do.")},
        "Never queue looks for an idle pod first, and takes it however weak it is. Only when no "
        "pod is idle it computes as sed does.",
        "What does `nq` stand for, and is any of the pods idle?",
    )  # fmt: skip


def _alike(chance: Chance) -> Case:
    done = chance.randrange(15, 40)
    return Case(
        "sed",
        ((1, 0, 4 * done), (1, 0, done), (1, 0, 0)),
        "kube-proxy has set the weights. All connections are short, and at this moment none is "
        "open.",
        {1: (3, ("sed does not take turns. It computes the same number for each pod, from the "
                 "column ActiveConn.")),
         2: (193, "The third pod has had the fewest so far. But sed does not look at the column InActConn.")},
        "Shortest expected delay computes (active connections + 1) / weight. That is 1 for each of "
        "the three. Among equals the one that stands first is taken, again and again.",
        "Compute (ActiveConn + 1) / Weight for each pod.",
    )  # fmt: skip


def _inactive(chance: Chance) -> Case:
    closed = chance.randrange(100, 250)
    return Case(
        "lc",
        ((1, 2, 0), (1, 1, closed), (1, 2, 7)),
        "The column InActConn counts connections that are closed already and will soon be "
        "forgotten.",
        {0: (191, ("It has fewer connections if open and closed ones count alike. To lc an open "
                   f"one is as much as 256 closed ones, and {closed} is less.")),
         2: (191, "Two connections are open here, and only one on another pod.")},
        "Least connection computes 256 · active + inactive. One open connection more counts for "
        "more than some hundred closed ones.",
        "Compute 256 · ActiveConn + InActConn for each pod.",
    )  # fmt: skip


def _strong(chance: Chance) -> Case:
    few = chance.randrange(2, 4)
    return Case(
        "sed",
        ((1, few, 0), (4, 2 * few + 1, 0), (1, few + 1, 0)),
        "Somebody has set the weights by hand: the second pod is four times as strong as the "
        "others.",
        {0: (191, "It has the fewest connections. But sed divides by the weight."),
         2: (193, "It has more connections than the first pod, and the same weight.")},
        "Shortest expected delay computes (active connections + 1) / weight, and takes the "
        "smallest. The strong pod may have more connections and still come first.",
        "Compute (ActiveConn + 1) / Weight for each pod.",
    )  # fmt: skip


@defined("10-next", "Which pod is next?")
def next_one(chance: Chance) -> Value:
    of = chance.turn(_other_nodes, _drained, _weak, _alike, _inactive, _strong)(chance)
    hosts = chance.sample(range(10, 99), 3)
    loads = [
        Load(RealServer(f"10.244.{at + 1}.{host}", 8080, weight), active, inactive)
        for at, (host, (weight, active, inactive)) in enumerate(zip(hosts, of.counted, strict=True))
    ]
    rule = SCHEDULERS[of.scheduler]
    memory = of.last if of.scheduler == "rr" else rule.start(loads)
    chosen, _ = rule.choose(loads, Asked(CLIENT, SERVICE), memory)
    assert chosen is not None
    names = [load.server.address for load in loads]
    return Value(
        asks=f"A node works in IPVS mode. The list below says what it knows of one Service. {of.told} A "
        "program on the node of this list opens one more connection to the Service. Which pod gets it?",
        look=listed(loads, of.scheduler),
        answer=names[chosen],
        reads=one_of(names),
        slips=tuple(
            Slip(names[at], belief, said, counted(loads)) for at, (belief, said) in of.wrong.items() if at != chosen
        ),
        because=of.because,
        evidence=counted(loads),
        hints=(
            ("The scheduler's name stands in the first line, behind the Service's address. What does it look at?"),
            of.hint,
            f"The answer ends with .{names[chosen].rpartition('.')[2]}. {of.because}",
        ),
    )


def listed(loads: Sequence[Load], scheduler: str) -> Source:
    """As `ipvsadm -Ln` prints it; the order is that of the kernel's list."""
    lines = ["Prot LocalAddress:Port Scheduler Flags", "  -> RemoteAddress:Port   Forward Weight ActiveConn InActConn"]
    lines.append(f"TCP  {SERVICE}:80 {scheduler}")
    lines += [f"  -> {load.server!s:<20} Masq    {load.weight:<6} {load.active:<10} {load.inactive}" for load in loads]
    return Source("\n".join(lines), "ipvsadm -Ln, on this node")


def counted(loads: Sequence[Load]) -> Table:
    """What each scheduler would compute."""
    rows = [
        (
            load.server.address,
            load.weight,
            overhead(load),
            f"{expected(load)} / {load.weight}" if load.weight else "none",
        )
        for load in loads
    ]
    heads = ("pod", "weight", "lc: 256 · active + inactive", "sed: (active + 1) / weight")
    return table("What the schedulers compute", heads, rows, code=(0,))
