"""Exercises in JupyterLab, in a real browser: answered wrongly and rightly by keyboard, and still there after a restart."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Locator, Page

from kubenet_course.learn.bank import find
from kubenet_course.views.theme import READABLE, contrast
from tests.labdrive import CHROMIUM, Lab

CELLS = [
    "from kubenet_course.learn import exercise, predict, progress, reveal, warm_up",
    'predict("00-port", "A packet for a port that nobody listens on is", choices=["refused", "lost in silence"])',
    'reveal("00-port", "refused", beliefs={"lost in silence": 13})',
    *[f'exercise("00-{name}")' for name in ("source", "first-frame", "way", "bridge", "two-layers", "rule", "verdict")],
    "progress()",
]
TITLES = {
    id: find(f"00-{id}").title for id in ("source", "first-frame", "way", "bridge", "two-layers", "rule", "verdict")
}
COLOURS = """() => {
    const spelled = (css) => css.match(/[\\d.]+/g).map(Number);
    const ground = (one) => {
        for (let at = one; at; at = at.parentElement) {
            const found = spelled(getComputedStyle(at).backgroundColor);
            if (found.length === 3 || found[3] === 1) return found.slice(0, 3);
        }
        return [255, 255, 255];
    };
    return [...document.querySelectorAll('.kn-exercise *')].filter((one) =>
        [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim())
        && one.getClientRects().length && !one.disabled
    ).map((one) => [one.textContent.slice(0, 30), spelled(getComputedStyle(one).color).slice(0, 3), ground(one)]);
}"""
WIDER = """() => [...document.querySelectorAll('.kn-exercise')].filter((one) => one.scrollWidth > one.clientWidth + 1)
    .map((one) => one.innerText.slice(0, 40))"""
NAMELESS = """() => [...document.querySelectorAll('.kn-exercise input, .kn-exercise textarea, .kn-exercise button')].filter((one) =>
    !one.hidden && !(one.labels?.length || one.getAttribute('aria-label') || one.textContent.trim())).map((one) => one.outerHTML)"""

pytestmark = pytest.mark.skipif(shutil.which(CHROMIUM) is None, reason="chromium is not installed")


@pytest.fixture
def folder(tmp_path) -> Path:
    """A folder with one small notebook, and a home for progress beside it."""
    cells = [nbformat.v4.new_code_cell(source, id=f"cell-{number}") for number, source in enumerate(CELLS)]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    made = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(made, tmp_path / "page.ipynb")
    return tmp_path


@pytest.fixture(params=[(1400, False), (700, True)], ids=["wide and light", "narrow and dark"])
def lab(request, folder) -> Iterator[Lab]:
    width, dark = request.param
    with Lab(folder, width=width, dark=dark, env={"KUBENET_HOME": str(folder / "home")}) as jupyter:
        yield jupyter


def asked(page: Page, title: str) -> Locator:
    """The exercise with a title."""
    found = page.locator(".kn-exercise").filter(has=page.locator(f"header strong:text-is('{title}')"))
    found.scroll_into_view_if_needed()
    return found


def state(of: Locator, words: str) -> None:
    of.locator(f".kn-state:has-text('{words}')").wait_for(timeout=10_000)


def spelled(colour: list[int]) -> str:
    return "#" + "".join(f"{round(part):02x}" for part in colour)


def test_a_learner_answers_wrongly_and_rightly_and_finds_it_again_after_a_restart(lab):
    page = lab.open("page.ipynb")
    lab.run_all(page)
    assert lab.failed(page) == []
    source = asked(page, TITLES["source"])
    source.locator("input").fill("192.168.1.13")
    source.locator("input").press("Enter")
    state(source, "not yet")
    assert "Belief 58" in source.inner_text() or "another answer" in source.inner_text()
    source.get_by_role("button", name="Hint 1 of 3").press("Enter")
    source.get_by_text("Hint 1 of 3: Look at").wait_for()
    right = find("00-source").instance(0).solution
    source.locator("input").fill(f" {right} ")
    source.locator("input").press("Enter")
    state(source, "right")
    page.reload()
    page.wait_for_selector(".jp-Notebook .jp-Cell")
    lab.run_all(page)
    again = asked(page, TITLES["source"])
    state(again, "right")
    assert again.locator("input").input_value().strip() == right
    page.locator("text=1 of 13 exercises").first.wait_for()
    assert (lab.console, lab.page_errors, lab.left) == ([], [], [])


def test_every_kind_is_answered_by_keyboard_and_looks_right(lab):
    page = lab.open("page.ipynb")
    lab.run_all(page)
    frame = asked(page, TITLES["first-frame"])
    for input, value in zip(
        frame.locator("input").all(), find("00-first-frame").instance(0).solution.values(), strict=True
    ):
        input.fill(value)
    frame.locator("input").first.press("Enter")
    state(frame, "right")
    way = asked(page, TITLES["way"])
    events, offered = find("00-way").instance(0).events, find("00-way").instance(0).offered
    for event in reversed(events):
        letter = "ABCDE"[offered.index(event)]
        for _ in events:
            way.get_by_role("button", name=f"Move {letter} up").press("Enter")
    way.get_by_role("button", name="Check").press("Enter")
    state(way, "right")
    bridge = asked(page, TITLES["bridge"])
    bridge.get_by_label("in your own words").fill("it asks the kernel")
    bridge.get_by_role("button", name="Check").press("Enter")
    state(bridge, "in your own words")
    rule = asked(page, TITLES["rule"])
    rule.locator("textarea").fill("-A INPUT -p tcp -j DROP")
    rule.get_by_role("button", name="Check").press("Enter")
    state(rule, "not yet")
    assert "Belief 60" in rule.inner_text()
    guess = asked(page, "Predict")
    guess.get_by_label("lost in silence").press("Space")
    guess.get_by_role("button", name="Keep").press("Enter")
    asked(page, "What happened").get_by_text("Belief 13").wait_for()
    assert page.evaluate(WIDER) == []
    assert page.evaluate(NAMELESS) == []
    for text, ink, ground in page.evaluate(COLOURS):
        assert contrast(spelled(ink), spelled(ground)) >= READABLE, text
    assert (lab.console, lab.page_errors, lab.left) == ([], [], [])
