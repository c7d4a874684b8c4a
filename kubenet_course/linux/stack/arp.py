"""Who answers an ARP question, and what is learned from it (net/ipv4/arp.c: arp_process)."""

from __future__ import annotations

from ..namespace.fib import LIMITED_BROADCAST, LOOPBACK, MULTICAST, Route
from ..namespace.kernel import Kernel
from ..namespace.policy import Asked
from ..namespace.skb import Skb
from ..namespace.trace import Step
from ..packet.address import IPV4
from ..packet.packet import Arp
from .device import out
from .input import martian
from .neighbour import LOCKED, known_or_waiting, learn


def arp_rcv(kernel: Kernel, stage: str, skb: Skb) -> Step:
    """A question about an address of ours is answered; whoever asks or answers us is remembered (arp_process)."""
    here, dev = kernel.ns.name, kernel.ns.devices[skb.dev_in]
    arp: Arp = skb.frame.payload  # type: ignore[assignment]
    asked = _route_asked(kernel, arp, dev.name) if arp.op == 1 else None
    answers = asked is not None and _answers_for(kernel, arp, dev.name, asked)
    if _no_address(kernel, arp, dev.name) or (not answers and asked is not None and asked.type == "local"):
        return Step(here, stage, skb, f"{arp.target} is not asked for here: no answer", (), end="dropped")
    if arp.op == 1 and not answers and (dev.name, arp.sender) not in known_or_waiting(kernel):
        return Step(here, stage, skb, f"{arp.target} is not ours: no answer", (), end="dropped")
    if arp.op == 2 and (dev.name, arp.sender) not in known_or_waiting(kernel):
        return Step(here, stage, skb, "an answer that nobody here waited for", (), end="dropped")
    knows = arp.sender != IPV4.any
    then = learn(kernel, dev.name, arp.sender, arp.sender_mac, arp.op == 1, answers or LOCKED) if knows else ()
    if answers:
        reply = Arp(2, dev.mac, arp.target, arp.sender_mac, arp.sender)
        then = (*then, *out(kernel, Skb(reply, dev_out=dev.name), dev.mac, arp.sender_mac))  # who waited goes first
    said = f"{arp.target} is ours: answered" if answers else f"{arp.sender} is at {arp.sender_mac}: remembered"
    return Step(here, stage, skb, said, (), then, end="" if then else "local")


def _no_address(kernel: Kernel, arp: Arp, dev: str) -> bool:
    """Whether nobody can be meant (arp_process): a group, or loopback without route_localnet."""
    loop = arp.target in LOOPBACK[4] and not kernel.ns.conf("ipv4", dev, "route_localnet")
    return arp.target in MULTICAST[4] or loop


def _route_asked(kernel: Kernel, arp: Arp, dev: str) -> Route | None:
    """The row for the address that is asked for, as if the asker had sent a packet there; None where its own address cannot be
    true, by rp_filter too (arp_process asks ip_route_input)."""
    asked = Asked(arp.sender, iif=dev)
    row = kernel.ns.fib.lookup(arp.target, "", asked)
    if arp.sender == IPV4.any:  # who looks whether somebody has an address before taking it (RFC 5227)
        return row if row.type == "local" else None
    to_many = row.type in ("broadcast", "multicast") or arp.target == LIMITED_BROADCAST
    return None if to_many or martian(kernel, asked, arp.target, row) else row


def _answers_for(kernel: Kernel, arp: Arp, dev: str, row: Route) -> bool:
    ns = kernel.ns
    if row.type == "local":
        return not _ignored(kernel, arp, dev)
    proxy = ns.forwards(4, dev) and ns.conf("ipv4", dev, "proxy_arp")
    return bool(proxy) and row.type == "unicast" and row.dev != dev


def _ignored(kernel: Kernel, arp: Arp, dev: str) -> bool:
    """Whether `arp_ignore` forbids the answer: 1, unless that device has the address; 2, and both are of one block; 8, always."""
    level, here = kernel.ns.conf("ipv4", dev, "arp_ignore"), kernel.ns.devices[dev].addresses
    if level in (1, 2):
        blocks = [own.block for own in here] if level == 2 and arp.sender != IPV4.any else []
        near = not blocks or any(arp.target in block and arp.sender in block for block in blocks)
        return not (near and any(own.address == arp.target for own in here))
    if level == 3:  # not for addresses of the machine alone, such as those of loopback's own block
        return arp.target not in kernel.ns.addresses4 or arp.target in LOOPBACK[4]
    return level == 8


STAGES = {"arp_rcv": arp_rcv}
