"""What the console answers: for each command what changed, or what it prints, or why it was refused. Text and HTML say the same."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from msgspec import Struct

from ..linux.namespace.trace import Trace

MOST_LINES = 36  # of an answer: more would be a wall
PRE = "margin:0 0 4px 1.5em;white-space:pre-wrap"


class Said(Struct, frozen=True):
    """One command and what came of it. `quote` is what the real program says where it refuses."""

    line: int
    command: str
    said: tuple[str, ...] = ()
    shown: str = ""
    refused: bool = False
    quote: str = ""
    trace: Trace | None = None


class Answer(Struct, frozen=True):
    """What came of one or more commands, in order; after the first that was refused, none."""

    done: tuple[Said, ...]

    @property
    def refused(self) -> bool:
        return bool(self.done) and self.done[-1].refused

    @property
    def quote(self) -> str:
        """The real program's words for a refusal; empty where only the console refuses."""
        return self.done[-1].quote if self.done else ""

    @property
    def trace(self) -> Trace | None:
        """The way of the last packet that a command has sent."""
        return next((one.trace for one in reversed(self.done) if one.trace is not None), None)

    def __str__(self) -> str:
        if not self.done:
            return "Nothing was said."
        blocks = [list(_lines(one, len(self.done) > 1)) for one in self.done]
        return "\n".join(_abridged(blocks))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        if len(self.done) < 2 or sum(len(list(_lines(one, True))) for one in self.done) <= MOST_LINES:
            return "".join(_html(one) for one in self.done) or "<p>Nothing was said.</p>"
        return f'<pre style="{PRE}">{escape(str(self))}</pre>'


def _lines(one: Said, with_command: bool) -> Iterator[str]:
    """A command's lines; of several commands each is headed by its own."""
    indent = "  " if with_command else ""
    if with_command:
        yield f"$ {one.command}"
    if one.refused:
        where = f"Refused, line {one.line}: " if with_command else "Refused: "
        yield f"{indent}{where}{' '.join(one.said)}"
        if one.quote:
            yield f"{indent}The real program says: {one.quote}"
        return
    yield from (f"{indent}{line}" for line in one.shown.splitlines())
    yield from (f"{indent}{sentence}" for sentence in one.said)


def _abridged(blocks: list[list[str]]) -> list[str]:
    """The first and the last commands where all would be too much."""
    total = sum(len(block) for block in blocks)
    if total <= MOST_LINES or len(blocks) == 1:
        return [line for block in blocks for line in block]
    head: list[list[str]] = []
    tail: list[list[str]] = []
    room = MOST_LINES - 1
    first, last = 0, len(blocks) - 1
    while first < last and room - len(blocks[last]) >= 0:
        tail.insert(0, blocks[last])
        room -= len(blocks[last])
        last -= 1
        if len(blocks[first]) > room or first >= last:
            break
        head.append(blocks[first])
        room -= len(blocks[first])
        first += 1
    left = f"... {len(blocks) - len(head) - len(tail)} commands more, each as it should be"
    return [line for block in (*head, [left], *tail) for line in block]


def _html(one: Said) -> str:
    """One command: its line, what it prints, and the sentences."""
    parts = [f"<div><code>{escape(one.command)}</code></div>"]
    if one.shown:
        parts.append(f'<pre style="{PRE}">{escape(one.shown)}</pre>')
    if one.refused:
        quote = f"<br>The real program says: <code>{escape(one.quote)}</code>" if one.quote else ""
        return f'{parts[0]}<p style="margin:0 0 4px 1.5em"><b>Refused:</b> {escape(" ".join(one.said))}{quote}</p>'
    if one.said:
        parts.append(f'<p style="margin:0 0 4px 1.5em">{"<br>".join(escape(sentence) for sentence in one.said)}</p>')
    return "".join(parts)
