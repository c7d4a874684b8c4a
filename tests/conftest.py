"""How many random rule sets are compared with the real kernel."""

import os
from itertools import count
from pathlib import Path

import pytest

HOMES = count()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("kubenet")
    group.addoption("--live", type=int, default=20, metavar="N", help="rule sets to compare with the real kernel (20)")


@pytest.fixture(autouse=True)
def a_progress_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """What a test answers stays with that test: the notebooks, which run after all tests, meet a learner who has done nothing."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path_factory.getbasetemp() / f"home-{next(HOMES)}"))


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The course's site, built once for a run; with Python for the browser where pyodide is at hand.

    KUBENET_SITE names one that was built before, for who changes a page and looks again.
    """
    if before := os.environ.get("KUBENET_SITE"):
        return Path(before)
    from site_pages import PYODIDE, can_wake

    from kubenet_course.site.pages import write

    folder = tmp_path_factory.mktemp("served") / "site"
    write(folder, pyodide=PYODIDE if can_wake() else None)
    return folder
