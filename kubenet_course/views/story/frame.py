"""A frame as a person reads it: every field with its place and bytes, and what differs from the frame before.

Colour only repeats what words and shapes say: headers are named; a changed field has a star, is bold and underlined,
and tells its old value.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from html import escape
from itertools import groupby

from msgspec import Struct

from ...linux.packet.fields import Field, layers
from ...linux.packet.packet import Frame
from ...linux.packet.wire import frame_bytes

# Light tints of the Okabe-Ito palette, always with dark text on them, so that they read alike on a dark page.
TINTS = ("#cfe8f7", "#fde3b5", "#c9ecdd", "#f7d9e8", "#f6f3b0", "#dcd6f2", "#f9d2bf", "#d9dde2")
INK = "#111111"
SHOWN_BYTES, SHOWN_TEXT, SHOWN_ROWS = 8, 44, 24
CELL = "padding:1px 8px;text-align:left;vertical-align:top;border:1px solid rgba(128,128,128,.4)"
NEW = "new"
ENDS = ("source", "destination"), ("source port", "destination port"), ("sender address", "target address")
TOLD = ("type", "VNI", "data", "cut off")


class Row(Struct, frozen=True):
    """A field, and what it was before: the old value, "new" if it was not there, "" if it is unchanged."""

    field: Field
    was: str

    @property
    def place(self) -> str:
        """The first byte; of a field that is not whole bytes also how many bits."""
        byte = str(self.field.bit // 8)
        return byte if self.field.bits % 8 == 0 else f"{byte} ({self.field.bits} bit{'s' * (self.field.bits > 1)})"

    @property
    def bytes(self) -> str:
        raw = self.field.raw
        return raw[:SHOWN_BYTES].hex(" ") + (" ..." if len(raw) > SHOWN_BYTES else "")

    @property
    def value(self) -> str:
        text = self.field.value
        return text if len(text) <= SHOWN_TEXT else text[: SHOWN_TEXT - 3] + "..."

    @property
    def told(self) -> str:
        """What the last column says."""
        return self.was if self.was in ("", NEW) else f"was {self.was}"


class FrameTable(Struct, frozen=True):
    """One frame, field by field: `str` for a terminal, HTML for a notebook, `repr` with one line for each header."""

    data: bytes
    before: bytes | None = None
    first: str = "Ethernet"  # the header that the bytes begin with

    @property
    def rows(self) -> list[Row]:
        """Headers are matched from the innermost outwards, so that what a tunnel wraps is compared with itself."""
        fields = layers(self.data, self.first)
        if self.before is None:
            return [Row(field, "") for field in fields]
        old = dict(_keyed(layers(self.before, self.first)))
        return [Row(field, _was(field, old.get(key))) for key, field in _keyed(fields)]

    @property
    def gone(self) -> list[str]:
        """The headers of the frame before that this one has no more."""
        if self.before is None:
            return []
        now = {key[:2] for key, _ in _keyed(layers(self.data, self.first))}
        return list(
            {
                key[:2]: field.layer for key, field in _keyed(layers(self.before, self.first)) if key[:2] not in now
            }.values()
        )

    @property
    def caption(self) -> str:
        """What the table is of, in a sentence."""
        said = (
            f"A frame of {len(self.data)} bytes"
            if self.first == "Ethernet"
            else f"{len(self.data)} bytes of {self.first}"
        )
        if self.before is not None:
            changed = sum(1 for row in self.rows if row.was)
            said += f", {changed} field{'s' * (changed != 1)} changed" if changed else ", unchanged"
            said += f"; gone: {', '.join(self.gone)}" if self.gone else ""
        return said + "."

    def __str__(self) -> str:
        rows = self.rows
        wide = [max([len(text) for text in column], default=0) for column in zip(*map(_cells, rows), strict=True)]
        lines = [self.caption]
        for (_, layer), group in groupby(rows, lambda row: (row.field.header, row.field.layer)):
            lines.append(layer)
            for row in group:
                cells = "  ".join(text.ljust(width) for text, width in zip(_cells(row), wide, strict=True))
                lines.append(f"{'*' if row.was else ' '} {cells}".rstrip())
        return "\n".join(lines)

    def __repr__(self) -> str:
        lines = [self.caption]
        for (_, layer), group in groupby(self.rows, lambda row: (row.field.header, row.field.layer)):
            rows = list(group)
            first, last = rows[0].field, rows[-1].field
            span = f"{first.bit // 8}-{(last.bit + last.bits) // 8 - 1}"
            lines.append(f"{span:>9}  {layer}: {_in_short(rows)}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return f'<div tabindex="0" style="overflow-x:auto">{_html_table(self)}{_html_dump(self)}</div>'


def frame_table(frame: Frame | bytes, before: Frame | bytes | None = None, first: str = "Ethernet") -> FrameTable:
    """The fields of a frame, marked where they differ from those of `before` (the same packet one hop earlier). `first`: the
    header with which bytes begin that are no whole frame, such as IPv4 or TLS."""
    return FrameTable(_bytes_of(frame), None if before is None else _bytes_of(before), first)


def _bytes_of(frame: Frame | bytes) -> bytes:
    return frame if isinstance(frame, bytes) else frame_bytes(frame)


Key = tuple[str, int, str, int]


def _keyed(fields: tuple[Field, ...]) -> Iterator[tuple[Key, Field]]:
    """Each field with what makes it the same field in another frame: its header, how many such follow, its name."""
    kinds = {field.header: field.layer.split()[-1] for field in fields}
    after = {
        number: sum(1 for later, kind in kinds.items() if later > number and kind == kinds[number]) for number in kinds
    }
    seen: Counter[tuple[int, str]] = Counter()
    for field in fields:
        yield (kinds[field.header], after[field.header], field.name, seen[field.header, field.name]), field
        seen[field.header, field.name] += 1


def _was(field: Field, old: Field | None) -> str:
    if old is None:
        return NEW
    is_same = field.value == old.value and (field.bits % 8 != 0 or field.raw == old.raw)
    return "" if is_same else Row(old, "").value


def _in_short(rows: list[Row]) -> str:
    """A header in half a line: what changed in it, or else who talks to whom."""
    changes = [f"{row.field.name} {row.value}" + f" ({row.told})" * (row.was != NEW) for row in rows if row.was]
    is_new = all(row.was == NEW for row in rows)
    if changes and not is_new:
        return ", ".join(changes)
    values = {row.field.name: row.value for row in rows}
    ends = [f"{values[a]} > {values[b]}" for a, b in ENDS if a in values and b in values]
    told = ends or [f"{name} {values[name]}" for name in TOLD if name in values]
    return ("new: " if is_new else "") + ", ".join(told)


def _cells(row: Row) -> tuple[str, ...]:
    return row.field.name, row.place, row.bytes, row.value, row.told


def _style(row: Row) -> str:
    return "font-weight:bold;text-decoration:underline" if row.was else "font-weight:normal"


def _tint(number: int) -> str:
    return f"background:{TINTS[number % len(TINTS)]};color:{INK}"


def _html_table(table: FrameTable) -> str:
    heads = ["field", "byte", "bytes", "value"] + ["before"] * (table.before is not None)
    html = [
        f'<table style="border-collapse:collapse"><caption style="text-align:left">{escape(table.caption)}</caption>',
        "<thead><tr>" + "".join(f'<th scope="col" style="{CELL}">{head}</th>' for head in heads) + "</tr></thead>",
    ]
    for (number, layer), group in groupby(table.rows, lambda row: (row.field.header, row.field.layer)):
        title = f'<th scope="rowgroup" colspan="{len(heads)}" style="{CELL};{_tint(number)}">{escape(layer)}</th>'
        html.append(f"<tbody><tr>{title}</tr>")
        for row in group:
            name, place, held, value, told = map(escape, _cells(row))
            html.append(
                f'<tr><th scope="row" style="{CELL};{_style(row)}">{"* " * bool(row.was)}{name}</th>'
                f'<td style="{CELL}">{place}</td><td style="{CELL};{_tint(number)}">{held}</td>'
                f'<td style="{CELL};{_style(row)}">{value}</td>'
                + (f'<td style="{CELL}">{told}</td></tr>' if len(heads) == 5 else "</tr>")
            )
        html.append("</tbody>")
    return "".join(html) + "</table>"


def _html_dump(table: FrameTable) -> str:
    """The bytes, sixteen a line, each header on its own tint, changed bytes bold and underlined; long frames cut."""
    styles = [""] * len(table.data)
    for row in table.rows:
        first = row.field.bit // 8
        for at in range(first, first + len(row.field.raw)):
            styles[at] = f"{_tint(row.field.header)};{_style(row)}" if row.was or not styles[at] else styles[at]
    lines = []
    for start in range(0, min(len(styles), 16 * SHOWN_ROWS), 16):
        line, at = f"{start:04x}  ", start
        for style, same in groupby(styles[start : start + 16]):
            size = len(list(same))
            line, at = f'{line}<span style="{style}">{table.data[at : at + size].hex(" ")}</span> ', at + size
        lines.append(line.rstrip())
    if len(styles) > 16 * SHOWN_ROWS:
        lines.append(f"... and {len(styles) - 16 * SHOWN_ROWS} bytes more")
    return f'<pre role="group" aria-label="its bytes" style="line-height:1.5">{chr(10).join(lines)}</pre>'
