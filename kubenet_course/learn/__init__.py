"""What makes it a course: predictions, exercises with feedback, progress, facts with versions.

    predict("01-second")                # asks; the question stands in the bank
    reveal("01-second", run, world)     # runs on a copy of world, once a prediction is kept
    exercise("00-source")              # a widget
    check("00-source", "10.244.1.10")  # the same from a plain cell
    hint("00-source"); solution("00-source"); practice("00"); warm_up("02"); progress(); fact("sidecars"); misconception(15)

`reset("00-source")` forgets an answer. `glossary()` lists the words of the course. Each loads when it is first used; only the
widgets load ipywidgets.
"""

from ..faces import face

__getattr__, __dir__ = face(
    __name__,
    {
        "facts": ("fact", "versions"),
        "words": ("glossary",),
        "measurements": ("measured",),
        "misconceptions": ("misconception",),
        "page.terminal": ("Terminal",),
        "page.widgets": ("exercise", "practice", "warm_up"),
        "page.predicting": ("predict", "reveal"),
        "questions.evidence": ("journey",),
        "record.overview": ("progress",),
        "record.session": ("check", "hint", "question", "reset", "solution"),
        "worlds.broken": ("FAULTS", "broken"),
        "worlds.clusters": ("small_world",),
        "worlds.layouts": ("wider",),
        "worlds.modes": ("Crashed", "configured", "in_mode", "many_services"),
        "worlds.overlay": ("fetch", "hardened", "overlay", "tunnelled"),
        "worlds.recorded": ("dump", "recorded"),
        "worlds.service_cluster": ("service_cluster",),
        "worlds.shop": ("shop",),
        "worlds.by_hand": (
            "TWO_PODS",
            "UPLINK",
            "cable",
            "echo",
            "on_a_kernel",
            "plug",
            "routed_pod",
            "scenario",
            "story",
            "typed",
        ),
    },
)
