"""Text and code of a chapter as HTML: CommonMark with tables, headings that can be linked to, Python in colours."""

from __future__ import annotations

import re
from collections import Counter
from html import escape
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token
from msgspec import Struct
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

CODE = HtmlFormatter(nowrap=True, classprefix="py-")
NOTEBOOK = re.compile(r"^(?:\./)?(\d\d-[\w-]+)\.ipynb(#.*)?$")


class Heading(Struct, frozen=True):
    """A heading with its level and the name that a link to it uses."""

    level: int
    text: str
    anchor: str


class Prose:
    """Turns the texts of one chapter into HTML; each heading gets a name that no other has."""

    def __init__(self) -> None:
        self.markdown = MarkdownIt("commonmark", {"html": True}).enable("table")
        self.used: Counter[str] = Counter()

    def html(self, text: str) -> tuple[str, list[tuple[Heading | None, str]]]:
        """The HTML of a text, and its words in parts: what stands before its first heading, then each heading with what follows."""
        tokens, parts = self.markdown.parse(text), list[tuple[Heading | None, list[str]]]([(None, [])])
        for at, token in enumerate(tokens):
            if token.type == "heading_open":
                parts.append((self._named(tokens, at), []))
            elif token.content and tokens[at - 1].type != "heading_open":
                parts[-1][1].append(_words(token))
            self._relinked(token)
        made = self.markdown.renderer.render(tokens, self.markdown.options, {})
        made = made.replace("<table>", '<div class="kn-scrolls"><table>').replace("</table>", "</table></div>")
        return made, [(heading, " ".join(words)) for heading, words in parts]

    def _named(self, tokens: list[Token], at: int) -> Heading:
        """JupyterLab names a heading by its words, joined by hyphens; links in the masters count on that."""
        text = "".join(one.content for one in tokens[at + 1].children or () if one.type in ("text", "code_inline"))
        anchor = text.replace(" ", "-")
        self.used[anchor] += 1
        anchor += f"-{self.used[anchor]}" if self.used[anchor] > 1 else ""
        tokens[at].attrSet("id", anchor)
        return Heading(int(tokens[at].tag[1]), text, anchor)

    def _relinked(self, token: Token) -> None:
        """A link to another chapter's notebook leads to that chapter's page."""
        for child in token.children or ():
            if child.type == "link_open" and (found := NOTEBOOK.match(str(child.attrGet("href")))):
                child.attrSet("href", f"{found[1]}.html{found[2] or ''}")


def _words(token: Token) -> str:
    """What a token says, without marks and without the addresses of links."""
    if token.children:
        return "".join(child.content or " " for child in token.children)
    return words_of(token.content) if token.type == "html_block" else token.content


def python(source: str) -> str:
    """Python code with a class for each kind of word."""
    return highlight(source, PythonLexer(stripnl=False), CODE).rstrip("\n")


def plain(text: str) -> str:
    """A program's output as it stands."""
    return f'<pre class="kn-plain">{escape(text)}</pre>'


def words_of(html: str) -> str:
    """What is written in a piece of HTML, for the search."""
    return " ".join(re.sub(r"<(style|script)\b.*?</\1>|<[^>]+>", " ", html, flags=re.DOTALL).split())


def joined(text: Any) -> str:
    """Notebooks store a text whole, or as a list of its lines."""
    return text if isinstance(text, str) else "".join(text)
