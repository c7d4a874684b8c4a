"""What a chapter's cell shows: `exercise`, `practice`, `warm_up`; `predict` and `reveal` stand in `predicting`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...errors import BadInput
from ..bank import Exercise, chapters, everything, find, of_chapter
from ..questions.feedback import HEADS, OTHER, RIGHT, SIGNS, UNANSWERED, WRONG, Feedback, inside, judged
from ..questions.forms import form, in_words
from ..record import book as kept
from ..record.book import due
from ..record.session import HINTS, check, hint
from ..record.store import store
from .asking import SILENT, Asking
from .rich import html

WAITS = "What you wrote last stands here. It is a program, and it runs when you press Check."
ATTEMPTS = 3
UNCHANGED = "This is the answer that you gave before, so it does not count again."


class ExerciseWidget(Asking):
    """One exercise, or several one after the other. What is missed in a warm-up comes again at its end, as another variant."""

    def __init__(self, waiting: Sequence[tuple[Exercise, int]], chapter: str = ""):
        self.waiting, self.chapter, self.hints = list(waiting), chapter, 0
        self.exercise, self.variant = self.waiting.pop(0)
        super().__init__(text=in_words(self.exercise, self.variant))
        self._ask(is_first=not chapter)

    def _ask(self, is_first: bool = False) -> None:
        """Shows the question; at the first look also what was answered before."""
        self.hints, self.misses = 0, 0
        self.last: tuple[Any, Feedback] | None = None
        left = f" (and {len(self.waiting)} more)" if self.waiting else ""
        heading = f"{'Again: ' if self.chapter else ''}{self.exercise.title}{left}"
        self.form = {**form(self.exercise, self.variant), "heading": heading, "button": "Check", "helps": True}
        before = store().read().item(self.exercise.id) if is_first else kept.Item()
        same = before.tries > 0 and before.variant == self.variant
        self.draft = before.answer if same else None
        waits = same and getattr(self.exercise.instance(self.variant), "is_run", False)
        made = judged(self.exercise, before.answer if same and not waits else None, self.variant)
        if same and made.state == WRONG:
            self.last = before.answer, made
        self._say(made if same else Feedback(self.exercise.id, self.variant, UNANSWERED))
        if waits:
            self.reply = {**self.reply, "head": f"{SIGNS[UNANSWERED]} not run yet", "html": html(WAITS)}
        if before.solved and not made.right:
            self.reply = {**self.reply, "head": "solved before"}
        if store().notice:
            self.reply = {**self.reply, "html": html(store().notice) + self.reply["html"]}

    def _say(self, made: Feedback) -> None:
        is_over = made.right
        ahead = "Next question" if self.waiting else "" if self.chapter else "Another one like it"
        self.reply = {
            **SILENT,
            "state": made.state,
            "head": f"{SIGNS[made.state]} {HEADS[made.state]}",
            "html": inside(made),
            "parts": {one.part: one.right for one in made.findings if one.part},
            "hints": self.reply.get("hints", "") if self.hints else "",
            "hint": "" if is_over else f"Hint {min(self.hints + 1, HINTS)} of {HINTS}" if self.hints < HINTS else "",
            "full": "Show me the answer and why" if made.state in (WRONG, OTHER) and not made.in_full else "",
            "next": ahead if made.state in (RIGHT, WRONG) else "",
            "done": is_over,
        }

    def answer(self, said: Any) -> Feedback:
        """What the button Check does. After all hints, or with the third miss, the evidence comes in full."""
        if self.last is not None and said == self.last[0]:
            return self._unchanged()
        is_full = self.hints >= HINTS or self.misses + 1 >= ATTEMPTS
        made = check(self.exercise.id, said, self.variant, self.chapter, is_full)
        if made.state in (WRONG, OTHER):
            self.misses += made.state == WRONG
            self.last = said, made
        if self.chapter and made.state == WRONG and self.exercise not in [one for one, _ in self.waiting]:
            self.waiting.append((self.exercise, self.variant + 1))
        self._say(made)
        return made

    def _unchanged(self) -> Feedback:
        """The same wrong answer once more is no attempt."""
        assert self.last is not None
        self._say(self.last[1])
        self.reply = {**self.reply, "html": html(UNCHANGED) + self.reply["html"]}
        return self.last[1]

    def show_in_full(self) -> None:
        """What the button behind a wrong answer does: everything, with the answer in it."""
        if self.last is not None:
            self._say(judged(self.exercise, self.last[0], self.variant, in_full=True))

    def show_hint(self) -> None:
        """What the button Hint does: one more of the three."""
        self.hints = min(self.hints + 1, HINTS)
        shown = "".join(hint(self.exercise.id, n, self.variant)._repr_html_() for n in range(1, self.hints + 1))
        label = f"Hint {self.hints + 1} of {HINTS}" if self.hints < HINTS else ""
        self.reply = {**self.reply, "hints": shown, "hint": label}

    def next(self) -> None:
        """The next question, or another variant of the last one."""
        if self.waiting:
            self.exercise, self.variant = self.waiting.pop(0)
        elif not self.chapter:
            self.variant += 1
        self._ask()

    def told(self, do: str, answer: Any) -> None:
        """A button was pressed."""
        match do:
            case "check":
                self.answer(answer)
            case "full":
                self.show_in_full()
            case "hint":
                self.show_hint()
            case "next":
                self.next()


def exercise(id: str, variant: int = 0) -> ExerciseWidget:
    """An exercise to answer here. The same variant is the same question everywhere."""
    return ExerciseWidget([(find(id), variant)])


def practice(chapter: str, variant: int = 0) -> ExerciseWidget:
    """All exercises of a chapter that are not solved yet, in one place; once all are solved, another variant of each."""
    book, every = store().read(), of_chapter(chapter)
    if not every:
        raise BadInput("chapter", f"{chapter!r} has no exercises", f"write one of {', '.join(chapters())}")
    ahead = [(one, variant) for one in every if not book.item(one.id).solved]
    return ExerciseWidget(ahead or [(one, book.item(one.id).variant + 1) for one in every])


def warm_up(chapter: str) -> Asking:
    """What was missed in earlier chapters and is due again, as new variants; nothing but a sentence where nothing is."""
    book = store().read()
    known = [id for id in due(book, chapter) if id in {one.id for one in everything()}]
    if not known:
        said = "Nothing of the earlier chapters has to come back yet. What you miss from now on will."
        shown = {"heading": "Warm-up", "asks": html(said), "input": "", "button": "", "helps": False}
        return Asking(text=f"Warm-up: {said}", form=shown, live=True)
    return ExerciseWidget([(find(id), book.item(id).variant + 1) for id in known], chapter)
