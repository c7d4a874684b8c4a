"""Every code cell of every chapter in a browser's Python, from the site's own files: the same words as in the stored notebook."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import nbformat
import pytest
from site_pages import NODE, can_wake

from kubenet_course.site.prose import joined
from tools import build

HERE = Path(__file__).parent / "pyodide"
# The cells that ask for what a browser has not, or use what such a cell made, by words in them: sockets, processes, threads, files.
REAL = {
    "01-the-pod": ("told_second(", "reuseport", "reuseaddr=True"),
    "06-cni-the-contract": ("CNI_COMMAND", '"store" / "podnet"', "by_hand(", 'place / "'),
    "07-overlays-and-underlays": (
        "letter = IP(",
        "attempt = Ether(",
    ),  # scapy asks for /etc/protocols and for network cards
    "08-a-pods-life": ("side_by_side",),
    "10-the-other-proxies": ("talk(",),
    "11-from-outside": ("serving(",),
}
pytestmark = pytest.mark.skipif(
    not (can_wake() and shutil.which("node")),
    reason="there is no pyodide; run `npm install` in tests/pyodide, as .ci/run does",
)
CHAPTERS = pytest.mark.parametrize("master", build.masters(), ids=lambda master: master.stem)


def cells(master: Path) -> list[Any]:
    return [one for one in nbformat.read(build.notebook_of(master), as_version=4).cells if one.cell_type == "code"]


def stored(cell: Any) -> list[str]:
    return [joined(one.get("text") or one.get("data", {}).get("text/plain", "")) for one in cell.outputs]


@pytest.fixture(scope="module")
def lived(built: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What one session of pyodide said of all cells."""
    order = tmp_path_factory.mktemp("cells") / "order.json"
    sources = {master.stem: [cell.source for cell in cells(master)] for master in build.masters()}
    order.write_text(json.dumps({"python": str(built / "python"), "chapters": sources}))
    argv = ["node", "cells.mjs", str(order)]
    done = subprocess.run(argv, cwd=HERE, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@CHAPTERS
def test_a_chapters_cells_say_in_a_browser_what_is_stored(lived: dict[str, Any], master: Path, note):
    real, other = [], []
    for cell, told in zip(cells(master), lived["said"][master.stem]["cells"], strict=True):
        if [one["text"] for one in told.get("outputs", ())] == stored(cell):
            continue
        known = any(word in cell.source for word in REAL.get(master.stem, ()))
        (real if known else other).append(
            (cell.source[:200], told.get("error") or told.get("failed") or told.get("outputs"))
        )
    note(
        f"{master.stem} in pyodide: {lived['said'][master.stem]['seconds']:.1f} s, {len(real)} cells need a real machine"
    )
    assert other == []


def test_python_and_the_models_are_awake_in_seconds(lived: dict[str, Any], note):
    note(f"Python and the models were awake in {lived['awake']:.1f} s under node")
    assert NODE.is_dir() and lived["awake"] < 60
