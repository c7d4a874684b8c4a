"""What every test run shares: a private home, one printed seed, slow tests by option, and no silent skip in CI."""

import os
import secrets
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tools import private_home

pytest_plugins = ["tools.notebook_budget"]

IN_CI = os.environ.get("KUBENET_CI") == "1"
NOTES = pytest.StashKey[list[str]]()
HOME = pytest.StashKey[tempfile.TemporaryDirectory]()

settings.register_profile("kubenet", deadline=None, print_blob=True)
settings.load_profile("kubenet")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("kubenet")
    group.addoption("--slow", action="store_true", help="run the tests marked slow too")
    group.addoption("--rounds", type=int, default=1, help="multiply the random comparisons")
    group.addoption("--seed", type=int, default=None, help="of the random comparisons; drawn and printed when absent")


def pytest_configure(config: pytest.Config) -> None:
    """Tests and the kernels they start never read or write the person's own progress, history or settings."""
    home = tempfile.TemporaryDirectory(prefix="kubenet-test-")
    config.stash[HOME] = home
    config.stash[NOTES] = []
    private_home.move_into(Path(home.name))
    if config.option.seed is None:
        config.option.seed = secrets.randbelow(1_000_000)


def pytest_unconfigure(config: pytest.Config) -> None:
    config.stash[HOME].cleanup()


def pytest_report_header(config: pytest.Config) -> str:
    return f"kubenet: --seed {config.option.seed} --rounds {config.option.rounds}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Slow tests are left out, not skipped: a skip says "cannot here", and in CI nothing may be unable."""
    if config.option.slow:
        return
    slow = [item for item in items if item.get_closest_marker("slow")]
    if slow:
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if not item.get_closest_marker("slow")]


def failed_if_skipped(report: pytest.TestReport | pytest.CollectReport) -> None:
    """In CI a skip is a failure that keeps its reason; an expected failure stays one."""
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"nothing may be skipped under KUBENET_CI=1, and this was: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Iterator[None]:
    report = yield
    failed_if_skipped(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Iterator[None]:
    report = yield
    failed_if_skipped(report)
    return report


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """The run's seed, printed in the header; give it back with --seed to see the same cases again."""
    return request.config.option.seed


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> int:
    """How many times the usual number of random cases is wanted."""
    return request.config.option.rounds


@pytest.fixture
def note(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Says a line at the end of the run whether or not anything failed."""
    return request.config.stash[NOTES].append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if config.stash[NOTES]:
        terminalreporter.section("notes")
        for line in config.stash[NOTES]:
            terminalreporter.write_line(line)
