"""Chapter 10: one connection, many requests. Who sees them, and what helps."""

from __future__ import annotations

from collections.abc import Iterable

from ....views.tables.table import Table, table
from ...questions.kinds import Slip, Value
from ...questions.reading import NUMBER
from .. import Chance, defined

Told = tuple[str, int, tuple[tuple[int, int, str], ...], str, str, Table]


def _table(caption: str, rows: Iterable[tuple[object, object, object]]) -> Table:
    return table(caption, ("connections", "requests on each", "pods that can see them"), rows)


def _one(chance: Chance) -> Told:
    pods, requests = chance.randrange(4, 12), chance.choice((1000, 5000, 20_000))
    return (
        ("A program has one gRPC channel to a Service: one HTTP/2 connection. It sends "
         f"{requests:,} requests. The Service has {pods} pods, and kube-proxy works in IPVS mode "
         "with `rr`. How many of the pods get any of these requests?"),
        1,
        ((pods, 4, "rr takes turns with connections. How many connections does this program open?"),
         (requests // pods, 4, ("That would be the requests of each pod if requests were spread. "
                                "The question is how many pods get any.")),
         (requests, 0, "That is the number of requests. How many **pods** see any of them?")),
        ("A node chooses a pod when a connection is opened. All requests are streams on this one "
         "connection, so they all reach one pod."),
        "How many times does the node choose?",
        _table("What the node sees", [(1, f"{requests:,}", 1)]),
    )  # fmt: skip


def _joined(chance: Chance) -> Told:
    old, new, clients = chance.randrange(2, 5), chance.randrange(3, 8), chance.randrange(10, 30)
    requests = 100 * (old + new)
    return (
        (f"{clients} programs keep one HTTP/2 connection each to a Service with {old} pods. The "
         f"pods are busy, so somebody adds {new} more, and they become ready. No program opens a "
         f"new connection. Of the next {requests:,} requests, how many reach the new pods?"),
        0,
        ((100 * new, 192, ("That would be their equal share. By which connections would the "
                           "requests come to them?")),
         (requests // 2, 192, "By which connections would the requests come to the new pods?")),
        ("A connection stays with its pod. As long as nobody opens a new one, the new pods have "
         "nothing to do, and the old ones are as busy as before."),
        "Follow one connection. When does a node choose a pod for it?",
        _table("Connections that are open",
               [(f"{clients} to the old pods", "all", old), ("0 to the new pods", "none", 0)]),
    )  # fmt: skip


def _goaway(chance: Chance) -> Told:
    most = chance.choice((50, 100, 200))
    times = chance.randrange(6, 20)
    requests = most * times
    return (
        (f"The pods of a Service close every HTTP/2 connection in good order after {most} "
         f"requests: they send GOAWAY. A program sends {requests:,} requests, one after the other, "
         "and opens a new connection when it has to. How many times does a node choose a pod for "
         "it?"),
        times,
        ((1, 4, "That would be so if the one connection could stay open."),
         (requests, 4, "Several requests share a connection: it is closed only after that many.")),
        (f"Each connection carries {most} requests. {requests:,} divided by {most} makes {times} "
         "connections, and each of them is a new choice."),
        "A node chooses once for each connection. How many requests fit on one?",
        _table("What the node sees", [(times, most, "a new choice each time")]),
    )  # fmt: skip


def _pool(chance: Chance) -> Told:
    pods = chance.randrange(8, 20)
    pool = chance.randrange(3, 7)
    return (
        (f"A program keeps a pool of {pool} connections to a Service with {pods} pods, and sends "
         "thousands of requests on them. How many pods can these requests reach **at most**, as "
         "long as no connection of the pool is closed?"),
        pool,
        ((pods, 4, "For that the program would need a connection to each of them."),
         (1, 4, ("That would be so with one connection. Here a node chooses once for each "
                 "connection of the pool."))),
        (f"Each of the {pool} connections leads to one pod. With luck to {pool} different ones, "
         "but never to more."),
        "How many times does a node choose?",
        _table("What the node sees", [(pool, "thousands", f"at most {pool}")]),
    )  # fmt: skip


def _headless(chance: Chance) -> Told:
    pods, clients = chance.randrange(4, 9), chance.randrange(10, 40)
    return (
        (f"A Service is headless: DNS answers with the addresses of all {pods} pods. Each of "
         f"{clients} clients opens one HTTP/2 connection to **each** pod and takes turns with its "
         "requests. How many of these connections has each pod?"),
        clients,
        ((clients * pods, 0, "That is the number of all connections together."),
         (max(1, clients // pods), 192, ("That would be so if each client had only one connection."))),
        ("Every client has a connection to every pod, so every pod has one from each client. No "
         "kube-proxy is involved: the clients ask the pods themselves."),
        "Take one pod, and count the clients that are connected to it.",
        _table("Without a ClusterIP", [(f"{clients} · {pods}", "in turn", f"all {pods}")]),
    )  # fmt: skip


@defined("10-streams", "One connection, many requests")
def streams(chance: Chance) -> Value:
    told = chance.turn(_one, _joined, _goaway, _pool, _headless)(chance)
    asks, answer, slips, because, hint, evidence = told
    return Value(
        asks=asks,
        answer=answer,
        reads=NUMBER,
        slips=tuple(Slip(wrong, belief, said, evidence) for wrong, belief, said in slips if wrong != answer),
        because=because,
        evidence=evidence,
        hints=(
            "A Service spreads connections, not requests.",
            hint,
            f"{because.split('. ')[0].rstrip('.')}.",
        ),
    )
