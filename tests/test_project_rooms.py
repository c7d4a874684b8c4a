"""The rooms of the house: no circle of imports, chapters take from the rooms' faces only, a face lends what it names."""

import ast
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from importlib import import_module
from pathlib import Path

import pytest

from tools import build

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "kubenet_course"
ROOMS = ("linux", "shell", "kube", "cni", "lab", "views", "learn")


def module_of(path: Path) -> str:
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    return name.removesuffix(".__init__")


MODULES = {module_of(path): path for path in PACKAGE.rglob("*.py")}


def imported_from(module: str, path: Path) -> Iterator[str]:
    """The modules of the package that a module imports anywhere in it: at its head, in a function, for the type checker alone."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.ImportFrom):
            continue
        base = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
        origin = ".".join([*base, *([node.module] if node.module else [])])
        for alias in node.names:
            found = next((name for name in (f"{origin}.{alias.name}", origin) if name in MODULES), None)
            if found and found != module:
                yield found


def circle(graph: dict[str, set[str]]) -> list[str]:
    """One circle of a graph; nothing where there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_module_leads_back_to_itself_by_imports():
    assert circle({module: set(imported_from(module, path)) for module, path in MODULES.items()}) == []


def test_the_search_for_circles_finds_one():
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) != []


@pytest.mark.parametrize("master", build.masters(), ids=lambda master: master.stem)
def test_a_chapter_takes_from_the_faces_of_rooms_only(master):
    taken = re.findall(r"(?:from|import) (kubenet_course[\w.]*)", master.read_text())
    assert {name for name in taken if name.count(".") != 1} == set()


@pytest.mark.parametrize("room", ROOMS)
def test_a_face_lends_everything_that_it_names(room):
    face = import_module(f"kubenet_course.{room}")
    assert [name for name in dir(face) if getattr(face, name) is None] == []


@pytest.mark.parametrize("room", ROOMS)
def test_no_module_or_folder_of_a_room_bears_the_name_of_something_else_that_the_room_lends(room):
    face = import_module(f"kubenet_course.{room}")
    children = {path.stem for path in (PACKAGE / room).iterdir() if path.suffix == ".py" or path.is_dir()}
    shadowed = [name for name in children & set(dir(face)) if getattr(face, name).__name__ != f"{face.__name__}.{name}"]
    assert shadowed == []


@pytest.mark.parametrize("room", ROOMS)
def test_no_module_imports_the_face_of_its_own_room(room):
    own = f"kubenet_course.{room}"
    inside = {name: path for name, path in MODULES.items() if name.startswith(f"{own}.")}
    assert [name for name, path in inside.items() if own in imported_from(name, path)] == []
