"""What an exercise can ask for: a value, or the hidden fields of a frame. (`kinds_lists`: an order, statements; `kinds_made`:
something written that the model then tests.)

An instance is a frozen value with everything that one variant needs: the question, the right answer as the model computed it,
the wrong answers that people give for a reason, three hints. `judge` says what is right and wrong about an answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from random import Random
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ...errors import BadInput
from ...linux.packet.fields import Field, layers
from ...linux.packet.packet import Frame
from ...linux.packet.wire import frame_bytes
from .reading import NUMBER, TEXT, Reader, Unanswered, Unreadable, is_blank, reader_for

EMPTY = "Still empty."
NO_BELIEF = 0  # of a wrong answer that no numbered misconception leads to


class Slip(Struct, frozen=True):
    """A wrong answer that is given for a reason: the belief's number, a sentence on this very case, what disproves it."""

    answer: Any
    belief: int = NO_BELIEF
    said: str = ""
    evidence: object = None


class Finding(Struct, frozen=True):
    """What is to be said of an answer, or of one part of it."""

    right: bool
    said: str
    belief: int = NO_BELIEF
    evidence: object = None
    part: str = ""


class Kind(Struct, frozen=True, kw_only=True):
    """What every instance has. `look` is shown with the question; `because` and `evidence` say why the right answer is right."""

    asks: str
    hints: tuple[str, str, str]
    because: str = ""
    look: object = None
    evidence: object = None

    @property
    def first(self) -> str:
        """What to do before there is an answer, for who presses the button too early."""
        return "There is no answer yet. Write one first."

    @property
    def solution(self) -> Any:
        """One right answer."""
        raise NotImplementedError

    @property
    def is_tried_out(self) -> bool:
        """Whether the evidence of a wrong answer is what the model did with that very answer: then it gives nothing away."""
        return False

    def shuffled(self, chance: Random) -> Kind:
        """The same with its parts in an order that gives nothing away; most kinds have no parts."""
        return self


class Value(Kind, frozen=True, kw_only=True):
    """One value: an address, a port, a verdict. `slips` are the wrong ones that are met by a feedback of their own."""

    answer: Any
    reads: Reader = TEXT
    slips: tuple[Slip, ...] = ()

    @property
    def first(self) -> str:
        if self.reads.words:
            return "Choose one of the answers first."
        return f"Write {self.reads.wants} first, for example {self.reads.example}."

    @property
    def solution(self) -> Any:
        return self.answer

    @property
    def wrong_answers(self) -> Iterator[tuple[Any, int]]:
        """Each wrong answer with the belief behind it. One that this variant makes right is none."""
        for slip in self.slips:
            if self.reads(slip.answer) != self.reads(self.answer):
                yield slip.answer, slip.belief

    def judge(self, answer: Any) -> tuple[Finding, ...]:
        """Raises Unanswered, or Unreadable with a sentence."""
        found = _compared(self.reads, answer, self.answer, self.slips, self)
        if not found.right and not found.said:
            given = self.reads(answer)
            is_below = isinstance(given, int) and given < 0 <= self.reads(self.answer)
            said = f"{given} is below zero." if is_below else _elsewhere(given, self.evidence)
            return (replace(found, said=f"{said} Think of this first: {self.hints[0]}"),)
        return (found,)

    def judge_again(self, answer: Any) -> tuple[Finding, ...]:
        """The same after a miss. Of a number that nobody foresaw it says on which side of the right one it lies."""
        found = self.judge(answer)
        if self.reads is not NUMBER or found[0].right:
            return found
        given = self.reads(answer)
        side = "large" if given > self.reads(self.answer) else "small"
        said = found[0].said.replace(_elsewhere(given, None), f"{given} is too {side}.")
        return (replace(found[0], said=said),)


def _elsewhere(given: Any, evidence: object) -> str:
    """What disproves a wrong value that nobody foresaw: whether it occurs at all in what the model did."""
    rows = getattr(evidence, "rows", ())
    if not isinstance(given, str) or not rows:
        return f"The model finds something else here than {given}."
    pattern = rf"(?<![\w.:]){re.escape(given)}(?![\w.])"
    found = next((str(row[0]) for row in rows if any(re.search(pattern, str(cell)) for cell in row)), "")
    if found == given:
        return f"{given} takes part here, but it is not what is asked for."
    if found:
        return f"{given} occurs in what the model did, for example at “{found}”, but it is not what is asked for."
    return (
        f"The model did what the question describes, and {given} did not occur in it at all. So it is something else."
    )


def _compared(reads: Reader, answer: Any, right: Any, slips: tuple[Slip, ...], kind: Kind, part: str = "") -> Finding:
    given = reads(answer)
    if given == reads(right):
        return Finding(True, "" if part else kind.because, evidence=None if part else kind.evidence, part=part)
    for slip in slips:
        if given == reads(slip.answer):
            return Finding(False, slip.said, slip.belief, slip.evidence or kind.evidence, part)
    said = f"The model comes to another value than {given}." if part else ""
    return Finding(False, said, evidence=kind.evidence, part=part)


class Blank(Struct, frozen=True):
    """A hidden field of a frame: its header ("Ethernet", "IPv4", "TCP", "inner IPv4") and its name, as the frame table has them."""

    layer: str
    field: str
    slips: tuple[Slip, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.layer} {self.field}"


class FillFrame(Kind, frozen=True, kw_only=True):
    """A frame with hidden fields to fill in; each is judged by itself."""

    frame: Frame
    blanks: tuple[Blank, ...]

    @property
    def fields(self) -> tuple[Field, ...]:
        return layers(frame_bytes(self.frame))

    def right(self, blank: Blank) -> str:
        """What the frame really holds there."""
        for field in self.fields:
            if (field.layer, field.name) == (blank.layer, blank.field):
                return field.value
        names = ", ".join(f"{field.layer} {field.name}" for field in self.fields)
        raise BadInput(blank.name, "this frame has no such field", f"it has {names}")

    @property
    def solution(self) -> dict[str, str]:
        return {blank.name: self.right(blank) for blank in self.blanks}

    @property
    def wrong_answers(self) -> Iterator[tuple[dict[str, Any], int]]:
        """Everything right but one field."""
        for blank in self.blanks:
            reads = reader_for(self.right(blank))
            for slip in blank.slips:
                if reads(slip.answer) != reads(self.right(blank)):
                    yield {**self.solution, blank.name: slip.answer}, slip.belief

    def judge(self, answer: Any) -> tuple[Finding, ...]:
        """A finding for each field, and at last why. While all that is there is right and some is empty, it is no answer yet."""
        if is_blank(answer):
            raise Unanswered
        given = self._by_name(answer)
        if all(map(is_blank, given.values())):
            raise Unanswered
        found = tuple(self._judge_one(blank, given.get(blank.name)) for blank in self.blanks)
        if all(one.right for one in found):
            return (*found, Finding(True, self.because, evidence=self.evidence))
        if all(one.right or one.said == EMPTY for one in found):
            left = [one.part for one in found if not one.right]
            raise Unanswered(f"What is filled in is right. Still empty: {', '.join(left)}.")
        return found

    @property
    def first(self) -> str:
        return "Fill in the empty fields first."

    def _judge_one(self, blank: Blank, given: Any) -> Finding:
        right = self.right(blank)
        try:
            return _compared(reader_for(right), given, right, blank.slips, self, blank.name)
        except Unanswered:
            return Finding(False, EMPTY, part=blank.name)
        except Unreadable as sentence:
            raise Unreadable(f"{blank.name}: {sentence}") from None

    def _by_name(self, answer: Any) -> dict[str, Any]:
        """Names may be shortened as long as they mean one field; a list is taken in the order of the fields."""
        if isinstance(answer, list | tuple) and len(answer) == len(self.blanks):
            return {blank.name: one for blank, one in zip(self.blanks, answer, strict=True)}
        if not isinstance(answer, dict):
            if len(self.blanks) == 1:
                return {self.blanks[0].name: answer}
            raise Unreadable(f"Give every hidden field by its name: {', '.join(repr(b.name) for b in self.blanks)}.")
        found: dict[str, Any] = {}
        for name, one in answer.items():
            meant = [b.name for b in self.blanks if str(name).casefold() in (b.name.casefold(), b.field.casefold())]
            if len(meant) != 1:
                names = ", ".join(repr(blank.name) for blank in self.blanks)
                raise Unreadable(
                    f"{name!r} names {'several' if meant else 'none'} of the hidden fields, which are {names}."
                )
            found[meant[0]] = one
        return found
