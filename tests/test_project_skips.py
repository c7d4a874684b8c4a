"""What conftest.py promises: no silent skip in CI, slow tests by option, a private home, a printed seed."""

import os
import re
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


def said_by_pytest(folder: Path, *options: str, ci: bool) -> str:
    """What pytest prints for both files of tests under the project's conftest.py."""
    (folder / "test_stories.py").write_text(STORIES)
    (folder / "test_absent.py").write_text(ABSENT)
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "KUBENET_CI": "1" if ci else ""}
    argv = [sys.executable, "-m", "pytest", "-p", "conftest", "-p", "no:cacheprovider", "-q", "-rA", *options]
    argv += ["-c", os.devnull, "--rootdir", str(folder), "-o", "markers=slow", "--continue-on-collection-errors"]
    ended = subprocess.run([*argv, str(folder)], cwd=folder, env=environ, capture_output=True, text=True, check=False)
    return ended.stdout


@pytest.fixture(scope="module")
def at_home(tmp_path_factory):
    return said_by_pytest(tmp_path_factory.mktemp("home"), "--slow", "--seed", "7", "--rounds", "10", ci=False)


@pytest.fixture(scope="module")
def in_ci(tmp_path_factory):
    return said_by_pytest(tmp_path_factory.mktemp("ci"), ci=True)


def test_at_home_a_skip_stays_a_skip(at_home):
    assert "2 passed, 3 skipped, 1 xfailed" in at_home


def test_in_ci_a_skip_is_a_failure_with_its_reason_and_an_expected_failure_stays_one(in_ci):
    assert "1 failed, 1 passed, 1 deselected, 1 xfailed, 2 errors" in in_ci
    assert "nothing may be skipped under KUBENET_CI=1, and this was: Skipped: no network namespaces here" in in_ci
    assert "no root here" in in_ci


def test_in_ci_a_file_that_skips_itself_is_a_failure_too(in_ci):
    assert "a_library_that_nobody_has" in in_ci


def test_slow_tests_run_only_when_asked_for(at_home, in_ci):
    assert "::test_that_takes_long" in at_home
    assert "::test_that_takes_long" not in in_ci


def test_the_seed_and_the_rounds_can_be_given_and_reach_the_tests(at_home):
    assert "seed 7, rounds 10" in at_home


def test_without_a_seed_one_is_drawn_and_printed(in_ci):
    assert re.search(r"seed \d+, rounds 1,", in_ci)


def test_tests_do_not_touch_the_persons_own_data(at_home):
    folder = re.search(r"data in (\S+)", at_home)[1]
    assert not Path(folder).is_relative_to(Path.home() / ".local")
    assert not Path(folder).exists()  # gone with the run
