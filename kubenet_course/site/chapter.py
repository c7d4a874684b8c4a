"""A built notebook as the parts of a page: cells in order, the states of its widgets, its pictures, what can be searched."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Mapping
from hashlib import sha256
from html import escape
from typing import Any

from msgspec import Struct

from .models import STATE, VIEW, Scripts
from .prose import Heading, Prose, joined, plain, python, words_of

PLUMBING, SOLUTION = "plumbing", "solution"
SUMMARIES = {PLUMBING: "Code that prepares this part", SOLUTION: "Code that shows one solution"}
QUESTION = re.compile(
    r"""^(predict|reveal|exercise|practice|warm_up)\(["']([^"']+)["'](?:, *variant *= *(\d+))?""", re.M
)
ASKS = re.compile(r"(?:predict|exercise|practice|warm_up)\([^\n]*\)")  # a cell that makes nothing and shows a question


class Output(Struct, frozen=True):
    """One thing that a cell put out. `html` shows it without a script; `model` is the widget that shows it with one."""

    html: str
    model: str = ""


class Cell(Struct, frozen=True):
    """A text, or code with what came of it. `fold` is what stands on the fold over the code; empty where it is open.

    `question` is what the cell asks, where it asks: the function, the id, the variant. `makes` is whether later cells may need it.
    """

    number: int
    html: str
    source: str = ""
    fold: str = ""
    outputs: tuple[Output, ...] = ()
    question: tuple[str, str, int] | None = None
    makes: bool = True

    @property
    def is_code(self) -> bool:
        return self.number > 0


class Section(Struct, frozen=True):
    """What stands under one heading, for the search and for the list of contents."""

    heading: Heading
    words: str


class Chapter(Struct, frozen=True):
    """One chapter. `pictures` are files by their names; `models` the states of widgets by their ids."""

    name: str
    title: str
    cells: tuple[Cell, ...]
    sections: tuple[Section, ...]
    models: dict[str, Any]
    pictures: dict[str, bytes]

    @property
    def number(self) -> str:
        return self.name[:2]


def chapter(name: str, notebook: Mapping[str, Any], scripts: Scripts) -> Chapter:
    """The parts of a page for a built notebook."""
    saved = notebook["metadata"].get("widgets", {}).get(STATE, {}).get("state", {})
    models, pictures = scripts.slim(saved), dict[str, bytes]()
    prose, cells, words = Prose(), list[Cell](), dict[Heading, list[str]]()
    under = Heading(1, name, "")
    for cell in notebook["cells"]:
        source = joined(cell["source"])
        if cell["cell_type"] == "markdown":
            html, parts = prose.html(source)
            cells.append(Cell(0, html))
            for heading, text in parts:
                under = heading or under
                words.setdefault(under, []).append(text)
        elif cell["cell_type"] == "code":
            made = _code(1 + sum(one.is_code for one in cells), cell, source, pictures)
            cells.append(made)
            if made.fold != SUMMARIES[SOLUTION]:
                words.setdefault(under, []).append(" ".join([source, *(words_of(one.html) for one in made.outputs)]))
    sections = tuple(Section(heading, " ".join(texts)) for heading, texts in words.items() if heading.anchor)
    title = next((one.heading.text for one in sections if one.heading.level == 1), name)
    return Chapter(name, title, tuple(cells), sections, models, pictures)


def _code(number: int, cell: Mapping[str, Any], source: str, pictures: dict[str, bytes]) -> Cell:
    tags = cell["metadata"].get("tags", ())
    fold = next((said for tag, said in SUMMARIES.items() if tag in tags), "")
    asked = QUESTION.search(source)
    question = (asked[1], asked[2], int(asked[3] or 0)) if asked else None
    outputs = tuple(_output(one, pictures) for one in cell["outputs"])
    return Cell(number, python(source), source, fold, outputs, question, not ASKS.fullmatch(source.strip()))


def _output(output: Mapping[str, Any], pictures: dict[str, bytes]) -> Output:
    """HTML where there is some, else a picture with its words, else the words."""
    if output["output_type"] == "stream":
        return Output(plain(joined(output["text"])))
    data = output.get("data", {})
    words = joined(data.get("text/plain", ""))
    still = plain(words)
    if "text/html" in data:
        still = f'<div class="kn-html">{joined(data["text/html"])}</div>'
    elif "image/png" in data:
        said = output.get("metadata", {}).get("image/png", {}).get("alt", "") or " ".join(words.split())
        still = _picture(b64decode(joined(data["image/png"])), said, pictures)
    return Output(still, data.get(VIEW, {}).get("model_id", ""))


def _picture(png: bytes, said: str, pictures: dict[str, bytes]) -> str:
    name = f"pictures/{sha256(png).hexdigest()[:16]}.png"
    pictures[name] = png
    wide, high = int.from_bytes(png[16:20]), int.from_bytes(png[20:24])  # of the PNG's first chunk, IHDR
    return f'<img src="{name}" alt="{escape(said)}" width="{wide}" height="{high}" loading="lazy" decoding="async">'
