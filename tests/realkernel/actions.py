"""Every target that the rich style draws, for IPv4 and IPv6, where it may stand."""

from __future__ import annotations

from random import Random

from .rulesets import MARKS, Place, Target

REJECTIONS = {
    4: "net-unreachable host-unreachable port-unreachable proto-unreachable net-prohibited host-prohibited admin-prohibited",
    6: "no-route adm-prohibited addr-unreachable port-unreachable policy-fail reject-route",
}
SERVERS = {
    4: ("10.0.2.2", "10.0.2.3", "10.0.1.3", "10.0.1.1", "10.0.2.9", "10.9.0.1", "10.0.1.2"),
    6: ("fd00:10:0:2::2", "fd00:10:0:2::3", "fd00:10:0:1::3", "fd00:10:0:1::1", "fd00:10:0:2::9", "fd00:10:0:9::1"),
}
OWN = {4: ("10.0.2.1", "10.0.1.1", "10.0.1.3", "10.9.9.9"), 6: ("fd00:10:0:2::1", "fd00:10:0:1::1", "fd00:10:0:9::9")}
BEFORE, AFTER = ("PREROUTING", "OUTPUT"), ("POSTROUTING", "INPUT")


def _with_port(rng: Random, place: Place, host: str, ports: tuple[str, ...]) -> str:
    """An address, with a port where the rule's protocol has ports, as DNAT and SNAT write it."""
    if place.proto not in ("udp", "tcp") or rng.random() < 0.45:
        return host
    return f"{host if place.family == 4 else f'[{host}]'}:{rng.choice(ports)}"


def dnat(rng: Random, place: Place) -> str:
    """`DNAT`: address, address and port, ranges of either"""
    if rng.random() < 0.12:
        to = "10.0.2.2-10.0.2.3" if place.family == 4 else "fd00:10:0:2::2-fd00:10:0:2::3"
    else:
        to = _with_port(
            rng,
            place,
            rng.choice(SERVERS[place.family][: rng.choice((2, 2, 7))]),
            ("5000", "5001", "5002", "5003", "5000-5003"),
        )
    return f"DNAT --to-destination {to}{rng.choice(('', '', '', '', ' --random', ' --persistent'))}"


def snat(rng: Random, place: Place) -> str:
    """`SNAT`: address, address and port, ranges of either"""
    if rng.random() < 0.08:
        source = "10.0.2.1-10.0.2.2" if place.family == 4 else "fd00:10:0:2::1-fd00:10:0:2::2"
    else:
        source = _with_port(
            rng,
            place,
            rng.choice(OWN[place.family][: rng.choice((1, 2, 4))]),
            ("7000", "7000-7003", "6000-6500", "600"),
        )
    return f"SNAT --to-source {source}{rng.choice(('', '', '', '', '', ' --random-fully'))}"


def masquerade(rng: Random, place: Place) -> str:
    """`MASQUERADE`: plain, with ports, with a random port"""
    if place.proto in ("udp", "tcp") and rng.random() < 0.3:
        return f"MASQUERADE --to-ports {rng.choice(('7000', '7000-7010', '6000-6500'))}"
    return rng.choice(("MASQUERADE", "MASQUERADE", "MASQUERADE", "MASQUERADE --random-fully"))


def redirect(rng: Random, place: Place) -> str:
    """`REDIRECT`: to this machine, and to a port of it"""
    if place.proto not in ("udp", "tcp"):
        return "REDIRECT"
    return f"REDIRECT{rng.choice(('', ' --to-ports 5001', ' --to-ports 5003', ' --to-ports 5000-5003'))}"


def reject(rng: Random, place: Place) -> str:
    """`REJECT`, with every answer that there is"""
    if place.proto == "tcp" and rng.random() < 0.4:
        return "REJECT --reject-with tcp-reset"
    name = rng.choice(REJECTIONS[place.family].split())
    return f"REJECT --reject-with {'icmp' if place.family == 4 else 'icmp6'}-{name}"


def set_mark(rng: Random, place: Place) -> str:
    """`MARK`, all its ways"""
    return rng.choice(
        (
            f"MARK --set-mark {rng.choice(MARKS)}",
            f"MARK --set-xmark {rng.choice((*MARKS, '0x3/0xff', '0x5/0x6'))}",
            f"MARK --or-mark {rng.choice(('0x1', '0x4000'))}",
            f"MARK --and-mark {rng.choice(('0x3', '0xfffffffe'))}",
            f"MARK --xor-mark {rng.choice(('0x1', '0x3'))}",
        )
    )


def connmark(rng: Random, place: Place) -> str:
    """`CONNMARK`: to, from, and of the connection"""
    masks = rng.choice(("", "", " --nfmask 0x3 --ctmask 0x3", " --nfmask 0x4000 --ctmask 0xffff", " --mask 0x1"))
    return rng.choice(
        (
            f"CONNMARK --save-mark{masks}",
            f"CONNMARK --restore-mark{masks}",
            f"CONNMARK --set-xmark {rng.choice(MARKS)}",
            f"CONNMARK --set-mark {rng.choice(MARKS)}",
            "CONNMARK --or-mark 0x2",
        )
    )


def hops(rng: Random, place: Place) -> str:
    """`TTL`, in IPv6 `HL`"""
    word = "ttl" if place.family == 4 else "hl"
    return f"{word.upper()} --{word}-{rng.choice(('set 10', 'set 1', 'dec 1', 'dec 3', 'inc 1', 'set 64'))}"


def dscp(rng: Random, place: Place) -> str:
    """`DSCP`: with it a packet that OUTPUT has seen is routed anew"""
    return rng.choice(("DSCP --set-dscp 10", "DSCP --set-dscp 0", "DSCP --set-dscp-class EF"))


def tcpmss(rng: Random, place: Place) -> str:
    """`TCPMSS`, by number and by what fits; without `-p tcp --syn` iptables does not take it"""
    clamp = place.chain in ("FORWARD", "OUTPUT", "POSTROUTING") and rng.random() < 0.5
    return f"TCPMSS {'--clamp-mss-to-pmtu' if clamp else f'--set-mss {rng.choice((500, 1400, 2000))}'}"


def targets(place: Place) -> tuple[tuple[Target | str, int], ...]:
    """What a rule may do, by table and chain; of user chains in nat, U0 and U2 are led to before routing, U1 after."""
    common = (("ACCEPT", 2), ("RETURN", 2), ("user chain", 3), (set_mark, 2), (connmark, 1))
    user = place.chain.startswith("U")
    if place.table == "raw":
        return *common, ("CT --notrack", 2)
    if place.table == "mangle":
        return *common, (set_mark, 3), (connmark, 2), (hops, 2), (dscp, 2), ("DROP", 1 if user else 0)
    if place.table == "filter":
        return *common, ("DROP", 2), (reject, 4)
    if place.chain in BEFORE or place.chain in ("U0", "U2"):
        return *common, (dnat, 7), (redirect, 2)
    if place.chain == "INPUT":
        return *common, (snat, 3)
    return *common, (snat, 4), (masquerade, 5)
