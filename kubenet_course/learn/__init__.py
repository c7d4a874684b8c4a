"""What makes it a course: predictions, exercises with feedback, progress, facts with versions.

    predict("01-bind", "The second container gets...", choices=["an error", "the port too"])
    reveal("01-bind", truth, beliefs={"the port too": 55})
    exercise("00-source")              # a widget
    check("00-source", "10.244.1.10")  # the same from a plain cell
    hint("00-source"); solution("00-source"); practice("00"); warm_up("02"); progress(); fact("sidecars"); misconception(15)

Each loads when it is first used; only the widgets load ipywidgets.
"""

from importlib import import_module
from typing import Any

_HOME = {
    "exercise": "widgets",
    "practice": "widgets",
    "predict": "widgets",
    "reveal": "widgets",
    "warm_up": "widgets",
    "check": "session",
    "progress": "overview",
    "hint": "session",
    "question": "session",
    "solution": "session",
    "fact": "facts",
    "misconception": "misconceptions",
}
__all__ = [
    "check",
    "exercise",
    "fact",
    "hint",
    "misconception",
    "practice",
    "predict",
    "progress",
    "question",
    "reveal",
    "solution",
    "warm_up",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"kubenet_course.learn has no {name!r}; it has {', '.join(__all__)}")
