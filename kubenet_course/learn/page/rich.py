"""Sentences with `code` and **weight**, as the bank writes them, in HTML and in plain text."""

from __future__ import annotations

import re
from html import escape
from typing import Any

EVIDENCE_STYLE = "margin:6px 0"


def html(text: str) -> str:
    """Paragraphs are parted by an empty line; everything but code and weight is escaped."""
    return "".join(f"<p>{inline(part)}</p>" for part in re.split(r"\n\s*\n", text.strip()) if part)


def inline(text: str) -> str:
    """One paragraph's inside."""
    said = escape(" ".join(text.split()))
    said = re.sub(r"`([^`]+)`", r"<code>\1</code>", said)
    return re.sub(r"\*\*([^*]+)\*\*", r"<b>\1</b>", said)


def plain(text: str) -> str:
    """The same for a terminal: paragraphs in one line each."""
    return "\n".join(" ".join(part.split()) for part in re.split(r"\n\s*\n", text.strip()) if part).replace("**", "")


def shown(value: Any) -> str:
    """Evidence in HTML: its own, a picture as SVG, or its text as it stands."""
    own = getattr(value, "_repr_html_", None)
    drawn = getattr(value, "svg", "")
    inside = own() if own else drawn or f"<pre>{escape(str(value))}</pre>"
    return f'<div class="kn-evidence" style="{EVIDENCE_STYLE}">{inside}</div>'
