"""An exercise as the page draws it (plain data, without the right answer) and as plain text."""

from __future__ import annotations

from string import ascii_uppercase
from typing import Any

from ...linux.packet.fields import Field
from ..bank import Exercise
from ..page.rich import html, inline, plain, shown
from .kinds import FillFrame, Kind, Value
from .kinds_lists import Choose, Order
from .kinds_made import Repair, Write

# Parts of field names that a question about addresses can do without.
DULL = (
    "checksum",
    "length",
    "version",
    "reserved",
    "offset",
    "urgent",
    "option",
    "window",
    "TOS",
    "id",
    "number",
    "flow label",
)


def form(exercise: Exercise, variant: int) -> dict[str, Any]:
    """What the page needs to know. `input` names the control: text, words, frame, order, choice, choices, area."""
    instance = exercise.instance(variant)
    look = shown(instance.look) if instance.look is not None else ""
    return {
        "id": exercise.id,
        "title": exercise.title,
        "asks": html(instance.asks) + look,
        **_control(instance),
    }


def _control(instance: Kind) -> dict[str, Any]:
    match instance:
        case Value():
            words = [[word, inline(word)] for word in instance.reads.words]
            return {
                "input": "words" if words else "text",
                "options": words,
                "label": f"Your answer, {instance.reads.wants}",
            }
        case FillFrame():
            return {"input": "frame", "rows": [_row(instance, field) for field in _shown_fields(instance)]}
        case Order():
            return {
                "input": "order",
                "options": [[letter, inline(event)] for letter, event in lettered(instance.offered)],
            }
        case Choose():
            options = [[letter, inline(text)] for letter, text in lettered([one.text for one in instance.statements])]
            return {"input": "choices" if instance.several else "choice", "options": options}
        case Write():
            label = "Lines that mend it" if isinstance(instance, Repair) else "What you write"
            return {"input": "area", "starts": instance.starts, "label": label}
    raise TypeError(f"{type(instance).__name__} is no kind of exercise that the page can draw")


def lettered(texts: list[str]) -> list[tuple[str, str]]:
    """Each with its letter."""
    return list(zip(ascii_uppercase, texts, strict=False))


def _shown_fields(instance: FillFrame) -> list[Field]:
    """The hidden fields, and of their neighbours those that a person reads: no checksums, no constants."""
    hidden = {blank.name for blank in instance.blanks}
    return [
        field
        for field in instance.fields
        if f"{field.layer} {field.name}" in hidden or not any(word in field.name for word in DULL)
    ]


def _row(instance: FillFrame, field: Field) -> dict[str, str]:
    name = f"{field.layer} {field.name}"
    is_hidden = name in {blank.name for blank in instance.blanks}
    return {
        "layer": field.layer,
        "field": field.name,
        "name": name if is_hidden else "",
        "value": "" if is_hidden else field.value,
    }


def in_words(exercise: Exercise, variant: int) -> str:
    """The whole question as text, as it stands in a notebook that nobody has run, or on GitHub."""
    instance = exercise.instance(variant)
    lines = [f"Exercise {exercise.id}: {exercise.title}", plain(instance.asks)]
    if instance.look is not None:
        lines.append(str(instance.look))
    match instance:
        case Value() if instance.reads.words:
            lines.append(f"One of: {', '.join(instance.reads.words)}")
        case FillFrame():
            lines += [f"  {row['name'] or row['layer'] + ' ' + row['field']}: {row['value'] or '____'}"
                      for row in (_row(instance, field) for field in _shown_fields(instance))]  # fmt: skip
        case Order():
            lines += [f"  {letter}. {plain(event)}" for letter, event in lettered(instance.offered)]
        case Choose():
            lines += [
                f"  {letter}. {plain(text)}" for letter, text in lettered([one.text for one in instance.statements])
            ]
        case Write() if instance.starts:
            lines += [f"  {line}" for line in instance.starts.splitlines()]
    return "\n".join([*lines, f'Not answered yet. Run this cell to answer here, or write check("{exercise.id}", ...).'])
