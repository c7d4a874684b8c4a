"""The lanes and the probe controls in JupyterLab, in a real browser: keys, what is typed, how fast it is drawn
again.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from labdrive import CHROMIUM, Lab
from page_checks import nameless, too_wide, unreadable
from playwright.sync_api import Page

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parent.parent
CELL = "from kubenet_course.views import ProbeControls\ndesk = ProbeControls(opens=['liveness probe'], hangs_after=30)\ndesk"
REDRAWN = """async () => {
    const root = document.querySelector('.kn-life'), took = [];
    const slider = root.querySelector('input[type=range][data-of=liveness_period]');
    for (let period = 5; period < 25; period++) {
        const before = root.dataset.drawn, began = performance.now();
        slider.value = String(period);
        slider.dispatchEvent(new Event('input'));
        while (root.dataset.drawn === before && performance.now() - began < 3000) await new
        Promise(requestAnimationFrame); took.push(performance.now() - began);
        await new Promise((then) => setTimeout(then, 60));
    }
    return took.sort((one, other) => one - other);
}"""
MOST_MS = 150


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Iterator[tuple[Lab, Page]]:
    """JupyterLab with controls."""
    if not shutil.which(CHROMIUM):
        pytest.skip("no Chromium is installed here")
    folder = tmp_path_factory.mktemp("notebooks")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, folder / "life.ipynb")
    with Lab(folder, env={"PYTHONPATH": str(ROOT)}) as started:
        page = started.open("life.ipynb")
        started.run_all(page)
        page.wait_for_selector(".kn-life .kn-lane")
        page.set_default_timeout(8000)
        yield started, page


def control(page: Page, kind: str, name: str):
    return page.locator(f".kn-life input[type={kind}][data-of={name}]")


def answers(page: Page, text: str) -> None:
    """Waits until the sentence above the lanes says something of the kind."""
    page.wait_for_function(
        "(text) => document.querySelector('.kn-life .kn-answer').textContent.includes(text)", arg=text
    )


def test_a_key_on_a_slider_changes_the_life_and_its_words(lab):
    _, page = lab
    answers(page, "restarted once")
    control(page, "range", "hangs_after").focus()
    page.keyboard.press("Home")
    answers(page, "never restarted")
    page.keyboard.press("PageUp")
    page.keyboard.press("PageUp")
    page.keyboard.press("PageUp")
    answers(page, "restarted once")
    words = page.locator(".kn-life .kn-words li").all_text_contents()
    assert any(line.startswith("liveness probe: ") and "Failure" in line for line in words)


def test_a_number_that_is_typed_key_by_key_counts(lab):
    _, page = lab
    field = control(page, "number", "liveness_failures")
    field.focus()
    field.press("Control+a")
    page.keyboard.type("1")
    page.keyboard.press("Tab")
    page.wait_for_function("document.querySelector('.kn-life pre').textContent.includes('failureThreshold: 1')")


def test_the_slider_of_time_says_how_everything_stood(lab):
    _, page = lab
    slider = page.get_by_label("The second to look at")
    slider.focus()
    for _ in range(4):
        page.keyboard.press("PageUp")
    now = page.locator(".kn-life .kn-now").inner_text()
    assert now.startswith("At 20 s") and "container web: running" in now
    assert slider.get_attribute("aria-valuetext") == "20 seconds"


def test_what_cannot_be_is_said_and_the_lanes_stay(lab):
    _, page = lab
    control(page, "range", "hangs_after").focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")  # it would hang before it listens
    page.wait_for_function(
        "document.querySelector('.kn-life .kn-refused').textContent.includes('it hangs before it listens')"
    )
    assert page.locator(".kn-life .kn-lane").count() > 8
    page.keyboard.press("Home")
    answers(page, "never restarted")


def test_a_control_that_moves_is_drawn_again_in_time(lab):
    _, page = lab
    took = page.evaluate(REDRAWN)
    assert took[len(took) // 2] < MOST_MS


@pytest.mark.parametrize("width, dark", [(1400, False), (800, False), (800, True)])
def test_everything_can_be_read_and_has_a_name(lab, width, dark):
    started, page = lab
    started.look(page, width, dark)
    page.evaluate("for (const one of document.querySelectorAll('.kn-life details')) one.open = true")
    assert (too_wide(page), unreadable(page), nameless(page)) == ([], [], [])
    assert (started.failed(page), started.console, started.page_errors, started.left) == ([], [], [], [])
