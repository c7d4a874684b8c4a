"""Part of every test run: a notebook runs in 15 seconds, and its kernel stays within 250 MB.

Measured while nbval runs the cells, which costs nothing; a notebook over its budget fails at its last cell.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from nbval.plugin import IPyNbCell

SECONDS = 15.0
MEGABYTES = 250.0
SPENT: dict[str, float] = defaultdict(float)


def peak_megabytes(status: str) -> float:
    """The most memory that a process ever held, from the text of Linux's /proc/PID/status (proc(5), VmHWM)."""
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0


def over_budget(seconds: float, megabytes: float) -> str:
    """What was exceeded, in a sentence; empty when nothing was."""
    excess = []
    if seconds > SECONDS:
        excess.append(f"ran for {seconds:.1f} s and may take {SECONDS:.0f}")
    if megabytes > MEGABYTES:
        excess.append(f"held {megabytes:.0f} MB and may hold {MEGABYTES:.0f}")
    return f"this notebook {' and '.join(excess)}" if excess else ""


def kernel_status(cell: IPyNbCell) -> str:
    """/proc/PID/status of the cell's kernel; empty where there is no /proc or the kernel is gone."""
    process = getattr(cell.parent.kernel.km.provisioner, "process", None)
    try:
        return Path(f"/proc/{process.pid}/status").read_text()
    except (OSError, AttributeError):
        return ""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Adds up a notebook's time; the report of its last cell carries the verdict."""
    report = yield
    if isinstance(item, IPyNbCell):
        SPENT[str(item.path)] += call.duration
        last = [other for other in item.session.items if other.parent is item.parent][-1]
        if item is last and call.when == "call" and report.passed:
            excess = over_budget(SPENT[str(item.path)], peak_megabytes(kernel_status(item)))
            if excess:
                report.outcome, report.longrepr = "failed", excess
    return report
