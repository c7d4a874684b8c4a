"""Every chapter in JupyterLab in a real browser, run from its first cell to its last: wide and narrow, light and dark.

One server for all. A chapter takes about ten seconds: the first four are looked at in every run, the others with --slow.
KUBENET_SHOTS names a folder for pictures of the whole pages, to be looked at.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from labdrive import CHROMIUM, Lab
from page_checks import WIDGETS, headings_skip, nameless, too_wide, unreadable
from playwright.sync_api import Page

ROOT = Path(__file__).resolve().parent.parent
CHAPTERS = sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))
FIRST = 4
LOOKS = [(1400, False), (900, False), (900, True), (1400, True)]
FAULTS = """
<div class="jp-OutputArea-output" style="width: 300px; overflow-x: auto; background: #fff">
  <h1>One</h1><h3>Three</h3>
  <p style="color: #999">too pale</p> <p style="color: rgba(0, 0, 0, 0.4)">too thin</p>
  <svg width="99" height="30"><rect width="99" height="30" fill="#123"></rect><text x="5" y="20" fill="#000">drawn</text></svg>
  <button></button> <input type="range"> <img width="9" src="data:,"> <button aria-label="Check">✓</button>
</div>
<div class="jp-OutputArea-output" style="width: 300px; overflow-x: auto"><div style="width: 400px">too wide</div></div>
<div class="jp-OutputArea-output" style="width: 300px">
  <div style="overflow-x: auto"><div style="width: 400px">scrolls</div></div>
</div>
"""
TALL = 1600  # px of a page in one picture


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Iterator[Lab]:
    """A JupyterLab over copies of the chapters, which it may save."""
    if shutil.which(CHROMIUM) is None:
        pytest.skip("chromium is not installed")
    folder = tmp_path_factory.mktemp("notebooks")
    for name in CHAPTERS:
        shutil.copy(ROOT / "notebooks" / name, folder)
    with Lab(folder, whole=True, env={"KUBENET_HOME": str(folder / "home")}) as started:
        yield started


@pytest.mark.parametrize(
    "chapter", [*CHAPTERS[:FIRST], *(pytest.param(name, marks=pytest.mark.slow) for name in CHAPTERS[FIRST:])]
)
def test_a_chapter_runs_and_can_be_read_by_everyone(lab: Lab, chapter: str) -> None:
    page = lab.open(chapter)
    lab.run_at_once(page)
    assert lab.failed(page) == []
    page.wait_for_function(f"() => {{ const [asked, drawn] = ({WIDGETS})(); return asked === drawn; }}", timeout=20_000)
    assert headings_skip(page) == []
    assert nameless(page) == []
    for width, dark in LOOKS:
        lab.look(page, width, dark)
        assert (too_wide(page), unreadable(page)) == ([], []), f"{width} px, {'dark' if dark else 'light'}"
        if "KUBENET_SHOTS" in os.environ:
            shot(page, Path(os.environ["KUBENET_SHOTS"]) / chapter.removesuffix(".ipynb"), width, dark)
    assert (lab.console, lab.page_errors, lab.left) == ([], [], [])
    lab.close(page)


def shot(page: Page, folder: Path, width: int, dark: bool) -> None:
    """The whole page, in pieces."""
    height = page.evaluate("document.querySelector('.jp-WindowedPanel-outer').scrollHeight") + 120
    page.set_viewport_size({"width": width, "height": height})
    page.evaluate("document.querySelector('.jp-WindowedPanel-outer').scrollTop = 0")
    page.wait_for_timeout(300)
    for number, y in enumerate(range(0, height, TALL)):
        clip = {"x": 0, "y": y, "width": width, "height": min(TALL, height - y)}
        page.screenshot(path=folder / f"{width}-{'dark' if dark else 'light'}-{number:02}.png", clip=clip)


def test_faults_that_were_planted_are_found(lab: Lab) -> None:
    page = lab.blank()
    page.set_content(FAULTS)
    assert headings_skip(page) == [1, 3]
    assert [one.split(":")[0] for one in nameless(page)] == ["button", "slider", "image"]
    assert [one.split(": ")[1] for one in unreadable(page)] == ["too pale", "too thin", "drawn"]
    assert [one.split(": ")[1] for one in too_wide(page)] == ["too wide"]
    page.close()
