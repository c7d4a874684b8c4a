"""Chapter 03 in JupyterLab: the matrix by keyboard, readable in both themes and in a narrow window; a row of iptables written."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from labdrive import CHROMIUM, Lab
from page_checks import nameless, too_wide, unreadable
from playwright.sync_api import Locator, Page

from kubenet_course.learn.bank import find

CELLS = [
    """from kubenet_course.data import data
from kubenet_course.kube.model.cluster import cluster
from kubenet_course.kube.questions.connectivity import connectivity
from kubenet_course.learn import exercise
from kubenet_course.learn.worlds.broken import broken
from kubenet_course.views.matrices.matrices import Matrices
from kubenet_course.views.matrices.matrix import matrix
ours = cluster([data("clusters/two-nodes.yaml")])
hidden = connectivity(ours, broken(ours, "masqueraded").world)
Matrices({"healthy": connectivity(ours), "hidden": hidden})""",
    "matrix(hidden)",
    *[f'exercise("03-{name}")' for name in ("rule", "node", "row", "repair", "seen", "problem")],
]
SHOTS = os.environ.get("KUBENET_SHOTS", "")
pytestmark = pytest.mark.skipif(shutil.which(CHROMIUM) is None, reason="chromium is not installed")


WIDE = pytest.param((1400, False), id="wide and light", marks=pytest.mark.slow)


@pytest.fixture(params=[WIDE, pytest.param((900, True), id="narrow and dark")])
def lab(request, tmp_path) -> Iterator[Lab]:
    cells = [nbformat.v4.new_code_cell(source, id=f"cell-{number}") for number, source in enumerate(CELLS)]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), tmp_path / "page.ipynb")
    width, dark = request.param
    with Lab(tmp_path, width=width, dark=dark, whole=True, env={"KUBENET_HOME": str(tmp_path / "home")}) as jupyter:
        yield jupyter


def shot(page: Page, lab: Lab, name: str) -> None:
    """For whoever wants to look: a picture in the folder KUBENET_SHOTS."""
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}-{lab.width}.png")


def asked(page: Page, title: str) -> Locator:
    return page.locator(".kn-exercise").filter(has=page.locator(f"header strong:text-is('{title}')")).first


def test_a_learner_walks_the_matrix_by_keyboard_and_mends_a_cluster(lab):
    page = lab.open("page.ipynb")
    lab.run_all(page)
    assert lab.failed(page) == []
    widget = page.locator(".kn-matrices")
    widget.scroll_into_view_if_needed()
    widget.locator("select").select_option("hidden")
    assert "rule 2, the receiver sees the address that the sender sent from: broken" in widget.inner_text()
    widget.get_by_role("button", name="client to web-1", exact=False).focus()
    page.keyboard.press("ArrowRight")
    chosen = widget.locator("button[aria-pressed=true]")
    assert chosen.get_attribute("aria-label") == "client to web-2: ✗ 192.168.1.11 (rule 2)"
    assert "★ node-1" in widget.locator(".kn-why").inner_text()
    assert "MASQUERADE" in widget.locator(".kn-marked").inner_text()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")  # over the cell that nobody asked
    assert "node-1 to web-2" in str(chosen.get_attribute("aria-label"))
    assert widget.locator("button[aria-pressed=true]").evaluate("(one) => one === document.activeElement")
    shot(page, lab, "matrix")
    _mended(page, lab)
    assert (too_wide(page), unreadable(page), nameless(page)) == ([], [], [])
    assert (lab.console, lab.page_errors, lab.left) == ([], [], [])


def _mended(page: Page, lab: Lab) -> None:
    """The repair, first as people write it, then as it mends."""
    exercise = find("03-repair")
    mend = asked(page, exercise.title)
    mend.scroll_into_view_if_needed()
    for answer, words in ((exercise.instance(0).slips[-1].answer, "not yet"), (exercise.instance(0).solution, "right")):
        mend.locator("textarea").fill(str(answer))
        mend.get_by_role("button", name="Check").press("Enter")
        mend.locator(f".kn-state:has-text('{words}')").wait_for(timeout=10_000)
        mend.scroll_into_view_if_needed()
        shot(page, lab, f"repair-{words.replace(' ', '-')}")
    for name in ("rule", "node", "row", "seen", "problem"):
        asked(page, find(f"03-{name}").title).scroll_into_view_if_needed()
        shot(page, lab, name)
