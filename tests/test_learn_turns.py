"""The first four variants of an exercise ask four different things, not one thing with other numbers."""

import re

import pytest

from kubenet_course.learn.bank import of_chapter
from kubenet_course.learn.questions.kinds_lists import Choose, Order

CHAPTERS = ("02", "03", "04")
EXERCISES = pytest.mark.parametrize(
    "exercise", [one for chapter in CHAPTERS for one in of_chapter(chapter)], ids=lambda one: one.id
)


def without_names(text: str) -> str:
    """A question without what is drawn: names in code marks, addresses, numbers."""
    return re.sub(r"`[^`]*`|[0-9a-f]*[:.][0-9a-f:./]+|\d+", "", text)


def asked(instance) -> str:
    """What is asked, and between what one chooses."""
    text = without_names(instance.asks)
    if isinstance(instance, Choose):
        text += "".join(sorted(without_names(one.text) + str(one.right) for one in instance.statements))
    if isinstance(instance, Order):
        text += str(len(instance.events))
    return text


@EXERCISES
def test_the_first_four_variants_ask_four_different_things(exercise):
    assert len({asked(exercise.instance(variant)) for variant in range(4)}) == 4
