"""The site as it is written: every chapter in it, all there without a script, nothing from elsewhere, no answer in the open."""

from __future__ import annotations

import base64
import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import zlib
from html import escape
from pathlib import Path

import nbformat
import pytest
from site_pages import PYODIDE, Page, broken, can_wake, pages

from kubenet_course.cli import _ran
from kubenet_course.errors import BadInput
from kubenet_course.learn.bank import everything, find, predictions
from kubenet_course.learn.page.rich import inline
from kubenet_course.learn.words import terms
from kubenet_course.site.lookup import spelled
from kubenet_course.site.models import STATE, Scripts
from kubenet_course.site.pages import CLASS, names, site
from kubenet_course.site.prose import Prose, joined
from tools import build

CHAPTERS = pytest.mark.parametrize("master", build.masters(), ids=lambda master: master.stem)
ASSETS = Path(build.ROOT) / "kubenet_course" / "site" / "assets"
MOST = 150_000  # bytes of a page, gzipped, with all scripts and styles that it loads at once


def notebook(master: Path) -> nbformat.NotebookNode:
    return nbformat.read(build.notebook_of(master), as_version=4)


def shared(folder: Path) -> list[Path]:
    """What a chapter's page loads at once."""
    page = Page((folder / f"{names(build.NOTEBOOKS)[0]}.html").read_text(encoding="utf-8"))
    return [folder / one for one in page.loads if one.startswith("assets/")]


@CHAPTERS
def test_every_chapter_has_a_page_that_the_contents_and_its_neighbours_lead_to(built: Path, master: Path):
    every = pages(built)
    assert f"{master.stem}.html" in every["index.html"].leads
    order = [one.stem for one in build.masters()]
    at = order.index(master.stem)
    for near in [*order[max(0, at - 1) : at], *order[at + 1 : at + 2]]:
        assert f"{near}.html" in every[f"{master.stem}.html"].leads


@CHAPTERS
def test_with_scripts_off_every_text_table_and_picture_of_a_chapter_is_there(built: Path, master: Path):
    page = Page((built / f"{master.stem}.html").read_text(encoding="utf-8"))
    for cell in notebook(master).cells:
        if cell.cell_type == "markdown":
            assert Page(Prose().html(cell.source)[0]).words in page.words
            continue
        assert " ".join(cell.source.split()) in page.words
        for output in cell.outputs:
            data = output.get("data", {})
            shown = (
                data.get("text/html")
                or (data.get("text/plain") if "image/png" not in data else "")
                or output.get("text", "")
            )
            html = joined(shown) if "text/html" in data else escape(joined(shown))
            assert Page(html).words in page.words


@CHAPTERS
def test_every_picture_of_a_chapter_is_a_file_with_words(built: Path, master: Path):
    stored = [
        output
        for cell in notebook(master).cells
        for output in cell.get("outputs", ())
        if "image/png" in output.get("data", {}) and "text/html" not in output.data
    ]
    found = Page((built / f"{master.stem}.html").read_text(encoding="utf-8")).pictures
    assert len(found) == len(stored)
    for (source, words), output in zip(found, stored, strict=True):
        assert (built / source).read_bytes() == base64.b64decode(joined(output.data["image/png"]))
        assert len(words.split()) > 5


@CHAPTERS
def test_every_widget_of_a_chapter_has_its_state_and_its_script(built: Path, master: Path):
    text = (built / f"{master.stem}.html").read_text(encoding="utf-8")
    page = json.loads(re.search(r'<script type="application/json" id="page">(.*?)</script>', text, re.DOTALL)[1])
    scripts, controls = (built / "assets/widgets.js").read_text(), (built / "assets/controls.js").read_text()
    shown = re.findall(r'data-model="([^"]+)"', text)
    assert len(shown) == text.count('class="out" data-model') and set(shown) <= set(page["models"])
    for model in page["models"].values():
        assert f'kubenet.widgets["{model["kind"]}"]' in scripts or f"{model['kind']}:" in controls
        assert not {"_esm", "_css", "layout"} & set(model["state"])


def test_every_link_leads_somewhere_and_every_file_that_is_asked_for_is_there(built: Path):
    assert broken(built) == []


def test_the_check_of_links_finds_those_that_lead_nowhere(tmp_path: Path):
    (tmp_path / "one.html").write_text(
        '<a href="two.html">x</a><a href="#here">y</a><img src="no.png"><b id="there"></b>'
    )
    assert [line.rpartition(": ")[2] for line in broken(tmp_path)] == ["no such file", "no such place", "no such file"]


def test_no_page_style_or_script_asks_another_server_for_anything(built: Path):
    for name, page in pages(built).items():
        assert [one for one in page.loads if re.match(r"(https?:)?//", one)] == [], name
    for path in [*built.glob("assets/*.css"), *built.glob("assets/*.js")]:
        text = path.read_text(encoding="utf-8")
        assert re.findall(r"url\((?!['\"]?(?:data:|#))[^)]*\)|@import", text) == [], path.name
        if path.name != "index.js":
            assert re.findall(r"(?:fetch|import|Worker|src ?=)\s*\(?\s*[\"'`]https?:", text) == [], path.name


def test_a_page_with_all_that_it_loads_at_once_is_under_150_kilobytes(built: Path, note):
    common = sum(len(gzip.compress(path.read_bytes())) for path in shared(built))
    sizes = {path.name: len(gzip.compress(path.read_bytes())) + common for path in built.glob("*.html")}
    note(
        f"the largest page of the site: {max(sizes.values()) // 1000} kB gzipped ({max(sizes, key=lambda n: sizes[n])})"
    )
    assert max(sizes.values()) < MOST


def test_the_loader_is_small_enough_to_read():
    assert len((ASSETS / "loader.js").read_text(encoding="utf-8").splitlines()) < 200


@pytest.mark.parametrize("path", sorted(ASSETS.glob("*.js")), ids=lambda path: path.name)
def test_a_script_of_the_site_is_no_longer_than_a_module(path: Path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 250


def opened(path: Path) -> dict:
    """What a page finds in a file of answers."""
    packed = re.search(r'"([A-Za-z0-9+/=]+)"\);$', path.read_text(encoding="utf-8").strip())
    return json.loads(zlib.decompress(base64.b64decode(packed[1]), -15))


def test_every_question_has_its_answers_and_none_of_them_can_be_read_at_a_glance(built: Path):
    numbers = [name[:2] for name in names(build.NOTEBOOKS)]
    asked = [one.id for one in everything() if one.chapter in numbers]
    asked += [f"reveal-{one.id}" for number in numbers for one in predictions(number)]
    assert sorted(path.stem for path in (built / "answers").iterdir()) == sorted(asked)
    for path in (built / "answers").iterdir():
        assert re.fullmatch(r'kubenet\.told\("[\w-]+", "[A-Za-z0-9+/=]+"\);\n', path.read_text(encoding="utf-8")), path


@pytest.mark.parametrize("id", ["00-way", "00-bridge", "00-two-layers", "00-verdict"])
def test_of_all_answers_to_an_exercise_those_are_right_that_the_bank_says(built: Path, id: str):
    for number, variant in enumerate(opened(built / "answers" / f"{id}.js")["variants"]):
        right = [name for name, place in variant["answers"].items() if variant["told"][place]["state"] == "right"]
        instance = find(id).instance(number)
        options = dict(variant["form"]["options"])
        chosen = right[0].split(",") if right[0] not in options else right
        wanted = instance.solution if isinstance(instance.solution, list) else [instance.solution]
        assert len(right) == 1
        assert {options[name] for name in chosen} == {inline(one) for one in wanted}


def test_the_outcome_of_a_prediction_is_the_one_that_the_bank_expects(built: Path):
    for number in [name[:2] for name in names(build.NOTEBOOKS)]:
        for question in predictions(number):
            told = opened(built / "answers" / f"reveal-{question.id}.js")
            assert (told["truth"], set(told["said"])) == (question.answer, {"", *question.choices})


def test_no_answer_stands_in_what_a_page_says_of_a_prediction_that_nobody_has_made(built: Path):
    for path in sorted(built.glob("[0-9]*.html")):
        for question in predictions(path.name[:2]):
            assert question.why[:50] not in path.read_text(encoding="utf-8")


def test_the_class_edition_has_neither_answers_nor_solutions(tmp_path: Path):
    made = site(kind=CLASS)
    assert [name for name in made if name.startswith("answers/")] == []
    pages = [data.decode() for name, data in made.items() if name.endswith(".html")]
    assert not any("One solution of" in page for page in pages)
    assert any("closed in the class edition" in page for page in pages)


WRITES = """
import sys
from pathlib import Path
from kubenet_course.site.pages import write
out, notebooks, *pyodide = map(Path, sys.argv[1:])
write(out, notebooks, pyodide=pyodide[0] if pyodide else None)
"""


def test_a_site_that_is_built_twice_has_the_same_bytes(tmp_path: Path):
    """In processes that order sets differently. Two chapters and, where it is here, Python for the browser."""
    notebooks = tmp_path / "notebooks"
    (notebooks / "src").mkdir(parents=True)
    for master in build.masters()[:2]:
        shutil.copy(master, notebooks / "src")
        shutil.copy(build.notebook_of(master), notebooks)
    made = []
    for seed in ("1", "2"):
        out = tmp_path / seed
        argv = [sys.executable, "-c", WRITES, str(out), str(notebooks), *([str(PYODIDE)] if can_wake() else [])]
        subprocess.run(
            argv,
            check=True,
            capture_output=True,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(build.ROOT)},
        )
        made.append({str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()})
    assert made[0] == made[1]


def test_the_search_finds_every_section_by_a_word_of_its_heading_and_every_word_of_the_glossary(built: Path):
    index = json.loads(
        (built / "assets/index.js").read_text(encoding="utf-8").removeprefix("kubenet.index = ").rstrip(";\n")
    )
    headings = [heading for _, _, heading in index["sections"]]
    for number, heading in enumerate(headings):
        assert all(number in index["words"][word] for word in spelled(heading)), heading
    assert set(terms()) <= set(headings)
    assert len(gzip.compress((built / "assets/index.js").read_bytes())) < 200_000


def test_a_page_for_the_words_says_each_with_its_source(built: Path):
    page = pages(built)["glossary.html"]
    assert all(term.says in page.words and term.source in page.leads for term in terms().values())


def test_a_widget_script_that_imports_something_is_refused():
    scripts = Scripts()
    for text in ("import x from 'y';\nexport default { render };", "const render = 1;"):
        scripts.scripts = {"x": text}
        with pytest.raises(BadInput, match="widget script"):
            scripts.script()


def test_the_state_of_a_widget_is_stored_without_its_script_and_the_script_once():
    scripts = Scripts()
    saved = notebook(build.masters()[0]).metadata.widgets[STATE]["state"]
    slim = scripts.slim(saved)
    assert len(slim) == sum(
        not name.endswith(("LayoutModel", "StyleModel")) for name in (one["model_name"] for one in saved.values())
    )
    assert len(scripts.scripts) == len({one["state"]["_esm"] for one in saved.values() if "_esm" in one["state"]})


def test_files_that_are_there_already_are_replaced_only_by_force(tmp_path: Path, capsys, monkeypatch):
    folder = tmp_path / "notebooks"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "00-x.md").write_text("# X\n")
    cell = {"cell_type": "markdown", "id": "x", "metadata": {}, "source": "# X\n\nIt takes about 5 minutes."}
    (folder / "00-x.ipynb").write_text(
        json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    )
    monkeypatch.setattr("kubenet_course.cli.site.NOTEBOOKS", folder)
    argv = ["site", str(tmp_path / "out")]
    assert _ran(argv) == 0
    assert _ran(argv) == 0  # the same bytes
    (tmp_path / "out" / "index.html").write_text("mine")
    assert _ran(argv) == 2
    assert "is there already" in capsys.readouterr().err
    assert _ran([*argv, "--force"]) == 0


@pytest.mark.parametrize(
    "argv, said",
    [
        (["--notebooks", "elsewhere"], "--notebooks"),  # cells are run: those of the course, and nobody else's
        (["--pyodide", "nowhere"], "no such file"),
        (["--edition", "other"], "--edition"),
    ],
)
def test_what_cannot_be_built_is_said_in_one_line(tmp_path: Path, capsys, monkeypatch, argv, said):
    folder = tmp_path / "notebooks"
    (folder / "src").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    shutil.copy(build.NOTEBOOKS / "src" / "00-start-here.md", folder / "src")
    shutil.copy(build.NOTEBOOKS / "00-start-here.ipynb", folder)
    monkeypatch.setattr("kubenet_course.cli.site.NOTEBOOKS", folder)
    assert _ran(["site", str(tmp_path / "out"), *argv]) == 2
    err = capsys.readouterr().err
    assert said in err and err.count("\n") == 1
    assert not (tmp_path / "out").exists()
