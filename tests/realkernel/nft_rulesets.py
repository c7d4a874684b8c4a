"""Random rulesets of nftables, in the words of `nft -f`: sets, maps, verdict maps, priorities. The same seed gives the same text.

What draws by lot (`numgen random`) is left out: every other part has one outcome, which kernel and model must share.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

PRIORITIES = (-310, -225, -175, -150, -110, -10, 0, 0, 1, 60)
NAT = {"prerouting": (-100, -100, -90), "output": (-100, -100, -95), "input": (100,), "postrouting": (100, 100, 110)}
HOOKS = ("prerouting", "input", "forward", "output", "postrouting")
NETS = {
    4: ("10.0.1.0/24", "10.0.2.0/24", "10.0.0.0/16", "10.9.0.0/16", "10.0.2.2-10.0.2.3"),
    6: ("fd00:10:0:1::/64", "fd00:10:0:2::/64", "fd00:10::/32", "fd00:10:0:2::2-fd00:10:0:2::3"),
}
HOSTS = {
    4: ("10.0.1.1", "10.0.1.2", "10.0.1.3", "10.0.2.1", "10.0.2.2", "10.0.2.3", "10.9.0.1"),
    6: ("fd00:10:0:1::1", "fd00:10:0:1::2", "fd00:10:0:2::1", "fd00:10:0:2::2", "fd00:10:0:2::3"),
}
ENDS = {4: ("10.0.2.2", "10.0.2.3", "10.0.1.3"), 6: ("fd00:10:0:2::2", "fd00:10:0:2::3", "fd00:10:0:1::3")}
PORTS = (5000, 5001, 5002, 5003)
USERS = ("u0", "u1", "u2")
FAMILY = {4: "ip", 6: "ip6"}
Draw = Callable[[Random, int], str]


def _no(rng: Random) -> str:
    return "!= " if rng.random() < 0.2 else ""


def _some(rng: Random, among: tuple, most: int = 3) -> str:
    return "{ " + ", ".join(map(str, rng.sample(among, rng.randint(1, most)))) + " }"


def _address(rng: Random, of: int) -> str:
    field = f"{FAMILY[of]} {rng.choice(('saddr', 'daddr'))} {_no(rng)}"
    return field + rng.choice((rng.choice(HOSTS[of]), rng.choice(NETS[of]), _some(rng, HOSTS[of]), "@hosts", "@nets"))


def _port(rng: Random, of: int) -> str:
    drawn = rng.choice((str(rng.choice(PORTS)), "5001-5002", _some(rng, (5000, 5001, "5002-5003")), "@ports"))
    return rng.choice(
        (f"th dport {_no(rng)}{drawn}", f"udp dport {_no(rng)}{drawn}", "udp dport >= 5002", "udp sport < 6075")
    )


def _meta(rng: Random, of: int) -> str:
    return rng.choice(
        (
            f"meta l4proto {_no(rng)}udp",
            "meta l4proto { tcp, udp }",
            f'iifname {_no(rng)}"eth1"',
            'oifname { "eth2", "lo" }',
            'iifname "eth*"',
            f"meta mark {_no(rng)}0x1",
            "meta mark & 0x3 == 0x1",
            "meta mark & 0x2 != 0x0",
            "ct mark 0x1",
            f"meta length {rng.choice(('< 40', '>= 30', '32'))}",
            f"meta nfproto ipv{of}",
        )
    )


def _state(rng: Random, of: int) -> str:
    return rng.choice(
        (
            "ct state new",
            "ct state established,related",
            f"ct state {_no(rng)}{{ new, untracked }}",
            "ct state invalid",
            "ct status dnat",
            "ct status snat,dnat",
            "ct direction original",
            f"fib daddr type {_no(rng)}local",
            "fib saddr type { local, unicast }",
        )
    )


def _joined(rng: Random, of: int) -> str:
    return rng.choice(
        (
            f"{FAMILY[of]} daddr . th dport @portals",
            f"{FAMILY[of]} saddr . {FAMILY[of]} daddr {_no(rng)}@pairs",
            f"{FAMILY[of]} saddr @lately",
            "limit rate 2/hour burst 2 packets",
            "limit rate over 1/hour burst 3 packets",
            "numgen inc mod 2 0",
        )
    )


def _change(rng: Random, of: int) -> str:
    return rng.choice(
        (
            "meta mark set 0x1",
            "meta mark set meta mark | 0x2",
            "meta mark set meta mark ^ 0x3",
            "ct mark set meta mark",
            "meta mark set ct mark",
            f"update @lately {{ {FAMILY[of]} saddr }}",
            f"add @lately {{ {FAMILY[of]} saddr timeout 1h }}",
            f"meta mark set {FAMILY[of]} daddr map @marks",
            "meta mark set numgen inc mod 3",
        )
    )


def _reject(rng: Random, of: int) -> str:
    kinds = {
        4: ("", " with icmp host-prohibited", " with icmpx admin-prohibited"),
        6: ("", " with icmpv6 admin-prohibited"),
    }
    return f"reject{rng.choice(kinds[of])}"


def _dnat(rng: Random, of: int) -> str:
    end, word = rng.choice(ENDS[of]), FAMILY[of]
    ported = f"[{end}]:5002" if of == 6 else f"{end}:5002"
    return rng.choice(
        (
            f"dnat {word} to {end}",
            f"meta l4proto udp dnat {word} to {ported}",
            f"dnat {word} to numgen inc mod 2 map {{ 0 : {ENDS[of][0]}, 1 : {ENDS[of][1]} }}",
            f"meta l4proto udp dnat {word} to {word} daddr . th dport map @to",
            "meta l4proto udp redirect to :5003",
            "redirect",
        )
    )


def _snat(rng: Random, of: int) -> str:
    own = "10.0.2.1" if of == 4 else "fd00:10:0:2::1"
    return rng.choice((f"snat {FAMILY[of]} to {own}", "masquerade", "masquerade"))


def _verdict(rng: Random, of: int, kind: str, hook: str, users: tuple[str, ...]) -> str:
    plain = ["accept", "return", "", ""]
    plain += [f"{rng.choice(('jump', 'goto'))} {rng.choice(users)}"] * 2 if users else []
    if users:
        to = rng.choice(users)
        plain += [f"th dport vmap {{ 5000 : accept, 5001 : jump {to}, 5002-5003 : continue }}", "th dport vmap @ways"]
    if kind == "nat":
        return rng.choice(
            [*plain, *([_dnat(rng, of)] * 5 if hook in ("prerouting", "output") else [_snat(rng, of)] * 4)]
        )
    drops = ["drop"] if rng.random() < 0.5 else []
    rejects = [_reject(rng, of)] * 2 if hook in ("input", "forward", "output") else []
    return rng.choice([*plain, *drops, *rejects])


def a_rule(rng: Random, of: int, kind: str, hook: str, users: tuple[str, ...]) -> str:
    """Comparisons, a counter somewhere among them, sometimes a change, a verdict at the end."""
    draws: tuple[tuple[float, Draw], ...] = (
        (0.4, _address), (0.35, _port), (0.25, _meta), (0.25, _state), (0.15, _joined),
    )  # fmt: skip
    parts = [draw(rng, of) for chance, draw in draws if rng.random() < chance]
    parts.insert(rng.randint(0, len(parts)), "counter")
    if rng.random() < 0.3:
        parts.append(_change(rng, of))
    if rng.random() < 0.3:
        parts.append("counter")
    return " ".join([*parts, _verdict(rng, of, kind, hook, users)]).strip()


def _sets(rng: Random, of: int) -> list[str]:
    kind, hosts = f"ipv{of}_addr", HOSTS[of]
    portals = ", ".join(f"{rng.choice(hosts)} . {port}" for port in rng.sample(PORTS, 2))
    pairs = ", ".join(sorted({f"{rng.choice(hosts)} . {rng.choice(hosts)}" for _ in range(4)}))
    to = ", ".join(f"{host} . {port} : {rng.choice(ENDS[of])} . 5001" for host in hosts[:4] for port in PORTS[:2])
    marks = ", ".join(f"{host} : {number % 4}" for number, host in enumerate(hosts))
    return [
        f"set hosts {{ type {kind}; elements = {_some(rng, hosts, 4)} }}",
        f"set nets {{ type {kind}; flags interval; elements = {_some(rng, NETS[of][:2] + NETS[of][3:4], 2)} }}",
        "set ports { type inet_service; flags interval; elements = { 5000, 5002-5003 } }",
        f"set portals {{ type {kind} . inet_service; elements = {{ {portals} }} }}",
        f"set pairs {{ type {kind} . {kind}; elements = {{ {pairs} }} }}",
        f"set lately {{ type {kind}; size 3; flags dynamic,timeout; timeout 1h; }}",
        f"map to {{ type {kind} . inet_service : {kind} . inet_service; elements = {{ {to} }} }}",
        f"map marks {{ type {kind} : mark; elements = {{ {marks} }} }}",
        "map ways { type inet_service : verdict; elements = { 5000 : goto u2, 5001 : accept, 5003 : jump u2 } }",
    ]


def a_table(rng: Random, of: int, name: str) -> str:
    """A table with sets, user chains that lead only to later ones, and base chains at hooks and priorities drawn by lot."""
    family = rng.choice(("inet", FAMILY[of]))
    lines = [f"table {family} {name} {{", *_sets(rng, of)]
    for number, user in reversed(list(enumerate(USERS))):
        later = USERS[number + 1 :]
        rules = [a_rule(rng, of, "", "", later) for _ in range(rng.randint(1, 2))]
        rules = [rule.removesuffix(" th dport vmap @ways") if number == 2 else rule for rule in rules]
        lines.append(f"chain {user} {{ {'; '.join(rules)}; }}")
    for number in range(rng.randint(2, 5)):
        kind, hook = ("nat" if rng.random() < 0.45 else "filter"), rng.choice(HOOKS)
        priority = rng.choice(NAT[hook] if kind == "nat" and hook in NAT else PRIORITIES)
        kind = kind if hook in NAT else "filter"
        policy = "drop" if rng.random() < 0.05 else "accept"
        rules = [a_rule(rng, of, kind, hook, USERS) for _ in range(rng.randint(1, 4))]
        if priority < -200 and rng.random() < 0.3 and hook in ("prerouting", "output"):
            rules.append("udp dport 5001 counter notrack")
        head = f"type {kind} hook {hook} priority {priority}; policy {policy}"
        lines.append(f"chain c{number} {{ {head}; {'; '.join(rules)}; }}")
    return "\n".join([*lines, "}"]) + "\n"


def a_ruleset(rng: Random, of: int = 4) -> str:
    """One table or two."""
    return "".join(a_table(rng, of, name) for name in ("one", "two")[: rng.choice((1, 1, 2))])
