"""Made workloads: connections that clients open to one Service, drawn from a seed in whole numbers.

A page draws the same ones from the same seed, so nothing here may hang on how a machine rounds.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from ...errors import BadInput

WORKLOADS = {
    "short": "240 requests, each on a connection of its own",
    "mixed": "240 requests, each on a connection of its own; every tenth takes thirty times as long",
    "long": "40 connections that stay open; eight of them send five times as many requests",
}
CLIENTS = 40  # pods that ask
WORD = (1 << 32) - 1
STEP = 0x6D2B79F5
LASTS = 3000  # ms over which a connection that stays open sends its requests


class Draws:
    """Tommy Ettinger's mulberry32: 32 bits a turn, in every language alike."""

    def __init__(self, seed: int):
        self.state = seed & WORD

    def below(self, bound: int) -> int:
        """A number from 0 to bound-1, none more likely than another."""
        self.state = (self.state + STEP) & WORD
        t = self.state
        t = (t ^ t >> 15) * (t | 1) & WORD
        t ^= t + ((t ^ t >> 7) * (t | 61) & WORD) & WORD
        return ((t ^ t >> 14) & WORD) * bound >> 32


class Connection(Struct, frozen=True):
    """When it is opened (ms), by which client, what it asks: (when, how many ms of work), and whether it stays open."""

    opens: int
    client: int
    requests: tuple[tuple[int, int], ...]
    stays: bool = False


def connections(kind: str, seed: int) -> tuple[Connection, ...]:
    """A workload by its name. Raises BadInput for one that there is not."""
    if kind not in WORKLOADS:
        raise BadInput("workload", f"{kind!r} is none", f"choose {' or '.join(WORKLOADS)}")
    draws = Draws(seed)
    return tuple(_staying(draws) if kind == "long" else _passing(draws, kind == "mixed"))


def _passing(draws: Draws, mixed: bool) -> Iterator[Connection]:
    at = 0
    for _ in range(240):
        at += draws.below(41 if mixed else 21)
        client = draws.below(CLIENTS)
        work = 12 * (1 + draws.below(3))
        if mixed:
            work = 360 if not draws.below(10) else 12
        yield Connection(at, client, ((at, work),))


def _staying(draws: Draws) -> Iterator[Connection]:
    at = 0
    for client in range(CLIENTS):
        at += draws.below(21)
        many = 25 if client % 5 == 2 else 5
        asks = tuple((at + (n * LASTS + draws.below(LASTS)) // many, 24) for n in range(many))
        yield Connection(at, client, ((at, 24), *asks[1:]), True)
