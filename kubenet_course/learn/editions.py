"""One master, several editions. The learner's is the notebook as built, solutions collapsed; the class edition has none.

In the class edition the results behind a reveal are closed too, and a student may get variants of their own: always the same
ones for the same name. The installed package draws them, and has the solutions. An edition is made from the built notebook,
which a test holds equal to its master in notebooks/src.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from copy import deepcopy
from hashlib import sha256
from pathlib import Path
from typing import Any
from unicodedata import normalize

from ..errors import BadInput
from ..files import refuse_to_replace, write_together
from ..visible import visible
from .bank import find, of_chapter
from .questions.forms import in_words

EDITIONS = {"class": frozenset({"solution"})}  # edition -> the tags of the cells that it leaves out
STATE = "application/vnd.jupyter.widget-state+json"
VIEW = "application/vnd.jupyter.widget-view+json"
MODEL = "IPY_MODEL_"
Notebook = dict[str, Any]
CLOSED = "This result is closed in the class edition. Run this cell to see it."
REVEAL = re.compile(r"^reveal\(", re.MULTILINE)
QUESTION = re.compile(
    r"^(?:predict|reveal|exercise|practice|warm_up)\(", re.MULTILINE
)  # a box of its own shows: it holds no result
DRAWN = re.compile(r"""^(exercise|practice)\(["']([^"']+)["'](?:, *variant *= *\d+)?\)""", re.MULTILINE)
VARIANTS = 1_000_000  # a name is given one of so many for each exercise
MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+!|~$<>&-])")


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


def closed(notebook: Notebook) -> Notebook:
    """The notebook with the results of all cells behind its first reveal closed: some of them answer what was asked."""
    made, is_behind = deepcopy(notebook), False
    for cell in made["cells"]:
        if cell["cell_type"] != "code":
            continue
        source = "".join(cell["source"])
        if is_behind and cell["outputs"] and not QUESTION.search(source):
            cell["outputs"] = [_words(cell, CLOSED)]
        is_behind = is_behind or bool(REVEAL.search(source))
    _forget_widgets(made)
    return made


def drawn_for(notebook: Notebook, student: str) -> Notebook:
    """The notebook with the exercises that are drawn for one student's name, and the name above them."""
    made = deepcopy(notebook)
    for cell in made["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "code" and (asked := DRAWN.search(source)):
            variant = variant_for(student, asked[2])
            cell["source"] = DRAWN.sub(rf'\1("\2", variant={variant})', source)
            first = find(asked[2]) if asked[1] == "exercise" else of_chapter(asked[2])[0]
            said = in_words(first, variant).replace(f'check("{first.id}", ...)', f'check("{first.id}", ..., {variant})')
            cell["outputs"] = [_words(cell, said)]
    whose = MARKDOWN.sub(r"\\\1", student)
    head = f"*Class edition for* {whose}. *The questions of its exercises are drawn for this name.*"
    place = next((at for at, cell in enumerate(made["cells"], 1) if "".join(cell["source"]).startswith("# ")), 0)
    made["cells"].insert(place, {"cell_type": "markdown", "id": "class-edition-for", "metadata": {}, "source": head})
    _forget_widgets(made)
    return made


def variant_for(student: str, id: str) -> int:
    """The variant that a student gets of an exercise: the same on every machine and in every year."""
    return int.from_bytes(sha256(f"{student}\0{id}".encode()).digest()[:8]) % VARIANTS


def _words(cell: dict[str, Any], said: str) -> dict[str, Any]:
    """What a cell shows where it shows words alone."""
    return {
        "output_type": "execute_result",
        "execution_count": cell["execution_count"],
        "data": {"text/plain": said},
        "metadata": {},
    }


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


def write(name: str, masters: Path, out: Path, force: bool = False, student: str = "") -> list[Path]:
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
    files = {path: _text(_edited(notebook, name, student)) for path, notebook in made}
    if not force:
        refuse_to_replace(files, "--force")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(str(out), error.strerror or str(error), "name a folder that you can write to") from None
    write_together(files)
    return list(files)


def _edited(notebook: Notebook, name: str, student: str) -> Notebook:
    made = closed(edition(notebook, EDITIONS[name]))
    return drawn_for(made, student) if student else made


def student_named(said: str) -> str:
    """A name as it counts: without spaces around it, and in one spelling of its accents. Raises BadInput for none."""
    name = normalize("NFC", " ".join(said.split()))
    if not name or name != visible(name) or len(name) > 100:
        raise BadInput("--student", f"{said[:100]!r} is no name", "write 1 to 100 letters, such as 'Ada Lovelace'")
    return name


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
