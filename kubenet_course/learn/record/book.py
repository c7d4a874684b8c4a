"""What a learner has done so far, as values. `store` keeps it on disk.

No clock is read: what is spaced is counted in chapters. Each change but a reset only adds, so that two notebooks, or two machines,
can be brought together in any order.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Any

from msgspec import Meta, Struct, field
from msgspec.structs import replace

FORMAT = 1
Id = Annotated[str, Meta(pattern=r"^\d\d-.")]  # of an exercise or a prediction: its chapter, then its name
Chapter = Annotated[str, Meta(pattern=r"^\d\d$")]
Count = Annotated[int, Meta(ge=0)]
GAPS = (1, 2, 4)  # chapters until a missed exercise comes back: the first time, and after each time it was recalled


class Item(Struct, frozen=True, omit_defaults=True):
    """One exercise: how often it was checked and missed, how many hints were taken, which beliefs showed.

    `recalled` are the chapters in whose warm-up it was right. `answer` is the last one, of variant `variant`.
    """

    tries: Count = 0
    missed: Count = 0
    solved: bool = False
    hints: Count = 0
    beliefs: tuple[int, ...] = ()
    recalled: tuple[Chapter, ...] = ()
    variant: int = 0
    answer: Any = None
    own_words: str = ""

    def merged(self, other: Item) -> Item:
        """Both together. The answer is that of the side that tried more often."""
        last = self if self.tries >= other.tries else other
        return Item(
            max(self.tries, other.tries),
            max(self.missed, other.missed),
            self.solved or other.solved,
            max(self.hints, other.hints),
            tuple(sorted({*self.beliefs, *other.beliefs})),
            tuple(sorted({*self.recalled, *other.recalled})),
            last.variant,
            last.answer,
            self.own_words or other.own_words,
        )


class Kept(Struct, frozen=True, omit_defaults=True):
    """A prediction: what was said before, and, once it was revealed, whether it came true and which belief led to it."""

    said: str
    revealed: bool = False
    right: bool = False
    belief: int = 0


class Book(Struct, frozen=True, omit_defaults=True):
    """Everything that is kept."""

    items: dict[Id, Item] = field(default_factory=dict)
    predictions: dict[Id, Kept] = field(default_factory=dict)

    def item(self, id: str) -> Item:
        return self.items.get(id, Item())

    def with_item(self, id: str, item: Item) -> Book:
        return replace(self, items={**self.items, id: item})

    def without(self, ids: Collection[str]) -> Book:
        """As if these exercises and predictions had never been asked."""
        items = {id: item for id, item in self.items.items() if id not in ids}
        return Book(items, {id: kept for id, kept in self.predictions.items() if id not in ids})

    def merged(self, other: Book) -> Book:
        """Both together; of two different predictions the one that is here stays."""
        items = dict(self.items)
        for id, item in other.items.items():
            items[id] = items[id].merged(item) if id in items else item
        predictions = {**other.predictions, **self.predictions}
        for id, kept in other.predictions.items():
            if kept.revealed and not predictions[id].revealed and kept.said == predictions[id].said:
                predictions[id] = kept
        return Book(items, predictions)


def answered(
    book: Book, id: str, right: bool, answer: Any, variant: int = 0, beliefs: tuple[int, ...] = (), chapter: str = ""
) -> Book:
    """An answer was checked, in the warm-up of `chapter` if one is named. The same one twice in a row counts once."""
    old = book.item(id)
    if old.tries and (old.answer, old.variant) == (answer, variant) and not (chapter and right):
        return book
    if right:
        recalled = tuple(sorted({*old.recalled, chapter} - {""}))
    else:
        recalled = () if chapter else old.recalled
    new = replace(
        old,
        tries=old.tries + 1,
        missed=old.missed + (not right),
        solved=old.solved or right,
        beliefs=tuple(sorted({*old.beliefs, *beliefs})),
        recalled=recalled,
        variant=variant,
        answer=answer,
    )
    return book.with_item(id, new)


def hinted(book: Book, id: str, number: int) -> Book:
    """A hint was taken."""
    return book.with_item(id, replace(book.item(id), hints=max(book.item(id).hints, number)))


def in_own_words(book: Book, id: str, said: str) -> Book:
    """None of the statements was what the learner thinks."""
    return book.with_item(id, replace(book.item(id), own_words=said))


def predicted(book: Book, id: str, said: str) -> Book:
    """A prediction may be changed until it is revealed."""
    old = book.predictions.get(id)
    if old is not None and old.revealed:
        return book
    return replace(book, predictions={**book.predictions, id: Kept(said)})


def revealed(book: Book, id: str, right: bool, belief: int = 0) -> Book:
    """The truth was shown beside the prediction."""
    if id not in book.predictions:
        return book
    kept = replace(book.predictions[id], revealed=True, right=right, belief=belief)
    return replace(book, predictions={**book.predictions, id: kept})


def is_due(id: str, item: Item, chapter: str) -> bool:
    """Whether a missed exercise comes back at the start of a chapter: later and later, until it was recalled three times."""
    if not item.missed or id[:2] >= chapter or len(item.recalled) >= len(GAPS):
        return False
    last = max(item.recalled, default=id[:2])
    return int(chapter) >= int(last) + GAPS[len(item.recalled)]


def due(book: Book, chapter: str, most: int = 3) -> list[str]:
    """The exercises to begin a chapter with: those missed most often first."""
    found = [id for id, item in book.items.items() if is_due(id, item, chapter)]
    return sorted(found, key=lambda id: (-book.items[id].missed, id))[:most]
