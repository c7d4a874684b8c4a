"""`ip route add, replace, del, get`: which rows a kernel takes, and in which order it looks for one (net/ipv4/fib_trie.c)."""

from __future__ import annotations

import re

from ...errors import BadInput
from ...linux.namespace.fib import NO_ROUTE, Route
from ...linux.namespace.netns import Netns
from ...linux.packet.address import IPV4, IPV6, Prefix, family, prefix
from ...linux.stack.path_mtu import PathMtus
from ...linux.timeline import SECOND
from .. import rows
from ..grammar import FLAG, address_of, number, said_in
from ..state import Call, Refused, Result
from .gateway import NOT_UP, next_hop, on_lo

WORDS = {
    "to": "BLOCK", "via": "ADDRESS", "dev|oif": "DEVICE", "src": "ADDRESS", "metric|preference|priority": "NUMBER", "onlink": FLAG,
    "proto|protocol": "NAME", "scope": "NAME", "table": "main",
}  # fmt: skip
# Words of a route that the model does not know and iproute2 does: of them it cannot be said that they are garbage.
FOREIGN = (
    "from", "tos", "dsfield", "mtu", "advmss", "rtt", "rttvar", "ssthresh", "cwnd", "initcwnd", "initrwnd", "hoplimit",
    "reordering",
    "features", "quickack", "congctl", "realms", "nexthop", "encap", "expires", "pref", "nhid", "vrf", "pervasive",
)  # fmt: skip
NO_SOURCE = {4: "Error: Invalid prefsrc address.", 6: "Error: Invalid source address."}
# What no packet of the model depends on: read, and not kept.
PLAIN = {"proto": ("boot", "static", "kernel"), "table": ("main", "254"), "scope": ("global", "link", "universe")}
SHORT = re.compile(r"\d+(?:\.\d+){0,2}(?:/\d+)?")
KERNELS_OWN = "follows from an address, and the model has no table without it; delete the address instead"
# What a program is told of an address for which such a row decides (fib_props).
TOLD = {"unreachable": "No route to host", "prohibit": "Permission denied", "blackhole": "Invalid argument"}


def _to(word: str, via: str, flags: frozenset[str]) -> Prefix:
    """The block that a row is for. IPv4 refuses bits behind the mask, IPv6 clears them."""
    if word in ("default", "any", "all"):
        return Prefix(0, 0, IPV6 if "-6" in flags or ":" in via else IPV4)
    if SHORT.fullmatch(word):  # missing octets are zero (get_addr_ipv4)
        host, slash, length = word.partition("/")
        word = ".".join((host.split(".") + ["0"] * 3)[:4]) + slash + length
    try:
        return prefix(word, strict=":" not in word)
    except BadInput as error:
        is_prefix = "right of its mask" in error.what
        expected = f'Error: any valid prefix is expected rather than "{word}".'
        quote = "Error: Invalid prefix for given prefix length." if is_prefix else expected
        raise Refused(f"{error.what}; {error.right}.", quote) from None


def _wanted(call: Call, what: str) -> tuple[str, Prefix, dict[str, str]]:
    """The row's type, where it leads to, and its other words, each checked by itself."""
    words = list(call.words)
    of_type = words.pop(0) if words and words[0] in rows.TYPES else ""
    if "via" in words[:-1] and words[words.index("via") + 1] in ("inet", "inet6"):
        del words[words.index("via") + 1]
    strange = [word for word in words[1:] if word.isalpha() and word not in FOREIGN]
    said = said_in(words, WORDS, what, bare="to", garbage=strange)
    for name, values in PLAIN.items():
        if said.get(name, values[0]) not in values:
            raise Refused(f"{name} {said[name]}: the model knows {', '.join(values)} only.")
    if "to" not in said:
        raise Refused(f"{what} wants a block of addresses, such as 10.244.2.0/24, or default.")
    if "dev" in said:
        call.state.device(call.at, said["dev"])
    to = _to(said["to"], said.get("via", ""), call.flags)
    for name in ("via", "src"):
        if name in said:
            said[name] = address_of(said[name], to.family.number)
    if "metric" in said:
        number(said["metric"], "metric", 0, 2**32 - 1)
    return of_type, to, said


def add(call: Call) -> Result:
    """`ip route add`: a row that is not there yet; the metric tells rows of one block apart."""
    row = _row(call, "ip route add")
    for other in (*connected(call.ns), *call.ns.routes):
        if (other.prefix, other.metric) == (row.prefix, row.metric):
            said = f"{call.at} has a row for this block with this metric already: {other}."
            raise Refused(said, "RTNETLINK answers: File exists")
    return Result(call.state.with_tables(call.at, routes=(*call.ns.routes, row)))


def replace_(call: Call) -> Result:
    """`ip route replace`: in the place of the row with the same block and metric, or a new one."""
    row = _row(call, "ip route replace")
    same = [other for other in call.ns.routes if (other.prefix, other.metric) == (row.prefix, row.metric)]
    if not same and any((other.prefix, other.metric) == (row.prefix, row.metric) for other in connected(call.ns)):
        raise Refused(f"That row {KERNELS_OWN}.")
    routes = [row if same and other is same[0] else other for other in call.ns.routes]
    return Result(call.state.with_tables(call.at, routes=tuple(routes if same else [*routes, row])))


def change(call: Call) -> Result:
    """`ip route change`: as replace, but only where there is such a row."""
    row = _row(call, "ip route change")
    if not any(
        (other.prefix, other.metric) == (row.prefix, row.metric) for other in (*connected(call.ns), *call.ns.routes)
    ):
        raise Refused(f"{call.at} has no row for {row.prefix}.", "RTNETLINK answers: No such file or directory")
    return replace_(call)


def append(call: Call) -> Result:
    """`ip route append`: behind the rows of the same block, which decide before it."""
    row = _row(call, "ip route append")
    if row.prefix.family is IPV6:
        raise Refused("In IPv6 append makes one row with two next hops, which the model does not know.")
    if any(other == row for other in call.ns.routes):
        raise Refused("There is this very row already.", "RTNETLINK answers: File exists")
    return Result(call.state.with_tables(call.at, routes=(*call.ns.routes, row)))


def flush(call: Call) -> Result:
    """`ip route flush`: all rows of a block, or through a device; or what ICMP has told (`cache`)."""
    if list(call.words) == ["cache"]:
        call.memory.of(call.at)[PathMtus].known.clear()
        return Result(call.state, said="What ICMP has told about ways is forgotten.")
    said = said_in(call.words, {"to": "BLOCK", "dev": "DEVICE", "table": "main"}, "ip route flush", bare="to")
    if not {"to", "dev"} & set(said):
        raise Refused("ip route flush wants a block or a device: ip route flush 10.244.2.0/24.")
    to = _to(said["to"], "", call.flags) if "to" in said else None
    gone = [row for row in call.ns.routes if to in (None, row.prefix) and said.get("dev", row.dev) == row.dev]
    own = [row for row in connected(call.ns) if to in (None, row.prefix) and said.get("dev", row.dev) == row.dev]
    if own:
        raise Refused(f"The row {own[0]} {KERNELS_OWN}.")
    left = tuple(row for row in call.ns.routes if not any(row is other for other in gone))
    return Result(call.state.with_tables(call.at, routes=left), said="" if gone else "Nothing to flush.")


def connected(ns: Netns) -> list[Route]:
    """The rows that the kernel has made for the addresses: by itself, so that they come and go with them."""
    added = {id(row) for row in ns.routes}
    found = [
        row
        for masks in ns.fib.main.values()
        for _, networks in masks
        for same in networks.values()
        for row in same
        if id(row) not in added
    ]
    # The model has a link-local block for every device; a kernel makes it together with the address.
    own = {(device.name, address.block) for device in ns.devices.values() for address in device.addresses}
    # A block's later addresses have no row of their own.
    return list({(row.dev, row.prefix): row for row in reversed(found) if (row.dev, row.prefix) in own}.values())[::-1]


def _row(call: Call, what: str) -> Route:
    """The row that is wanted, checked as a kernel checks it."""
    of_type, to, said = _wanted(call, what)
    metric = int(said.get("metric", "0")) or (1024 if to.family is IPV6 else 0)
    if of_type in ("", "unicast"):
        dev = next_hop(call.ns, to.family.number, said)
        _speaks(call, to, dev)
        found = Route(to, dev, said.get("via", ""), said.get("src", ""), metric, "unicast", "onlink" in said)
    elif "via" in said or "dev" in said:
        raise Refused(f"A row of type {of_type} leads nowhere, so it wants neither via nor dev.")
    else:
        found = Route(to, metric=metric, type=of_type, src=said.get("src", ""))
    own = {address.address for device in call.ns.devices.values() for address in device.addresses}
    if found.src and found.src not in own:
        is_lo = to.family is IPV4 and on_lo(call.ns, found.src)
        raise Refused(f"{found.src} is no address of {call.at}.", "" if is_lo else NO_SOURCE[to.family.number])
    return found


def _speaks(call: Call, to: Prefix, dev: str) -> None:
    device = call.ns.devices[dev]
    if to.family is IPV6 and not call.state.has_ipv6(call.at, device):
        raise Refused(f"IPv6 is switched off on {dev}.", "Error: IPv6 is disabled on nexthop device.")
    if not device.up:
        raise Refused(f"{dev} is down, so no row can lead through it.", NOT_UP[to.family.number])


def delete(call: Call) -> Result:
    """`ip route del`: the first row, by metric, that is as was said."""
    of_type, to, said = _wanted(call, "ip route del")
    ns = call.ns
    ordered = sorted((*ns.routes, *connected(ns)), key=lambda row: row.metric)
    found = [row for row in ordered if row.prefix == to and _is_as_said(row, of_type, said)]
    if not found:
        raise Refused(f"{call.at} has no such row.", _no_row(to, said, ordered))
    if not any(found[0] is row for row in ns.routes):
        raise Refused(f"The row {found[0]} {KERNELS_OWN}.")
    return Result(call.state.with_tables(call.at, routes=tuple(row for row in ns.routes if row is not found[0])))


def _no_row(to: Prefix, said: dict[str, str], rows_: list[Route]) -> str:
    """IPv6 has a row of its own at the root of its table; who asks for that one is told something else."""
    is_root = to.family is IPV6 and not to.mask and not any(row.prefix == to for row in rows_)
    is_meant = said.get("dev", "lo") == "lo" and not {"via", "metric"} & set(said)
    return f"RTNETLINK answers: No such {'file or directory' if is_root and is_meant else 'process'}"


def _is_as_said(row: Route, of_type: str, said: dict[str, str]) -> bool:
    asked = [(row.via, said.get("via")), (_dev(row), said.get("dev"))]
    if row.prefix.family is IPV4:  # IPv6 does not compare them (ip6_route_del)
        asked += [(row.type, of_type or None), (row.src, said.get("src"))]
    metric = int(said.get("metric", "0"))
    return all(wanted is None or is_so == wanted for is_so, wanted in asked) and metric in (0, row.metric)


def _dev(row: Route) -> str:
    """A row of IPv6 that leads nowhere is one of lo."""
    return row.dev or ("lo" if row.prefix.family is IPV6 else "")


def _cached(call: Call, to: str) -> tuple[str, ...]:
    """What ICMP has told about the way to an address, and for how many seconds that is believed."""
    remembered = call.memory.of(call.at)[PathMtus].known.get(to)
    left = (remembered.expires - call.memory.now) // SECOND if remembered else 0
    if remembered is None or left <= 0:
        return ()
    lock = "lock " if remembered.locked else ""
    return ("" if ":" in to else "\n    cache", f"expires {left}sec mtu {lock}{remembered.mtu}")


def get(call: Call) -> Result:
    """`ip route get ADDRESS`: the row that decides for one address, asked as the kernel asks it."""
    if not call.words:
        raise Refused("ip route get wants an address.", "need at least a destination address")
    to = address_of(call.words[0])
    said_in(call.words[1:], {}, "ip route get ADDRESS")
    ns, of = call.ns, family(to)
    row = ns.fib.lookup(to)
    if row is NO_ROUTE or row.type in TOLD:
        said = f"No row of {call.at} leads to {to}." if row is NO_ROUTE else f"The row {row} decides: it leads nowhere."
        told = TOLD.get(row.type, "Network is unreachable")
        raise Refused(said, f"RTNETLINK answers: {told}")
    is_here = row.type in ("local", "anycast")
    parts = [row.type if row.type in ("local", "broadcast", "multicast", "anycast") else "", to]
    parts += ["from ::" if of is IPV6 else "", f"via {row.via}" if row.via else ""]
    parts += [f"dev {'lo' if is_here else row.dev}", f"src {to if is_here else ns.fib.source(row, to)}"]
    parts += [f"metric {row.metric}" if of is IPV6 else "", *_cached(call, to)]
    said = "" if is_here or row.type != "unicast" else f"The row {row} decides."
    return Result(call.state, said=said, shown=" ".join(part for part in parts if part))
