"""Every match that the rich style draws, for IPv4 and IPv6; "" where one cannot stand."""

from __future__ import annotations

from random import Random

from .rulesets import ADDRESSES, INCOMING, OUTGOING, PORTS, Place, either, mark

TYPES = {
    4: ["UNSPEC", "UNICAST", "LOCAL", "BROADCAST", "ANYCAST", "MULTICAST", "BLACKHOLE", "UNREACHABLE", "PROHIBIT"],
    6: ["UNSPEC", "UNICAST", "LOCAL", "ANYCAST", "MULTICAST", "UNREACHABLE"],
}
STATES = ["NEW", "ESTABLISHED", "RELATED", "INVALID", "UNTRACKED", "SNAT", "DNAT"]
STATUSES = ["NONE", "EXPECTED", "SEEN_REPLY", "ASSURED", "CONFIRMED"]
FLAGS = (
    "SYN,ACK SYN",
    "SYN,RST,ACK,FIN SYN",
    "ALL SYN,ACK",
    "RST RST",
    "SYN,ACK SYN,ACK",
    "ALL ACK",
    "ACK ACK",
    "ALL NONE",
)
ANY_FAMILY = ("echo-request", "echo-reply", "destination-unreachable", "port-unreachable")
ICMP_TYPES = {
    4: ("any", "8", "0", "3", "3/3", "3/10", "3/0", "11", *ANY_FAMILY, "time-exceeded"),
    6: ("128", "129", "1", "1/4", "1/1", "1/0", "3", *ANY_FAMILY),
}
RANGES = {
    4: (
        "10.0.1.2-10.0.1.3",
        "10.0.2.1-10.0.2.2",
        "10.0.0.0-10.0.1.255",
        "10.0.2.3-10.9.255.255",
        "127.0.0.1-127.0.0.2",
    ),
    6: ("fd00:10:0:1::2-fd00:10:0:1::3", "fd00:10:0:2::-fd00:10:0:2::2", "fd00:10::-fd00:10:0:1:ffff::"),
}
ODD_NETS = ("10.0.0.2/255.255.0.255", "10.0.2.0/255.255.254.0", "10.0.1.255/32", "224.0.0.0/4", "255.255.255.255/32")
NAMED = {"icmp": {4: "icmp", 6: "ipv6-icmp"}}


def _address(rng: Random, place: Place, option: str) -> str:
    nets = ADDRESSES[place.family] + (
        ODD_NETS if place.family == 4 else ("ff00::/8", "fd00:10:0:0:0:0:0:2/ffff:ffff::ffff")
    )
    where = rng.choice(nets)
    return f"{option} {where}" if where.endswith("/0") else either(rng, option, where)


def source(rng: Random, place: Place) -> str:
    """`-s`, with masks that are no prefix, broadcast and multicast"""
    return _address(rng, place, "-s")


def destination(rng: Random, place: Place) -> str:
    """`-d`, the same"""
    return _address(rng, place, "-d")


def device(rng: Random, place: Place) -> str:
    """`-i` or `-o` where the hook has one; in a user chain either, even if no packet there can have it."""
    able = [
        option
        for option, hooks in (("-i", INCOMING), ("-o", OUTGOING))
        if place.chain in hooks or place.chain[0] == "U"
    ]
    return either(rng, rng.choice(able), rng.choice(("eth1", "eth2", "lo", "eth+"))) if able else ""


def ports(rng: Random, place: Place) -> str:
    """`-m multiport` in its three forms"""
    if place.proto not in ("udp", "tcp"):
        return ""
    form = rng.choice(("--dports", "--sports", "--ports"))
    near = rng.choice(("5000,5002", "5000:5001,5003", "5001:5003", "5000,6000:6200"))
    return f"-m multiport {either(rng, form, near if form != '--sports' else rng.choice(('6000:6500', '6000,6002,6004', near)))}"


def one_port(rng: Random, place: Place) -> str:
    """`--dport`, `--sport`, both, open-ended ranges"""
    if place.proto not in ("udp", "tcp"):
        return ""
    said = either(rng, "--dport", rng.choice((*PORTS, ":5001", "5002:")))
    if rng.random() < 0.4:
        said = f"{either(rng, '--sport', rng.choice(('6000:6400', ':6100', '6100:', '5000:5003')))} {said}"
    return f"-m {place.proto} {said}"


def tcp(rng: Random, place: Place) -> str:
    """`--tcp-flags`, `--syn`, `--tcp-option`"""
    if place.proto != "tcp":
        return ""
    option = rng.choice(("--tcp-flags", "--syn", "--tcp-option"))
    value = {"--tcp-flags": rng.choice(FLAGS), "--syn": "", "--tcp-option": rng.choice(("2", "4", "8"))}[option]
    return f"-m tcp {either(rng, option, value).strip()}"


def icmp(rng: Random, place: Place) -> str:
    """`--icmp-type`, `--icmpv6-type`"""
    if place.proto not in ("icmp", "ipv6-icmp"):
        return ""
    module, option = ("icmp", "--icmp-type") if place.family == 4 else ("icmp6", "--icmpv6-type")
    value = rng.choice(ICMP_TYPES[place.family])
    return f"-m {module} {option} any" if value == "any" else f"-m {module} {either(rng, option, value)}"


def connmark(rng: Random, place: Place) -> str:
    """`-m connmark`"""
    return mark(rng, place).replace("-m mark", "-m connmark")


def kind(rng: Random, place: Place) -> str:
    """`-m addrtype`, both sides, every type, `--limit-iface`"""
    said = [either(rng, "--dst-type", ",".join(rng.sample(TYPES[place.family], rng.choice((1, 1, 2)))))]
    if rng.random() < 0.3:
        said.insert(0, either(rng, "--src-type", rng.choice(TYPES[place.family])))
    limits = [limit for limit, hooks in (("in", INCOMING), ("out", OUTGOING)) if place.chain in hooks]
    if limits and rng.random() < 0.3:
        said.append(f"--limit-iface-{rng.choice(limits)}")
    return f"-m addrtype {' '.join(said)}"


def state(rng: Random, place: Place) -> str:
    """`-m conntrack --ctstate`, or `-m state`"""
    if rng.random() < 0.25:
        return f"-m state {either(rng, '--state', ','.join(rng.sample(STATES[:5], rng.choice((1, 2)))))}"
    return f"-m conntrack {either(rng, '--ctstate', ','.join(rng.sample(STATES, rng.choice((1, 1, 2)))))}"


def connection(rng: Random, place: Place) -> str:
    """The rest of `-m conntrack`: one or two of its tests"""
    net = [one for one in ADDRESSES[place.family] if not one.endswith("/0")]
    tests = [
        f"--ctdir {rng.choice(('ORIGINAL', 'REPLY'))}",
        *(either(rng, f"--ct{side}", rng.choice(net)) for side in ("origsrc", "origdst", "replsrc", "repldst")),
        either(rng, "--ctorigsrcport", rng.choice(("6000:6400", "6100:6200"))),
        *(either(rng, f"--ct{side}port", rng.choice(PORTS)) for side in ("origdst", "replsrc")),
        either(rng, "--ctrepldstport", rng.choice(("6000:6400", "7000:7010"))),
        either(rng, "--ctstatus", ",".join(rng.sample(STATUSES, rng.choice((1, 2))))),
        either(rng, "--ctproto", rng.choice(("6", "17", "1" if place.family == 4 else "58"))),
        either(rng, "--ctexpire", rng.choice(("10:40", "0:5", "100:200"))),
    ]
    return f"-m conntrack {' '.join(rng.sample(tests, rng.choice((1, 1, 2))))}"


def nth(rng: Random, place: Place) -> str:
    """`-m statistic --mode nth`: it counts the packets that came so far in the rule"""
    every = rng.choice((1, 2, 2, 3))
    return f"-m statistic --mode nth {either(rng, '--every', str(every))} --packet {rng.randrange(every)}"


def iprange(rng: Random, place: Place) -> str:
    """`-m iprange`"""
    return f"-m iprange {either(rng, rng.choice(('--src-range', '--dst-range')), rng.choice(RANGES[place.family]))}"


def length(rng: Random, place: Place) -> str:
    """`-m length`: of the whole IP packet"""
    return (
        f"-m length {either(rng, '--length', rng.choice(('32', '0:59', '60', '28:100', '44:128', '52', '101:65535')))}"
    )


def ttl(rng: Random, place: Place) -> str:
    """`-m ttl`, in IPv6 `-m hl`"""
    word = "ttl" if place.family == 4 else "hl"
    test = rng.choice(
        (either(rng, f"--{word}-eq", "64"), f"--{word}-gt {rng.choice((62, 63))}", f"--{word}-lt {rng.choice((2, 64))}")
    )
    return f"-m {word} {test}"


def comment(rng: Random, place: Place) -> str:
    """`-m comment`, which always matches"""
    return f'-m comment --comment "{rng.choice(("a rule", "it -j DROPs nothing", "one", "ns/name:port"))}"'


def dscp(rng: Random, place: Place) -> str:
    """`-m dscp`, by number or by class"""
    said = rng.choice((("--dscp", "10"), ("--dscp", "0"), ("--dscp-class", "EF"), ("--dscp-class", "BE")))
    return f"-m dscp {either(rng, *said)}"


def pkttype(rng: Random, place: Place) -> str:
    """`-m pkttype`"""
    return f"-m pkttype {either(rng, '--pkt-type', rng.choice(('unicast', 'broadcast', 'multicast')))}"


def owner(rng: Random, place: Place) -> str:
    """`-m owner`, by users and groups of whom no program sends: a dump does not tell who does"""
    if place.chain not in ("OUTPUT", "POSTROUTING"):
        return ""
    return f"-m owner {either(rng, rng.choice(('--uid-owner', '--gid-owner')), rng.choice(('1337', '5-9')), 0.4)}"


def rpfilter(rng: Random, place: Place) -> str:
    """`-m rpfilter`, where a packet has just come in"""
    if place.chain != "PREROUTING" or place.table not in ("raw", "mangle"):
        return ""
    return " ".join(
        ["-m rpfilter", *(o for o in ("--loose", "--validmark", "--accept-local", "--invert") if rng.random() < 0.4)]
    )


def physdev(rng: Random, place: Place) -> str:
    """`-m physdev`: there is no bridge here"""
    if place.chain not in ("FORWARD", "PREROUTING", "INPUT"):
        return ""
    options = ("is-in", "in eth+", "in eth1", "is-bridged") if place.chain == "FORWARD" else ("is-in", "in eth1")
    return f"-m physdev {'! ' if rng.random() < 0.6 else ''}--physdev-{rng.choice(options)}"


def connlimit(rng: Random, place: Place) -> str:
    """`-m connlimit`: connections of a host, or of a block; for some milliseconds a kernel counts what is gone (nf_conncount.c)"""
    mask = rng.choice(("", " --connlimit-mask 24", " --connlimit-mask 0")) if place.family == 4 else ""
    side = rng.choice(("", " --connlimit-daddr"))
    return f"-m connlimit --connlimit-{rng.choice(('above', 'upto'))} {rng.choice((0, 0, 50))}{mask}{side}"


def hashlimit(rng: Random, place: Place) -> str:
    """`-m hashlimit`: so few in an hour that only the burst counts"""
    mode = rng.choice(
        ("", "srcip", "dstip", "srcip,dstip", *(("dstport", "srcip,dstport") if place.proto in ("tcp", "udp") else ()))
    )
    said = f"--hashlimit-{rng.choice(('upto', 'above'))} {rng.choice((1, 2))}/hour --hashlimit-burst {rng.choice((1, 2, 3))}"
    said += f" --hashlimit-mode {mode}" if mode else ""
    return f"-m hashlimit {said} --hashlimit-name h{rng.randrange(1 << 30)}"


MATCHES = (
    *((0.2, source), (0.22, destination), (0.14, device), (0.16, one_port), (0.07, ports), (0.15, tcp), (0.3, icmp)),
    *((0.1, mark), (0.06, connmark), (0.1, kind), (0.1, state), (0.1, connection), (0.06, nth)),
    *((0.05, iprange), (0.05, length), (0.05, ttl), (0.04, comment)),
    *((0.06, rpfilter), (0.06, physdev), (0.06, connlimit), (0.06, hashlimit)),
    *((0.06, dscp), (0.06, pkttype), (0.06, owner)),
)
