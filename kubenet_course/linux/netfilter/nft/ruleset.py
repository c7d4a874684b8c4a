"""A ruleset of nftables as data: tables, their sets and maps, chains, rules, and the words that rules are made of.

A rule is a list of statements, a statement holds expressions; both are the ones of `nft` itself. Check the names
against libnftables-json(5) and nft(8). Nothing here evaluates a rule, and nothing knows who wrote it.
"""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from ...packet.address import Address, Prefix

# -- expressions: what a statement compares, looks up or writes ------------------------------------------------------


class Payload(Struct, frozen=True, gc=False):
    """A header's field: `ip daddr`, `th dport`."""

    protocol: str
    field: str


class Meta(Struct, frozen=True, gc=False):
    """What the kernel knows of a packet: `meta mark`, `meta l4proto`, `iifname`."""

    key: str


class Ct(Struct, frozen=True, gc=False):
    """What connection tracking knows: `ct state`, `ct status`."""

    key: str


class Fib(Struct, frozen=True):
    """A question to the routing table: `fib saddr type`."""

    flags: tuple[str, ...]
    result: str


class Numgen(Struct, frozen=True, gc=False):
    """A number below `mod`, by lot or in turn: `numgen random mod 3`."""

    mode: str
    mod: int
    offset: int = 0


class Named(Struct, frozen=True, gc=False):
    """A set or map of the table, by name: `@cluster-ips`."""

    name: str


class Range(Struct, frozen=True, gc=False):
    """All addresses, or ports, from one to another."""

    first: Address | int
    last: Address | int


Constant = str | int | Prefix | Range


class Concat(Struct, frozen=True):
    """Several values taken as one: `10.96.0.1 . tcp . 443`."""

    parts: tuple["Expression", ...]


class Anonymous(Struct, frozen=True):
    """A set written in the rule itself: `{ 10.0.0.0/8, 192.0.2.1 }`."""

    elements: tuple["Expression", ...]


class Pairs(Struct, frozen=True):
    """A map written in the rule itself: `{ 0 : 10.244.1.10 . 8080, 1 : 10.244.2.10 . 8080 }`."""

    pairs: tuple[tuple["Expression", "Expression | Verdict"], ...]


class Lookup(Struct, frozen=True):
    """What a map holds under a key: `numgen random mod 2 map { ... }`."""

    key: "Expression"
    data: Pairs | Named


class Bits(Struct, frozen=True):
    """Two values joined bit by bit; `operator` is one of & | ^."""

    operator: str
    left: "Expression"
    right: "Expression"


class Foreign(Struct, frozen=True, gc=False):
    """An expression that the model does not know, as it was written."""

    text: str


Expression = Payload | Meta | Ct | Fib | Numgen | Named | Concat | Anonymous | Lookup | Bits | Foreign | Constant

# -- statements: what a rule does -----------------------------------------------------------------------------------


class Verdict(Struct, frozen=True, gc=False):
    """Where the walk goes on: accept, drop, return, continue, or jump and goto to a chain."""

    kind: str
    chain: str = ""


class Match(Struct, frozen=True):
    """The rule goes on only if this holds. `operator`: == and != compare, "in" asks whether any of the bits is set."""

    left: Expression
    right: Expression
    operator: str = "=="


class VerdictMap(Struct, frozen=True):
    """The verdict that a map holds under a key; no verdict where it has none: `ip daddr vmap @portals`."""

    key: Expression
    data: Pairs | Named


class Mangle(Struct, frozen=True):
    """Writes a value: `meta mark set meta mark | 0x4000`."""

    key: Expression
    value: Expression


class Masquerade(Struct, frozen=True):
    """The source becomes the address of the device on which the packet leaves."""

    flags: str = ""
    port: int | Range | None = None


class Dnat(Struct, frozen=True):
    """The destination becomes another. `family` is said where a map gives address and port together, and in inet tables."""

    address: Expression | None
    port: int | Range | None = None
    family: str = ""
    flags: str = ""


class Snat(Struct, frozen=True):
    """The source becomes another."""

    address: Expression | None
    port: int | Range | None = None
    family: str = ""
    flags: str = ""


class Redirect(Struct, frozen=True):
    """The destination becomes this machine itself."""

    port: int | Range | None = None
    flags: str = ""


class Reject(Struct, frozen=True, gc=False):
    """The sender is told by an ICMP error: `type` icmp or icmpv6, and its code by name. `said`: though it went without saying."""

    type: str
    code: str
    said: bool = False


class Update(Struct, frozen=True):
    """Puts a value into a set, or renews it there: `update @affinity { ip saddr }`; `operator` may be add and delete too."""

    set: str
    element: Expression
    operator: str = "update"
    timeout: str = ""


class Counter(Struct, frozen=True, gc=False):
    """Counts what comes here; what it has counted so far."""

    packets: int = 0
    bytes: int = 0


class Limit(Struct, frozen=True, gc=False):
    """The rule goes on for so many packets in a time, or `over` them: `limit rate 10/second burst 5 packets`."""

    rate: int
    per: str
    burst: int = 5
    over: bool = False


class Notrack(Struct, frozen=True, gc=False):
    """Connection tracking leaves the packet alone."""


class Unknown(Struct, frozen=True, gc=False):
    """A statement that the model does not know, or does not act out, as it was written."""

    text: str


Statement = (
    Match | Verdict | VerdictMap | Mangle | Masquerade | Dnat | Snat | Redirect | Reject | Update | Counter | Limit
    | Notrack | Unknown
)  # fmt: skip

# -- what a table holds ---------------------------------------------------------------------------------------------


class Rule(Struct, frozen=True):
    """Statements in order, and a comment; of a rule that was read, the number of its line."""

    statements: tuple[Statement, ...]
    comment: str = ""
    line: int = 0


class Hook(Struct, frozen=True, gc=False):
    """Where the kernel enters a base chain: its type, hook and priority (lower runs first), and its policy."""

    type: str
    hook: str
    priority: int
    policy: str = "accept"


class Chain(Struct, frozen=True):
    """Rules in order; without a hook only jumps lead here."""

    name: str
    rules: Sequence[Rule]
    hook: Hook | None = None
    comment: str = ""


class Element(Struct, frozen=True):
    """One member of a set: `key` has a part for each of the set's types. In a map it has a value.

    Of one that leaves by itself, `timeout` says after how long and `expires` how long is left.
    """

    key: tuple[Constant, ...]
    value: "Verdict | Constant | Concat | None" = None
    comment: str = ""
    timeout: str = ""
    expires: str = ""


class Set(Struct, frozen=True):
    """A named set, or a map where `map` names the type of its values. `timeout` in seconds, 0 for none.

    With `typeof` its types are said by expressions: `typeof ip saddr`.
    """

    name: str
    types: tuple[str, ...]
    elements: Sequence[Element] = ()
    map: str = ""
    comment: str = ""
    flags: tuple[str, ...] = ()
    timeout: int = 0
    size: int = 0
    typeof: bool = False


class Table(Struct, frozen=True):
    """A table of one family (ip, ip6, inet, ...): sets and chains by name, in the order in which they were made."""

    family: str
    name: str
    sets: Mapping[str, Set]
    chains: Mapping[str, Chain]
    comment: str = ""


def table(family: str, name: str, sets: Iterable[Set], chains: Iterable[Chain], comment: str = "") -> Table:
    """A table from plain lists."""
    return Table(family, name, {one.name: one for one in sets}, {one.name: one for one in chains}, comment)


class Ruleset(Struct, frozen=True):
    """All tables of a network namespace."""

    tables: tuple[Table, ...]
