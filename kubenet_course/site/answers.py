"""What is said of each answer to a question, worked out when the site is built: a page then judges without Python.

An exercise with few possible answers has all of them here: chosen statements, words from a list, an order of a few events. Of the
others there are the question and the hints; their answers are judged by the models.
"""

from __future__ import annotations

import json
import zlib
from base64 import b64encode
from collections.abc import Iterator
from itertools import chain, combinations, permutations
from math import factorial
from string import ascii_uppercase
from typing import Any

from msgspec.structs import replace

from ..learn.bank import Exercise
from ..learn.page.rich import html
from ..learn.questions.feedback import Feedback, inside, judged
from ..learn.questions.forms import form
from ..learn.questions.kinds import Value
from ..learn.questions.kinds_lists import Choose, Order
from ..learn.questions.prediction import Outcome
from ..learn.record.session import hint, solution

VARIANTS = 4  # of each exercise; further ones are drawn by the models
MOST = 720  # answers that an exercise may have: six events in any order
WORDS = "@@own words@@"  # a page puts in the learner's, escaped


def exercise(of: Exercise) -> dict[str, Any]:
    """An exercise as a page needs it."""
    return {"variants": [variant(of, number) for number in range(VARIANTS)]}


def variant(of: Exercise, number: int, is_judged: bool = True) -> dict[str, Any]:
    """One variant: the question, the hints, what to do first; what is said of each answer, where there are few.

    Where the models are awake, they judge: then nothing is worked out before somebody answers.
    """
    instance = of.instance(number)
    made = {
        "form": {**form(of, number), "heading": of.title, "button": "Check", "helps": True},
        "first": html(instance.first),
        "hints": [hint(of.id, at, number)._repr_html_() for at in (1, 2, 3)],
        "solution": solution(of.id, number)._repr_html_(),
    }
    said = dict(possible(instance)) if is_judged else {}
    if said:
        made |= {"solution": "", **_outcomes(of, number, said)}
    if isinstance(instance, Choose):
        made["own"] = told(judged(of, {"other": WORDS}, number), judged(of, {"other": WORDS}, number, in_full=True))
    return made


def possible(instance: Any) -> Iterator[tuple[str, Any]]:
    """Every answer that a page can send to an instance, by the name that the page looks it up with; none where they are many."""
    match instance:
        case Value() if instance.reads.words:
            yield from ((word, word) for word in instance.reads.words)
        case Choose():
            letters = ascii_uppercase[: len(instance.statements)]
            some = chain.from_iterable(combinations(letters, count) for count in range(1, len(letters) + 1))
            if not instance.several:
                yield from ((one, one) for one in letters)
            elif 2 ** len(letters) <= MOST:
                yield from ((",".join(chosen), list(chosen)) for chosen in some)
        case Order() if factorial(len(instance.events)) <= MOST:
            letters = ascii_uppercase[: len(instance.events)]
            yield from ((",".join(order), list(order)) for order in permutations(letters))


def _outcomes(of: Exercise, number: int, said: dict[str, Any]) -> dict[str, Any]:
    """What is said of each answer; many answers are met with the same words, which then stand once."""
    known: dict[str, int] = {}
    places = {}
    for name, answer in said.items():
        made = told(judged(of, answer, number), judged(of, answer, number, in_full=True))
        places[name] = known.setdefault(json.dumps(made, ensure_ascii=False), len(known))
    return {"answers": places, "told": [json.loads(text) for text in known]}


def told(made: Feedback, in_full: Feedback) -> dict[str, Any]:
    """What a page keeps and shows of a judgement: at first, and once everything may be shown."""
    return {
        "state": made.state,
        "html": inside(replace(made, notice="")),
        "full": inside(replace(in_full, notice="")) if in_full.in_full else "",
        "parts": {one.part: one.right for one in made.findings if one.part},
        "beliefs": list(made.beliefs),
    }


def prediction(outcome: Outcome, seen: str, children: list[str], models: dict[str, Any]) -> dict[str, Any]:
    """What a reveal shows beside each prediction, and beside none. `seen` and `children` are what shows it."""
    choices = {"": 0, **outcome.question.choices}
    return {
        "truth": outcome.truth,
        "beliefs": choices,
        "said": {choice: replace(outcome, said=choice, notice="")._repr_html_() for choice in choices},
        "seen": seen,
        "children": children,
        "models": models,
    }


def packed(id: str, value: Any) -> str:
    """A value as a script that gives nothing away to who glances at it."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = squeeze.compress(json.dumps(value, ensure_ascii=False, sort_keys=True).encode()) + squeeze.flush()
    return f'kubenet.told({json.dumps(id)}, "{b64encode(data).decode()}");\n'
