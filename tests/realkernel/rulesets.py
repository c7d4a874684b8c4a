"""Random rule sets, in the words of iptables-restore. The same seed gives the same text.

A *style* says what may be drawn; the frame is the same for all: tables with built-in chains and a few user chains U0-U2
that are jumped to or gone to, never in a circle (a chain leads only to chains of a higher number).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import NamedTuple, TypeVar

T = TypeVar("T")
Weighted = tuple[tuple[str, int], ...]
HOOKS = {
    "raw": ("PREROUTING", "OUTPUT"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
}
INCOMING, OUTGOING = ("PREROUTING", "INPUT", "FORWARD"), ("FORWARD", "OUTPUT", "POSTROUTING")


class Place(NamedTuple):
    """Where a rule is being written: `chain` is a hook or a user chain, `proto` what its `-p` says ("" when it has none)."""

    family: int
    table: str
    chain: str
    proto: str


Match = Callable[[Random, Place], str]
Target = Callable[[Random, Place], str]


@dataclass(frozen=True, slots=True)
class Style:
    """What may be drawn: tables with their hooks, protocols, matches with their chance, targets with their weight by table.

    `drop` is the chance of a DROP policy. In the nat table of a `sided` style U0 and U2 are led to only before routing and
    U1 only after it, so that they may translate.
    """

    tables: dict[str, tuple[str, ...]]
    protocols: Weighted
    matches: tuple[tuple[float, Match], ...]
    targets: Callable[[Place], tuple[tuple[Target | str, int], ...]]
    drop: float
    sided: bool = False

    def below(self, table: str, chain: str, users: list[str]) -> list[str]:
        """The user chains that a chain may lead to."""
        later = users[users.index(chain) + 1 :] if chain in users else users
        if not self.sided or table != "nat":
            return later
        before, after = ("PREROUTING", "OUTPUT", "U0", "U2"), ("POSTROUTING", "U1")
        return [user for user in later if any(user in side and chain in side for side in (before, after))]


def pick(rng: Random, weighted: tuple[tuple[T, int], ...]) -> T:
    """One of several, each with its weight."""
    return rng.choices([one for one, _ in weighted], [weight for _, weight in weighted])[0]


def either(rng: Random, option: str, value: str, chance: float = 0.2) -> str:
    """The option, now and then negated."""
    return f"{'! ' if rng.random() < chance else ''}{option} {value}"


ADDRESSES = {
    4: (
        *("10.0.1.1/32", "10.0.1.2/32", "10.0.1.3/32", "10.0.2.1/32", "10.0.2.2/32", "10.0.2.3/32", "10.9.0.1/32"),
        *("10.0.1.0/24", "10.0.2.0/24", "10.0.0.0/16", "10.9.0.0/16", "0.0.0.0/0", "127.0.0.0/8"),
    ),
    6: (
        *("fd00:10:0:1::1", "fd00:10:0:1::2", "fd00:10:0:1::3", "fd00:10:0:2::1", "fd00:10:0:2::2", "fd00:10:0:2::3"),
        *(
            "fd00:10:0:1::/64",
            "fd00:10:0:2::/64",
            "fd00:10::/32",
            "fd00:10:0:9::1",
            "fd00:10:0:9::/64",
            "::/0",
            "::1/128",
        ),
    ),
}
MARKS = ("0x1/0x1", "0x2/0x3", "0x0/0x1", "0x4000/0x4000", "0x3")
PORTS = ("5000", "5001", "5002", "5000:5001", "5001:5003")
SPORTS = ("6000", "7000", "6000:6100")
LISTS = ("5000,5002", "5001,5003", "5000:5001,5003")


def _address(rng: Random, place: Place, option: str) -> str:
    """An address or a net; "not anywhere" is what iptables (nf_tables) refuses with EINVAL."""
    where = rng.choice(ADDRESSES[place.family])
    return f"{option} {where}" if where.endswith(("::/0", "0.0.0.0/0")) else either(rng, option, where)


def source(rng: Random, place: Place) -> str:
    """`-s`"""
    return _address(rng, place, "-s")


def destination(rng: Random, place: Place) -> str:
    """`-d`"""
    return _address(rng, place, "-d")


def incoming(rng: Random, place: Place) -> str:
    """`-i`, where a packet has an input device."""
    return either(rng, "-i", rng.choice(("eth1", "eth2", "lo"))) if place.chain in INCOMING else ""


def outgoing(rng: Random, place: Place) -> str:
    """`-o`, where a packet has an output device."""
    return either(rng, "-o", rng.choice(("eth1", "eth2", "lo"))) if place.chain in OUTGOING else ""


def port(rng: Random, place: Place) -> str:
    """`--dport` or `--sport`, of a rule that says `-p udp` or `-p tcp`."""
    if place.proto not in ("udp", "tcp"):
        return ""
    words = (
        either(rng, "--dport", rng.choice(PORTS))
        if rng.random() < 0.75
        else either(rng, "--sport", rng.choice(SPORTS), 0)
    )
    return f"-m {place.proto} {words}"


def ports(rng: Random, place: Place) -> str:
    """`-m multiport --dports`"""
    return f"-m multiport {either(rng, '--dports', rng.choice(LISTS))}" if place.proto in ("udp", "tcp") else ""


def mark(rng: Random, place: Place) -> str:
    """`-m mark`"""
    return f"-m mark {either(rng, '--mark', rng.choice(MARKS))}"


def to_local(rng: Random, place: Place) -> str:
    """`-m addrtype --dst-type LOCAL`"""
    return f"-m addrtype {either(rng, '--dst-type', 'LOCAL')}"


def from_local(rng: Random, place: Place) -> str:
    """`-m addrtype --src-type LOCAL`"""
    return "-m addrtype --src-type LOCAL"


def state(rng: Random, place: Place) -> str:
    """`-m conntrack --ctstate`"""
    states = ("NEW", "INVALID", "NEW,ESTABLISHED", "RELATED,ESTABLISHED", "DNAT")
    return f"-m conntrack {either(rng, '--ctstate', rng.choice(states), 0.25)}"


def a_rule(rng: Random, style: Style, place: Place, below: list[str]) -> str:
    """One rule of a chain; `below` are the user chains it may lead to."""
    proto = pick(rng, style.protocols)
    place = place._replace(proto=proto)
    words = [f"-A {place.chain}"]
    named = f"{'! ' if style.sided and rng.random() < 0.06 else ''}-p {proto}" if proto else ""
    if named.startswith("!"):
        place = place._replace(proto="")
    drawn = [(chance, match) for chance, match in style.matches if rng.random() < chance]
    texts = [match(rng, place) for _, match in drawn]
    words += [text for text in texts if text.lstrip("! ").startswith(("-s", "-d", "-i", "-o"))]
    words += [named, *(text for text in texts if text.startswith("-m"))]
    target = pick(rng, style.targets(place))
    if target == "user chain":
        ending = f"{rng.choice(('-j', '-j', '-g'))} {rng.choice(below)}" if below else "-j RETURN"
    else:
        ending = f"-j {target if isinstance(target, str) else target(rng, place)}"
    return " ".join(filter(None, [*words, ending]))


def a_table(rng: Random, style: Style, family: int, table: str) -> Iterator[str]:
    """The lines of one table."""
    users = [f"U{number}" for number in range(rng.randrange(4))]
    yield f"*{table}"
    for hook in style.tables[table]:
        policy = "DROP" if table == "filter" and rng.random() < style.drop else "ACCEPT"
        yield f":{hook} {policy} [0:0]"
    yield from (f":{user} - [0:0]" for user in users)
    for hook in style.tables[table]:
        below = style.below(table, hook, users)
        yield from (a_rule(rng, style, Place(family, table, hook, ""), below) for _ in range(rng.randrange(5)))
    for user in users:
        below = style.below(table, user, users)
        yield from (a_rule(rng, style, Place(family, table, user, ""), below) for _ in range(rng.randrange(1, 4)))
    yield "COMMIT"


def a_ruleset(rng: Random, style: Style, family: int = 4) -> str:
    """A whole rule set as iptables-restore reads it."""
    return "".join(f"{line}\n" for table in style.tables for line in a_table(rng, style, family, table))
