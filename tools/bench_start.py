"""What starting costs: the package's import, and run.py's second run."""

import subprocess
import sys
from pathlib import Path

from tools.bench import Timed, measurement

ROOT = Path(__file__).resolve().parent.parent


def process(*argv: str) -> Timed:
    """A run of this Python from start to end."""
    return lambda: subprocess.run([sys.executable, *argv], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def empty_process() -> Timed:
    return process("-c", "pass")


@measurement("import kubenet_course, in a new process", figure=0.3, floor=empty_process)
def import_package() -> Timed:
    return process("-c", "import kubenet_course")


@measurement("run.py, once installed, up to the program that it starts", figure=1.0, floor=empty_process)
def second_run() -> Timed:
    """The same questions that a second run asks before it turns into JupyterLab."""
    questions = "run.is_current(run.stamped(), run.wanted(run.ROOT, [])), run.is_usable(run.stamped())"
    return process("-c", f"import run; {questions}")
