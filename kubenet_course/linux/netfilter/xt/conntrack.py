"""`-m conntrack` and the older `-m state`: what conntrack knows of a packet (net/netfilter/xt_conntrack.c)."""

from __future__ import annotations

from typing import ClassVar

from ...namespace.memory import SECOND
from ...namespace.skb import NO_CONNECTION, UNTRACKED, Skb
from ...packet.address import Prefix, prefix
from ..iptables.words import PROTOCOLS, port_range, port_text, protocol, whole
from ..statement import Place, Test
from .reading import Given, Match, listed

STATES = ("INVALID", "NEW", "RELATED", "ESTABLISHED", "UNTRACKED", "SNAT", "DNAT")
STATUSES = ("NONE", "EXPECTED", "SEEN_REPLY", "ASSURED", "CONFIRMED")


class CtCondition(Test, frozen=True, kw_only=True):
    """One option of `-m conntrack`: `what` is its name, `values` what it was given."""

    what: str
    values: tuple

    def asked_of(self, skb: Skb, now: int) -> bool:
        return CONDITIONS[self.what](skb, self.values, now) is not self.negated


def _state(skb: Skb, values: tuple[str, ...]) -> bool:
    known = skb.connection is not NO_CONNECTION and skb.connection is not UNTRACKED
    state = skb.ctinfo if known or skb.connection is UNTRACKED else "INVALID"
    return (
        state in values
        or (known and "DNAT" in values and skb.connection.dnat)
        or (known and "SNAT" in values and skb.connection.snat)
    )


def _status(skb: Skb, values: tuple[str, ...]) -> bool:
    c = skb.connection
    has = {"SEEN_REPLY": c.seen_reply, "ASSURED": c.assured, "CONFIRMED": c.confirmed}
    return any(has.get(value, False) for value in values)


def _expires(skb: Skb, values: tuple[int, int], now: int) -> bool:
    """Seconds left. A connection that is not confirmed yet has none (nf_ct_expires; DEV-10)."""
    left = max(0, skb.connection.expires - now) // SECOND if skb.connection.confirmed else 0
    return values[0] <= left <= values[1]


# In the order in which iptables-save prints them (libxt_conntrack.c).
CONDITIONS = {
    "ctstate": lambda skb, values, now: _state(skb, values),
    "ctproto": lambda skb, values, now: skb.connection.original.proto == values[0],
    "ctorigsrc": lambda skb, values, now: skb.connection.original.src in values[0],
    "ctorigdst": lambda skb, values, now: skb.connection.original.dst in values[0],
    "ctreplsrc": lambda skb, values, now: skb.connection.reply.src in values[0],
    "ctrepldst": lambda skb, values, now: skb.connection.reply.dst in values[0],
    "ctorigsrcport": lambda skb, values, now: values[0] <= skb.connection.original.sport <= values[1],
    "ctorigdstport": lambda skb, values, now: values[0] <= skb.connection.original.dport <= values[1],
    "ctreplsrcport": lambda skb, values, now: values[0] <= skb.connection.reply.sport <= values[1],
    "ctrepldstport": lambda skb, values, now: values[0] <= skb.connection.reply.dport <= values[1],
    "ctstatus": lambda skb, values, now: _status(skb, values),
    "ctexpire": _expires,
    "ctdir": lambda skb, values, now: skb.reply is (values[0] == "REPLY"),
}


class Conntrack(Test, frozen=True, kw_only=True):
    """`-m conntrack` (xt_conntrack.c) and the older `-m state`: all of its conditions hold.

    A packet without a connection is asked for its state alone; where no state is asked, it does not match.
    """

    tracks: ClassVar[bool] = True
    conditions: tuple[CtCondition, ...]
    older: bool = False

    @property
    def module(self) -> str:  # type: ignore[override]
        return "state" if self.older else "conntrack"

    def run(self, skb: Skb, at: Place) -> bool:
        if skb.connection is NO_CONNECTION or skb.connection is UNTRACKED:
            states = [condition for condition in self.conditions if condition.what == "ctstate"]
            return bool(states) and all(condition.asked_of(skb, at.kernel.now) for condition in states)
        return all(condition.asked_of(skb, at.kernel.now) for condition in self.conditions)

    def written(self) -> str:
        name = {"ctstate": "state"} if self.older else {}
        return " ".join(f"{row.no}--{name.get(row.what, row.what)} {_value(row)}" for row in self.conditions)


def _value(row: CtCondition) -> str:
    if row.what.endswith("port") or row.what == "ctexpire":
        return port_text(*row.values)
    if row.what == "ctproto":
        return str(PROTOCOLS.get(row.values[0], row.values[0]))
    if isinstance(row.values[0], Prefix) and row.values[0].is_host:
        return row.values[0].first
    return ",".join(map(str, row.values))


def _condition(name: str, words: tuple[str, ...], negated: bool) -> CtCondition:
    what, text = name.removeprefix("--"), words[0]
    values: tuple
    if what == "ctstate":
        values = listed(text, STATES, "connection state")
    elif what == "ctstatus":
        values = listed(text, STATUSES, "connection status")
    elif what == "ctdir":
        values = listed(text, ("ORIGINAL", "REPLY"), "direction")
    elif what == "ctproto":
        values = (protocol(text),)
    elif what == "ctexpire":
        low, colon, high = text.partition(":")
        values = (whole(low or "0"), whole(high or "4294967295") if colon else whole(low))
    else:
        values = port_range(text, backwards=True) if what.endswith("port") else (prefix(text),)
    return CtCondition(what=what, values=values, negated=negated)


def _conntrack(given: tuple[Given, ...]) -> tuple[Test, ...]:
    order = tuple(CONDITIONS)
    rows = sorted((_condition(*row) for row in given), key=lambda row: order.index(row.what))
    return (Conntrack(conditions=tuple(rows)),)


def _older(given: tuple[Given, ...]) -> tuple[Test, ...]:
    rows = tuple(_condition("--ctstate", words, no) for _, words, no in given)
    return (Conntrack(conditions=rows, older=True),)


MATCHES = {
    "conntrack": Match({f"--{what}": 1 for what in CONDITIONS}, _conntrack),
    "state": Match({"--state": 1}, _older),
}
