"""What strict nbval does not see: stripped outputs, masters that moved on, outputs that no two machines share."""

import re
import textwrap

import nbformat
import pytest
from nbformat import NotebookNode

from tools import build, notebook_budget

OUTPUT_LINES = 40
CHAPTERS = pytest.mark.parametrize("master", build.masters(), ids=lambda master: master.stem)


def stored(master) -> NotebookNode:
    return nbformat.read(build.notebook_of(master), as_version=4)


def texts(output: NotebookNode) -> list[str]:
    """All that an output says in words: its streams, plain text and HTML."""
    data = output.get("data", {})
    return [output.get("text", ""), data.get("text/plain", ""), data.get("text/html", "")]


def outputs(notebook: NotebookNode) -> list[NotebookNode]:
    return [output for cell in notebook.cells for output in cell.get("outputs", ())]


def is_picture(output: NotebookNode) -> bool:
    return bool({"image/png", "image/svg+xml"} & set(output.get("data", {})))


def counts(notebook: NotebookNode) -> list[int | None]:
    return [cell.execution_count for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]


def test_there_is_a_first_chapter_and_run_py_opens_it():
    assert build.masters()[0].stem == "00-start-here"


def test_every_notebook_has_a_master():
    assert sorted(build.NOTEBOOKS.glob("*.ipynb")) == [build.notebook_of(master) for master in build.masters()]


@CHAPTERS
def test_a_notebook_equals_its_master_cell_by_cell(master):
    assert [(cell.id, cell.cell_type, cell.source, cell.metadata) for cell in stored(master).cells] == [
        (cell.id, cell.cell_type, cell.source, cell.metadata) for cell in build.from_master(master).cells
    ], "run `python3 run.py build`"


@CHAPTERS
def test_every_code_cell_was_executed_once_and_in_order(master):
    assert counts(stored(master)) == list(range(1, len(counts(stored(master))) + 1))


@CHAPTERS
def test_a_notebook_is_valid_and_its_cell_ids_differ(master):
    notebook = stored(master)
    nbformat.validate(notebook)
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)


@CHAPTERS
def test_nothing_stored_tells_the_machine_or_the_python_version(master):
    notebook = stored(master)
    assert set(notebook.metadata) <= {"kernelspec", "language_info", "widgets"}
    assert notebook.metadata.language_info == {"name": "python"}
    said = "\n".join(text for output in outputs(notebook) for text in texts(output))
    assert re.findall(r"0x[0-9a-f]{9,}|/tmp/\S+|/home/\S+|\.venv\S*", said) == []


@CHAPTERS
def test_no_cell_warns_or_fails_unless_it_says_so(master):
    for cell in stored(master).cells:
        if "raises-exception" not in cell.metadata.get("tags", ()):
            kinds = [(output.output_type, output.get("name")) for output in cell.get("outputs", ())]
            assert ("stream", "stderr") not in kinds, cell.source
            assert ("error", None) not in kinds, cell.source


@CHAPTERS
def test_no_output_is_a_wall_of_text(master):
    for output in outputs(stored(master)):
        plain = output.get("text", "") or ("" if output.get("data", {}).get("text/html") else texts(output)[1])
        assert len(plain.splitlines()) <= OUTPUT_LINES, plain[:200]


@CHAPTERS
def test_a_widget_shows_a_picture_before_it_runs_and_a_picture_says_what_it_shows(master):
    for output in outputs(stored(master)):
        data = output.get("data", {})
        if build.WIDGET_VIEW in data or is_picture(output):
            assert re.search(r"\w{3}", data.get("text/plain", "")), "a picture needs a sentence or a table"
            assert "<Figure size" not in data["text/plain"], "matplotlib's own name for a figure says nothing"


@CHAPTERS
def test_a_chapter_that_a_person_reads_on_github_has_one_title(master):
    titles = [
        line
        for cell in stored(master).cells
        if cell.cell_type == "markdown"
        for line in cell.source.splitlines()
        if line.startswith("# ")
    ]
    assert len(titles) == 1


MASTER = """
---
kernelspec: {name: python3, display_name: Python 3}
---

# A page

```{code-cell} python
import ipywidgets
```

Twice the same:

```{code-cell} python
:tags: [solution]
slider = ipywidgets.IntSlider(value=4, description="pods")
slider
```

```{code-cell} python
:tags: [solution]
slider = ipywidgets.IntSlider(value=4, description="pods")
slider
```
"""


@pytest.fixture
def master(tmp_path, monkeypatch):
    monkeypatch.setattr(build, "NOTEBOOKS", tmp_path)
    (tmp_path / "src").mkdir()
    path = tmp_path / "src" / "00-page.md"
    path.write_text(textwrap.dedent(MASTER).lstrip())
    return path


def test_a_cell_keeps_its_id_when_another_cell_changes():
    assert build.cell_ids(["a", "b", "c"])[2] == build.cell_ids(["a", "x", "y", "c"])[3]


def test_the_same_text_twice_gets_two_ids():
    assert len(set(build.cell_ids(["a", "a", "a"]))) == 3


def test_a_solution_is_collapsed_in_the_learners_notebook(master):
    hidden = [cell.metadata.get("jupyter", {}).get("source_hidden") for cell in build.from_master(master).cells]
    assert hidden == [None, None, None, True, True]


def test_two_builds_of_a_page_with_widgets_are_equal_byte_by_byte(master):
    first = build.build(master).read_bytes()
    assert build.build(master).read_bytes() == first
    assert b'"model_id": "00000000000000000000000000000003"' in first
    assert b'"description": "pods"' in first


def test_a_failing_cell_is_named_and_the_old_notebook_stays(master):
    build.notebook_of(master).write_text("old")
    master.write_text(master.read_text().replace("import ipywidgets", "route = {}\nroute['10.96.0.1']"))
    with pytest.raises(build.BuildFailed, match=r"00-page.md: the cell `route = {}` raised KeyError: '10.96.0.1'"):
        build.build(master)
    assert build.notebook_of(master).read_text() == "old"


def test_a_chapter_that_is_not_there_is_said_in_one_sentence(master, capsys):
    assert build.main(["07-nowhere"]) == 2
    assert capsys.readouterr().out == "build: no master notebooks/src/07-nowhere.md; there are 00-page\n"


def test_a_kernels_peak_memory_is_read_as_linux_writes_it():
    assert notebook_budget.peak_megabytes("Name:\tpython\nVmPeak:\t  999999 kB\nVmHWM:\t  163840 kB\n") == 160.0
    assert notebook_budget.peak_megabytes("") == 0.0


@pytest.mark.parametrize(
    "seconds, megabytes, expected",
    [
        (15.0, 250.0, ""),
        (15.1, 10.0, "this notebook ran for 15.1 s and may take 15"),
        (1.0, 251.0, "this notebook held 251 MB and may hold 250"),
    ],
)
def test_a_notebook_beyond_its_budget_is_told_so(seconds, megabytes, expected):
    assert notebook_budget.over_budget(seconds, megabytes) == expected
