"""`ping -c 1 ADDRESS`: an echo request from a namespace, followed through the model, and what came of it."""

from __future__ import annotations

from ..linux.namespace.memory import SECOND
from ..linux.namespace.trace import Trace
from ..linux.packet.address import family
from ..linux.packet.packet import ECHO_REPLY, Packet
from ..linux.packet.packet import ping as echo_request
from ..linux.stack.neighbour import GIVEN_UP
from ..linux.verdicts import Verdict, verdict
from ..linux.walk import ask
from .grammar import address_of, number, said_in
from .state import Call, Refused, Result

WORDS = {"-c": "1", "-s": "BYTES", "-W": "SECONDS", "-t": "HOPS", "-I": "ADDRESS"}
NO_ANSWER = {
    "unreachable": "Destination Host Unreachable",
    "too-big": "Packet too big",
    "time-exceeded": "Time to live exceeded",
    "refused": "Destination Port Unreachable",
}
TOLD = {"blackhole": "Invalid argument", "prohibit": "Permission denied", "unreachable": "No route to host"}


def ping(call: Call, id: int) -> Result:
    """One echo request. `id` tells it from others, as a process number does."""
    said = said_in(call.words, WORDS, "ping", bare="to")
    if "to" not in said:
        raise Refused(
            "ping wants an address: ping -c 1 10.244.1.10.", "ping: usage error: Destination address required"
        )
    if said.get("-c", "1") != "1":
        raise Refused("Here ping asks once: ping -c 1 ADDRESS.")
    to = address_of(said["to"])
    size = number(said.get("-s", "56"), "-s", 0, 65507)
    hops = number(said.get("-t", str(call.ns.sysctl("net.ipv4.ip_default_ttl"))), "-t", 1, 255)
    packet = echo_request(_source(call, to, said), to, id=id, payload=bytes(size), ttl=hops)
    trace = ask(call.state.world, packet, at=call.at, memory=call.memory)
    if _answer(call.at, packet, trace) is None:
        call.memory.wait(GIVEN_UP / SECOND)  # ping has waited, and the kernel has given up asking for a MAC
    return _told(call, packet, trace)


def _source(call: Call, to: str, said: dict[str, str]) -> str:
    """The address that the kernel gives to who asks for none; without a way there is none, and nothing is sent."""
    fib = call.ns.fib
    row = fib.lookup(to)
    source = address_of(said["-I"], family(to).number) if "-I" in said else fib.source(row, to)
    if row.type in ("none", *TOLD):
        raise Refused(
            f"No row of {call.at} leads to {to}, so nothing is sent.",
            f"ping: connect: {TOLD.get(row.type, 'Network is unreachable')}",
        )
    if not source:
        raise Refused(
            f"{call.at} has no address of IPv{family(to).number} to send from.",
            "ping: connect: Cannot assign requested address",
        )
    return source


def _told(call: Call, packet: Packet, trace: Trace) -> Result:
    """What ping prints, and in words where the packet or its answer ended."""
    to, found = packet.flow.dst, verdict(trace)
    back = _answer(call.at, packet, trace)
    lines = [f"PING {to} {len(packet.payload)} bytes of data."]  # type: ignore[arg-type]
    if back is not None:
        lines.append(f"{8 + len(packet.payload)} bytes from {back.flow.src}: icmp_seq=1 ttl={back.ttl}")  # type: ignore[arg-type]
    elif found.name in NO_ANSWER:
        lines.append(f"From {_teller(trace, found)} icmp_seq=1 {NO_ANSWER[found.name]}")
    lines.append(
        f"1 packets transmitted, {int(back is not None)} received, {0 if back is not None else 100}% packet loss"
    )
    return Result(call.state, said=_said(call, trace, found, back), shown="\n".join(lines), trace=trace)


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


def _teller(trace: Trace, found: Verdict) -> str:
    """Who said that it cannot be: the sender of an ICMP error, or the asker's own kernel."""
    packet = trace.steps[found.step].skb.packet
    return packet.flow.src if isinstance(packet, Packet) else trace.steps[0].skb.packet.flow.src


def _said(call: Call, trace: Trace, found: Verdict, back: Packet | None) -> str:
    if found.name == "delivered" and back is not None:
        return f"{found.delivered_to} has answered; it saw {found.seen_from} as the sender."
    last = trace.steps[found.step]
    if found.name == "delivered":
        lost = next(
            (step for step in trace.steps[found.step + 1 :] if step.end and step.end != "local"), trace.steps[-1]
        )
        return f"It was {found}. The answer was lost in {lost.namespace}, at {lost.stage}: {lost.said}."
    return f"No answer ({found.name}). It ended in {last.namespace}, at {last.stage}: {last.said}."
