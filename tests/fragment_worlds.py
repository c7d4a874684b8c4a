"""Random worlds in which packets are cut and put together: four machines in a row, and pods behind a tunnel."""

import itertools
from random import Random
from typing import Any

SIZES = (1500, 1450, 1400, 1300, 1280)
KEPT = ["*filter", "-A FORWARD -m conntrack --ctstate INVALID -j DROP", "COMMIT"]
FORWARDS = {"net.ipv4.ip_forward": 1, "net.ipv6.conf.all.forwarding": 1}
DNAT = "-A PREROUTING -d 10.0.9.9/32 -p udp -m udp --dport 53 -j DNAT --to-destination 10.0.3.2:53"
PIECES = [
    "*filter", "-A FORWARD -f -j ACCEPT", "-A FORWARD -p udp -m udp --dport 53 -j ACCEPT",
    "-A FORWARD -p icmp -j ACCEPT", "-A FORWARD -p udp -m udp ! --sport 53 -j DROP", "COMMIT",
]  # fmt: skip


def masquerade(dev: str, *more: str) -> list[str]:
    return ["*nat", *more, f"-A POSTROUTING -o {dev} -j MASQUERADE", "COMMIT"]


def device(name: str, mac: str, peer: list[str], own: list[str], mtu: int, **more: Any) -> dict:
    kind = {"name": name, "kind": "veth", "mac": mac, "peer": peer}
    return {**kind, "addresses": own, "mtu": mtu, **more}


def end(net: int, host: int, dev: str, peer: list[str], mtu: int) -> dict:
    """One end of the wire `net` of the row: host 1 is nearer to its machine's left, as the MAC tells."""
    own = [f"10.0.{net}.{host}/24", f"fd00:0:0:{net}::{host}/64"]
    return device(dev, f"02:00:00:00:{net:02x}:{host:02x}", peer, own, mtu)


def near(net: int, host: int, dev: str) -> list[str]:
    """That a neighbour's MAC is known: who is asked first when several packets wait is not the subject."""
    to = f"lladdr 02:00:00:00:{net:02x}:{host:02x} dev {dev}"
    return [f"10.0.{net}.{host} {to}", f"fd00:0:0:{net}::{host} {to}"]


def machine(devices: list, routes: list[str], known: list, **more: Any) -> dict:
    found = {"devices": devices, "routes": routes, "neighbours": [row for one in known for row in near(*one)]}
    return found | {"sockets": ["udp [::]:53 dns"], "sysctls": {}} | more


def row_of_machines(chance: Random) -> tuple[dict, str]:
    """client - r1 - r2 - server, each wire with an MTU of its own, and rules that see packets whole or in pieces."""
    middle, last = chance.choice(SIZES), chance.choice(SIZES)
    rules = chance.choice(["none", "tracked", "translated", "pieces"])
    wires = {
        "client": [end(1, 2, "eth0", ["r1", "eth1"], 1500)],
        "r1": [end(1, 1, "eth1", ["client", "eth0"], 1500), end(2, 1, "eth2", ["r2", "eth1"], middle)],
        "r2": [end(2, 2, "eth1", ["r1", "eth2"], middle), end(3, 1, "eth2", ["server", "eth0"], last)],
        "server": [end(3, 2, "eth0", ["r2", "eth2"], last)],
    }
    ways = {
        "client": ["default via 10.0.1.1 dev eth0", "default via fd00:0:0:1::1 dev eth0"],
        "r1": ["10.0.3.0/24 via 10.0.2.2 dev eth2", "fd00:0:0:3::/64 via fd00:0:0:2::2 dev eth2"],
        "r2": ["10.0.1.0/24 via 10.0.2.1 dev eth1", "fd00:0:0:1::/64 via fd00:0:0:2::1 dev eth1"],
        "server": ["default via 10.0.3.1 dev eth0", "default via fd00:0:0:3::1 dev eth0"],
    }
    known = {
        "client": [(1, 1, "eth0")], "r1": [(1, 2, "eth1"), (2, 2, "eth2")],
        "r2": [(2, 1, "eth1"), (3, 2, "eth2")], "server": [(3, 1, "eth0")],
    }  # fmt: skip
    world = {name: machine(wires[name], ways[name], known[name]) for name in wires}
    for name in ("r1", "r2"):
        world[name] |= {"sysctls": FORWARDS, "sockets": []}
        world[name] |= {"iptables": KEPT, "ip6tables": KEPT} if rules == "tracked" else {}
    if rules == "translated":
        world["r1"] |= {"iptables": masquerade("eth2", DNAT), "ip6tables": masquerade("eth2")}
    if rules == "pieces":
        world["r1"] |= {"iptables": PIECES}
    for name in ("client", "server"):
        world[name] |= {"iptables": KEPT, "ip6tables": KEPT} if chance.random() < 0.3 else {}
    return world, rules


def packets(chance: Random, count: int, service: bool = False) -> list[dict]:
    """Packets of all sizes, by programs and by who writes headers himself, whole or in pieces made by hand."""
    found: list[dict] = []
    for number in range(count):
        is6 = chance.random() < 0.45
        sizes = [(0, 1400), (1200, 1480), (1400, 3000), (2000, 6000)]
        size = chance.randint(*chance.choice(sizes))
        to = "10.0.9.9" if service and not is6 and chance.random() < 0.5 else "10.0.3.2"
        src, dst = ("fd00:0:0:1::2", "fd00:0:0:3::2") if is6 else ("10.0.1.2", to)
        proto = chance.choice(["udp", "icmp"]) if dst != "10.0.9.9" else "udp"
        said: dict[str, Any] = {"proto": proto, "src": src, "dst": dst}
        how = chance.choice(["", "want", "dont", "do", "want"])
        if proto == "udp":
            base = 20000 if how else 30000
            said |= {"sport": base + chance.randrange(3), "dport": 53 if chance.random() < 0.8 else 54}
        else:
            said |= {"ident": 1 + chance.randrange(3), "number": number}
        said["payload"] = f"hex {chance.randbytes(size).hex()}" if chance.random() < 0.7 else f"zeros {size}"
        said["tos"] = chance.choice([0, 2, 1, 3, 0x10]) if chance.random() < 0.2 else 0
        if how:
            found.append({"at": "client", "send": said, "discovers": how})
            continue
        said |= {"df": chance.random() < 0.5, "id": chance.randrange(1, 65536)}
        if size > 16 and chance.random() < 0.6:
            found += [{"at": "client", "send": said | {"fragment": one}} for one in pieces(chance, size + 8)]
        else:
            found.append({"at": "client", "send": {**said, "id": 0 if said["df"] or is6 else said["id"]}})
    return found


def pieces(chance: Random, size: int) -> list[str]:
    """A packet in pieces: in order or not; perhaps one is missing, overlaps or comes twice."""
    cuts = sorted({8 * chance.randrange(1, size // 8) for _ in range(chance.randrange(1, 4))})
    ends = [0, *cuts, size]
    parts = [(first, behind - 1) for first, behind in itertools.pairwise(ends) if behind > first]
    trouble = chance.random()
    if trouble < 0.15:
        parts.pop(chance.randrange(len(parts)))
    elif trouble < 0.3 and len(parts) > 1:
        parts[-1] = (parts[-1][0] - 8, parts[-1][1])
    elif trouble < 0.4:
        parts.insert(chance.randrange(len(parts)), parts[chance.randrange(len(parts))])
    if chance.random() < 0.4:
        chance.shuffle(parts)
    return [f"{first}-{last}" for first, last in parts if last - first <= 1380]


def in_a_row(seed: int) -> dict:
    chance = Random(f"row {seed}")
    world, rules = row_of_machines(chance)
    sent = packets(chance, 10, rules == "translated")
    return scenario(f"fragments-row-{seed}", f"four machines in a row, rules: {rules}", world, sent)


def scenario(name: str, about: str, world: dict, sent: list[dict]) -> dict:
    return {"kubenet_scenario": 1, "name": name, "about": about, "namespaces": world, "packets": sent}


def through_a_tunnel(seed: int) -> dict:
    """Pods of two nodes and a VXLAN between them; the router in the middle has a narrower side."""
    chance = Random(f"tunnel {seed}")
    is6, bridged, called = chance.random() < 0.4, chance.random() < 0.5, chance.choice([0, 1])
    rules, narrow = chance.choice(["none", "tracked", "translated"]), chance.choice([1500, 1450, 1400, 1350])
    room = 1500 - (70 if is6 else 50)
    plan = {"is6": is6, "bridged": bridged, "pod": chance.choice([1500, room]), "narrow": narrow}
    switches = {**FORWARDS, **{f"net.bridge.bridge-nf-call-{ip}": called for ip in ("iptables", "ip6tables")}}
    world = {"router": between(is6, narrow)}
    for number in (1, 2):
        node = tunnel_node(number, **plan)
        table = {"tracked": KEPT, "translated": masquerade("flannel.1") if number == 1 else KEPT}.get(rules)
        node |= {"iptables": table, "ip6tables": table} if table else {}
        world |= {f"node-{number}": node | {"sysctls": switches}, f"pod-{number}": pod(number, 2, **plan)}
        world |= {f"pod-{number}b": pod(number, 3, **plan)} if bridged else {}
    sent = packets(chance, 7)
    for one in sent:
        said, own = one["send"], bridged and chance.random() < 0.3
        ends = ("fd00:10:{}::{}", "10.244.{}.{}")[":" not in said["src"]]
        said |= {"src": ends.format(1, 2), "dst": ends.format(1, 3) if own else ends.format(2, 2)}
        one["at"] = "pod-1"
    about = f"pods behind a tunnel, rules: {rules}, bridged: {bridged}, bridge calls: {called}"
    return scenario(f"fragments-tunnel-{seed}", about, world, sent)


def wire(number: int, is6: bool) -> tuple[str, str, int]:
    """The router's address on a node's wire, the node's, and the block's length."""
    if is6:
        return f"fd01:0:0:{number}::fe", f"fd01:0:0:{number}::1", 64
    return f"192.168.{number}.1", f"192.168.{number}.11", 24


def between(is6: bool, narrow: int) -> dict:
    devices, known = [], []
    for number, mtu in ((1, 1500), (2, narrow)):
        own, node, bits = wire(number, is6)
        devices.append(
            device(f"eth{number}", f"02:00:00:00:ee:0{number}", [f"node-{number}", "eth0"], [f"{own}/{bits}"], mtu)
        )
        known.append(f"{node} lladdr 02:00:00:00:e0:0{number} dev eth{number}")
    return {"devices": devices, "neighbours": known, "sysctls": FORWARDS}


def tunnel_node(number: int, is6: bool, bridged: bool, pod: int, narrow: int) -> dict:
    other, (gateway, own, bits) = 3 - number, wire(number, is6)
    below = 1500 if number == 1 else narrow
    vxlan = {"vni": 1, "local": own, "dev": "eth0"}
    inner = [f"10.244.{number}.0/32", f"fd00:10:{number}::/128"]
    gates = [f"10.244.{number}.1/24", f"fd00:10:{number}::1/64"]
    devices = [
        device("eth0", f"02:00:00:00:e0:0{number}", ["router", f"eth{number}"], [f"{own}/{bits}"], below),
        {"name": "flannel.1", "kind": "vxlan", "mac": f"02:00:00:00:f0:0{number}", "addresses": inner,
         "mtu": below - (70 if is6 else 50), "vxlan": vxlan},
    ]  # fmt: skip
    leg = device("vp", f"02:00:00:00:c0:0{number}", [f"pod-{number}", "eth0"], [] if bridged else gates, pod)
    if bridged:
        cni0 = {"name": "cni0", "kind": "bridge", "mac": f"02:00:00:00:c1:0{number}", "addresses": gates, "mtu": pod}
        second = device("vq", f"02:00:00:00:c2:0{number}", [f"pod-{number}b", "eth0"], [], pod, master="cni0")
        devices += [cni0, leg | {"master": "cni0"}, second]
    else:
        devices.append(leg)
    pods, far = "cni0" if bridged else "vp", f"lladdr 02:00:00:00:f0:0{other} dev flannel.1"
    mine = f"lladdr 02:00:00:00:a2:0{number} dev {pods}"
    known = [f"10.244.{other}.0 {far}", f"fd00:10:{other}:: {far}", f"10.244.{number}.2 {mine}"]
    known += [f"fd00:10:{number}::2 {mine}", f"{gateway} lladdr 02:00:00:00:ee:0{number} dev eth0"]
    routes = [f"10.244.{other}.0/24 via 10.244.{other}.0 dev flannel.1 onlink"]
    routes += [f"fd00:10:{other}::/64 via fd00:10:{other}:: dev flannel.1 onlink", f"default via {gateway} dev eth0"]
    fdb = [f"02:00:00:00:f0:0{other} dev flannel.1 dst {wire(other, is6)[1]}"]
    return {"devices": devices, "routes": routes, "neighbours": known, "fdb": fdb}


def pod(number: int, host: int, is6: bool, bridged: bool, pod: int, narrow: int) -> dict:
    own = [f"10.244.{number}.{host}/24", f"fd00:10:{number}::{host}/64"]
    peer = [f"node-{number}", "vp" if host == 2 else "vq"]
    known = [(1, f"02:00:00:00:{'c1' if bridged else 'c0'}:0{number}")]
    known += [(5 - host, f"02:00:00:00:a{5 - host}:0{number}")] if bridged else []
    rows = [f"{ip}{far} lladdr {mac} dev eth0" for far, mac in known
            for ip in (f"10.244.{number}.", f"fd00:10:{number}::")]  # fmt: skip
    routes = [f"default via 10.244.{number}.1 dev eth0", f"default via fd00:10:{number}::1 dev eth0"]
    eth0 = device("eth0", f"02:00:00:00:a{host}:0{number}", peer, own, pod)
    return {"devices": [eth0], "routes": routes, "neighbours": rows, "sockets": ["udp [::]:53 dns"]}
