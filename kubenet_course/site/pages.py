"""The whole site: a page for each chapter, the contents, the words, the exercises, and what they share."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from msgspec import Struct

from ..data import NOTEBOOKS
from ..errors import BadInput
from ..files import refuse_to_replace, write_together
from ..learn.bank import of_chapter
from ..learn.editions import EDITIONS, closed, edition
from ..learn.words import terms
from ..version import __version__
from ..views.drawing.theme import variables
from .aboard import python
from .answers import packed
from .chapter import Chapter, chapter
from .lookup import index
from .models import Scripts
from .outcomes import Outcomes, of_all

ASSETS = Path(__file__).parent / "assets"
LEARNER, CLASS = "learner", "class"
MINUTES = re.compile(r"(?:takes about|time:|about) (?:about )?(\d+)\s+minutes", re.IGNORECASE)
LAST_NUMBER = re.compile(r"<td>(\d+)</td>\s*</tr>")
# What the exams of the CNCF call services and networking, by chapter. Only chapters that are there are shown.
EXAM = ("01", "03", "08", "09", "10", "11", "12", "13")


class Row(Struct, frozen=True):
    """An exercise in the list of all: where it is asked, or where it can be practised."""

    id: str
    title: str
    page: str


def read(name: str, notebooks: Path) -> Any:
    """A built notebook. Raises BadInput."""
    path = notebooks / f"{name}.ipynb"
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInput(str(path), "this chapter has not been built", "run `python3 run.py build`") from None
    except (OSError, ValueError) as error:
        raise BadInput(str(path), f"this is no notebook: {error}", "run `python3 run.py build`") from None


def names(notebooks: Path) -> list[str]:
    """The chapters that there are: a master says so, and its built notebook is what is shown. Raises BadInput."""
    found = sorted(path.stem for path in (notebooks / "src").glob("[0-9][0-9]-*.md"))
    if not found:
        raise BadInput(
            str(notebooks), "there is no folder src with masters in it", "name the course's folder notebooks"
        )
    return found


def chapters(notebooks: Path, scripts: Scripts, kind: str = LEARNER) -> list[Chapter]:
    """Every chapter. The class edition has neither solutions nor the results behind a reveal."""
    made = []
    for name in names(notebooks):
        notebook = read(name, notebooks)
        if kind == CLASS:
            notebook = closed(edition(notebook, EDITIONS[CLASS]))
        made.append(chapter(name, notebook, scripts))
    return made


def templates() -> Environment:
    made = Environment(
        loader=PackageLoader("kubenet_course.site"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["inside_script"] = inside_script
    return made


def inside_script(value: Any) -> Markup:
    """JSON that may stand in a script element: no `<` begins a tag there."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return Markup(text.replace("<", "\\u003c"))


def rows(of: Chapter) -> list[Row]:
    """The exercises of a chapter in their order, each with the place where it is asked."""
    places = {cell.question[1]: cell.number for cell in of.cells if cell.question and cell.question[0] == "exercise"}
    practised = next((cell.number for cell in of.cells if cell.question and cell.question[0] == "practice"), 0)
    found = [(one, places.get(one.id, practised)) for one in of_chapter(of.number)]
    return [Row(one.id, one.title, f"{of.name}.html" + (f"#cell-{at}" if at else "")) for one, at in found]


def minutes(of: Chapter) -> int:
    """How long a chapter takes, as it says at its head or in a table of its sections; 0 where it does not say it."""
    head = next((cell.html for cell in of.cells if not cell.is_code), "")
    if "<th>minutes</th>" in head:
        return sum(map(int, LAST_NUMBER.findall(head)))
    found = MINUTES.search(" ".join(section.words for section in of.sections[:2]))
    return int(found[1]) if found else 0


def own_cluster(of: Chapter) -> str:
    """The name of the section that is about a cluster of one's own; empty where a chapter has none."""
    return next((one.heading.anchor for one in of.sections if "own cluster" in one.heading.text.casefold()), "")


def site(notebooks: Path = NOTEBOOKS, kind: str = LEARNER, pyodide: Path | None = None) -> dict[str, bytes]:
    """Every file of the site by its name. With `pyodide`, its folder, the pages can run Python."""
    scripts = Scripts()
    every = chapters(notebooks, scripts, kind)
    jinja = templates()
    shared = {"python": pyodide is not None, "release": __version__, "answers": kind == LEARNER, "kind": kind}
    texts = {}
    for at, one in enumerate(every):
        before, after = (every[at - 1] if at else None), (every[at + 1] if at + 1 < len(every) else None)
        page = {**shared, "name": one.name, "chapter": one.number, "models": one.models}
        page["exercises"] = [exercise.id for exercise in of_chapter(one.number)]
        texts[f"{one.name}.html"] = _drawn(
            jinja, "chapter", title=f"{one.number} {one.title}", chapter=one, page=page, before=before, after=after
        )
    texts |= _around(jinja, every, shared)
    texts |= {f"assets/{path.name}": path.read_text(encoding="utf-8") for path in sorted(ASSETS.iterdir())}
    texts["assets/theme.css"] = variables(".kn-page")
    texts["assets/index.js"] = index(every, _places(every))
    ran = of_all([one.name for one in every], notebooks) if kind == LEARNER or pyodide else Outcomes({}, ())
    if kind == LEARNER:
        texts |= _answers(ran, scripts)
    texts["assets/widgets.js"], texts["assets/widgets.css"] = scripts.script(), scripts.style()
    pictures = {name: png for one in every for name, png in one.pictures.items()}
    files = {name: text.encode() for name, text in texts.items()} | pictures
    return files | (python(pyodide, ran.modules) if pyodide else {})


def _answers(outcomes: Outcomes, scripts: Scripts) -> dict[str, str]:
    """A file for each question, with what is said of each answer to it."""
    made = {}
    for id, told in outcomes.answers.items():
        slim = {"models": scripts.slim(told["models"])} if "models" in told else {}
        made[f"answers/{id}.js"] = packed(id, {**told, **slim})
    return made


def _around(jinja: Environment, every: Sequence[Chapter], shared: Mapping[str, Any]) -> dict[str, str]:
    """The pages that are no chapter."""
    told = [(one, minutes(one)) for one in every]
    return {
        "index.html": _drawn(
            jinja,
            "contents",
            title="Contents",
            chapters=told,
            page=shared,
            exam=[one for one in every if one.number in EXAM],
            own=[(one, own_cluster(one)) for one in every if own_cluster(one)],
        ),
        "glossary.html": _drawn(jinja, "glossary", title="Words", page=shared, words=_words(every)),
        "exercises.html": _drawn(
            jinja,
            "exercises",
            title="Exercises",
            page={**shared, "asked": [one.id for chapter in every for one in of_chapter(chapter.number)]},
            chapters=[(one, rows(one)) for one in every if rows(one)],
        ),
    }


def _words(every: Sequence[Chapter]) -> list[tuple[Any, str]]:
    """The words of the course, each with the page of the chapter that teaches it, where that is written."""
    pages = {one.number: f"{one.name}.html" for one in every}
    return [(term, pages.get(term.chapter, "")) for term in terms().values()]


def _places(every: Sequence[Chapter]) -> list[tuple[str, str, str, str]]:
    """What can be searched besides the chapters."""
    found = [
        (f"glossary.html#{term.name.replace(' ', '-')}", "Words", term.name, term.says) for term in terms().values()
    ]
    return found + [(row.page, f"Exercise of {one.number}", row.title, row.id) for one in every for row in rows(one)]


def _drawn(jinja: Environment, template: str, **values: Any) -> str:
    return jinja.get_template(f"{template}.html.j2").render(**values)


def write(
    out: Path, notebooks: Path = NOTEBOOKS, kind: str = LEARNER, pyodide: Path | None = None, force: bool = False
) -> list[Path]:
    """Writes the site into a folder, all of it or nothing; returns the paths. Raises BadInput.

    What stands there already and differs is somebody's work: only `force` replaces it.
    """
    if out.exists() and not out.is_dir():
        raise BadInput(str(out), "this is a file", "name a folder")
    files = {out / name: data for name, data in site(notebooks, kind, pyodide).items()}
    if not force:
        refuse_to_replace(files, "--force")
    try:
        for folder in {path.parent for path in files}:
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(str(out), error.strerror or str(error), "name a folder that you can write to") from None
    write_together(files)
    return list(files)
