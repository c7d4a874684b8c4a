"""What conftest.py promises: no silent skip in CI, slow tests by option, a private home, a printed seed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
STORIES = """
import os
import pytest

def test_that_runs(seed, rounds, note):
    note(f"seed {seed}, rounds {rounds}, data in {os.environ['XDG_DATA_HOME']}")

def test_that_cannot():
    pytest.skip("no network namespaces here")

@pytest.mark.skipif(True, reason="no root here")
def test_that_is_never_tried():
    raise AssertionError

@pytest.mark.xfail(reason="a known deviation", strict=True)
def test_that_must_fail():
    raise AssertionError

@pytest.mark.slow
def test_that_takes_long():
    pass
"""
ABSENT = 'import pytest\npytest.importorskip("a_library_that_nobody_has")\n'


def pytest_run(path: Path, source: str, *options: str, ci: bool) -> str:
    """What pytest prints for a file of tests under the project's conftest.py."""
    path.write_text(source)
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "KUBENET_CI": "1" if ci else ""}
    argv = [sys.executable, "-m", "pytest", "-p", "conftest", "-p", "no:cacheprovider", "-q", "-rA", *options]
    argv += ["-c", os.devnull, "--rootdir", str(path.parent), "-o", "markers=slow", str(path)]
    return subprocess.run(argv, cwd=path.parent, env=environ, capture_output=True, text=True, check=False).stdout


@pytest.fixture
def path(tmp_path):
    return tmp_path / "test_stories.py"


def test_at_home_a_skip_stays_a_skip(path):
    assert "1 passed, 2 skipped, 1 deselected, 1 xfailed" in pytest_run(path, STORIES, ci=False)


def test_in_ci_a_skip_is_a_failure_with_its_reason_and_an_expected_failure_stays_one(path):
    said = pytest_run(path, STORIES, ci=True)
    assert "1 failed, 1 passed, 1 deselected, 1 xfailed, 1 error" in said
    assert "nothing may be skipped under KUBENET_CI=1, and this was: Skipped: no network namespaces here" in said
    assert "no root here" in said


def test_in_ci_a_file_that_skips_itself_is_a_failure_too(path):
    assert "1 skipped" in pytest_run(path, ABSENT, ci=False)
    said = pytest_run(path, ABSENT, ci=True)
    assert "a_library_that_nobody_has" in said
    assert "1 error" in said


def test_slow_tests_run_when_asked_for(path):
    assert "2 passed" in pytest_run(path, STORIES, "--slow", ci=False)


def test_the_seed_and_the_rounds_are_printed_and_can_be_given(path):
    said = pytest_run(path, STORIES, "--seed", "7", "--rounds", "10", ci=False)
    assert "seed 7, rounds 10" in said


def test_tests_do_not_touch_the_persons_own_data(path):
    said = pytest_run(path, STORIES, ci=False)
    assert "data in " in said
    assert str(Path.home() / ".local") not in said
