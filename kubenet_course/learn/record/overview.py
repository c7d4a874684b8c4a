"""What is done so far, chapter by chapter: a value with a text and an HTML form."""

from __future__ import annotations

from html import escape
from typing import Any

from msgspec import Struct, to_builtins

from ...views.drawing.theme import CELL
from ..bank import chapters, of_chapter
from .book import GAPS, Book
from .store import store

BAR = 20  # characters of a bar in text
BAR_COLOUR = "#00875a"  # seen on light and on dark pages


class Row(Struct, frozen=True):
    """One chapter: its exercises, how many were solved, which were missed and come back, how predictions went."""

    chapter: str
    exercises: int
    solved: int
    again: tuple[str, ...]
    predicted: int
    came_true: int

    @property
    def bar(self) -> str:
        """How much is solved, as a bar; `words` say the same."""
        width = 100 * self.solved // max(self.exercises, 1)
        return (
            f'<div aria-hidden="true" style="border:1px solid {BAR_COLOUR};height:10px">'
            f'<div style="height:10px;width:{width}%;background:{BAR_COLOUR}"></div></div>'
        )

    @property
    def words(self) -> str:
        said = f"{self.solved} of {self.exercises} exercises"
        said += f", {self.came_true} of {self.predicted} predictions came true" if self.predicted else ""
        return said + (f"; will come back: {', '.join(self.again)}" if self.again else "")


class Overview(Struct, frozen=True):
    """All chapters, once something is done in one of them. `notice` says if something is wrong with keeping it."""

    rows: tuple[Row, ...]
    notice: str = ""

    def __str__(self) -> str:
        lines = [self.notice, "Your progress"] if self.notice else ["Your progress"]
        for row in self.rows:
            full = BAR * row.solved // max(row.exercises, 1)
            lines.append(f"{row.chapter}  {'#' * full}{'.' * (BAR - full)}  {row.words}")
        return "\n".join(lines if self.rows else [*lines, "Nothing yet: every chapter is still ahead."])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<tr><th scope="row" style="{CELL}">{row.chapter}</th><td style="{CELL};min-width:140px">{row.bar}</td>'
            f'<td style="{CELL}">{escape(row.words)}</td></tr>'
            for row in self.rows
        )
        caption = '<caption style="text-align:left;padding:2px 0">Your progress, chapter by chapter</caption>'
        body = f"<table>{caption}{rows}</table>" if rows else "<p>Nothing yet: every chapter is still ahead.</p>"
        notice = f"<p><b>{escape(self.notice)}</b></p>" if self.notice else ""
        return f'<div style="overflow-x:auto">{notice}{body}</div>'

    def as_json(self) -> dict[str, Any]:
        """The same for other programs."""
        return {"chapters": [to_builtins(row) for row in self.rows], "notice": self.notice}


def overview(book: Book) -> tuple[Row, ...]:
    """A row for each chapter that has exercises, or something of which was kept; none before anything was."""
    kept = {id[:2] for id in (*book.items, *book.predictions)}
    return tuple(_row(book, chapter) for chapter in sorted({*chapters(), *kept} if kept else ()))


def _row(book: Book, chapter: str) -> Row:
    known = [one.id for one in of_chapter(chapter)]
    guesses = [kept for id, kept in book.predictions.items() if id[:2] == chapter and kept.revealed]
    again = [
        id for id, item in book.items.items() if id[:2] == chapter and item.missed and len(item.recalled) < len(GAPS)
    ]
    return Row(
        chapter,
        len(known),
        sum(book.item(id).solved for id in known),
        tuple(sorted(again)),
        len(guesses),
        sum(kept.right for kept in guesses),
    )


def progress() -> Overview:
    """What is done so far."""
    book = store().read()
    return Overview(overview(book), store().notice)
