"""Exercises in which something is written, and the model says whether it works: a rule, a route, a plan, a manifest, a repair."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ...errors import BadInput
from ...trial.run import Unasked, caution
from .kinds import NO_BELIEF, Finding, Kind, Slip
from .reading import Unanswered, Unreadable, is_blank

ALL_THE_SAME = "Nothing has run yet. To run it all the same, check the same text once more."


class Write(Kind, frozen=True, kw_only=True):
    """A text that `tests` puts to work in the model. It answers with what did not hold, each with the trace that shows it.

    `starts` is what stands in the field at first; a text that only has comments more is still untouched. A BadInput or an
    Unreadable out of `tests` means that the text could not be read. `slips` are wrong texts for which `tests` knows the belief.
    `is_run` says that `tests` runs the text as a program: that happens when its learner presses Check, and never before.
    """

    tests: Callable[[str], tuple[Finding, ...]]
    solution: str
    starts: str = ""
    slips: tuple[Slip, ...] = ()
    is_run: bool = False

    @property
    def wrong_answers(self) -> Iterator[tuple[str, int]]:
        for slip in self.slips:
            yield slip.answer, slip.belief

    @property
    def first(self) -> str:
        return "Nothing has changed yet. Write or change something first; lines that begin with # do nothing."

    @property
    def is_tried_out(self) -> bool:
        return True

    def judge(self, answer: Any) -> tuple[Finding, ...]:
        """Everything that did not hold, or one finding that all did."""
        if is_blank(answer):
            raise Unanswered
        if isinstance(answer, list | tuple) and all(isinstance(one, str) for one in answer):
            answer = "\n".join(answer)
        if not isinstance(answer, str):
            raise Unreadable(
                f"A text is wanted, not a {type(answer).__name__}; write it between three quotation marks."
            )
        if working(answer) in ([], working(self.starts)):
            raise Unanswered
        try:
            found = self.tests(answer)
        except BadInput as error:
            raise Unreadable(f"{error}.") from None
        except Unasked as unasked:
            raise Unreadable(f"{caution()} {ALL_THE_SAME}") from unasked
        wrong = tuple(one for one in found if not one.right)
        return tuple(map(self._named, wrong)) or (Finding(True, self.because, evidence=self.evidence),)

    def _named(self, finding: Finding) -> Finding:
        return (
            finding
            if finding.said
            else Finding(False, "It does not hold.", finding.belief or NO_BELIEF, finding.evidence)
        )


class Repair(Write, frozen=True, kw_only=True):
    """Something broken, in `look`, and lines that mend it. Nothing that worked may break."""


def working(text: str) -> list[str]:
    """The lines of a text that do something."""
    lines = (" ".join(line.split()) for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]
