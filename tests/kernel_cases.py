"""Plays recorded cases of the real kernel (data/reference/kernel-6.18, or made by `realkernel`) through the model, and
says where the two differ."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product

from kernel_lab import PORTS, Player

from kubenet_course.linux.namespace.choices import Choices, Seeded
from kubenet_course.linux.namespace.memory import SECOND
from kubenet_course.linux.namespace.policy import asked_of
from kubenet_course.linux.namespace.skb import Connection
from kubenet_course.linux.namespace.trace import Step
from kubenet_course.linux.netfilter.connections import Connections
from kubenet_course.linux.netfilter.evaluate import Counters
from kubenet_course.linux.netfilter.nft.statements import Tallies
from kubenet_course.linux.packet.address import IPV6, family
from kubenet_course.linux.packet.packet import ECHO, ECHO_REPLY, ICMP, Neighbour, Packet, Tcp, Udp

# What a socket hears of an ICMP error, and whether a UDP or raw socket that did not ask for details hears it at all
# (net/ipv4/icmp.c icmp_err_convert; net/ipv6/icmp.c icmpv6_err_convert).
ERRNO = {
    ("icmp", 3, 0): ("ENETUNREACH", False),
    ("icmp", 3, 1): ("EHOSTUNREACH", False),
    ("icmp", 3, 2): ("ENOPROTOOPT", True),
    ("icmp", 3, 3): ("ECONNREFUSED", True),
    ("icmp", 3, 9): ("ENETUNREACH", True),
    ("icmp", 3, 10): ("EHOSTUNREACH", True),
    ("icmp", 3, 13): ("EHOSTUNREACH", True),
    ("icmp", 11, 0): ("EHOSTUNREACH", False),
    ("ipv6-icmp", 1, 0): ("ENETUNREACH", False),
    ("ipv6-icmp", 1, 1): ("EACCES", True),
    ("ipv6-icmp", 1, 3): ("EHOSTUNREACH", False),
    ("ipv6-icmp", 1, 4): ("ECONNREFUSED", True),
    ("ipv6-icmp", 1, 5): ("EACCES", True),
    ("ipv6-icmp", 1, 6): ("EACCES", True),
    ("ipv6-icmp", 3, 0): ("EHOSTUNREACH", False),
}
MOST_HASHED = 5  # questions after next hops that are answered both ways
REFUSES = {"blackhole": "EINVAL", "unreachable": "EHOSTUNREACH", "prohibit": "EACCES"}  # what a row does (fib_props)
MANY = ("broadcast", "multicast")
COMPARED = ("received", "sender_errno", "outcome", "answer", "icmp_errors", "rule_packet_counters", "conntrack")


class Drawn(Seeded):
    """Chance as a capture shows it: every port is found at one offset."""

    def __init__(self, offset: int):
        super().__init__()
        self.offset = offset

    def pick(self, question, among):
        return self.offset if question[0] == "port" else super().pick(question, among)


class Hashed(Seeded):
    """Chance as a capture shows it: which next hops were taken, one answer after the other."""

    def __init__(self, answers: tuple[bool, ...]):
        super().__init__()
        self.answers = list(answers)

    def happens(self, question, probability):
        if question[0] != "hop" or probability in (0, 1):
            return super().happens(question, probability)
        return self.answers.pop(0) if self.answers else True


def choices_for(case: dict, row: dict) -> Iterator[Choices]:
    """The choices that could have led to what was recorded: an ordinary one, every offset that leads to a port in the
    record, and the first few, for ports that left no trace but that they are others."""
    yield Seeded()
    if case.get("router_ip"):
        yield from (Hashed(answers) for answers in product((True, False), repeat=MOST_HASHED))
    text = (case.get("restore_input") or "") + (case.get("ip6_restore_input") or "")
    firsts = {0, 1, 600, 1024} | {int(first) for first in re.findall(r"\b(\d{3,5})-\d{3,5}\b", text)}
    ports = sorted(
        {int(port) for port in re.findall(r"(?:port|id)(?:=|': )(\d+)", f"{row['conntrack']} {row['received']}")}
    )
    for port in ports:
        yield from (Drawn((port - first) % 65536) for first in sorted(firsts) if port >= first)
    yield from map(Drawn, range(4))


def differences(player: Player, row: dict) -> list[str]:
    """Where model and kernel differ about the next packet of a case; empty where they agree. The player moves on."""
    found: list[str] = []
    for at, choices in enumerate(choices_for(player.case, row)):
        trial = player.copy()
        model = told(trial, row, choices)
        mine = [
            f"{name}: model {model[name]}, kernel {recorded(row, name)}"
            for name in COMPARED
            if name in row and model[name] != recorded(row, name)
        ]
        if not at or not mine:
            found, kept = mine, trial
        if not mine:
            break
    player.lost = player.lost or is_beyond(kept)
    if player.lost:
        found = []
    kept.hang_up()
    player.memory = kept.memory
    return found


def is_beyond(player: Player) -> bool:
    """What the model does not answer: the copy that a machine makes for itself of what it sends to many, redirects
    (DEV-5), which nothing switches off in IPv6, and packets to the address that nobody has (::). From then on the case is
    lost: rules that count have seen packets that the model does not have."""
    out = (s.skb for s in player.steps if s.namespace == "router" and s.stage == "ip_output")
    to_all = any(skb.route.type in MANY and not isinstance(skb.packet.payload, Neighbour) for skb in out)
    turned = (
        s for s in player.steps if s.namespace == "router" and s.stage == "ip_forward" and s.skb.dev_in == s.skb.dev_out
    )
    to_nobody = any(step.skb.packet.flow.dst == IPV6.any for step in player.steps[:1])
    return to_all or to_nobody or any(family(step.skb.packet.flow.dst) is IPV6 for step in turned)


def told(player: Player, row: dict, choices: Choices) -> dict:
    """What the model says of one packet, in the words of the record."""
    before = counted_in(player, row)
    steps = player.play(row, choices)
    of = family(row["dst"])
    errors = sorted(icmp_errors(steps), key=str)
    counted = counted_in(player, row)
    return {
        "received": sorted(received(row, steps, "ttl" in str(row["received"])), key=str),
        "sender_errno": errno(row, player, steps),
        "outcome": outcome(row, player, steps),
        "answer": answer(row, player, steps),
        "icmp_errors": errors,
        "rule_packet_counters": {
            rule: seen - before.get(rule, 0) for rule, seen in sorted(counted.items()) if seen != before.get(rule, 0)
        },
        "conntrack": sorted(entries(player, of.number)),
    }


def counted_in(player: Player, row: dict) -> dict[str, int]:
    """What the rules of the packet's family have counted so far: each of iptables, and each `counter` of nftables."""
    memory, number = player.memory.of("router"), family(row["dst"]).number
    found = {
        f"{table}/{chain}/{at}": seen
        for (f, table, chain, at), seen in memory[Counters].packets.items()
        if at and f == number and " " not in table
    }
    for (f, (table, chain, rule), place), seen in memory[Tallies].packets.items():
        if f == number:
            found[f"{table}/{chain}/{rule}/{place}"] = seen
    return found


def recorded(row: dict, name: str):
    value = row[name]
    if name == "conntrack":
        return sorted(recorded_entry(line) for line in value)
    if name == "received":
        mine = [heard for heard in value if not _looped(row, heard)]
        return sorted(({k: v for k, v in heard.items() if k != "reply_errno"} for heard in mine), key=str)
    return sorted(value, key=str) if name == "icmp_errors" else value


def _looped(row: dict, heard: dict) -> bool:
    """A copy that the sender's own host made of what it sent to many: not the router's doing."""
    many = row["dst"].endswith(".255") or row["dst"].startswith(("224.", "ff"))
    return many and heard["rx"] == row["from"] != "router"


def _at_program(steps: list[Step]) -> Iterator[tuple[str, Packet]]:
    for step in steps:
        if step.stage == "local_deliver":
            yield step.namespace, step.skb.packet


def received(row: dict, steps: list[Step], with_ttl: bool) -> Iterator[dict]:
    """Datagrams that programs got, SYNs and echo requests that arrived: who, and as what."""
    for rx, packet in _at_program(steps):
        flow = packet.flow
        ttl = {"ttl": packet.ttl} if with_ttl else {}
        heard = {"rx": rx, "dst": flow.dst, "dport": flow.dport, "src": flow.src, "sport": flow.sport} | ttl
        if _looped(row, heard) or packet.is_error:
            continue
        at_port = isinstance(packet.header, Udp) and flow.dport in PORTS and packet.payload != b"answer"
        if at_port or (isinstance(packet.header, Tcp) and packet.header.flags == "S"):
            yield heard
        elif packet.icmp_type == ECHO.get(flow.proto, -2):
            yield {"rx": rx, "dst": flow.dst, "src": flow.src, "id": flow.sport} | ttl


def icmp_errors(steps: list[Step]) -> Iterator[dict]:
    for rx, packet in _at_program(steps):
        if packet.is_error:
            quoted = packet.payload.packet.flow
            proto = "icmp" if quoted.proto in ICMP else quoted.proto
            about = {"proto": proto, "src": quoted.src, "dst": quoted.dst}
            about |= {"id": quoted.sport} if proto == "icmp" else {"sport": quoted.sport, "dport": quoted.dport}
            kind, code = packet.flow.dport >> 8, packet.flow.dport & 255
            heard = {"rx": rx, "dst": packet.flow.dst, "src": packet.flow.src, "ttl": packet.ttl}
            yield heard | {"type": kind, "code": code, "quotes": about}


def answer(row: dict, player: Player, steps: list[Step]) -> dict | None:
    """What came back to the sender's socket."""
    found = None
    for rx, packet in _at_program(steps):
        flow = packet.flow
        if rx != row["from"]:
            continue
        if row["proto"] == "icmp" and packet.icmp_type == ECHO_REPLY.get(flow.proto, -2):
            found = {"dst": flow.dst, "src": flow.src, "id": flow.sport, "ttl": packet.ttl}
        elif (
            row["proto"] == "udp" and packet.payload == b"answer" and flow.reverse == player.sent and not row.get("raw")
        ):
            found = {"dst": flow.dst, "src": flow.src, "sport": flow.sport, "ttl": packet.ttl}
    return found


def _dropped_at_home(row: dict, steps: list[Step]) -> Step | None:
    """The step at which the sender's own kernel refused its packet, before any device had it."""
    for step in steps:
        if step.stage in ("neigh_output", "dev_queue_xmit") or step.namespace != row["from"]:
            return None
        if step.end:
            return step
    return None


def errno(row: dict, player: Player, steps: list[Step]) -> str | None:
    """The error that the sender's socket meets: at once, or told by ICMP or RST."""
    if row.get("raw"):
        return None
    home = _dropped_at_home(row, steps)
    if home is not None and home.end == "no-route" and (row["proto"] != "tcp" or home.stage == "route_output"):
        flow, rows = home.skb.packet.flow, player.world[home.namespace].fib
        leaks = flow.src.startswith("127.") and rows.lookup(flow.dst).type == "unicast"
        again = asked_of(home.skb.packet, home.skb.mark)  # asked when a rule has changed it
        why = home.why[0].type if home.stage == "route_output" else rows.lookup(flow.dst, "", again).type
        return "EINVAL" if leaks else REFUSES.get(why, "ENETUNREACH")
    if home is not None and row["proto"] != "tcp":
        return "EPERM"
    connected = False
    for rx, packet in _at_program(steps):
        if rx == row["from"] and packet.is_error and packet.payload.packet.flow == player.sent:
            name, fatal = ERRNO[packet.flow.proto, packet.flow.dport >> 8, packet.flow.dport & 255]
            if fatal or row["proto"] == "tcp":
                return name
        if rx == row["from"] and _is_reset(packet) and packet.flow.reverse == player.sent:
            return "ECONNRESET" if connected else "ECONNREFUSED"
        connected = connected or (rx == row["from"] and _is_answer(packet, player))
    return None


def _is_reset(packet: Packet) -> bool:
    return isinstance(packet.header, Tcp) and "R" in packet.header.flags


def outcome(row: dict, player: Player, steps: list[Step]) -> str | None:
    """What came of a connection attempt."""
    if row["proto"] != "tcp":
        return None
    home = _dropped_at_home(row, steps)
    met = errno(row, player, steps)
    if home is not None and home.end == "no-route" and home.stage == "route_output":
        return "no-route" if met == "ENETUNREACH" else "not sent"
    if met is None and any(rx == row["from"] and _is_answer(packet, player) for rx, packet in _at_program(steps)):
        return "connected"
    return {None: "timeout", "ECONNREFUSED": "refused"}.get(met, "unreachable")


def _is_answer(packet: Packet, player: Player) -> bool:
    return isinstance(packet.header, Tcp) and packet.header.flags == "SA" and packet.flow.reverse == player.sent


def entries(player: Player, of: int) -> Iterator[tuple]:
    """The connection table as `conntrack -L` tells it."""
    known = {id(c): c for c in player.memory.of("router")[Connections].by_flow.values()}.values()
    for c in known:
        if family(c.original.dst).number == of and c.expires > player.memory.now:
            yield (
                c.original.proto,
                c.state if c.original.proto == "tcp" else "",
                *_ends(c.original),
                *_ends(c.reply),
                c.seen_reply,
                c.assured,
                c.mark,
                _seconds(c, player.memory.now),
            )


def _seconds(known: Connection, now: int) -> int:
    """Whole seconds, of which a fraction of the first has gone."""
    return -((now - known.expires) // SECOND) - 1


def _ends(flow) -> tuple:
    return (flow.src, flow.dst, flow.sport, flow.dport)


NAMES = {"icmpv6": "ipv6-icmp"}


def recorded_entry(line: str) -> tuple:
    words = line.split()
    proto = NAMES.get(words[0], words[0])
    at = 4 if proto == "tcp" else 3
    ends: list = []
    pairs = [word.split("=") for word in words[at:] if "=" in word]
    values = [(name, value if name in ("src", "dst") else int(value)) for name, value in pairs]
    mark = next(value for name, value in values if name == "mark")
    for half in (0, 1):
        wanted = ("src", "dst", "id", "type", "code") if proto in ICMP else ("src", "dst", "sport", "dport")
        told_ = {name: [v for n, v in values if n == name][half] for name in wanted}
        last = (told_["id"], told_["type"] << 8 | told_["code"]) if proto in ICMP else (told_["sport"], told_["dport"])
        ends += [told_["src"], told_["dst"], *last]
    state = words[3] if proto == "tcp" else ""
    return (proto, state, *ends, "[UNREPLIED]" not in words, "[ASSURED]" in words, mark, int(words[2]))
