"""Turns the text masters in notebooks/src into notebooks: convert, execute, normalise, write.

    python -m tools.build [NN-name ...]

What is stored depends on the master and the package alone: not on the day, the machine, or the Python version. Pictures
(PNG) are stored as drawn; tests compare everything else.
"""

import hashlib
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from kubenet_course.learn.words import listed, marked
from tools import private_home

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
KERNEL = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
CELL_SECONDS = 60
ALT = 600  # characters of a picture's alternative text, where a page cannot draw the widget
CHECK = "check"  # a cell for the tests alone: tests/test_learn_chapters.py runs it, no reader sees it
COLLAPSED = {"solution", "plumbing"}  # cells whose code a reader opens if they want to


class BuildFailed(Exception):
    """The master, the cell and the last line of what went wrong."""


def masters() -> list[Path]:
    """The text masters, in the order of the chapters."""
    return sorted((NOTEBOOKS / "src").glob("[0-9][0-9]-*.md"))


def notebook_of(master: Path) -> Path:
    """Where the notebook of a master stands."""
    return NOTEBOOKS / f"{master.stem}.ipynb"


def cell_ids(sources: Sequence[str]) -> list[str]:
    """An id for each cell that changes only when its text does; a repeated text is counted."""
    seen: Counter[str] = Counter()
    ids = []
    for source in sources:
        digest = hashlib.sha256(source.encode()).hexdigest()[:12]
        seen[digest] += 1
        ids.append(digest if seen[digest] == 1 else f"{digest}-{seen[digest]}")
    return ids


def from_master(master: Path) -> NotebookNode:
    """The master as a notebook that has not run: its cells with their tags and stable ids; some are collapsed, none is a check."""
    notebook = jupytext.read(master, fmt="md:myst")
    notebook.cells = [cell for cell in notebook.cells if CHECK not in cell.metadata.get("tags", ())]
    notebook.metadata = NotebookNode(kernelspec=NotebookNode(KERNEL), language_info=NotebookNode(name="python"))
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for cell, cell_id in zip(notebook.cells, cell_ids([cell.source for cell in notebook.cells]), strict=True):
        cell.id = cell_id
        if COLLAPSED & set(cell.metadata.get("tags", ())):
            cell.metadata["jupyter"] = NotebookNode(source_hidden=True)
    with_words(notebook)
    return notebook


def with_words(notebook: NotebookNode) -> None:
    """Marks the first use of each word of the glossary, and lists the words at the chapter's end."""
    prose = [cell for cell in notebook.cells if cell.cell_type == "markdown"]
    texts, words = marked([cell.source for cell in prose])
    for cell, text in zip(prose, texts, strict=True):
        cell.source = text
    if words:
        notebook.cells.append(nbformat.v4.new_markdown_cell(listed(words), id="words-in-this-chapter"))


def execute(notebook: NotebookNode, master: Path) -> None:
    """Runs every cell as JupyterLab would, in the folder of the notebooks.

    Raises `BuildFailed` at the first cell that fails, takes over a minute or kills its kernel.
    """
    client = NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        kernel_name=KERNEL["name"],
        resources={"metadata": {"path": str(NOTEBOOKS)}},
        store_widget_state=True,
        record_timing=False,
        coalesce_streams=True,
    )
    try:
        client.execute()
    except CellExecutionError as error:
        begin = next((cell.source for cell in notebook.cells if is_failed(cell)), "?").splitlines()[0]
        raise BuildFailed(f"{master}: the cell `{begin}` raised {error.ename}: {error.evalue}") from error
    except (CellTimeoutError, DeadKernelError) as error:
        raise BuildFailed(f"{master}: {str(error).splitlines()[0]}") from error


def is_failed(cell: NotebookNode) -> bool:
    return any(output.output_type == "error" for output in cell.get("outputs", ()))


def normalise(notebook: NotebookNode) -> NotebookNode:
    """Without what differs between two runs: the kernel's version, and widget model ids, renumbered as created.

    Pictures get the words beside them as alternative text.
    """
    notebook.metadata.language_info = NotebookNode(name="python")
    models = notebook.metadata.get("widgets", {}).get(WIDGET_STATE, {}).get("state", {})
    if not models:
        notebook.metadata.pop("widgets", None)
    for output in (output for cell in notebook.cells for output in cell.get("outputs", ())):
        if "image/png" in output.get("data", {}):
            alternative = " ".join(output.data.get("text/plain", "").split())
            output.metadata["image/png"] = NotebookNode(alt=alternative[:ALT])
    text = json.dumps(notebook)
    for number, model_id in enumerate(list(models), start=1):
        text = text.replace(model_id, f"{number:032x}")
    return nbformat.from_dict(json.loads(text))


def build(master: Path) -> Path:
    """Writes the notebook of a master in one move, so that a stopped build leaves the old one."""
    notebook = from_master(master)
    execute(notebook, master)
    notebook = normalise(notebook)
    nbformat.validate(notebook)
    path = notebook_of(master)
    fresh = path.with_suffix(".new")
    fresh.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")
    fresh.replace(path)
    return path


def main(names: Sequence[str]) -> int:
    """Builds the named chapters, or all; says which failed and why, and goes on with the others."""
    chosen = [master for master in masters() if not names or master.stem in names]
    unknown = sorted(set(names) - {master.stem for master in chosen})
    if unknown:
        print(f"build: no master notebooks/src/{unknown[0]}.md; there are {', '.join(m.stem for m in masters())}")
        return 2
    failed = False
    with tempfile.TemporaryDirectory(prefix="kubenet-build-") as home:
        private_home.move_into(Path(home))
        for number, master in enumerate(chosen, start=1):
            print(f"build: [{number}/{len(chosen)}] {master.stem}", flush=True)
            try:
                build(master)
            except BuildFailed as error:
                print(f"build: {error}", file=sys.stderr)
                failed = True
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
