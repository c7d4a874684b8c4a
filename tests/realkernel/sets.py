"""The style with sets: rules that ask sets of every type in either family, and rules that fill and empty them."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from .plain import PLAIN
from .rulesets import ADDRESSES, Place, Style, either
from .wild import wild

SIDES = {
    "ip": ("src", "dst", "src,dst"),
    "net": ("src", "dst", "dst,src"),
    "ipport": ("src,dst", "dst,dst", "dst,src", "src", "src,src"),
    "netport": ("src,dst", "dst,dst", "src,src,dst", "dst,src"),
    "ipportip": ("src,dst,dst", "dst,dst,src", "src,src,dst", "dst,dst"),
    "ipportnet": ("src,dst,dst", "dst,dst,src", "src,src,dst"),
    "ports": ("dst", "src", "src,dst"),
    "list": ("src", "dst", "src,dst", "dst,dst", "dst,dst,src"),
}
TYPES = {
    "ip": "hash:ip",
    "net": "hash:net",
    "ipport": "hash:ip,port",
    "netport": "hash:net,port",
    "ipportip": "hash:ip,port,ip",
    "ipportnet": "hash:ip,port,net",
}
NUMBERS = ("5000", "5001", "5000-5003", "5003", "6000-6600", "7000")
HOSTS = ("1::1", "1::2", "1::2", "1::3", "2::1", "2::2", "2::2", "2::3", "9::1")  # behind fd00:10:0:, or as 10.0.1.2
OPTIONS = ("", "", "", " counters", " timeout 600", " timeout 0", " comment")


def _host(rng: Random, of: int) -> str:
    host = rng.choice(HOSTS)
    if of == 6:
        return f"fd00:10:0:{host}"
    return f"10.0.{host.replace('::', '.')}" if rng.random() < 0.7 else f"10.0.{rng.choice((1, 2))}.0/30"


def _net(rng: Random, of: int) -> str:
    where = rng.choice([one for one in ADDRESSES[of] if not one.endswith("/0")])
    return rng.choice(("10.0.1.1-10.0.1.2", "10.0.2.2-10.0.2.200", where)) if of == 4 else where


def _port(rng: Random, of: int) -> str:
    icmp = ("icmp:8/0", "icmp:3/3") if of == 4 else ("icmpv6:128/0", "icmpv6:1/4")
    return rng.choice((*(f"{proto}:{one}" for proto in ("udp", "udp", "tcp") for one in NUMBERS), *icmp, "gre:0"))


def _member(rng: Random, kind: str, of: int) -> str:
    draw = {"ip": _host, "net": _net, "port": _port}
    return ",".join(draw[part](rng, of) for part in TYPES[kind].removeprefix("hash:").split(","))


def a_collection(rng: Random) -> Iterator[str]:
    """What `ipset restore` reads: a set of each type, in IPv4 (ip4, net4, ...) and IPv6, a bitmap, and lists of them."""
    for of in (4, 6):
        for kind, spelled in TYPES.items():
            options, name = rng.choice(OPTIONS), f"{kind}{of}"
            yield f"create {name} {spelled} family {'inet' if of == 4 else 'inet6'}{options}"
            for _ in range(rng.randrange(4 * spelled.count(",") + 4)):
                nomatch = " nomatch" if "net" in spelled and rng.random() < 0.25 else ""
                timeout = " timeout 500" if "timeout" in options and rng.random() < 0.3 else ""
                yield f"add {name} {_member(rng, kind, of)}{timeout}{nomatch} -exist"
    yield "create ports bitmap:port range 5000-7000"
    for _ in range(rng.randrange(4)):
        yield f"add ports {rng.choice(NUMBERS)} -exist"
    for of in (4, 6):
        yield f"create list{of} list:set"
        for name in rng.sample([*(f"{kind}{of}" for kind in TYPES), "ports"], rng.randrange(4)):
            yield f"add list{of} {name}"


def _named(rng: Random, place: Place) -> tuple[str, str]:
    """A set, now and then of the other family, and what a packet shows it."""
    kind, of = rng.choice(tuple(SIDES)), place.family if rng.random() < 0.95 else 10 - place.family
    return (kind if kind == "ports" else f"{kind}{of}"), rng.choice(SIDES[kind])


def in_set(rng: Random, place: Place) -> str:
    """`-m set`"""
    name, sides = _named(rng, place)
    more = " --return-nomatch" if "net" in name and rng.random() < 0.15 else ""
    return f"-m set {either(rng, '--match-set', f'{name} {sides}')}{more}"


def change_set(rng: Random, place: Place) -> str:
    """`SET`"""
    name, sides = _named(rng, place)
    if rng.random() < 0.3:
        return f"SET --del-set {name} {sides}"
    return f"SET --add-set {name} {sides}{rng.choice(('', '', ' --exist', ' --timeout 300'))}"


def with_sets(style: Style) -> Style:
    """A style whose rules ask and change sets too."""
    return Style(
        tables=style.tables,
        protocols=style.protocols,
        matches=((0.55, in_set), *style.matches),
        targets=lambda place: (*style.targets(place), (change_set, 4)),
        drop=style.drop,
        sided=style.sided,
    )


PLAIN_SETS = with_sets(PLAIN)
RICH_SETS = with_sets(wild(("udp", 30), ("tcp", 10), ("", 50), ("icmp", 10)))
SIX_SETS = with_sets(wild(("udp", 25), ("tcp", 10), ("ipv6-icmp", 15), ("", 50)))
