"""What may be drawn, by name: each style draws a whole case, rules and packets."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from .nft_rulesets import a_ruleset as a_ruleset_of_nft
from .plain import PLAIN, a_packet
from .routes import commands
from .rulesets import a_ruleset
from .sets import PLAIN_SETS, RICH_SETS, SIX_SETS, a_collection
from .topology import address
from .wild import again, echo, tcp_packet, udp_packet, wild

PACKETS = 6
Case = dict[str, Any]
RICH = wild(("udp", 45), ("", 40), ("icmp", 5), ("tcp", 5), ("17", 5))
TCP_AND_ICMP = wild(("tcp", 40), ("icmp", 20), ("", 40))
SIX = wild(("udp", 25), ("tcp", 15), ("ipv6-icmp", 20), ("", 40))


def plain(rng: Random, number: int) -> Case:
    """As the reference captures: everyday rules, six UDP packets."""
    packets = [a_packet(rng, number * PACKETS + at) for at in range(PACKETS)]
    return {"restore_input": a_ruleset(rng, PLAIN), "packets": packets}


def rich(rng: Random, number: int) -> Case:
    """Every table, match and target; UDP, answers, odd ways."""
    packets = [udp_packet(rng, number * PACKETS + at) for at in range(PACKETS)]
    return {"restore_input": a_ruleset(rng, RICH), "packets": again(rng, packets)}


def tcp_icmp(rng: Random, number: int) -> Case:
    """The same rules for SYNs and echoes."""
    packets = [rng.choice((tcp_packet, tcp_packet, echo))(rng, number * PACKETS + at) for at in range(PACKETS)]
    return {"restore_input": a_ruleset(rng, TCP_AND_ICMP), "packets": packets}


def ipv6(rng: Random, number: int) -> Case:
    """IPv6: every third case in the plain style, the others rich, with all three protocols."""
    if number % 3 == 0:
        packets = [a_packet(rng, number * PACKETS + at, 6) for at in range(PACKETS)]
        return {"ip6_restore_input": a_ruleset(rng, PLAIN, 6), "packets": packets}
    draws = [rng.choice((udp_packet, udp_packet, tcp_packet, echo)) for _ in range(PACKETS)]
    packets = [draw(rng, number * PACKETS + at, 6) for at, draw in enumerate(draws)]
    return {"ip6_restore_input": a_ruleset(rng, SIX, 6), "packets": again(rng, packets)}


def _to_many(dst: str) -> bool:
    return dst.startswith(("22", "255", "ff")) or dst.endswith(".255")


def nft(rng: Random, number: int) -> Case:
    """Rulesets of nftables: every third in IPv6, every fourth beside everyday rules of iptables."""
    of = 6 if number % 3 == 2 else 4
    mixed = rng.random() < 0.5
    draws = [rng.choice((udp_packet, tcp_packet, echo)) if mixed else udp_packet for _ in range(PACKETS)]
    packets = [draw(rng, number * PACKETS + at, of) for at, draw in enumerate(draws)]
    packets = [one for one in packets if one["proto"] != "tcp" or not _to_many(one["dst"])]
    case = {"nft_input": a_ruleset_of_nft(rng, of), "packets": packets if mixed else again(rng, packets)}
    beside = {"restore_input" if of == 4 else "ip6_restore_input": a_ruleset(rng, PLAIN, of)}
    return case | (beside if number % 4 == 3 else {})


WITNESSES = "".join(
    f"-A {chain} -o {dev}\n"
    for chain, devs in (("FORWARD", ("eth1", "eth2")), ("OUTPUT", ("eth1", "eth2", "lo")))
    for dev in devs
)


def routed(rng: Random, number: int) -> Case:
    """Routing rules, tables and next hops beside everyday rules; a last table counts by which device packets leave."""
    of = 6 if number % 3 == 2 else 4
    draws = [rng.choice((udp_packet, udp_packet, tcp_packet, echo)) for _ in range(PACKETS)]
    packets = [_beyond(rng, draw(rng, number * PACKETS + at, of), of) for at, draw in enumerate(draws)]
    packets = [one for one in packets if not _to_many(one["dst"])]
    text = a_ruleset(rng, PLAIN, of) + f"*security\n{WITNESSES}COMMIT\n"
    rules = {"restore_input" if of == 4 else "ip6_restore_input": text}
    return rules | {"router_ip": commands(rng, of), "packets": again(rng, packets)}


def _beyond(rng: Random, packet: dict[str, Any], family: int) -> dict[str, Any]:
    """Half of the packets go to where only routes lead."""
    if packet.get("raw") or rng.random() < 0.5:
        return packet
    return packet | {"dst": address(family, 9, rng.choice((1, 2, 3)))}


def sets(rng: Random, number: int) -> Case:
    """Rules that ask and change sets of every type: everyday ones, rich ones, and in IPv6."""
    collection = "".join(f"{line}\n" for line in a_collection(rng))
    of, style = ((4, PLAIN_SETS), (4, RICH_SETS), (6, SIX_SETS))[number % 3]
    draws = [rng.choice((udp_packet, udp_packet, tcp_packet, echo)) for _ in range(PACKETS)]
    packets = [draw(rng, number * PACKETS + at, of) for at, draw in enumerate(draws)]
    rules = {"restore_input" if of == 4 else "ip6_restore_input": a_ruleset(rng, style, of)}
    return {"ipset_input": collection, "packets": again(rng, packets)} | rules


STYLES: dict[str, Callable[[Random, int], Case]] = {
    "plain": plain,
    "rich": rich,
    "tcp_icmp": tcp_icmp,
    "ipv6": ipv6,
    "sets": sets,
}
ROUTED_STYLES = {"routed": routed}
NFT_STYLES = {"nft": nft}
