"""Random machines that no network plugin would make: unnumbered wires, two bridges, Calico-like pods, strange switches and rules.

A router stands in the middle. Each of its links leads to one host, or is a bridge with two hosts. Packets are odd too: spoofed
sources, scans, unknown protocols, addresses of many.
"""

from __future__ import annotations

import json
from random import Random
from typing import Any

from kubenet_course.lab.scenario.scenario import Scenario, read

LISTENS = ["tcp [::]:80 web", "udp [::]:53 dns"]
FLAGS = ("", "S", "S", "SP", "SU", "SEC", "SE", "SF", "F", "FPU", "P", "U", "A", "FA", "R", "RA", "SA", "PA")
REJECTS = {
    4: ("icmp-port-unreachable", "icmp-host-prohibited", "icmp-net-unreachable", "icmp-proto-unreachable"),
    6: ("icmp6-port-unreachable", "icmp6-adm-prohibited", "icmp6-no-route", "icmp6-addr-unreachable"),
}
BLOCK = {4: "10.{}.0.", 6: "fd00:{}::"}
LENGTH = {4: 24, 6: 64}
HEADS = {
    "raw": ("PREROUTING", "OUTPUT"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
}

Place = tuple[str, int, int]  # a host, the number of its link, its number there


def odd(chance: Random, packets: int = 10) -> Scenario:
    """A router, two to four links, and packets."""
    families = chance.choice([(4,), (4,), (6,), (4, 6)])
    spaces: dict[str, Any] = {"router": {"devices": [], "routes": [], "sysctls": _switches(chance, families)}}
    hosts: list[Place] = []
    for link in range(1, chance.randint(2, 4) + 1):
        kind = chance.choice(["numbered", "numbered", "bare", "calico", "bridge", "bridge"])
        for number in range(2 if kind == "bridge" else 1):
            name = f"h{link}{'ab'[number]}"
            hosts.append((name, link, number))
            _wire(chance, spaces, kind, name, link, number, families)
        if kind == "bridge":
            own = [f"{_address(link, 1, of)}/{LENGTH[of]}" for of in families]
            spaces["router"]["devices"].insert(
                chance.choice([0, len(spaces["router"]["devices"])]),
                {"name": f"br{link}", "kind": "bridge", "mac": f"02:00:00:00:b0:{link:02x}", "addresses": own},
            )
    router = spaces["router"]
    if chance.random() < 0.3:  # a block on lo: all of it is the machine's own; in IPv6 the address alone (DEV-22)
        blocks = ["127.0.0.1/8", "::1/128", *(f"{_address(8, 1, of)}/{24 if of == 4 else 128}" for of in families)]
        router["devices"].append({"name": "lo", "kind": "lo", "addresses": blocks})
    router["routes"] += _ways(chance, families)
    router["sockets"] = LISTENS if chance.random() < 0.5 else []
    for of, name in ((4, "iptables"), (6, "ip6tables")):
        if of in families and chance.random() < 0.8:
            router[name] = _rules(chance, hosts, of)
    _per_device(chance, router)
    sent: list[dict] = []
    for number in range(packets):
        again = sent and chance.random() < 0.15
        packet = chance.choice(sent) if again else _sending(chance, hosts, chance.choice(families), number)
        while _copies_translated(packet, router):  # DEV-24
            packet = _sending(chance, hosts, chance.choice(families), number)
        sent.append(packet)
    whole = {"kubenet_scenario": 1, "name": "odd", "namespaces": spaces, "packets": sent}
    return read(json.dumps(whole), "odd")


def _copies_translated(packet: dict, router: dict) -> bool:
    """Whether a bridge may send copies of a packet whose source the rules at POSTROUTING translate."""
    dst = packet["send"]["dst"]
    rules = router.get("ip6tables" if ":" in dst else "iptables", [])
    return (dst == "ff02::1" or dst.endswith(".255")) and any("SNAT" in rule or "MASQ" in rule for rule in rules)


def _address(link: int, number: int, of: int) -> str:
    return BLOCK[of].format(link) + str(number)


def _wire(chance: Random, spaces: dict, kind: str, name: str, link: int, number: int, families: tuple) -> None:
    """A host and the wire to it; on the router's side with an address, without one, or as a port of a bridge."""
    host, port = number + 2, f"v{link}{'ab'[number]}"
    mac = f"02:00:00:00:{link:02x}:{host:02x}"
    alone = kind == "calico"
    addresses = [f"{_address(link, host, of)}/{(32 if of == 4 else 128) if alone else LENGTH[of]}" for of in families]
    device = {"name": "eth0", "kind": "veth", "mac": mac, "peer": ["router", port], "addresses": addresses}
    routes = []
    for of in families:
        via = {4: "169.254.1.1", 6: "fe80::ecee:eeff:feee:eeee"}[of] if alone else _address(link, 1, of)
        routes += ["169.254.1.1 dev eth0"] if alone and of == 4 else []
        routes += [f"default via {via} dev eth0"]
    spaces[name] = {"devices": [device], "routes": routes, "sockets": LISTENS if chance.random() < 0.8 else []}
    near = {"name": port, "kind": "veth", "mac": f"02:00:00:00:{link:02x}:f{number}", "peer": [name, "eth0"]}
    router = spaces["router"]
    if kind == "bridge":
        near |= {"master": f"br{link}", "hairpin": chance.random() < 0.3}
    elif kind == "numbered":
        near["addresses"] = [f"{_address(link, 1, of)}/{LENGTH[of]}" for of in families]
    else:
        near["mac"] = "ee:ee:ee:ee:ee:ee" if alone else near["mac"]
        near["addresses"] = ["fe80::ecee:eeff:feee:eeee/64"] if 6 in families and alone else []
        near["addresses"] += [f"fe80::{link}/64"] if 6 in families and not alone else []
        router["routes"] += [f"{_address(link, host, of)} dev {port}" for of in families]
        router["sysctls"] |= {f"net.ipv4.conf.{port}.proxy_arp": 1}
    if chance.random() < 0.06:
        device["up"] = False
        spaces[name]["routes"] = []
    router["devices"].append(near)


def _switches(chance: Random, families: tuple) -> dict[str, int]:
    """Switches of the whole machine."""
    found = {
        "net.ipv4.ip_forward": int(chance.random() < 0.9),
        "net.ipv6.conf.all.forwarding": int(chance.random() < 0.9),
    }
    calls = 1 if 6 in families else int(chance.random() < 0.7)  # see lab_drawn: redirects
    found |= {"net.bridge.bridge-nf-call-iptables": calls, "net.bridge.bridge-nf-call-ip6tables": 1}
    rare = {
        "net.ipv4.conf.all.rp_filter": (0, 1, 2), "net.ipv4.conf.default.rp_filter": (0, 1, 2),
        "net.ipv4.conf.all.accept_local": (0, 1), "net.ipv4.conf.all.route_localnet": (0, 1),
        "net.ipv4.conf.all.arp_ignore": (0, 1, 2, 3, 8), "net.ipv4.conf.all.arp_announce": (0, 1, 2),
        "net.ipv4.icmp_errors_use_inbound_ifaddr": (0, 1), "net.ipv4.ip_default_ttl": (64, 100),
        "net.ipv6.conf.all.hop_limit": (64, 99), "net.ipv4.icmp_echo_ignore_all": (0, 1),
        "net.ipv6.icmp.echo_ignore_all": (0, 1),
    }  # fmt: skip
    return found | {name: chance.choice(values) for name, values in rare.items() if chance.random() < 0.15}


def _per_device(chance: Random, router: dict) -> None:
    """Switches of one device."""
    for device in router["devices"]:
        for name, values in (("rp_filter", (0, 1, 2)), ("forwarding", (0, 1)), ("arp_ignore", (1, 2))):
            if chance.random() < 0.1 and not device.get("master") and device["name"] != "lo":
                router["sysctls"][f"net.ipv4.conf.{device['name']}.{name}"] = chance.choice(values)


def _ways(chance: Random, families: tuple) -> list[str]:
    """Rows that forbid, and one that leads to a neighbour that is not there."""
    found = []
    for of in families:
        for kind in ("unreachable", "prohibit", "blackhole"):
            if chance.random() < 0.3:
                block = chance.choice(["10.77.0.0/24", "10.1.0.0/30"] if of == 4 else ["fd00:77::/64", "fd00:1::4/126"])
                found.append(f"{kind} {block}")
    return list({row.split()[1]: row for row in found}.values())


def _rules(chance: Random, hosts: list[Place], of: int) -> list[str]:
    """A few rules for each of some tables."""
    lines: list[str] = []
    for table, chains in HEADS.items():
        if chance.random() < 0.4:
            continue
        lines += [f"*{table}", *(f":{chain} ACCEPT" for chain in chains)]
        for _ in range(chance.randint(1, 3)):
            chain = chance.choice(chains)
            match = _match(chance, hosts, of)
            target = _target(chance, hosts, table, chain, of)
            if target.startswith("REJECT") and "-p tcp" in match and chance.random() < 0.6:
                target = "REJECT --reject-with tcp-reset"
            lines.append(f"-A {chain} {match}-j {target}")
        lines.append("COMMIT")
    return lines


def _match(chance: Random, hosts: list[Place], of: int) -> str:
    one = chance.choice(hosts)
    host = _address(one[1], one[2] + 2, of)
    return chance.choice(
        ["", f"-d {host} ", f"-s {host} ", "-p tcp ", "-p udp ", "-p tcp --dport 80 ", "-p udp --dport 53 "]
    )


def _target(chance: Random, hosts: list[Place], table: str, chain: str, of: int) -> str:
    one = chance.choice(hosts)
    host = _address(one[1], one[2] + 2, of)
    match table:
        case "raw":
            return chance.choice(["CT --notrack", "DROP"])
        case "mangle":
            return chance.choice(["MARK --set-xmark 0x5/0xffffffff", "MARK --set-xmark 0x6/0xffffffff", "DROP"])
        case "filter":
            return chance.choice(["DROP", f"REJECT --reject-with {chance.choice(REJECTS[of])}", "ACCEPT"])
    if chain in ("PREROUTING", "OUTPUT"):
        elsewhere = "10.99.0.1" if of == 4 else "fd00:99::1"
        return f"DNAT --to-destination {chance.choice([host, host, elsewhere])}"
    return f"SNAT --to-source {_address(9, 9, of)}" if chain == "INPUT" or chance.random() < 0.3 else "MASQUERADE"


def _sending(chance: Random, hosts: list[Place], of: int, number: int) -> dict[str, Any]:
    asker = chance.choice([*hosts, *hosts, ("router", chance.randint(1, 3), -1)])
    src = _address(asker[1], asker[2] + 2, of)
    spoofed = [_address(chance.randint(1, 4), chance.choice([1, 2, 3, 99]), of), "10.1.0.255" if of == 4 else src]
    src = chance.choice(spoofed) if chance.random() < 0.2 and asker[0] != "router" else src
    one = chance.choice(hosts)
    near = [_address(one[1], one[2] + 2, of)] * 4 + [_address(one[1], 1, of)] * 2
    far = [_address(77, 1, of), _address(one[1], 99, of), _address(1, 6, of), _address(8, 9, of)]
    many = [_address(one[1], 255, of)] if of == 4 else ["ff02::1"]
    to = chance.choice([*near, *far, *(many if asker[0] != "router" else [])])
    said = _packet(chance, src, to, of, number)
    if to in many:  # which of several programs answers first is chance, and who sends hears itself (DEV-12)
        said |= {"src": _address(asker[1], asker[2] + 2, of)} | ({"dport": 54} if said["proto"] == "udp" else {})
    return {"at": asker[0], "send": said}


def _packet(chance: Random, src: str, to: str, of: int, number: int) -> dict[str, Any]:
    said: dict[str, Any] = {"src": src, "dst": to, "ttl": chance.choice([64, 64, 64, 3, 2, 1])}
    said |= {"tos": chance.choice([0, 0, 0x10, 1, 2, 3]), "df": chance.random() < 0.8 or of == 6}
    sport = chance.choice([40000 + number, 40000, 300])
    match chance.choice(["tcp", "tcp", "tcp", "udp", "udp", "icmp", "other"]):
        case "tcp":
            more = {
                "dport": chance.choice([80, 80, 81]),
                "flags": chance.choice(FLAGS),
                "seq": chance.choice([5, 5, 70000]),
            }
            return {"proto": "tcp", "sport": sport, **said, **more}
        case "udp":
            more = {"dport": chance.choice([53, 53, 54]), "checksum": chance.random() < 0.8, "payload": "who?"}
            return {"proto": "udp", "sport": sport, **said, **more}
        case "icmp":
            kind = chance.choice([-1, -1, 13]) if of == 4 else -1
            more = {"ident": number + 1, "code": chance.choice([0, 0, 1]), "type": kind, "payload": "12345678"}
            return {"proto": "icmp", **said, **more}
        case _:
            return {"proto": chance.choice(["gre", "esp", "ospf", "ipencap"]), **said, "payload": "zeros 24"}
