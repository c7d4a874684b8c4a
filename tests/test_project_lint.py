"""The linter, the formatter, the type checker and the import contract are tests like any other."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
SOURCES = ["kubenet_course", "tools", "tests", "run.py", "conftest.py"]
HEAVY = {"scapy", "numpy", "matplotlib", "networkx", "ipywidgets", "anywidget", "IPython"}


def said_by(*argv: str) -> str:
    """What a program had to complain about; empty when it was content."""
    ended = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    return "" if ended.returncode == 0 else ended.stdout + ended.stderr


def modules_loaded_by(program: str) -> set[str]:
    """What a program prints, which runs in a Python of its own."""
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return set(ended.stdout.split())


def test_ruff_finds_nothing_to_complain_about():
    assert said_by(str(BIN / "ruff"), "check", "--quiet", *SOURCES) == ""


def test_every_file_is_formatted():
    assert said_by(str(BIN / "ruff"), "format", "--check", "--quiet", *SOURCES) == ""


def test_the_types_hold():
    assert said_by(str(BIN / "mypy"), "--no-error-summary") == ""


def test_imports_run_one_way_only():
    assert said_by(str(BIN / "lint-imports"), "--no-cache") == ""


def test_importing_the_package_loads_no_heavy_library():
    program = "import sys, kubenet_course; print(*sorted(name for name in sys.modules if '.' not in name))"
    assert HEAVY & modules_loaded_by(program) == set()


@pytest.mark.parametrize("room", ["linux", "kube"])
def test_the_models_need_neither_numpy_nor_a_widget_so_that_they_can_run_in_a_browser(room):
    program = (
        f"import importlib, pkgutil, sys, kubenet_course.{room} as room\n"
        "for found in pkgutil.walk_packages(room.__path__, room.__name__ + '.'):\n"
        "    importlib.import_module(found.name)\n"
        "print(*sorted(name for name in sys.modules if '.' not in name))"
    )
    assert (HEAVY - {"scapy"}) & modules_loaded_by(program) == set()
