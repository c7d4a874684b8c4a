"""The words of the course: each has a plain sentence, and is marked where a chapter first uses it."""

from __future__ import annotations

import jupytext
import nbformat
import pytest

from kubenet_course.errors import BadInput
from kubenet_course.learn import glossary
from kubenet_course.learn.words import HEADING, Term, first_use, marked, terms
from tools import build

CHAPTERS = pytest.mark.parametrize("master", build.masters(), ids=lambda master: master.stem)
WORDS = pytest.mark.parametrize("term", terms().values(), ids=lambda term: term.name)


@WORDS
def test_a_word_has_one_plain_sentence_a_chapter_and_a_source(term):
    assert term.says[0].isupper() and term.says.endswith(".") and term.says.count(". ") == 0
    assert 5 <= len(term.says.split()) <= 25
    assert term.chapter.isdigit() and term.source.startswith("https://")


def test_all_words_are_listed_and_one_can_be_asked_for():
    assert len(glossary().rows) == len(terms()) > 30
    assert [row[0] for row in glossary("hairpin").rows] == ["hairpin"]
    with pytest.raises(BadInput, match="there is no word 'hairpn'; did you mean 'hairpin'"):
        glossary("hairpn")


@CHAPTERS
def test_no_word_is_used_before_the_place_where_it_is_marked(master):
    plain = [cell.source for cell in jupytext.read(master, fmt="md:myst").cells if cell.cell_type == "markdown"]
    texts, found = marked(plain)
    for term in found:
        mark = next(
            at for at, text in enumerate(texts) if f'"{term.says}")' in text.replace("'", '"') or term.says in text
        )
        assert not any(first_use(text, term) for text in plain[:mark]), term.name
        assert sum(text.count(f'"{term.says}"') for text in texts) <= 1


@CHAPTERS
def test_a_built_chapter_lists_its_words_at_its_end_where_the_marks_lead(master):
    cells = nbformat.read(build.notebook_of(master), as_version=4).cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    assert cells[-1].source.startswith(f"## {HEADING}")
    assert text.count(f"](#{HEADING.replace(' ', '-')} ") == cells[-1].source.count("\n- ")


def test_code_headings_and_links_are_left_alone():
    pod = Term("pod", "A thing.", "01", "https://x.y")
    for text in (
        "`pod`",
        "# The pod",
        "[a pod](https://x)",
        "    kubectl get pod",
        "```\npod\n```",
        "podCIDR",
        "pod/web",
    ):
        assert first_use(text, pod) is None, text
    assert first_use("# A pod\n\nTwo Pods here.", pod)[0] == "Pods"
