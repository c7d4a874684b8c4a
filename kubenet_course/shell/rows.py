"""Rows of a kernel's tables as `ip` and `bridge` spell them: read for a scenario, written for its script."""

from __future__ import annotations

from ..errors import BadInput
from ..linux.namespace.fib import Route
from ..linux.namespace.netns import FdbEntry, NeighbourEntry, Socket
from ..linux.namespace.policy import RouteRule
from ..linux.packet.address import IPV4, IPV6, Prefix, address, family, mac, prefix

TYPES = ("unicast", "unreachable", "prohibit", "blackhole")
ROUTE = "write one like '10.244.2.0/24 via 192.168.1.12 dev eth0' or 'default via 10.244.1.1 dev eth0'"
NEIGHBOUR = "write one like '10.244.1.10 lladdr 02:0a:f4:01:00:0a dev cni0'"
FDB = "write one like '02:0a:f4:02:00:00 dev flannel.1 dst 192.168.1.12'"
SOCKET = "write one like 'tcp 0.0.0.0:80 web' or 'udp [::]:53 dns'"


def _pairs(words: list[str], known: dict[str, type], where: str, right: str) -> dict[str, str]:
    """`via A dev B` as a dictionary; refuses what is not known, what comes twice, and a name without its value."""
    found: dict[str, str] = {}
    at = 0
    while at < len(words):
        word, flag = words[at], known.get(words[at]) is bool
        if word not in known or word in found:
            raise BadInput(
                where, f"{word!r} is not understood here" if word not in known else f"{word} comes twice", right
            )
        if not flag and at + 1 == len(words):
            raise BadInput(where, f"nothing follows {word}", right)
        found[word] = "" if flag else words[at + 1]
        at += 1 if flag else 2
    return found


def route(text: str, where: str = "") -> Route:
    """Reads a row as `ip route add` takes it: prefix, via, dev, src, metric, onlink, and a type in front."""
    words = text.split()
    of_type = words.pop(0) if words and words[0] in TYPES else "unicast"
    if not words:
        raise BadInput(where, f"{text!r} is not a route", ROUTE)
    said = _pairs(words[1:], {"via": str, "dev": str, "src": str, "metric": str, "onlink": bool}, where, ROUTE)
    if of_type == "unicast" and "dev" not in said:
        raise BadInput(where, f"{text!r} leads through no device", ROUTE)
    via, src = (address(said[name], where) if name in said else "" for name in ("via", "src"))
    to = _destination(words[0], via or src, where)
    if any(a and family(a) is not to.family for a in (via, src)):
        raise BadInput(where, f"{text!r} mixes IPv4 and IPv6", "give a route one family")
    metric = said.get("metric", "0")
    if not metric.isdecimal():
        raise BadInput(where, f"{metric!r} is not a metric", "write a number such as 100")
    # A route of IPv6 that says no metric has 1024 (IP6_RT_PRIO_USER).
    number = int(metric) or (1024 if to.family is IPV6 else 0)
    return Route(to, said.get("dev", ""), via, src, number, of_type, "onlink" in said)


def _destination(word: str, of: str, where: str) -> Prefix:
    if word == "default":
        return Prefix(0, 0, family(of) if of else IPV4)
    return prefix(word, where, strict=True)


def route_text(row: Route) -> str:
    """The row as `ip route add` takes it; a metric that IPv6 gives by itself is left out."""
    shown = "default" if not row.prefix.mask and (row.via or row.prefix.family is IPV4) else str(row.prefix)
    parts = [row.type if row.type != "unicast" else "", shown]
    via, dev = ("", "") if row.hops else (row.via, row.dev)
    parts += [f"{name} {value}" for name, value in (("via", via), ("dev", dev), ("src", row.src)) if value]
    if row.metric and not (row.prefix.family is IPV6 and row.metric == 1024):
        parts.append(f"metric {row.metric}")
    parts += ["onlink" if row.onlink else "", f"table {row.table}" if row.table != "main" else "", *map(str, row.hops)]
    return " ".join(part for part in parts if part)


def policy_text(rule: RouteRule) -> str:
    """A line of `ip rule` as `ip rule add` takes it; of what it may ask for, the blocks, the device and the mark."""
    asks = [("from", rule.src or "all"), ("to", rule.dst), ("iif", rule.iif), ("oif", rule.oif)]
    words = [f"{name} {value}" for name, value in asks if value]
    words += [f"fwmark {rule.mark:#x}/{rule.mask:#x}"] if rule.mask else []
    what = f"lookup {rule.table}" if rule.type == "lookup" else rule.type
    return " ".join([f"priority {rule.priority}", *(["not"] if rule.negated else []), *words, what])


def neighbour(text: str, where: str = "") -> NeighbourEntry:
    """Reads a permanent row of `ip neigh`."""
    words = text.split()
    said = _pairs(words[1:], {"lladdr": str, "dev": str}, where, NEIGHBOUR)
    if not words or len(said) != 2:
        raise BadInput(where, f"{text!r} is not a neighbour", NEIGHBOUR)
    return NeighbourEntry(address(words[0], where), said["dev"], mac(said["lladdr"], where))


def neighbour_text(row: NeighbourEntry) -> str:
    return f"{row.address} lladdr {row.mac} dev {row.dev}"


def fdb_entry(text: str, where: str = "") -> FdbEntry:
    """Reads a permanent row of `bridge fdb`: of a bridge's port, or, with dst, of a VXLAN device."""
    words = text.split()
    said = _pairs(words[1:], {"dev": str, "dst": str}, where, FDB)
    if not words or "dev" not in said:
        raise BadInput(where, f"{text!r} is not a row of a forwarding table", FDB)
    return FdbEntry(mac(words[0], where), said["dev"], address(said["dst"], where) if "dst" in said else "")


def fdb_text(row: FdbEntry) -> str:
    return f"{row.mac} dev {row.port}" + (f" dst {row.dst}" if row.dst else "")


def socket(text: str, where: str = "") -> Socket:
    """Reads who listens where, much as `ss -ln` prints it; the program's name is for people."""
    proto, _, rest = text.strip().partition(" ")
    place, _, program = rest.strip().partition(" ")
    host, colon, port = place.rpartition(":")
    if proto not in ("tcp", "udp") or not colon or not port.isdecimal() or not 0 < int(port) < 65536:
        raise BadInput(where, f"{text!r} is not a listening socket", SOCKET)
    if host.startswith("[") is not host.endswith("]") or ("[" in host) is not (":" in host):
        raise BadInput(where, f"{text!r} is not a listening socket", SOCKET)
    return Socket(proto, address(host.strip("[]"), where), int(port), program.strip())


def socket_text(row: Socket) -> str:
    host = f"[{row.address}]" if ":" in row.address else row.address
    return f"{row.proto} {host}:{row.port} {row.program}".rstrip()
