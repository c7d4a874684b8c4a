"""The words of the course, each with one plain sentence, the chapter that teaches it, and where one can check it.

    glossary()            # all of them
    glossary("hairpin")   # one

The build marks the first use of each word in a chapter (`marked`): the mark is a link with the sentence as its title, which a
pointer opens by resting on it, and Tab and Enter by going to the list at the chapter's end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from functools import cache

import yaml
from msgspec import Struct

from ..data import data
from ..errors import BadInput
from ..views.tables.table import Table, table

FILE = data("glossary.yaml")
HEADING = "Words in this chapter"
# What of a chapter's text is no prose: fenced and indented code, code spans, headings, links, HTML, addresses.
NO_PROSE = re.compile(
    r"```.*?```|^(?: {4}|\t).*?$|`[^`\n]*`|^#+ .*?$|\[[^\]]*\]\([^)]*\)|<[^>]*>|https?://\S+", re.DOTALL | re.MULTILINE
)


class Term(Struct, frozen=True):
    """A word, what it says, the chapter that teaches it, its source, and its other spellings."""

    name: str
    says: str
    chapter: str
    source: str
    also: tuple[str, ...] = ()

    @property
    def pattern(self) -> str:
        """The word as it may stand in a text: capital or not where it is a common noun, and in the plural."""
        names = sorted((self.name, *self.also), key=len, reverse=True)
        spelled = [re.escape(one) if any(map(str.isupper, one)) else _either(one) for one in names]
        return rf"(?<![\w./-])(?:{'|'.join(spelled)})(?:e?s)?(?![\w/-]|\.\w)"


def _either(word: str) -> str:
    return f"[{word[0].upper()}{word[0]}]{re.escape(word[1:])}"


@cache
def terms() -> dict[str, Term]:
    """Every word, in the order of the alphabet."""
    rows = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    made = [
        Term(name, row["says"], row["chapter"], row["source"], tuple(row.get("also", ()))) for name, row in rows.items()
    ]
    return {one.name: one for one in sorted(made, key=lambda one: one.name.casefold())}


def glossary(word: str = "") -> Table:
    """All words of the course, or one of them. Raises BadInput with the nearest one."""
    known = terms()
    if word and word not in known:
        near = get_close_matches(word, known, 1, 0.3) or list(known)[:1]
        raise BadInput("glossary", f"there is no word {word!r}", f"did you mean {near[0]!r}?")
    chosen = [known[word]] if word else list(known.values())
    rows = [(one.name, one.says, one.chapter, one.source) for one in chosen]
    return table("The words of the course", ("word", "what it means", "chapter", "where to check it"), rows)


def first_use(text: str, term: Term) -> re.Match[str] | None:
    """Where a word first stands in the prose of a text; None where it does not."""
    prose = NO_PROSE.sub(lambda found: re.sub(r"[^\n]", "\0", found[0]), text)
    return re.search(term.pattern, prose)


def marked(texts: Iterable[str]) -> tuple[list[str], list[Term]]:
    """The texts of a chapter with the first use of each word marked, and the words that were."""
    found: list[Term] = []
    made: list[str] = []
    for text in texts:
        for term in sorted(terms().values(), key=lambda one: -len(one.name)):
            place = None if term in found else first_use(text, term)
            if place:
                anchor, said = HEADING.replace(" ", "-"), term.says.replace('"', "'")
                text = f'{text[: place.start()]}[{place[0]}](#{anchor} "{said}"){text[place.end() :]}'
                found.append(term)
        made.append(text)
    return made, sorted(found, key=lambda one: one.name.casefold())


def listed(words: Iterable[Term]) -> str:
    """The list at a chapter's end."""
    lines = [f"- **{one.name}**: {one.says} ([source]({one.source}))" for one in words]
    return "\n".join([f"## {HEADING}", "", *lines])
