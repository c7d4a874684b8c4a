"""Chapter 01: how many programs fit on a node that gives its pods no addresses."""

from __future__ import annotations

from random import Random

from ....linux.namespace.bind import clash, in_turn
from ....linux.namespace.netns import Socket
from ....views.tables.binds import binds, programs
from ....views.tables.table import Table
from ...questions.kinds import Slip, Value
from ...questions.reading import NUMBER
from ...worlds.worlds import PORTS
from .. import Chance, defined
from .recall import ANY, BELIEFS, LOCALHOST, Clash, namespace_of, refused_by

BARGAINS = {
    62: "Teams that want the same number over TCP and over UDP do not meet.",
    56: "A team on 127.0.0.1 meets a team on 0.0.0.0, because 0.0.0.0 stands for every address.",
    55: "Without pods all teams are in one network namespace, the node's.",
}


Teams = tuple[Socket, ...]


def _teams(chance: Random) -> Teams:
    """Eight teams or more, and three ports that all of them like, the first most."""
    ports = chance.sample(PORTS, 3)
    return tuple(
        Socket(
            chance.choice(("tcp", "tcp", "udp")),
            chance.choice((ANY, ANY, LOCALHOST)),
            chance.choices(ports, (5, 3, 2))[0],
            f"team {number}",
        )
        for number in range(1, chance.randrange(9, 12))
    )


@defined("01-bargain", "A node without pod addresses")
def bargain(chance: Chance) -> Value:
    """Who listens, who must move, what pods of their own change, and what happens when the first one stops."""
    node = f"192.168.1.{chance.randrange(11, 15)}"
    while True:
        asked = _teams(chance)
        starts = len(asked) - len(refused_by(asked, clash))
        believed = {number: len(asked) - len(refused_by(asked, BELIEFS[number][0])) for number in BARGAINS}
        if len({starts, *believed.values()}) == 1 + len(BARGAINS):
            break
    question, right, wrong, shown = chance.turn(_listen, _move, _in_pods, _once_more)(node, asked, starts, believed)
    return Value(
        asks=f"A node ({node}) gives its pods no addresses. Teams start their programs on it in this order, each on "
        f"the port for which the program was written. {question}",
        look=programs(asked),
        answer=right,
        reads=NUMBER,
        slips=tuple(Slip(found, number, said, shown) for found, number, said in wrong),
        because="In one network namespace the first of those who meet gets the port. In pods of their own nobody "
        "meets.",
        evidence=shown,
        hints=(
            "Which programs share a network namespace here? Only those can meet.",
            "Sort the programs by protocol and port first. TCP and UDP do not meet.",
            "Within one protocol and port, 0.0.0.0 and 127.0.0.1 meet. The first one to ask has the port.",
        ),
    )


Case = tuple[str, int, list[tuple[int, int, str]], Table]


def _listen(node: str, asked: Teams, starts: int, believed: dict[int, int]) -> Case:
    wrong = [(found, number, BARGAINS[number]) for number, found in believed.items()]
    return "How many of them listen at the end?", starts, wrong, binds(in_turn(namespace_of(node), asked))


def _move(node: str, asked: Teams, starts: int, believed: dict[int, int]) -> Case:
    every = len(asked)
    wrong = [(every - found, number, BARGAINS[number]) for number, found in believed.items()]
    shown = binds(in_turn(namespace_of(node), asked))
    return "How many of them must move to another port?", every - starts, wrong, shown


def _in_pods(node: str, asked: Teams, starts: int, believed: dict[int, int]) -> Case:
    """Each alone in a namespace."""
    own = [in_turn(namespace_of(f"10.244.1.{10 + at}"), [one])[0] for at, one in enumerate(asked)]
    said = (
        "This is the number without pods. With an address for each pod, every team has a network namespace of its own."
    )
    question = "Now each team gets a pod with an address of its own. How many listen then?"
    return question, len(asked), [(starts, 55, said)], binds(own)


def _once_more(node: str, asked: Teams, starts: int, believed: dict[int, int]) -> Case:
    """The first stops; whoever listens keeps its port, and those who were refused ask again."""

    def order(rule: Clash) -> list[Socket]:
        refused = set(refused_by(asked, rule))
        waiting = [one for one in asked if one.program in refused]
        return [*(one for one in asked[1:] if one.program not in refused), *waiting]

    def listening(rule: Clash) -> int:
        return len(order(rule)) - len(refused_by(order(rule), rule))

    wrong = [(listening(BELIEFS[number][0]), number, said) for number, said in BARGAINS.items()]
    shown = binds(in_turn(namespace_of(node), order(clash)))
    question = (
        "Then `team 1` stops its program, and all who were refused try again, in the same order. How many listen now?"
    )
    return question, listening(clash), wrong, shown
