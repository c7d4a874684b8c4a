"""Random commands, the same ones for the console and for the real `ip`, and what both then have, in one form."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Iterator

from kubenet_course.lab.real.run import private
from kubenet_course.linux.namespace.macs import made_mac
from kubenet_course.linux.namespace.netns import Netns
from kubenet_course.shell.console import Console
from kubenet_course.shell.iproute.route import connected

NAMES = ("red", "blue", "green")
CABLES = ("v0", "v1", "v2", "v3", "v4")
BLOCKS = ("10.1.0", "10.2.0")
BLOCKS6 = ("fd01::", "fd02::")

# Runs commands without a shell, each from a JSON list of [argv, stdin], then reads everything back.
WORKER = """
import json, subprocess, sys, time
told, names = [], json.loads(sys.argv[1])
for argv, text in json.load(sys.stdin):
    done = subprocess.run(argv, input=text, text=True, capture_output=True)
    told.append((done.returncode, done.stderr))
    if argv[1:3] == ["netns", "del"] and not done.returncode:
        time.sleep(0.15)  # a kernel takes a namespace apart a little later
def read(*argv):
    return json.loads(subprocess.run(argv, text=True, capture_output=True).stdout or "[]")
here = [row["name"] for row in read("ip", "-j", "netns", "list")]
print(json.dumps((told, {name: {
    "links": read("ip", "-j", "-d", "-n", name, "addr"),
    "routes": read("ip", "-j", "-n", name, "route") + read("ip", "-j", "-6", "-n", name, "route"),
    "neighbours": read("ip", "-j", "-n", name, "neigh"),
    "fdb": read("bridge", "-j", "-n", name, "fdb"),
} for name in here})))
"""


def on_this_machine(commands: list[tuple[list[str], str]]) -> tuple[list[tuple[int, str]], dict]:
    """What the real programs said to each command, and what then was in each namespace."""
    argv = private(sys.executable, "-c", WORKER, json.dumps(NAMES))
    done = subprocess.run(argv, input=json.dumps(commands), text=True, capture_output=True, check=True)
    told, found = json.loads(done.stdout)
    return [tuple(one) for one in told], found


def mac(rng: random.Random) -> str:
    return f"02:00:00:00:00:{rng.randrange(1, 40):02x}"


def host(rng: random.Random, six: bool) -> str:
    return f"{rng.choice(BLOCKS6)}{rng.randrange(1, 4)}" if six else f"{rng.choice(BLOCKS)}.{rng.randrange(1, 4)}"


def block(rng: random.Random, six: bool) -> str:
    """Mostly blocks that no device has, and once in a while a wrong one."""
    wide = (
        ("fd0a::/64", "fd0b::/64", "default")
        if six
        else ("10.7.0.0/16", "10.8.0.0/24", "default", "10.8.0.1/24", "10.8.0.5")
    )
    return rng.choice(wide)


def device(rng: random.Random, world: dict[str, Netns], name: str) -> str:
    """Mostly one that is there."""
    here = [dev for dev in world[name].devices if dev != "lo" or rng.random() < 0.15] if name in world else []
    return rng.choice(here) if here and rng.random() < 0.93 else rng.choice([*CABLES, "br0", "lo", "nope"])


def command(rng: random.Random, world: dict[str, Netns]) -> str:
    """One command that somebody might type."""
    name = rng.choice([*world, *world, *NAMES]) if world else rng.choice(NAMES)
    kinds = (_made, _made, _link, _link, _link, _link, _address, _address, _route, _route, _route, _neighbour, _fdb)
    return rng.choice(kinds)(rng, world, name)


def _made(rng, world, name) -> str:
    if rng.random() < 0.25:
        return f"ip netns add {rng.choice(NAMES)}"
    if rng.random() < 0.08:
        return f"ip netns del {rng.choice(NAMES)}"
    if rng.random() < 0.1:
        return f"ip -n {name} link del {device(rng, world, name)}"
    if rng.random() < 0.3:
        given = f" address {mac(rng)}" if rng.random() < 0.5 else ""
        return f"ip -n {name} link add {rng.choice(('br0', 'br1'))}{given} type bridge forward_delay 0 mcast_snooping 0"
    if rng.random() < 0.2:
        below = device(rng, world, name)
        dev = f"vni{rng.randrange(2)}"
        number = rng.randrange(1, 3)
        return (
            f"ip -n {name} link add {dev} address {mac(rng)} type vxlan id {number} local 10.1.0.1 dev {below} dstport 8472 "
            "srcport 40000 40001 nolearning noudpcsum"
        )
    one, other = rng.choice(CABLES), rng.choice(CABLES)
    there, mtu = rng.choice(NAMES), rng.choice((1500, 1400, 1300))
    peer = f"name {other} netns {there} address {mac(rng)} mtu {mtu}"
    return f"ip link add {one} netns {name} address {mac(rng)} mtu {mtu} type veth peer {peer}"


def _link(rng, world, name) -> str:
    dev = device(rng, world, name)
    bridges = [d.name for ns in world.values() if ns.name == name for d in ns.devices.values() if d.kind == "bridge"]
    what = rng.choices(
        ("up", "down", f"master {rng.choice(bridges or ['br0'])}", "nomaster", f"mtu {rng.choice((1500, 1400, 1280, 1000, 50))}",
         f"address {mac(rng)}", f"netns {rng.choice(NAMES)}", "type bridge_slave hairpin on learning off"),
        (8, 2, 4, 1, 1, 1, 1, 1),
    )[0]  # fmt: skip
    return f"ip -n {name} link set {dev} {what}"


def _address(rng, world, name) -> str:
    six = rng.random() < 0.4
    length = "/64" if six else rng.choice(("/24", "/24", "/24", "/16", "/32", ""))
    verb = "del" if rng.random() < 0.3 else "add"
    nodad = " nodad" if six and verb == "add" else ""
    return f"ip -n {name} addr {verb} {host(rng, six)}{length} dev {device(rng, world, name)}{nodad}"


def _route(rng, world, name) -> str:
    six, verb = rng.random() < 0.4, rng.choices(("add", "replace", "del"), (5, 2, 2))[0]
    options = "-6 " if six else ""
    to = block(rng, six)
    if rng.random() < 0.2:
        return f"ip {options}-n {name} route {verb} {rng.choice(('unreachable', 'blackhole', 'prohibit'))} {to}"
    words = [f"via {host(rng, six)}"] if rng.random() < 0.7 else []
    words += [f"dev {device(rng, world, name)}"] if rng.random() < 0.7 or not words else []
    words += [f"src {host(rng, six)}"] if rng.random() < 0.1 else []
    words += [f"metric {rng.choice((5, 1024))}"] if rng.random() < 0.2 else []
    words += ["onlink"] if rng.random() < 0.1 and verb != "del" else []
    return f"ip {options}-n {name} route {verb} {to} {' '.join(words)}"


def _neighbour(rng, world, name) -> str:
    address, dev = host(rng, rng.random() < 0.4), device(rng, world, name)
    if rng.random() < 0.2:
        return f"ip -n {name} neigh del {address} dev {dev}"
    return f"ip -n {name} neigh {rng.choice(('replace', 'replace', 'add'))} {address} lladdr {mac(rng)} dev {dev} nud permanent"


def _fdb(rng, world, name) -> str:
    dev = device(rng, world, name)
    verb = rng.choice(("add", "append", "replace", "del"))
    if dev.startswith("vni"):
        many = rng.choice((mac(rng), "00:00:00:00:00:00"))
        return f"bridge -n {name} fdb {verb} {many} dev {dev} dst 10.1.0.{rng.randrange(2, 4)} self" + " permanent" * (
            verb != "del"
        )
    return f"bridge -n {name} fdb {verb} {mac(rng)} dev {dev} master" + " static" * (verb != "del")


def story(rng: random.Random, length: int) -> Iterator[tuple[Console, str, object]]:
    """Commands one by one, with the console after each and its answer; those that only the console refuses are left out."""
    console = Console()
    for first in ("ip netns add red", "ip netns add blue"):
        yield console, first, console(first)
    for _ in range(length):
        text = command(rng, dict(console.world))
        answer = console(text)
        if not answer.refused or answer.quote:
            yield console, text, answer


def of_console(console: Console) -> dict:
    """What the console has, comparable."""
    return {name: _of_namespace(console, ns) for name, ns in console.world.items()}


def _of_namespace(console: Console, ns: Netns) -> dict:
    links = {}
    for d in ns.devices.values():
        drawn = d.mac == made_mac(ns.name, d.name)
        addresses = sorted(str(own) for own in d.addresses if not own.address.startswith("fe80"))
        port = (d.hairpin, d.learning) if d.master else ()
        links[d.name] = (d.up, d.mtu, d.master, "" if drawn else d.mac, addresses, port)
    routes = [row for row in (*connected(ns), *ns.routes) if not str(row.prefix).startswith("fe80")]
    return {
        "links": links,
        "routes": sorted(
            {(str(row.prefix), row.type, row.via, row.dev, row.src, row.metric) for row in routes if row.dev != "lo"}
        ),
        "neighbours": sorted((row.address, row.dev, row.mac) for row in ns.neighbours),
        "fdb": sorted((row.mac, row.port, row.dst) for row in ns.fdb),
    }


def of_real(found: dict, console: Console) -> dict:
    """What the real kernel has, in the same form. MACs that were drawn by chance are not compared."""
    return {name: _of_real(one, console.world.get(name)) for name, one in found.items()}


def _of_real(found: dict, ns: Netns | None) -> dict:
    links = {}
    for row in found["links"]:
        name, flags = row["ifname"], row["flags"]
        mine = ns.devices.get(name) if ns else None
        drawn = mine is not None and mine.mac == made_mac(ns.name, name)
        own = sorted(f"{a['local']}/{a['prefixlen']}" for a in row["addr_info"] if not a["local"].startswith("fe80"))
        slave = row.get("linkinfo", {}).get("info_slave_data", {})
        port = (slave["hairpin"], slave["learning"]) if "hairpin" in slave else ()
        links[name] = ("UP" in flags, row["mtu"], row.get("master", ""), "" if drawn else row["address"], own, port)
    routes = [row for row in found["routes"] if not row["dst"].startswith(("fe80", "ff00"))]
    return {
        "links": links,
        "routes": sorted({_real_route(row) for row in routes if row.get("dev") != "lo" or row.get("type")}),
        "neighbours": sorted(
            (r["dst"], r["dev"], r["lladdr"]) for r in found["neighbours"] if "PERMANENT" in r["state"]
        ),
        "fdb": sorted(
            (row["mac"], row["ifname"], row.get("dst", ""))
            for row in found["fdb"]
            if row.get("dst") or row.get("state") == "static"
        ),
    }


def _real_route(row: dict) -> tuple:
    six = ":" in row["dst"] or ":" in row.get("gateway", "") or (row["dst"] == "default" and "pref" in row)
    to = row["dst"]
    if to == "default":
        to = "::/0" if six else "0.0.0.0/0"
    elif "/" not in to:
        to += "/128" if six else "/32"
    of_type = row.get("type", "unicast")
    dev = "" if of_type != "unicast" else row.get("dev", "")
    return to, of_type, row.get("gateway", ""), dev, row.get("prefsrc", ""), row.get("metric", 0)
