"""Progress as one person hands it to another: who, when, by which release, and what was answered. And a class as a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

import msgspec
from msgspec import Struct

from ...errors import BadInput
from ...files import file_in_words
from ...visible import visible
from ..bank import chapters, everything, predictions
from .book import Book, Item
from .store import encoded, exported, imported, older, upgraded

FORMULA = ("=", "+", "-", "@")  # a spreadsheet would calculate a cell that begins so


class Head(Struct, frozen=True):
    """What an export says at its top. Exports of the first release said nothing there."""

    name: str = ""
    date: str = ""
    release: str = ""


class Export(Struct, frozen=True):
    """One person's progress in a file."""

    file: str
    head: Head
    book: Book
    notice: str = ""

    @property
    def solved(self) -> int:
        return sum(item.solved for item in self.book.items.values())


def export(book: Book, name: str, date: str) -> bytes:
    """A file for another machine, or for a teacher. `date` is the day, as 2026-11-28."""
    return encoded(book, name=name, date=date)


def read(path: str) -> Export:
    """What `kubenet progress export` wrote, or standard input for `-`. Raises BadInput."""
    data = exported(path)
    book = imported(data, file_in_words(path))
    try:
        head = msgspec.convert(upgraded(data), Head)
    except msgspec.ValidationError as error:
        raise BadInput(file_in_words(path), str(error), "give what `kubenet progress export` wrote") from None
    return Export(file_in_words(path), head, book, older(data))


def class_rows(exports: Sequence[Export], is_wide: bool = False) -> list[dict[str, str | int]]:
    """A row for each export: sums first, then each exercise; `is_wide` adds what was predicted."""
    asked = [one.id for one in everything()]
    asked += sorted({id for one in exports for id in one.book.items} - set(asked))
    guesses = [one.id for chapter in chapters() for one in predictions(chapter)] if is_wide else []
    return [_row(one, asked, guesses) for one in exports]


def _row(one: Export, asked: Iterable[str], guesses: Iterable[str]) -> dict[str, str | int]:
    revealed = [kept for kept in one.book.predictions.values() if kept.revealed]
    items = one.book.items
    beliefs = {number for item in items.values() for number in item.beliefs} | {kept.belief for kept in revealed}
    row: dict[str, str | int] = {
        "name": one.head.name,
        "date": one.head.date,
        "release": one.head.release,
        "solved": one.solved,
        "tried": sum(item.tries > 0 for item in items.values()),
        "predicted": len(revealed),
        "came true": sum(kept.right for kept in revealed),
        "beliefs": " ".join(map(str, sorted(beliefs - {0}))),
        "file": one.file,
    }
    row |= {id: _told(one.book.item(id)) for id in asked}
    made = one.book.predictions
    return row | {f"predicted {id}": made[id].said if id in made else "" for id in guesses}


def _told(item: Item) -> str:
    """How an exercise went, in words that sort: nothing where it was never tried."""
    if not item.tries:
        return ""
    missed = f", {item.missed} missed" if item.missed else ""
    hints = f", {item.hints} hints" if item.hints else ""
    return f"{'solved' if item.solved else 'not solved'}{missed}{hints}"


def as_csv(rows: Sequence[dict[str, str | int]]) -> str:
    """The rows with their names above. No cell, whatever a student wrote into a file, becomes a formula or an escape."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def _cell(value: str | int) -> str | int:
    if isinstance(value, int):
        return value
    said = " ".join(visible(value).split())
    return f"'{said}" if said.startswith(FORMULA) else said
