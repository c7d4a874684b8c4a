"""Routing rules, tables and next hops of the router, as commands of `ip`. The same seed gives the same commands."""

from __future__ import annotations

from random import Random

from .topology import address

TABLES = ("main", "100", "101")
DEVICES = {1: "eth1", 2: "eth2"}
FORBIDDEN = ("unreachable", "prohibit", "blackhole")


def _block(rng: Random, family: int) -> str:
    """Somebody, a net of the two, or what lies beyond them."""
    net = rng.choice((1, 2, 9, 9))
    length, wide = (32, 24) if family == 4 else (128, 64)
    host = address(family, net, rng.choice((1, 2, 3)))
    return rng.choice((f"{host}/{length}", f"{address(family, net, 0)}/{wide}"))


def _hop(rng: Random, family: int) -> str:
    net = rng.choice((1, 2))
    return f"via {address(family, net, rng.choice((2, 3)))} dev {DEVICES[net]}"


def a_rule(rng: Random, family: int, priority: int, others: list[int]) -> str:
    """One `ip rule add`; a jump leads to one of the others."""
    said = []
    sides = (("from", 0.4), ("to", 0.3))
    said += [f"{side} {_block(rng, family)}" for side, chance in sides if rng.random() < chance]
    drawn = (
        (f"fwmark {rng.choice(('0x1', '0x1/0x3', '0x0/0x1', '0x4000/0x4000'))}", 0.35),
        (f"iif {rng.choice(('eth1', 'eth2', 'lo'))}", 0.3),
        (f"oif {rng.choice(('eth1', 'eth2'))}", 0.05),
        (f"ipproto {rng.choice(('udp', 'udp', 'tcp'))}", 0.2),
        (f"dport {rng.choice(('5001', '5000-5001'))}", 0.2),
        (f"sport {rng.choice(('6000-6050', '7000'))}", 0.1),
    )
    said += [text for text, chance in drawn if rng.random() < chance]
    ways = [f"lookup {rng.choice(TABLES)}"] * 8 + list(FORBIDDEN) + ["nop"]
    ways += [f"lookup main suppress_prefixlength {rng.choice((0, 16, 24, 48, 64))}"] * 2
    ways += [f"goto {rng.choice(others)}"] * 2 if others else []
    return (
        f"rule add {'not ' if said and rng.random() < 0.15 else ''}{' '.join(said)} {rng.choice(ways)} pref {priority}"
    )


def a_route(rng: Random, family: int) -> str:
    """One `ip route add`."""
    block = rng.choice((_block(rng, family), _block(rng, family), "default"))
    table, metric = rng.choice(TABLES), rng.randrange(1, 5000)
    if rng.random() < 0.25:
        kind = rng.choice((*FORBIDDEN, "throw"))
        return f"route add {kind} {block} table {table} metric {metric}"
    if rng.random() < 0.45:
        hops = sorted({_hop(rng, family) for _ in range(rng.choice((2, 2, 3)))})
        many = " ".join(f"nexthop {hop} weight {rng.choice((1, 1, 2, 5))}" for hop in hops)
        return f"route add {block} table {table} metric {metric} {many}"
    return f"route add {block} {_hop(rng, family)} table {table} metric {metric}"


def commands(rng: Random, family: int) -> list[str]:
    """What is typed on the router, without the word `ip`."""
    priorities = sorted(rng.sample(range(10, 32000), rng.randrange(1, 5)))
    rules = [a_rule(rng, family, one, priorities[at + 1 :]) for at, one in enumerate(priorities)]
    return [*(a_route(rng, family) for _ in range(rng.randrange(3, 8))), *rules]
