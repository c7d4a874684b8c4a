"""One master, several editions. The learner's is the notebook as built, solutions collapsed; the class edition has none.

An edition is made from the built notebook, which a test holds equal to its master in notebooks/src. Editions for
instructors, recall and slides would be further entries of EDITIONS.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

from ..errors import BadInput
from ..files import refuse_to_replace, write_together

EDITIONS = {"class": frozenset({"solution"})}  # edition -> the tags of the cells that it leaves out
STATE = "application/vnd.jupyter.widget-state+json"
VIEW = "application/vnd.jupyter.widget-view+json"
MODEL = "IPY_MODEL_"
Notebook = dict[str, Any]


def edition(notebook: Notebook, without: Iterable[str]) -> Notebook:
    """The notebook without the cells of some tags, nor anything that only they left behind; counted anew."""
    made, left_out = deepcopy(notebook), set(without)
    made["cells"] = [cell for cell in made["cells"] if not left_out & set(cell["metadata"].get("tags", ()))]
    run = [cell for cell in made["cells"] if cell.get("execution_count")]
    for number, cell in enumerate(run, 1):
        cell["execution_count"] = number
        for output in cell["outputs"]:
            if output["output_type"] == "execute_result":
                output["execution_count"] = number
    _forget_widgets(made)
    return made


def _forget_widgets(notebook: Notebook) -> None:
    """Keeps the state of those widgets that are still shown, and of those that they are made of."""
    widgets = notebook["metadata"].get("widgets", {}).get(STATE)
    if not widgets:
        return
    models, kept = widgets["state"], set[str]()
    waiting = [model for cell in notebook["cells"] for model in _shown(cell)]
    while waiting:
        model = waiting.pop()
        if model in models and model not in kept:
            kept.add(model)
            waiting += _named(models[model])
    widgets["state"] = {model: state for model, state in models.items() if model in kept}
    if not widgets["state"]:
        del notebook["metadata"]["widgets"]


def _shown(cell: dict[str, Any]) -> Iterator[str]:
    for output in cell.get("outputs", ()):
        if VIEW in output.get("data", {}):
            yield output["data"][VIEW]["model_id"]


def _named(value: Any) -> list[str]:
    """The models that a model's state names, anywhere in it."""
    if isinstance(value, str):
        return [value.removeprefix(MODEL)] if value.startswith(MODEL) else []
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [name for part in parts for name in _named(part)]


def write(name: str, masters: Path, out: Path, force: bool = False) -> list[Path]:
    """Writes an edition of every notebook in a folder, all or none; returns the paths. Raises BadInput.

    What stands there already and differs is somebody's work: only `force` replaces it.
    """
    if name not in EDITIONS:
        raise BadInput("edition", f"there is none named {name!r}", f"write one of {', '.join(EDITIONS)}")
    if not (masters / "src").is_dir():
        raise BadInput(str(masters), "there is no folder src with masters in it", "name the course's folder notebooks")
    if out.resolve() in (masters.resolve(), (masters / "src").resolve()):
        raise BadInput(str(out), "this is where the masters are", "name another folder")
    if out.exists() and not out.is_dir():
        raise BadInput(str(out), "this is a file", "name a folder")
    made = [
        (out / f"{master.stem}.ipynb", _built(master, masters))
        for master in sorted((masters / "src").glob("[0-9]*.md"))
    ]
    files = {path: _text(edition(notebook, EDITIONS[name])) for path, notebook in made}
    if not force:
        refuse_to_replace(files, "--force")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(str(out), error.strerror or str(error), "name a folder that you can write to") from None
    write_together(files)
    return list(files)


def _text(notebook: Notebook) -> bytes:
    return (json.dumps(notebook, indent=1, ensure_ascii=False) + "\n").encode()


def _built(master: Path, masters: Path) -> Notebook:
    """The notebook of a master, as it was built last."""
    path = masters / f"{master.stem}.ipynb"
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInput(str(path), f"{master.name} has not been built", "run `python3 run.py build`") from None
    except ValueError as error:
        raise BadInput(str(path), f"this is no notebook: {error}", "run `python3 run.py build`") from None
