"""What a chapter's cell shows: `exercise`, `practice`, `predict`, `reveal`, `warm_up`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from weakref import WeakSet

from ...errors import BadInput
from ..bank import Exercise, chapters, everything, find, of_chapter
from ..questions.feedback import HEADS, OTHER, RIGHT, SIGNS, UNANSWERED, WRONG, Feedback, inside, judged
from ..questions.forms import form, in_words
from ..questions.prediction import Question, asked, compared, keep, said_before
from ..record import book as kept
from ..record.book import due
from ..record.session import HINTS, check, hint
from ..record.store import store
from .asking import SILENT, Asking
from .rich import html, inline

WAITS = "What you wrote last stands here. It is a program, and it runs when you press Check."


class ExerciseWidget(Asking):
    """One exercise, or several one after the other. What is missed in a warm-up comes again at its end, as another variant."""

    def __init__(self, waiting: Sequence[tuple[Exercise, int]], chapter: str = ""):
        self.waiting, self.chapter, self.hints = list(waiting), chapter, 0
        self.exercise, self.variant = self.waiting.pop(0)
        super().__init__(text=in_words(self.exercise, self.variant))
        self._ask(is_first=not chapter)

    def _ask(self, is_first: bool = False) -> None:
        """Shows the question; at the first look also what was answered before."""
        self.hints = 0
        left = f" (and {len(self.waiting)} more)" if self.waiting else ""
        heading = f"{'Again: ' if self.chapter else ''}{self.exercise.title}{left}"
        self.form = {**form(self.exercise, self.variant), "heading": heading, "button": "Check", "helps": True}
        before = store().read().item(self.exercise.id) if is_first else kept.Item()
        same = before.tries > 0 and before.variant == self.variant
        self.draft = before.answer if same else None
        waits = same and getattr(self.exercise.instance(self.variant), "is_run", False)
        made = judged(self.exercise, before.answer if same and not waits else None, self.variant)
        self._say(made)
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
            "html": inside(made) if made.state != UNANSWERED else "",
            "parts": {one.part: one.right for one in made.findings if one.part},
            "hints": self.reply.get("hints", "") if self.hints else "",
            "hint": "" if is_over else f"Hint {min(self.hints + 1, HINTS)} of {HINTS}" if self.hints < HINTS else "",
            "next": ahead if made.state in (RIGHT, WRONG) else "",
            "done": is_over,
        }

    def answer(self, said: Any) -> Feedback:
        """What the button Check does."""
        made = check(self.exercise.id, said, self.variant, self.chapter)
        if self.chapter and made.state == WRONG and self.exercise not in [one for one, _ in self.waiting]:
            self.waiting.append((self.exercise, self.variant + 1))
        self._say(made)
        return made

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
            case "hint":
                self.show_hint()
            case "next":
                self.next()


class Prediction(Asking):
    """A question to which the answer is kept before the truth is shown."""

    def __init__(self, question: Question):
        self.question = question
        label = (
            {"input": "words", "options": [[choice, inline(choice)] for choice in question.choices]}
            if question.choices
            else {"input": "text", "label": "You expect"}
        )
        shown = {
            "heading": "Predict",
            "asks": html(question.asks),
            "button": "Keep this prediction",
            "helps": False,
            **label,
        }
        super().__init__(text=str(question), form=shown)
        self._say()

    def _say(self) -> None:
        before = store().read().predictions.get(self.question.id)
        if before is None:
            self.reply = {**SILENT, "state": UNANSWERED, "head": f"{SIGNS[UNANSWERED]} not answered yet"}
            return
        self.draft = before.said
        rest = (
            "The truth is out, so it stays as it is."
            if before.revealed
            else "You may change it until the truth is shown."
        )
        notice = html(store().notice)
        said = {"head": "kept", "html": html(f"Kept: **{before.said}**. {rest}") + notice, "done": before.revealed}
        self.reply = {**SILENT, "state": OTHER, **said}

    def predict(self, said: Any) -> None:
        """What the button does. Whatever waits for the prediction then shows the truth."""
        keep(self.question, said)
        for one in [one for one in _REVEALED if one.id == self.question.id]:
            one.show()
        self._say()

    def told(self, do: str, answer: Any) -> None:
        """The button was pressed."""
        if do == "check" and answer:
            self.predict(answer)


class Revealed(Asking):
    """Prediction and truth side by side; until there is a prediction the truth is folded away."""

    def __init__(self, id: str, truth: Any, beliefs: Mapping[str, int], why: str, evidence: object):
        self.id, self.said = id, (truth, beliefs, why, evidence)
        super().__init__(text="", live=True)
        self.show()

    def show(self) -> None:
        """Compares, if there is something to compare with."""
        outcome = compared(self.id, *self.said)
        self.text = str(outcome)
        shown = outcome._repr_html_()
        if not said_before(self.id):
            ask = "Predict first, in the cell above. Your prediction and what happened will then stand here."
            shown = f"{html(ask)}<details><summary>Show it all the same</summary>{shown}</details>"
        self.form = {"heading": "What happened", "asks": shown, "input": "", "button": "", "helps": False}


_REVEALED: WeakSet[Revealed] = WeakSet()


def exercise(id: str, variant: int = 0) -> ExerciseWidget:
    """An exercise to answer here. The same variant is the same question everywhere."""
    return ExerciseWidget([(find(id), variant)])


def practice(chapter: str) -> ExerciseWidget:
    """All exercises of a chapter that are not solved yet, in one place; once all are solved, another variant of each."""
    book, every = store().read(), of_chapter(chapter)
    if not every:
        raise BadInput("chapter", f"{chapter!r} has no exercises", f"write one of {', '.join(chapters())}")
    ahead = [(one, 0) for one in every if not book.item(one.id).solved]
    return ExerciseWidget(ahead or [(one, book.item(one.id).variant + 1) for one in every])


def predict(id: str, question: str, choices: Sequence[Any] = ()) -> Prediction:
    """Asks for a prediction, among choices or in free words."""
    return Prediction(asked(id, question, choices))


def reveal(
    id: str, truth: Any, beliefs: Mapping[str, int] | None = None, why: str = "", evidence: object = None
) -> Revealed:
    """What happened, beside what was predicted, why, and what shows it (a table, a trace).

    `beliefs` maps wrong choices to the numbers of the misconceptions behind them.
    """
    made = Revealed(id, truth, beliefs or {}, why, evidence)
    _REVEALED.add(made)
    return made


def warm_up(chapter: str) -> Asking:
    """What was missed in earlier chapters and is due again, as new variants; nothing but a sentence where nothing is."""
    book = store().read()
    known = [id for id in due(book, chapter) if id in {one.id for one in everything()}]
    if not known:
        said = "Nothing of the earlier chapters has to come back yet. What you miss from now on will."
        shown = {"heading": "Warm-up", "asks": html(said), "input": "", "button": "", "helps": False}
        return Asking(text=f"Warm-up: {said}", form=shown, live=True)
    return ExerciseWidget([(find(id), book.item(id).variant + 1) for id in known], chapter)
