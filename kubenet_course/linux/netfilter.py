"""The stages at the hooks: each asks one table, or the connection tracker, and says what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from .address import family
from .conntrack import confirm, conntrack_in, translated_error
from .hooks import BEHIND_BRIDGED
from .nat import bind_to_nothing, translated
from .packet import ICMP
from .route import NO_ROUTE
from .rules import Matched, Walked
from .skb import ACCEPT, NO_CONNECTION, UNTRACKED, Skb
from .trace import Next, Step

if TYPE_CHECKING:
    from .kernel import Kernel


def table(kernel: Kernel, stage: str, skb: Skb) -> Step:
    """raw, mangle, filter or security: walk the chain; at mangle OUTPUT a changed packet is routed anew."""
    name, hook = stage.split()
    said = kernel.walk(name, hook, skb)
    if said.verdict != ACCEPT:
        return refused(kernel, stage, said)
    after, walked = said.skb, _walked(said)
    if name == "mangle" and hook == "OUTPUT" and _routes_otherwise(skb, after):
        rerouted = kernel.route_again(after)
        if rerouted is None:
            return Step(
                kernel.ns.name, stage, after, "no route any more", said.matched, end="no-route", walked=said.compared
            )
        after = rerouted
    return kernel.on(stage, after, walked, said.matched, said.compared)


def _routes_otherwise(before: Skb, after: Skb) -> bool:
    one, two = before.packet, after.packet
    return (
        before.mark != after.mark or one.tos != two.tos or (one.flow.src, one.flow.dst) != (two.flow.src, two.flow.dst)
    )


def _walked(said: Walked) -> str:
    rules = sum(1 for row in said.matched if row.number)
    return f"{rules} rule{'' if rules == 1 else 's'} matched; it goes on"


def refused(kernel: Kernel, stage: str, said: Walked) -> Step:
    """A rule, or a policy, that ends the packet's way; of a REJECT the sender is told."""
    decided: Matched = said.matched[-1]
    by = f"by {'the policy' if not decided.number else f'rule {decided.number}'} of {decided.chain}"
    if said.verdict.name == "REJECT":
        answers = kernel.reject(said.skb, said.verdict.kind, stage.split()[1])
        return Step(
            kernel.ns.name,
            stage,
            said.skb,
            f"rejected {by}: {said.verdict.kind}",
            said.matched,
            answers,
            "rejected",
            walked=said.compared,
        )
    own = stage.endswith("OUTPUT") or (stage.endswith("POSTROUTING") and not said.skb.dev_in)
    end = "not-permitted" if own else "dropped"
    return Step(kernel.ns.name, stage, said.skb, f"dropped {by}", said.matched, (), end, walked=said.compared)


def conntrack(kernel: Kernel, stage: str, skb: Skb) -> Step:
    """Which conversation is this? Asked once, before anything is translated."""
    after = conntrack_in(skb, kernel)
    known = after.connection is not NO_CONNECTION and after.connection is not UNTRACKED
    if not known:
        return kernel.on(stage, after, f"belongs to no connection: {after.ctinfo}")
    way = ", an answer" if after.reply else ""
    return kernel.on(stage, after, f"{after.ctinfo}{way}", (after.connection,))


def nat(kernel: Kernel, stage: str, skb: Skb) -> Step:
    """The nat table is asked for a connection's first packet; every packet is then made as its connection says (nf_nat_inet_fn)."""
    hook = stage.split()[1]
    end = "src" if hook in ("POSTROUTING", "INPUT") else "dst"
    known = skb.connection
    if known is NO_CONNECTION or known is UNTRACKED:
        return kernel.on(stage, skb, "without a connection the nat table is not asked")
    if skb.ctinfo == "RELATED" and skb.packet.flow.proto in ICMP:
        return _on_its_way(kernel, stage, skb, translated_error(skb, end), (known,), 0)
    matched: tuple[Matched, ...] = ()
    compared = 0
    if skb.ctinfo in ("NEW", "RELATED") and not (known.snat_done if end == "src" else known.dnat_done):
        asked = kernel.walk("nat", hook, skb)
        if asked.verdict != ACCEPT:
            return refused(kernel, stage, asked)
        matched, compared, skb = asked.matched, asked.compared, asked.skb
        if not (skb.connection.snat_done if end == "src" else skb.connection.dnat_done):
            skb = bind_to_nothing(skb, end, kernel)
    after = translated(skb, end)
    return _on_its_way(kernel, stage, skb, after, (*matched, after.connection), compared)


def _on_its_way(kernel: Kernel, stage: str, before: Skb, after: Skb, why: tuple, compared: int) -> Step:
    """A packet with another destination needs another route: our own at once (nf_nat_ipv4_local_fn), one that came in later."""
    said, elsewhere = _said(before, after), before.packet.flow.dst != after.packet.flow.dst
    if elsewhere and stage == "nat OUTPUT":
        rerouted = kernel.route_again(after)
        if rerouted is None:
            return Step(
                kernel.ns.name, stage, after, f"{said}; no route leads there", why, end="no-route", walked=compared
            )
        after = rerouted
    elif elsewhere and stage == "nat PREROUTING":
        after = replace(after, route=NO_ROUTE)
    return kernel.on(stage, after, said, why, compared)


def _said(before: Skb, after: Skb) -> str:
    one, two = before.packet.flow, after.packet.flow
    if one == two:
        return "nothing to translate"
    if (one.src, one.sport) != (two.src, two.sport):
        return f"source {one.src}:{one.sport} becomes {two.src}:{two.sport}"
    return f"destination {one.dst}:{one.dport} becomes {two.dst}:{two.dport}"


def confirmation(kernel: Kernel, stage: str, skb: Skb) -> Step:
    """A connection's first packet has come through: from now on the kernel remembers it."""
    known = skb.connection
    after = confirm(skb, kernel)
    if after is None:
        said = "another connection already has these addresses and ports"
        return Step(kernel.ns.name, stage, skb, said, (known,), (), "dropped")
    news = after.connection is not known
    return kernel.on(stage, after, "the connection is remembered" if news else "", (after.connection,) if news else ())


STAGES = {
    f"{name} {hook}": {"conntrack": conntrack, "nat": nat, "confirm": confirmation}.get(name, table)
    for hook in ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")
    for name in ("raw", "conntrack", "mangle", "nat", "filter", "security", "confirm")
}


def hook(kernel: Kernel, name: str, skb: Skb) -> tuple[Next, ...]:
    """Sends a packet to the first stage of a hook."""
    first = kernel.ns.paths[family(skb.packet.flow.dst).number].first[name]
    return (Next(kernel.ns.name, BEHIND_BRIDGED.get(first, first) if skb.port else first, skb),)
