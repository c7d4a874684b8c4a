"""Shares of several wholes as a PNG, a bar each, for pages that draw no widget. Light colours only."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from .theme import LIGHT

FILLS = ("pod", "bridge", "device", "segment")  # of the first part, the second, ...
WIDE, HIGH, LEFT = 9.4, 0.32, 0.09  # inches, inches a bar, the share of the names


def bars_png(title: str, asked: str, rows: Sequence[tuple[str, Sequence[int], str]]) -> str:
    """Rows of (name, parts, what stands behind the bar), as notebooks store a PNG."""
    tall = HIGH * len(rows) + 0.75
    figure = Figure(figsize=(WIDE, tall), dpi=96, facecolor=LIGHT["paper"])
    FigureCanvasAgg(figure)
    axes = figure.add_axes((LEFT, 0.05 / tall, 0.76 - LEFT, HIGH * len(rows) / tall))
    axes.set_xlim(0, 1)
    axes.set_ylim(len(rows), 0)
    axes.set_xticks([])
    axes.set_yticks([at + 0.5 for at in range(len(rows))], [name for name, _, _ in rows], fontsize=8)
    axes.tick_params(length=0, labelsize=8, colors=LIGHT["ink"])
    for side in axes.spines.values():
        side.set_visible(False)
    for at, (_, parts, behind) in enumerate(rows):
        left, whole = 0.0, sum(parts) or 1
        for number, part in enumerate(parts):
            wide = part / whole
            colour = LIGHT[FILLS[number % len(FILLS)]]
            axes.barh(at + 0.5, wide, left=left, height=0.76, color=colour, edgecolor=LIGHT["line"], lw=0.5)
            if wide > 0.05:
                axes.text(left + wide / 2, at + 0.52, f"{number + 1}: {part}", fontsize=7, ha="center", va="center")
            left += wide
        axes.text(1.01, at + 0.52, behind, fontsize=7.5, va="center", color=LIGHT["ink"], clip_on=False)
    figure.text(0.01, 0.98, title, fontsize=9.5, fontweight="bold", va="top", color=LIGHT["ink"])
    figure.text(0.01, 0.98 - 0.24 / tall, asked, fontsize=8, va="top", color=LIGHT["quiet"])
    figure.text(0.765, 0.98 - 0.46 / tall, "half / 19 of 20 within", fontsize=7.5, va="top", color=LIGHT["quiet"])
    file = io.BytesIO()
    figure.savefig(file, format="png", metadata={"Software": None})
    return base64.b64encode(file.getvalue()).decode()
