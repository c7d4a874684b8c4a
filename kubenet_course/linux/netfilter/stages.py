"""The stages at the hooks: each asks one table, or the connection tracker, and says what came of it."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from ..namespace.fib import NO_ROUTE
from ..namespace.kernel import Kernel
from ..namespace.skb import ACCEPT, NO_CONNECTION, UNTRACKED, Skb
from ..namespace.trace import Next, Step
from ..packet.packet import ICMP
from ..stack.icmp import rejection
from ..stack.ip import answers, route_again
from ..stack.ipvs.hooks import STAGES as IPVS
from .conntrack import confirm, conntrack_in, set_closing, translated_error
from .evaluate import NOTHING_ASKED, Matched, Walked, asked
from .hooks import BEHIND, IPTABLES, Entry
from .nat import bind_to_nothing, translated


def entry_of(kernel: Kernel, stage: str, skb: Skb) -> Entry:
    """Who is asked at a stage of a hook."""
    return kernel.ns.paths[6 if ":" in skb.packet.flow.dst else 4].entries[stage]


def table(kernel: Kernel, stage: str, skb: Skb) -> Step:
    """A base chain: walk it; behind one of the kind `route` (mangle OUTPUT) a changed packet is routed anew."""
    entry = entry_of(kernel, stage, skb)
    ((name, chain),) = entry.chains
    said = asked(kernel, name, chain, skb, entry.hook)
    if said.verdict != ACCEPT:
        return refused(kernel, stage, said, entry.hook)
    after, walked = said.skb, _walked(said)
    if entry.kind == "route" and _routes_otherwise(skb, after):
        rerouted = route_again(kernel, after)
        if rerouted is None:
            lost = "no route any more"
            return Step(
                kernel.ns.name, stage, after, lost, said.matched, (), "no-route", None, said.compared, said.hangs_on
            )
        after = rerouted
    return kernel.on(stage, after, walked, said.matched, said.compared, said.hangs_on)


def _routes_otherwise(before: Skb, after: Skb) -> bool:
    one, two = before.packet, after.packet
    return (
        before.mark != after.mark or one.tos != two.tos or (one.flow.src, one.flow.dst) != (two.flow.src, two.flow.dst)
    )


def _walked(said: Walked) -> str:
    rules = sum(1 for row in said.matched if row.number)
    return f"{rules} rule{'' if rules == 1 else 's'} matched; it goes on"


def refused(kernel: Kernel, stage: str, said: Walked, hook: str) -> Step:
    """A rule, or a policy, that ends the packet's way; of a REJECT the sender is told."""
    decided: Matched = said.matched[-1]
    by = f"by {'the policy' if not decided.number else f'rule {decided.number}'} of {decided.chain}"
    then: tuple[Next, ...] = ()
    own = hook in ("OUTPUT", "POSTROUTING") and not said.skb.dev_in  # IPVS leads what came in through OUTPUT too
    how, end = f"dropped {by}", "not-permitted" if own else "dropped"
    if not decided.counted:
        how = f"{how}, which does not match: one of its matches throws the packet away"
    if said.verdict.name == "REJECT":
        then = reject(kernel, said.skb, said.verdict.kind, hook)
        how, end = f"rejected {by}: {said.verdict.kind}", "rejected"
    elif said.verdict.name == "HANDED_OVER":
        how, end = f"handed to a program {by} ({said.verdict.kind}): it decides", "handed-over"
    return Step(kernel.ns.name, stage, said.skb, how, said.matched, then, end, None, said.compared, said.hangs_on)


def reject(kernel: Kernel, skb: Skb, kind: str, hook: str) -> tuple[Next, ...]:
    """What `-j REJECT` sends back, as part of the packet's connection."""
    answer = rejection(kernel, skb, kind)
    if kind == "tcp-reset" and answer is not None:
        skb = set_closing(skb, kernel)
    return answers(kernel, skb, answer)


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
    entry = entry_of(kernel, stage, skb)
    hook = entry.hook
    end = "src" if hook in ("POSTROUTING", "INPUT") else "dst"
    known = skb.connection
    if known is NO_CONNECTION or known is UNTRACKED:
        return kernel.on(stage, skb, "without a connection the nat table is not asked")
    if skb.ctinfo == "RELATED" and skb.packet.flow.proto in ICMP:
        return _on_its_way(kernel, stage, skb, translated_error(skb, end), (known,))
    told = NOTHING_ASKED
    if skb.ctinfo in ("NEW", "RELATED") and not (known.snat_done if end == "src" else known.dnat_done):
        told = _nat_rules(kernel, entry, skb, end)
        if told.verdict != ACCEPT:
            return refused(kernel, stage, told, hook)
        skb = told.skb
        if not (skb.connection.snat_done if end == "src" else skb.connection.dnat_done):
            skb = bind_to_nothing(skb, end, kernel)
    after = translated(skb, end)
    return _on_its_way(kernel, stage, skb, after, (*told.matched, after.connection), told)


def _nat_rules(kernel: Kernel, entry: Entry, skb: Skb, end: str) -> Walked:
    """What the nat chains of a hook say, each asked until one has bound the end that is translated here."""
    told = Walked(ACCEPT, skb, (), 0)
    for name, chain in entry.chains:
        more = asked(kernel, name, chain, told.skb, entry.hook)
        matched, hangs_on = told.matched + more.matched, told.hangs_on + more.hangs_on
        told = Walked(more.verdict, more.skb, matched, told.compared + more.compared, hangs_on)
        bound = told.skb.connection.snat_done if end == "src" else told.skb.connection.dnat_done
        if told.verdict != ACCEPT or bound:
            break
    return told


def _on_its_way(kernel: Kernel, stage: str, before: Skb, after: Skb, why: tuple, told: Walked = NOTHING_ASKED) -> Step:
    """A packet with another destination needs another route: our own at once (nf_nat_ipv4_local_fn), one that came in later."""
    said, elsewhere = _said(before, after), before.packet.flow.dst != after.packet.flow.dst
    if elsewhere and stage == "nat OUTPUT":
        rerouted = route_again(kernel, after)
        if rerouted is None:
            lost = f"{said}; no route leads there"
            return Step(kernel.ns.name, stage, after, lost, why, (), "no-route", None, told.compared, told.hangs_on)
        after = rerouted
    elif elsewhere and stage == "nat PREROUTING":
        after = replace(after, route=NO_ROUTE)
    return kernel.on(stage, after, said, why, told.compared, told.hangs_on)


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


KINDS = {"conntrack": conntrack, "nat": nat, "confirm": confirmation, **IPVS}  # every other entry is a chain of rules
HOOKED = {f"{name} {hook}": stage for name, stage in KINDS.items() for hook in BEHIND}


def stage_at_hook(name: str) -> Callable[[Kernel, str, Skb], Step]:
    """The stage of a hook's entry, by the entry's name: a table of iptables or a base chain of nftables has any name."""
    return HOOKED.get(name, table)


STAGES = HOOKED | {f"{name} {hook}": table for name in IPTABLES for hook in BEHIND}
