"""A module fits in a head, a function on a screen; heavy libraries stay behind one door each."""

import ast
import re
import statistics
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools import build

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "kubenet_course"
MODULES = sorted(PACKAGE.rglob("*.py"))
OURS = [*MODULES, *sorted((ROOT / "tools").glob("*.py")), ROOT / "run.py", ROOT / "conftest.py"]
# Where one subject needs more, one file beats two: each with its reason.
LONGER = {
    "run.py": 280,  # it must run with nothing beside it, on a machine that has only Python
    "kubenet_course/views/story/telling.py": 260,  # what each kind of step tells: one table
    "kubenet_course/linux/packet/packet.py": 280,  # a value a header: what one packet is made of stands together
    "kubenet_course/learn/bank/ch06/recall.py": 290,  # three questions with the words of all their variants
    # nft's grammar is one subject: a table a word, what it becomes, how it is read from text and from JSON.
    **dict.fromkeys(
        (
            f"kubenet_course/linux/netfilter/nft/{name}.py"
            for name in ("acting", "read_json", "readings", "ruleset", "statements", "write")
        ),
        320,
    ),
    "kubenet_course/linux/netfilter/nft/read_rule.py": 360,
}
MODULE_LINES, FUNCTION_LINES, CELL_LINES, USUAL_CELL_LINES = 250, 40, 15, 5

# Who may import what: a module, or a folder with all that is in it.
DOORS = {
    "scapy": ("linux/packet/wire",),
    "matplotlib": ("views/drawing/",),
    "networkx": ("wiring", "views/drawing/", "views/topology/"),
    "ipywidgets": ("views/", "learn/"),
    "anywidget": ("views/", "learn/"),
    "h2": ("lab/http2/",),
    "numpy": (),
}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imported(source: str) -> Iterator[tuple[str, int]]:
    """Every top-level package that a source imports, wherever in it, with the line."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((alias.name.partition(".")[0], node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield (node.module or "").partition(".")[0], node.lineno


def text_lines(source: str) -> set[int]:
    """The lines of a source that hold nothing but a text which some program shows: a question, a manifest."""
    lines, found = source.splitlines(), set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str)):
            whole = range(node.lineno + 1, node.end_lineno) if node.end_lineno > node.lineno else range(0)
            found |= set(whole)
    return found | {n for n, line in enumerate(lines, 1) if re.fullmatch(r"""\s*f?(["']).*\1[,)]*""", line)}


def functions(source: str) -> Iterator[tuple[str, int]]:
    """Every function of a source with its length in lines, decorators and docstring included, lines of mere text left out."""
    texts = text_lines(source)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            yield node.name, sum(number not in texts for number in range(first, node.end_lineno + 1))


def wrong_doors(path: Path, source: str) -> list[str]:
    """The imports that this module of the package may not make."""
    inside = str(path.relative_to(PACKAGE).with_suffix(""))
    return [
        f"line {line} imports {package}"
        for package, line in imported(source)
        if package in DOORS and not any(inside.startswith(door) for door in DOORS[package])
    ]


def lines_of(source: str) -> int:
    """A manifest that a cell holds is for reading; the lines around it count."""
    return len(source.strip().splitlines()) - len(text_lines(source.strip()))


@pytest.mark.parametrize("path", OURS, ids=name_of)
def test_a_module_has_at_most_250_lines(path):
    assert len(path.read_text().splitlines()) <= LONGER.get(name_of(path), MODULE_LINES)


@pytest.mark.parametrize("path", OURS, ids=name_of)
def test_a_function_has_at_most_40_lines(path):
    assert [(name, lines) for name, lines in functions(path.read_text()) if lines > FUNCTION_LINES] == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_heavy_library_is_imported_only_behind_its_door(path):
    assert wrong_doors(path, path.read_text()) == []


def test_the_check_of_doors_sees_an_import_inside_a_function():
    source = "def show():\n    from scapy.layers.l2 import Ether\n"
    assert wrong_doors(PACKAGE / "linux" / "route.py", source) == ["line 2 imports scapy"]
    assert wrong_doors(PACKAGE / "linux" / "packet" / "wire" / "read.py", source) == []


def test_the_check_of_functions_counts_the_decorator():
    source = "@cache\ndef route_for(\n    address,\n):\n    return 1\n"
    assert list(functions(source)) == [("route_for", 5)]


@pytest.mark.parametrize("name", ["utils", "util", "helpers", "helper", "manager", "common", "misc"])
def test_no_module_is_named_for_nothing(name):
    assert [path for path in MODULES if path.stem == name] == []


def test_every_folder_of_the_package_says_so_or_the_import_contract_would_not_see_it():
    assert [folder for folder in {path.parent for path in MODULES} if not (folder / "__init__.py").exists()] == []


def cells(master: Path) -> list[str]:
    """The code that a reader sees: what is collapsed or not shipped is not among it."""
    seen = [cell for cell in build.from_master(master).cells if cell.cell_type == "code"]
    return [cell.source for cell in seen if not {"plumbing", "check"} & set(cell.metadata.get("tags", ()))]


@pytest.mark.parametrize("master", build.masters(), ids=lambda master: master.stem)
def test_a_code_cell_has_at_most_15_lines(master):
    assert [source for source in cells(master) if lines_of(source) > CELL_LINES] == []


@pytest.mark.parametrize("master", build.masters(), ids=lambda master: master.stem)
def test_the_usual_code_cell_has_about_four_lines(master):
    assert statistics.median(lines_of(source) for source in cells(master)) <= USUAL_CELL_LINES


def public_names(source: str) -> list[str]:
    """The functions and classes of a module without a leading underscore."""
    tree = ast.parse(source)
    return [
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
    ]


def test_public_names_that_no_chapter_shows_are_listed(note):
    """A list to read, not a verdict: what no learner meets may be superfluous, or deserve a chapter."""
    shown = set(re.findall(r"\w+", "\n".join(master.read_text() for master in build.masters())))
    total, unseen = 0, {}
    for path in MODULES:
        names = public_names(path.read_text())
        total += len(names)
        if missing := [name for name in names if name not in shown]:
            unseen[path.relative_to(PACKAGE)] = missing
    note(f"{sum(map(len, unseen.values()))} of {total} public names that no chapter shows:")
    for path, names in unseen.items():
        note(textwrap.fill(f"{path}: {', '.join(names)}", 118, initial_indent="  ", subsequent_indent="    "))
