"""The search's index: for each word the sections that have it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence

from .chapter import Chapter

WORD = re.compile(r"[^\W_][\w./:-]*\w|[^\W\d_]")
MOST = 40  # characters of a word that somebody might type
# Words that stand in nearly every section and lead to none.
COMMON = frozenset(
    re.findall(
        r"\w+",
        "a an and are as at be been but by can does for from has have if in into is it its no not of on one only or so "
        "that the their them then there these they this to was we what when where which who why will with you your",
    )
)


def spelled(text: str) -> set[str]:
    """The words of a text as the search compares them: small letters, whole and, where dots or slashes join them, in parts."""
    whole = {word for word in WORD.findall(text.lower()) if len(word) <= MOST}
    parts = {part for word in whole for part in re.split(r"[./:_-]", word) if len(part) > 2 and not part.isdigit()}
    return (whole | parts) - COMMON


def index(chapters: Iterable[Chapter], more: Sequence[tuple[str, str, str, str]]) -> str:
    """The index as a script. `more` are other places: page, what it belongs to, heading, words."""
    places = [
        (f"{one.name}.html#{section.heading.anchor}", f"{one.number} {one.title}", section.heading.text, section.words)
        for one in chapters
        for section in one.sections
    ]
    places += more
    words: dict[str, list[int]] = {}
    for number, (_, _, heading, text) in enumerate(places):
        for word in spelled(f"{heading} {text}"):
            words.setdefault(word, []).append(number)
    found = {"words": dict(sorted(words.items())), "sections": [place[:3] for place in places]}
    return f"kubenet.index = {json.dumps(found, ensure_ascii=False, separators=(',', ':'))};\n"
