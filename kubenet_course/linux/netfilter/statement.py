"""The statements of rules: what a match asks and a target does, and where (net/netfilter/x_tables.c, nf_tables_core.c)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from msgspec import Struct

from ..namespace.skb import Skb, Verdict
from ..packet.address import Address

NO_KEY: tuple[str, tuple[Any, ...]] = ("", ())
HOTDROP = Verdict("DROP")  # a test throws the packet away itself: its rule neither matches nor counts it (par->hotdrop)
TRANSPORT = "-p"  # as a module's name: the one that is named like the rule's protocol


class Place:
    """Where statements are run: in which kernel, table and hook, and at which rule of which chain.

    `doubts` gathers the rules of which something was not understood and that would have had a say.
    """

    __slots__ = ("chain", "doubts", "hook", "kernel", "number", "table")

    def __init__(self, kernel: Any, table: str, hook: str):
        self.kernel, self.table, self.hook = kernel, table, hook
        self.chain, self.number = hook, 0
        self.doubts: list[Any] = []

    @property
    def rule(self) -> tuple[str, str, int]:
        """The rule that is being run: what it counts by itself, it counts under this name."""
        return self.table, self.chain, self.number


@dataclass(slots=True)
class LookUps:
    """How often one kernel has looked something up by a hash: in a set, a map, the virtual servers of IPVS. Each costs the
    same, however many members there are."""

    count: int = 0


class NotUnderstood(Struct, frozen=True):
    """A statement that the model cannot run. `ways` are the answers that it may have given, the likeliest first."""

    ways: tuple[Any, ...]


class Statement(Struct, frozen=True, gc=False):
    """One part of a rule: what it asks of a packet, or does with it. A rule's statements are run in order.

    `run` answers True: the rule goes on; False: it does not hold for this packet; a Skb: it goes on with this packet; a verdict,
    a jump or a goto: the packet goes elsewhere, alone or with the packet as it now is; NotUnderstood: nobody knows. A test may
    also answer HOTDROP.
    """

    tracks: ClassVar[bool] = False  # whether its presence makes the kernel track connections
    counts: ClassVar[bool] = False  # whether asking it leaves a trace: a count, a time, a draw
    understood: ClassVar[bool] = True  # whether the model can act it out

    def run(self, skb: Skb, at: Place) -> Answer:
        return True

    @property
    def key(self) -> tuple[str, tuple[Any, ...]]:
        """A field and the only values of it with which this can hold, as ("dst", addresses) or ("dport", ports); else nothing."""
        return NO_KEY

    @property
    def addresses(self) -> tuple[Address, ...]:
        """The addresses that it names, which tell the family of its rule."""
        return ()

    @property
    def sets(self) -> tuple[str, ...]:
        """The sets that it asks or changes, which the machine has to have."""
        return ()

    def written(self) -> str:
        """Itself as iptables-save prints it, of a match without its `-m`."""
        return ""


class Test(Statement, frozen=True, gc=False):
    """A match: it holds of a packet or does not. `negated` turns it round, as `!` does.

    `module` is the word after its `-m`; where `shared`, several tests stand behind one `-m`.
    """

    __test__: ClassVar[bool] = False  # pytest: not a test case
    module: ClassVar[str] = ""
    protocol: ClassVar[str] = ""  # of `-p`, its protocol: options of that protocol's module may follow
    shared: ClassVar[bool] = False
    negated: bool = False

    def run(self, skb: Skb, at: Place) -> Answer:
        return self.asks(skb, at) is not self.negated

    def asks(self, skb: Skb, at: Place) -> bool:
        """The question itself, before `!`."""
        return True

    @property
    def no(self) -> str:
        return "! " if self.negated else ""


class Target(Statement, frozen=True, gc=False):
    """What stands behind `-j`. `place` says where it may stand: its name, its table, and its base chains (none: all)."""

    place: ClassVar[tuple[str, str, tuple[str, ...]] | None] = None


class Jump(Target, frozen=True):
    """`-j CHAIN`: walk that chain, then come back behind this rule."""

    chain: str

    def run(self, skb: Skb, at: Place) -> Answer:
        return self

    def written(self) -> str:
        return f"-j {self.chain}"


class Goto(Target, frozen=True):
    """`-g CHAIN`: walk that chain and come back where the chain we are in would have."""

    chain: str

    def run(self, skb: Skb, at: Place) -> Answer:
        return self

    def written(self) -> str:
        return f"-g {self.chain}"


Decision = Verdict | Jump | Goto
Answer = bool | Skb | Decision | tuple[Decision, Skb] | NotUnderstood
