"""The process inside the private namespaces: reads cases from standard input, one JSON object a line, and answers each.

Started by `RealKernel`, never by hand. It stays on one CPU, so that a packet's whole way through the veth pairs is done
by the softirqs of that CPU, in order.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from typing import Any

from . import observe
from .listen import ECHO, ECHO_REPLY, Ears, datagram, everywhere
from .places import Places
from .send import Packet, Sent, error_name, family_of
from .topology import NAMES, build, demolish, settle

SETTLE = 0.005
REPORTED = 0.04
BUDGET = 5


class Lab:
    """The topology, standing, with all its ears open.

    Each case has a new one (it takes 45 ms), because a router answers "no route" five times and then once a second to
    each source (`ip_error`, a budget kept per peer that no sysctl of a namespace reaches); PMTU stays too. Within a case
    the sixth unheard packet of a source waits until that budget has grown again.
    """

    def __init__(self) -> None:
        build()
        self.places = Places()
        for name in NAMES:
            with self.places.inside(name):
                settle(name)
        self.ears = everywhere(self.places)
        self.unheard: dict[str | None, int] = {}

    def close(self) -> None:
        """Close every socket; the namespaces go when nothing holds them."""
        for ears in self.ears:
            ears.close()
        self.places.close()
        demolish()

    def load(self, case: dict[str, Any]) -> str:
        """The router's rules are the case's and no others. "" or what iptables-restore said."""
        if case.get("ip6_restore_input") or case.get("nft_input"):
            time.sleep(REPORTED)
        with self.places.inside("router"):
            texts = {4: case.get("restore_input"), 6: case.get("ip6_restore_input")}
            complaints = [observe.load_sets(case["ipset_input"])] if case.get("ipset_input") else []
            complaints += [observe.restore(family, text) for family, text in texts.items() if text]
            complaints.append(observe.load_nft(case["nft_input"]) if case.get("nft_input") else "")
            if case.get("router_ip"):
                case["router_shows"] = observe.routing(6 if case.get("ip6_restore_input") else 4, case["router_ip"])
        return "; ".join(filter(None, complaints))

    def canonical(self, family: int) -> str:
        """What iptables-save prints of the rules now loaded."""
        with self.places.inside("router"):
            return observe.canonical(family)

    def _quiet(self, family: int) -> list[Ears]:
        """The ears of one family, what they heard before forgotten."""
        listening = [ears for ears in self.ears if ears.family == family]
        for ears in listening:
            ears.hang_up()
        for ears in listening:  # what is said about a connection that was hung up is not about the next packet
            _ = ears.datagrams(), ears.syns(), ears.icmp()
        return listening

    def ask(self, packet: Packet) -> Packet:
        """The packet with what became of it."""
        family = family_of(packet)
        listening = self._quiet(family)
        with self.places.inside("router"):
            if not packet.get("keep"):
                observe.forget_connections(family)
            before = observe.counters(family)
        if self.unheard.get(packet["src"], 0) >= BUDGET:
            time.sleep(1.1)
        with self.places.inside(packet["from"]):
            sent = Sent(packet)
        time.sleep(SETTLE)
        answer = dict(packet) | _heard(packet, sent, listening)
        self.unheard[packet["src"]] = self.unheard.get(packet["src"], 0) + (not answer["received"])
        with self.places.inside("router"):
            after = observe.counters(family)
            answer["rule_packet_counters"] = {
                rule: count - before.get(rule, 0) for rule, count in after.items() if count != before.get(rule, 0)
            }
            answer["conntrack"] = observe.connections(family)
        sent.close()
        return answer


def _heard(packet: Packet, sent: Sent, listening: list[Ears]) -> Packet:
    """Who received the packet, what the sender was told, the answer that came back, and the ICMP errors on the way."""
    family = family_of(packet)
    found: Packet = {"received": [], "sender_errno": None, "answer": None, "icmp_errors": []}
    datagrams = [(ears, port, heard) for ears in listening for port, heard in ears.datagrams()]
    found["received"] += [heard for _, _, heard in datagrams]
    for ears in listening:
        found["received"] += ears.syns()
    if packet.get("reply"):  # only now: an answer that rules lead to another program is not what was sent
        for ears, port, heard in datagrams:
            _reply(ears, port, heard)
        time.sleep(SETTLE)
    for ears in listening:
        for heard in ears.icmp():
            if heard["type"] == ECHO[family]:
                found["received"].append({key: heard[key] for key in ("rx", "dst", "src", "id", "ttl")})
            elif heard["type"] == ECHO_REPLY[family]:
                if packet["proto"] == "icmp" and heard["rx"] == packet["from"]:
                    found["answer"] = {key: heard[key] for key in ("dst", "src", "id", "ttl")}
            else:
                found["icmp_errors"].append(heard)
    found["sender_errno"] = sent.errno()  # before reading, which would take the error
    if packet["proto"] == "udp" and sent.sock and (got := datagram(sent.sock)):
        _, src, sport, dst, ttl = got
        found["answer"] = {"dst": dst, "src": src, "sport": sport, "ttl": ttl}
    if packet["proto"] == "tcp":
        found["outcome"] = sent.outcome()
    return found


def _reply(ears: Ears, port: int, heard: Packet) -> None:
    """Answer a datagram from the address and port that it was sent to."""
    where = socket.inet_pton(socket.AF_INET if ears.family == 4 else socket.AF_INET6, heard["dst"])
    notes = (0, 8, b"\0" * 4 + where + b"\0" * 4) if ears.family == 4 else (41, 50, where + b"\0" * 4)
    try:
        ears.udp[port].sendmsg([b"answer"], [notes], 0, (heard["src"], heard["sport"]))
    except OSError as wrong:
        heard["reply_errno"] = error_name(wrong.errno or 0)


def _answered(lab: Lab, case: dict[str, Any]) -> dict[str, Any]:
    """The case with its packets' fates, and the rules as the kernel prints them."""
    case["packets"] = [lab.ask(packet) for packet in case["packets"]]
    for key, family in (("canonical_save", 4), ("ip6_canonical_save", 6)):
        if case.get("restore_input" if family == 4 else "ip6_restore_input"):
            case[key] = lab.canonical(family)
    return case


def main() -> None:
    """Answer cases until standard input ends."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    for line in sys.stdin:
        lab = Lab()
        case = json.loads(line)
        complaint = lab.load(case)
        print(json.dumps({"refused": complaint} if complaint else _answered(lab, case)), flush=True)
        lab.close()


if __name__ == "__main__":
    main()
