"""Every chapter as it is built: headings in order, pictures with words, no wall of output, colours that can be read.

The browser tests measure the same in a page that runs; here it is what GitHub, a screen reader and the first look see.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import pairwise

import nbformat
import pytest
from nbformat import NotebookNode

from kubenet_course.views.drawing.theme import DARK, LIGHT, READABLE, VISIBLE, contrast
from tools import build

CHAPTERS = pytest.mark.parametrize("master", build.masters(), ids=lambda master: master.stem)
MOST_LINES = 40
VOID = {"br", "hr", "img", "input", "meta", "link", "wbr", "col"}
COLOUR = re.compile(r"#(?:[0-9a-f]{6}|[0-9a-f]{3})\b|var\(--kn-([a-z-]+)", re.IGNORECASE)
PAINTED = re.compile(r"(?:^|;)\s*(color|background|background-color)\s*:\s*([^;]+)")


class Page(HTMLParser):
    """What of an HTML output can be judged without a browser: text on its ground, images, headings, rows of tables."""

    def __init__(self, html: str, palette: dict[str, str]):
        super().__init__()
        self.palette, self.open = palette, [("", palette["ink"], palette["paper"])]
        self.pale, self.wordless, self.headings, self.rows = [], [], [], 0
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        told = dict(attrs)
        _, ink, ground = self.open[-1]
        for what, value in PAINTED.findall(told.get("style") or ""):
            found = self.colour(value)
            ink, ground = (found or ink, ground) if what == "color" else (ink, found or ground)
        self.headings += [int(tag[1])] if re.fullmatch("h[1-6]", tag) else []
        self.rows += tag == "tr"
        if tag in ("img", "svg") and not (told.get("alt") or told.get("aria-label") or told.get("aria-hidden")):
            self.wordless.append(tag)
        if tag not in VOID:
            self.open.append((tag, ink, ground))

    def handle_endtag(self, tag):
        while tag in [name for name, *_ in self.open] and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        _, ink, ground = self.open[-1]
        if data.strip() and contrast(ink, ground) < READABLE:
            self.pale.append(f"{contrast(ink, ground):.2f} {data.strip()[:40]}")

    def colour(self, value: str) -> str:
        """A colour that is written out or named by the theme; others, such as the page's own, are left to the browser."""
        found = COLOUR.search(value)
        if not found:
            return ""
        text = self.palette.get(found[1], "") if found[1] else found[0]
        return text if len(text) == 7 else "#" + "".join(digit * 2 for digit in text[1:])


def outputs(master) -> list[NotebookNode]:
    notebook = nbformat.read(build.notebook_of(master), as_version=4)
    return [output for cell in notebook.cells for output in cell.get("outputs", ())]


def prose(master) -> str:
    """The chapter's own text, without its code."""
    notebook = nbformat.read(build.notebook_of(master), as_version=4)
    said = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    return re.sub(r"```.*?```|`[^`\n]*`", "", said, flags=re.DOTALL)


@CHAPTERS
def test_headings_begin_with_one_title_and_skip_no_level(master):
    levels = [len(marks) for marks in re.findall(r"^(#{1,6}) \S", prose(master), re.MULTILINE)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(new <= old + 1 for old, new in pairwise(levels)), levels


@CHAPTERS
def test_pictures_in_the_text_have_words_for_those_who_do_not_see_them(master):
    assert re.findall(r"!\[\s*\]\([^)]*\)|<img(?![^>]*\balt=\"[^\"]+\")[^>]*>", prose(master)) == []


@CHAPTERS
@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_text_in_outputs_can_be_read_and_their_pictures_have_words(master, palette):
    for output in outputs(master):
        page = Page(output.get("data", {}).get("text/html", ""), palette)
        assert (page.pale, page.wordless, page.headings) == ([], [], [])


@CHAPTERS
def test_a_widget_or_picture_says_in_words_what_it_shows(master):
    for output in outputs(master):
        data = output.get("data", {})
        if {build.WIDGET_VIEW, "image/png", "image/svg+xml"} & set(data):
            assert len(re.findall(r"\w{2,}", data.get("text/plain", ""))) > 3, data.get("text/plain")


@CHAPTERS
def test_an_output_has_at_most_40_lines_as_text_and_as_a_table(master):
    for output in outputs(master):
        data = output.get("data", {})
        plain = data.get("text/plain", "") or output.get("text", "")
        page = Page(data.get("text/html", ""), LIGHT)
        lines = page.rows if "text/html" in data else len(plain.splitlines())
        assert lines <= MOST_LINES, plain[:200]


def test_the_bar_of_progress_is_seen_on_both_pages():
    from kubenet_course.learn.record.overview import BAR_COLOUR

    assert min(contrast(BAR_COLOUR, palette["paper"]) for palette in (LIGHT, DARK)) >= VISIBLE


def test_faults_that_were_planted_are_found():
    html = '<p style="color:#999">pale</p><p style="background:var(--kn-ink)">inked</p><img src=x><h2>Two</h2><tr><td>'
    for palette in (LIGHT, DARK):
        page = Page(html, palette)
        assert page.pale[-1].endswith("inked") and page.wordless == ["img"] and page.headings == [2] and page.rows == 1
    assert Page(html, LIGHT).pale[0].endswith("pale")
