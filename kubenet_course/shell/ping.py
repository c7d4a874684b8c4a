"""`ping -c 3 ADDRESS`: echo requests from a namespace, one a second, followed through the model, and what came of them."""

from __future__ import annotations

import re

from ..linux.namespace.trace import Trace
from ..linux.packet.address import family
from ..linux.packet.packet import ECHO_REPLY, Packet
from ..linux.packet.packet import ping as echo_request
from ..linux.stack.neighbour import GIVEN_UP
from ..linux.timeline import SECOND
from ..linux.verdicts import TraceVerdict, verdict
from ..linux.walk import ask
from .grammar import address_of, number, said_in
from .state import Call, Refused, Result

MOST = 20  # requests of one ping
WORDS = {"-c": "NUMBER", "-s": "BYTES", "-W": "SECONDS", "-t": "HOPS", "-I": "ADDRESS", "-M": "HINT"}
HINTS = ("want", "dont", "do")  # what -M may say of packets that are too long (ip(7), IP_MTU_DISCOVER)
MTU_SAID = re.compile(r" takes (\d+)")
NO_ANSWER = {
    "unreachable": "Destination Host Unreachable",
    "time-exceeded": "Time to live exceeded",
    "refused": "Destination Port Unreachable",
}
TOLD = {"blackhole": "Invalid argument", "prohibit": "Permission denied", "unreachable": "No route to host"}


def ping(call: Call, id: int) -> Result:
    """As many echo requests as are asked for. `id` tells them from others, as a process number does."""
    said = said_in(call.words, WORDS, "ping", bare="to")
    if "to" not in said:
        raise Refused(
            "ping wants an address: ping -c 1 10.244.1.10.", "ping: usage error: Destination address required"
        )
    count = number(said.get("-c", "1"), "-c", 1, MOST)
    to = _named(said["to"])
    size = number(said.get("-s", "56"), "-s", 0, 65507)
    hops = number(said.get("-t", str(call.ns.sysctl("net.ipv4.ip_default_ttl"))), "-t", 1, 255)
    source, hint = _source(call, to, said), said.get("-M", "want")
    if hint not in HINTS:
        raise Refused(f"-M takes {', '.join(HINTS)}.", f"ping: wrong -M: do, dont, want, probe accepted: {hint}")
    asked: list[tuple[Packet, Trace]] = []
    for seq in range(1, count + 1):
        packet = echo_request(source, to, id=id, seq=seq, payload=bytes(size), ttl=hops)
        asked.append((packet, ask(call.state.world, packet, at=call.at, memory=call.memory, discovers=hint)))
        if _answer(call.at, *asked[-1]) is None:
            call.memory.wait(GIVEN_UP / SECOND)  # ping has waited, and the kernel has given up asking for a MAC
        elif seq < count:
            call.memory.wait(1)  # ping asks once a second
    return _told(call, asked)


def _named(to: str) -> str:
    """The address that is meant. There is one name, as /etc/hosts has it; there is no DNS here."""
    if to == "localhost":
        return "127.0.0.1"
    try:
        return address_of(to)
    except Refused as refused:
        raise Refused(str(refused), f"ping: {to}: Name or service not known") from None


def _source(call: Call, to: str, said: dict[str, str]) -> str:
    """The address that the kernel gives to who asks for none; without a way there is none, and nothing is sent."""
    fib = call.ns.fib
    row = fib.lookup(to)
    source = address_of(said["-I"], family(to).number) if "-I" in said else fib.source(row, to)
    if row.type in ("none", *TOLD):
        raise Refused(
            f"No route of {call.at} leads to {to}, so nothing is sent.",
            f"ping: connect: {TOLD.get(row.type, 'Network is unreachable')}",
        )
    if not source:
        raise Refused(
            f"{call.at} has no address of IPv{family(to).number} to send from.",
            "ping: connect: Cannot assign requested address",
        )
    return source


def _told(call: Call, asked: list[tuple[Packet, Trace]]) -> Result:
    """What ping prints, and in words where the last packet or its answer ended."""
    to, size = asked[0][0].flow.dst, len(asked[0][0].payload)  # type: ignore[arg-type]
    lines, came = [f"PING {to} {size} bytes of data."], 0
    for seq, (packet, trace) in enumerate(asked, 1):
        found, back = verdict(trace), _answer(call.at, packet, trace)
        if back is not None:
            came += 1
            lines.append(f"{8 + size} bytes from {back.flow.src}: icmp_seq={seq} ttl={back.ttl}")
        elif found.name == "too-big":
            lines.append(_too_big(trace, found, seq))
        elif _not_taken(call.at, trace):
            lines.append("ping: sendmsg: No buffer space available")
        elif found.name in NO_ANSWER:
            lines.append(f"From {_teller(trace, found)} icmp_seq={seq} {NO_ANSWER[found.name]}")
    lost = 100 * (len(asked) - came) // len(asked)
    lines.append(f"{len(asked)} packets transmitted, {came} received, {lost}% packet loss")
    packet, trace = asked[-1]
    said = _said(call, trace, verdict(trace), _answer(call.at, packet, trace))
    return Result(
        call.state, said=said, shown="\n".join(lines), trace=trace, earlier=tuple(one for _, one in asked[:-1])
    )


def _not_taken(at: str, trace: Trace) -> bool:
    """Whether the other end of the sender's own wire did not take a frame, which the sender is told if nothing had to wait: a veth
    whose end has a smaller MTU (veth_xmit, ip_push_pending_frames with IP_RECVERR)."""
    for step, cause in zip(trace.steps, trace.causes, strict=True):
        if step.stage == "netif_receive_skb" and step.end == "dropped" and "too long" in step.said and cause >= 0:
            out, before = trace.steps[cause], trace.causes[cause]
            return out.namespace == at and trace.steps[before].stage in ("neigh_output", "ip_fragment")
    return False


def _too_big(trace: Trace, found: TraceVerdict, seq: int) -> str:
    """What ping says of a packet that does not fit: its own kernel has refused it, or a router has told so."""
    step = trace.steps[found.step]
    packet = step.skb.packet
    if not packet.is_error:
        mtu = MTU_SAID.search(step.said)
        return f"ping: local error: message too long, mtu={mtu[1] if mtu else '?'}"
    if packet.flow.proto == "icmp":
        return f"From {packet.flow.src} icmp_seq={seq} Frag needed and DF set (mtu = {packet.header.rest & 0xFFFF})"
    return f"From {packet.flow.src} icmp_seq={seq} Packet too big: mtu={packet.header.rest}"


def _answer(at: str, packet: Packet, trace: Trace) -> Packet | None:
    """The answer, if it came back to who asked."""
    kind = ECHO_REPLY[packet.flow.proto]
    for step in trace.steps:
        answer = step.skb.packet
        is_taken = (step.namespace, step.stage, step.end) == (at, "local_deliver", "local")
        if (
            is_taken
            and isinstance(answer, Packet)
            and (answer.icmp_type, answer.flow.sport) == (kind, packet.flow.sport)
        ):
            return answer
    return None


def _teller(trace: Trace, found: TraceVerdict) -> str:
    """Who said that it cannot be: the sender of an ICMP error, or the asker's own kernel."""
    packet = trace.steps[found.step].skb.packet
    return packet.flow.src if isinstance(packet, Packet) else trace.steps[0].skb.packet.flow.src


def _said(call: Call, trace: Trace, found: TraceVerdict, back: Packet | None) -> str:
    if found.name == "delivered" and back is not None:
        return f"{found.delivered_to} has answered; it saw {found.seen_from} as the sender."
    last = trace.steps[found.step]
    if found.name == "delivered":
        lost = next(
            (step for step in trace.steps[found.step + 1 :] if step.end and step.end != "local"), trace.steps[-1]
        )
        return f"It was {found}. The answer was lost in {lost.namespace}, at {lost.stage}: {lost.said}."
    return f"No answer ({found.name}). It ended in {last.namespace}, at {last.stage}: {last.said}."
