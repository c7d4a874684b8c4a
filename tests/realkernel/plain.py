"""The style of the reference captures: mangle, nat and filter, the matches and targets of everyday rules, UDP packets."""

from __future__ import annotations

from random import Random
from typing import Any

from .rulesets import (
    MARKS,
    Place,
    Style,
    Target,
    destination,
    from_local,
    incoming,
    mark,
    outgoing,
    port,
    ports,
    source,
    state,
    to_local,
)

ENDS = {4: ("10.0.2.2", "10.0.2.3", "10.0.1.3"), 6: ("fd00:10:0:2::2", "fd00:10:0:2::3", "fd00:10:0:1::3")}
REJECTIONS = {
    4: ("icmp-port-unreachable", "icmp-host-prohibited"),
    6: ("icmp6-port-unreachable", "icmp6-adm-prohibited"),
}
WAYS = (
    *(("client", 2, (2, 1)),) * 21,
    *(("router", 0, (1, 1)),) * 20,
    *(("router", 0, (9, 1)),) * 18,
    *(("client", 2, (9, 1)),) * 17,
    *(("client", 3, (2, 3)),) * 16,
    *(("client", 2, (1, 1)),) * 16,
    *(("router", 0, (2, 2)),) * 15,
    *(("client", 2, (2, 2)),) * 15,
    *(("server", 2, (1, 2)),) * 12,
)


def set_mark(rng: Random, place: Place) -> str:
    """`MARK`"""
    return f"MARK {rng.choice(('--set-xmark', '--set-xmark', '--set-xmark', '--or-mark', '--xor-mark'))} " + rng.choice(
        MARKS
    )


def simple_mark(rng: Random, place: Place) -> str:
    """`MARK`, in the forms that the reference has."""
    drawn = rng.randrange(8)
    if drawn == 0:
        return "MARK --xor-mark 0x3"
    return "MARK --or-mark 0x4000" if drawn == 1 else f"MARK --set-xmark {rng.choice((*MARKS[:4], '0x3/0xffffffff'))}"


def reject(rng: Random, place: Place) -> str:
    """`REJECT` with an ICMP error"""
    return f"REJECT --reject-with {rng.choice(REJECTIONS[place.family])}"


def dnat(rng: Random, place: Place) -> str:
    """`DNAT`, with a port only where the protocol has ports"""
    to = rng.choice(ENDS[place.family])
    if place.proto in ("udp", "tcp") and rng.random() < 0.6:
        to = f"{to if place.family == 4 else f'[{to}]'}:{rng.choice((5001, 5002, 5003))}"
    return f"DNAT --to-destination {to}"


def snat(rng: Random, place: Place) -> str:
    """`SNAT`"""
    return f"SNAT --to-source {'10.0.2.1' if place.family == 4 else 'fd00:10:0:2::1'}"


def targets(place: Place) -> tuple[tuple[Target | str, int], ...]:
    """What a rule may do, by table and chain."""
    common = (("ACCEPT", 2), ("RETURN", 2), ("user chain", 3))
    if place.table == "mangle":
        return *common, (simple_mark, 7)
    if place.table == "filter":
        return *common, ("ACCEPT", 1), ("DROP", 2), (reject, 4)
    if place.chain in ("PREROUTING", "OUTPUT"):
        return *common, (simple_mark, 3), (dnat, 7)
    if place.chain == "POSTROUTING":
        return *common, (simple_mark, 2), (snat, 4), ("MASQUERADE", 6)
    return *common, (simple_mark, 3)


PLAIN = Style(
    tables={
        "mangle": ("PREROUTING", "OUTPUT"),
        "nat": ("PREROUTING", "OUTPUT", "POSTROUTING"),
        "filter": ("INPUT", "FORWARD", "OUTPUT"),
    },
    protocols=(("udp", 58), ("tcp", 14), ("", 28)),
    matches=(
        *((0.45, source), (0.5, destination), (0.15, incoming), (0.2, outgoing)),
        *((0.45, port), (0.12, ports), (0.28, mark), (0.14, to_local), (0.12, from_local), (0.2, state), (0.04, state)),
    ),
    targets=targets,
    drop=0.16,
)


def a_packet(rng: Random, number: int, family: int = 4) -> dict[str, Any]:
    """A UDP packet on one of the reference's nine ways."""
    sender, host, (net, to) = rng.choice(WAYS)
    near = 2 if sender == "server" else 1
    if family == 4:
        src, dst = f"10.0.{near}.{host}", f"10.0.{net}.{to}" if net != 9 else "10.9.0.1"
    else:
        src, dst = f"fd00:10:0:{near}::{host}", f"fd00:10:0:{net}::{to}"
    return {
        "from": sender,
        "src": src if host else None,
        "dst": dst,
        "sport": 6000 + (number + 1) % 150,
        "dport": rng.randrange(5000, 5004),
        "proto": "udp",
    }
