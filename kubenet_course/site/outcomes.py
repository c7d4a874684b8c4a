"""Runs a chapter once with all its reveals open, in a process of its own, and prints what each of them shows.

    python -m kubenet_course.site.outcomes 00-start-here NOTEBOOKS

The page of a chapter can then set what happens beside a prediction, without Python.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import distribution, version
from pathlib import Path
from typing import Any

from msgspec import Struct

from ..errors import BadInput
from ..learn.bank import of_chapter
from ..learn.page.predicting import OPEN, Revealed
from ..learn.page.rich import shown
from .answers import exercise, prediction
from .cells import Session
from .chapter import ASKS, SOLUTION
from .prose import joined

ALONE = {OPEN: "1", "KUBENET_HOME": ":memory:", "PYTHONHASHSEED": "0"}
UNKNOWN = ("matplotlib", "numpy", "yaml._yaml", "_yaml")  # what a browser's Python has not
TOLD = ("anywidget",)  # packages that ask for their own version
BUILDERS = ("markdown_it", "mdurl", "jinja2", "markupsafe")  # what makes pages, and what no page needs
THERE = ("IPython.utils._process_emscripten", "scapy.libs.ethertypes")  # what is loaded on that platform alone
SECONDS = 900  # that a chapter may take


class Outcomes(Struct, frozen=True):
    """What runs of all chapters made: the answers of all questions, and the files of other packages that were loaded."""

    answers: dict[str, Any]
    modules: tuple[str, ...]


def of_all(names: Iterable[str], notebooks: Path) -> Outcomes:
    """Runs every chapter. Raises BadInput where one fails."""
    with ThreadPoolExecutor(os.cpu_count() or 1) as several:
        told = list(several.map(lambda name: _apart(name, notebooks), names))
    answers = {id: answer for one in told for id, answer in one["answers"].items()}
    return Outcomes(answers, tuple(sorted({module for one in told for module in one["modules"]})))


def _apart(name: str, notebooks: Path) -> dict[str, Any]:
    argv = [sys.executable, "-m", __name__, name, str(notebooks.resolve())]
    root = str(Path(__file__).resolve().parents[2])
    env = {**os.environ, **ALONE, "PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run(argv, capture_output=True, text=True, env=env, cwd=notebooks, timeout=SECONDS, check=False)
    if done.returncode:
        why = (done.stderr.strip().splitlines() or ["it ended without a word"])[-1]
        raise BadInput(
            f"{name}.ipynb", f"its cells do not run: {why}", "build the notebooks with `python3 run.py build`"
        )
    return json.loads(done.stdout)


def of_chapter_here(notebook: Any, number: str) -> dict[str, Any]:
    """The answers of one chapter's questions: its exercises from the bank, its predictions from a run."""
    answers = {one.id: exercise(one) for one in of_chapter(number)}
    session = Session()
    for at, cell in enumerate(one for one in notebook["cells"] if one["cell_type"] == "code"):
        source = joined(cell["source"])
        if SOLUTION in cell["metadata"].get("tags", ()) or ASKS.fullmatch(source.strip()):
            continue
        value, _ = session.run(source, f"<cell {at + 1}>")
        if isinstance(value, Revealed):
            answers[f"reveal-{value.question.id}"] = revealed(value)  # an exercise may have the same id
    return answers


def revealed(box: Revealed) -> dict[str, Any]:
    """An open reveal: what it says, and the widgets that it shows, numbered as they come."""
    assert box.outcome is not None
    rest = "".join(shown(one) for one in box.outcome.seen if not hasattr(one, "get_state"))
    names: dict[str, str] = {}
    children = [one for one in box.children if one is not box.box]
    models = {}
    waiting = list(children)
    while waiting:
        widget = waiting.pop(0)
        names[widget.model_id] = f"{box.question.id}-{len(names) + 1}"
        state = widget.get_state()
        models[widget.model_id] = {"model_name": state["_model_name"], "state": state}
        waiting += [one for one in getattr(widget, "children", ()) if one.model_id not in names]
    text = json.dumps(models)
    for old, new in names.items():
        text = text.replace(old, new)
    made = json.loads(text)
    return prediction(box.outcome, rest, [names[one.model_id] for one in children], made)


def loaded() -> list[str]:
    """The files of other packages that this process has loaded, with those that only a page needs."""
    importlib.import_module("kubenet_course.site.living")
    files = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    files |= {spec.origin for name in THERE if (spec := importlib.util.find_spec(name))}
    ours = {_source(Path(name)) for name in files if name and "site-packages" in name}
    ours |= {
        Path(str(distribution(name).locate_file(""))) / f"{name}-{version(name)}.dist-info/METADATA" for name in TOLD
    }
    return sorted(str(path) for path in ours if path.is_file() and not set(BUILDERS) & set(path.parts))


def _source(module: Path) -> Path:
    """The Python text of a module: what was compiled for this machine has it beside it."""
    return module if module.suffix == ".py" else module.with_name(module.name.partition(".")[0] + ".py")


def main(name: str, notebooks: str) -> None:
    notebook = json.loads((Path(notebooks) / f"{name}.ipynb").read_text(encoding="utf-8"))
    printed, sys.stdout = sys.stdout, sys.stderr
    sys.modules.update(dict.fromkeys(UNKNOWN))  # type: ignore[arg-type]  # so that what stands in for them is loaded, and found
    answers = of_chapter_here(notebook, name[:2])
    printed.write(json.dumps({"answers": answers, "modules": loaded()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
