"""Lanes along a line of time as a PNG, for pages that draw no widget: GitHub, nbconvert, print. Light colours only."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from .theme import LIGHT, shortened

FILLS = {"good": "bridge", "waits": "device", "idle": "segment", "bad": "here-fill"}
SIGNS = {"Success": ("o", "good"), "Failure": ("X", "bad")}
OTHER = ("v", "here")
WIDE, HIGH, LEFT = 9.4, 0.3, 0.19  # inches, inches a lane, the share of the labels
POINTS_WIDE = WIDE * (0.98 - LEFT) * 72  # of the lanes
MOST_WORDS = 62  # px for each tenth of the picture


def lanes_png(story: Mapping[str, Any]) -> str:
    """The PNG of a story (`views/timeline/story.py`) as notebooks store it."""
    rows, until = story["rows"], story["until"]
    figure = Figure(figsize=(WIDE, HIGH * len(rows) + 0.75), dpi=96, facecolor=LIGHT["paper"])
    FigureCanvasAgg(figure)
    axes = figure.add_axes(
        (LEFT, 0.42 / (HIGH * len(rows) + 0.75), 0.98 - LEFT, HIGH * len(rows) / (HIGH * len(rows) + 0.75))
    )
    axes.set_xlim(0, until)
    axes.set_ylim(len(rows), 0)
    axes.set_yticks(
        [at + 0.5 for at in range(len(rows))], [row["label"] for row in rows], fontsize=8, color=LIGHT["ink"]
    )
    axes.tick_params(length=0, labelsize=8, colors=LIGHT["ink"])
    axes.set_xlabel("seconds since the pod was created", fontsize=8, color=LIGHT["quiet"])
    for side in axes.spines.values():
        side.set_visible(False)
    for at, row in enumerate(rows):
        _spans(axes, at, row["spans"], until)
        for sign, tone in (*SIGNS.values(), OTHER):
            times = [t for t, value, _, _ in row["marks"] if SIGNS.get(value, OTHER) == (sign, tone)]
            axes.plot(times, [at + 0.5] * len(times), sign, color=LIGHT[tone], markersize=5, clip_on=False)
        _bars(axes, at, row["bars"], until)
    figure.suptitle(story["title"], x=0.01, y=0.995, ha="left", fontsize=9.5, fontweight="bold", color=LIGHT["ink"])
    file = io.BytesIO()
    figure.savefig(file, format="png", metadata={"Software": None})
    return base64.b64encode(file.getvalue()).decode()


def _spans(axes, at: int, spans: Sequence[Sequence[Any]], until: float) -> None:
    for since, to, value, tone in spans:
        axes.barh(
            at + 0.5, to - since, left=since, height=0.78, color=LIGHT[FILLS[tone]], edgecolor=LIGHT["line"], lw=0.5
        )
        room = (to - since) / until * MOST_WORDS * 10
        if room > 26:
            word = shortened(value, room, 9.5)
            axes.text(since + until * 0.004, at + 0.53, word, fontsize=7, va="center", color=LIGHT["ink"], clip_on=True)


def _bars(axes, at: int, bars: Sequence[Sequence[Any]], until: float) -> None:
    """All seconds at once, a line each: a patch for each of them would take most of a picture's time."""
    seen = [(second + 0.5, served, lost) for second, served, lost, _ in bars if served or lost]
    if not seen:
        return
    most = max(served + lost for _, served, lost in seen) / 0.8
    wide = 0.8 * POINTS_WIDE / until
    where, foot = [one[0] for one in seen], at + 0.9
    good = [foot - served / most for _, served, _ in seen]
    bad = [top - lost / most for top, (_, _, lost) in zip(good, seen, strict=True)]
    axes.vlines(where, foot, good, colors=LIGHT["good"], linewidth=wide)
    axes.vlines(where, good, bad, colors=LIGHT["bad"], linewidth=wide)
