"""A learner in JupyterLab, in a real browser: steps, answers wrongly and rightly by keyboard, finds it again after a restart."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from labdrive import CHROMIUM, Lab
from page_checks import nameless, too_wide, unreadable
from playwright.sync_api import Locator, Page

from kubenet_course.learn.bank import find

ROOT = Path(__file__).resolve().parent.parent
START = "00-start-here.ipynb"
KINDS = ("first-frame", "way", "bridge", "two-layers", "rule", "verdict")
CELLS = [
    "from kubenet_course.learn import exercise, predict, progress, reveal, warm_up",
    'predict("01-outside")',
    'reveal("01-outside", lambda: "refused")',
    *[f'exercise("00-{name}")' for name in KINDS],
    "progress()",
]
TITLES = {id: find(f"00-{id}").title for id in ("source", *KINDS)}
# Milliseconds from a key press to the first change of the picture, measured inside the page.
PRESS = """(key) => new Promise((done) => {
    const root = document.querySelector('.kn-stepper');
    root.querySelector('input[type=range]').focus();
    const began = performance.now();
    const seen = new MutationObserver(() => { seen.disconnect(); done(performance.now() - began); });
    seen.observe(root.querySelector('.kn-picture'), { subtree: true, childList: true, attributes: true });
    root.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
    setTimeout(() => { seen.disconnect(); done(-1); }, 2000);
})"""
WAY = "() => [...document.querySelectorAll('p[role=status]')].map((one) => one.textContent).find((text) => text.includes('\u2192'))"

pytestmark = pytest.mark.skipif(shutil.which(CHROMIUM) is None, reason="chromium is not installed")


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Iterator[Lab]:
    """JupyterLab over a copy of the first chapter and a notebook of exercises, with a home for progress beside them."""
    folder = tmp_path_factory.mktemp("notebooks")
    cells = [nbformat.v4.new_code_cell(source, id=f"cell-{number}") for number, source in enumerate(CELLS)]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), folder / "page.ipynb")
    shutil.copy(ROOT / "notebooks" / START, folder)
    with Lab(folder, whole=True, env={"KUBENET_HOME": str(folder / "home")}) as jupyter:
        yield jupyter


def asked(page: Page, title: str) -> Locator:
    """The first question with a title."""
    return page.locator(".kn-exercise").filter(has=page.locator(f"header strong:text-is('{title}')")).first


def state(of: Locator, words: str) -> None:
    of.locator(f".kn-state:has-text('{words}')").wait_for(timeout=10_000)


def test_a_learner_steps_answers_wrongly_and_rightly_and_finds_it_again_after_a_restart(lab, note):
    page = lab.open(START)
    lab.run_all(page)
    assert lab.failed(page) == []
    guess = asked(page, "Predict")
    guess.get_by_label("node-1's").press("Space")
    guess.get_by_role("button", name="Keep").press("Enter")
    asked(page, "What happened").get_by_text("Belief 58").wait_for()
    step_through(page, note)
    answer(page)
    page.keyboard.press("Control+s")
    page.wait_for_selector(".jp-mod-dirty", state="detached")
    page.reload()
    lab.ready(page)
    state(asked(page, TITLES["source"]), "right")  # the kernel lives on, and its widgets with it
    lab.close(page)
    page = lab.open(START)
    lab.run_all(page)
    again = asked(page, TITLES["source"])
    state(again, "right")
    assert again.locator("input").input_value().strip() == find("00-source").instance(0).solution
    kept = "1 of 13 exercises, 0 of 1 predictions came true; will come back: 00-source"
    page.get_by_text(kept).first.wait_for()
    assert (lab.console, lab.page_errors, lab.left) == ([], [], [])
    lab.close(page)


def step_through(page: Page, note) -> None:
    """By key, by the slider under the mouse, by a button; then a control is moved and the way changes."""
    stepper = page.locator(".kn-stepper").first
    stepper.scroll_into_view_if_needed()
    count = stepper.locator(".kn-count")
    first = count.inner_text()
    times = sorted(page.evaluate(PRESS, "ArrowRight") for _ in range(9))
    assert times[0] >= 0, "a key press changed nothing"
    assert count.inner_text() != first
    page.evaluate(PRESS, "Home")
    box = stepper.locator("input[type=range]").bounding_box()
    assert (count.inner_text(), box is not None) == (first, True)
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert count.inner_text() != first
    stepper.locator(".kn-first").click()
    assert count.inner_text() == first
    control = page.locator(".widget-dropdown select").nth(2)
    before = page.evaluate(WAY)
    control.select_option("a closed port")
    page.wait_for_function(f"(old) => ({WAY})() !== old", arg=before, timeout=10_000)
    note(f"browser: {times[len(times) // 2]:.0f} ms from a key press to the picture (50 ms is the figure)")
    assert times[len(times) // 2] < 150


def answer(page: Page) -> None:
    """Wrongly, with a hint, and then rightly, with spaces around it."""
    source = asked(page, TITLES["source"])
    source.locator("input").fill("192.168.1.13")
    source.locator("input").press("Enter")
    state(source, "not yet")
    said = source.inner_text()
    assert "answer this believe" in said or "in what the model did" in said
    assert find("00-source").instance(0).solution not in said.partition("not yet")[2].partition("Check")[2]
    source.get_by_role("button", name="Hint 1 of 3").press("Enter")
    source.get_by_text("Hint 1 of 3: Look at").wait_for()
    source.locator("input").fill(f" {find('00-source').instance(0).solution} ")
    source.locator("input").press("Enter")
    state(source, "right")


def test_every_kind_is_answered_by_keyboard_and_its_feedback_can_be_read(lab):
    page = lab.open("page.ipynb")
    lab.run_all(page)
    solution = find("00-first-frame").instance(0).solution
    frame = asked(page, TITLES["first-frame"])
    for input, value in zip(frame.locator("input").all(), solution.values(), strict=True):
        input.fill(value)
    frame.locator("input").first.press("Enter")
    state(frame, "right")
    put_in_order(asked(page, TITLES["way"]))
    bridge = asked(page, TITLES["bridge"])
    bridge.get_by_label("in your own words").fill("it asks the kernel")
    bridge.get_by_role("button", name="Check").press("Enter")
    state(bridge, "in your own words")
    both = asked(page, TITLES["two-layers"])
    both.get_by_label("knows the MAC address").press("Space")
    both.get_by_role("button", name="Check").press("Enter")
    state(both, "not yet")
    rule = asked(page, TITLES["rule"])
    rule.locator("textarea").fill("-A INPUT -p tcp -j DROP")
    rule.get_by_role("button", name="Check").press("Enter")
    state(rule, "not yet")
    assert "INPUT or OUTPUT chain sees the traffic of its pods" in rule.inner_text()
    guess = asked(page, "Predict")
    guess.get_by_label("it is lost, and times out").press("Space")
    guess.get_by_role("button", name="Keep").press("Enter")
    asked(page, "What happened").get_by_text("Belief 13").wait_for()
    assert nameless(page) == []
    for width, dark in ((1400, False), (900, False), (900, True), (1400, True)):
        lab.look(page, width, dark)
        assert (too_wide(page), unreadable(page)) == ([], []), (width, dark)
    assert (lab.console, lab.page_errors, lab.left) == ([], [], [])
    lab.close(page)


def put_in_order(way: Locator) -> None:
    """Moves the last event up to the top, then the one before it, and so on."""
    instance = find("00-way").instance(0)
    for event in reversed(instance.events):
        letter = "ABCDE"[instance.offered.index(event)]
        for _ in instance.events:
            way.get_by_role("button", name=f"Move {letter} up").press("Enter")
    way.get_by_role("button", name="Check").press("Enter")
    state(way, "right")
