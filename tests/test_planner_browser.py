"""The address planner in JupyterLab, in a real browser: sliders by key, ranges typed, a cell that turns the controls."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from labdrive import CHROMIUM, Lab
from playwright.sync_api import Page

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parent.parent
CELLS = ["from kubenet_course.views.planner.planner import Planner\nplanner = Planner()\nplanner"]
OUTSIDE = """() => {
    const frame = document.querySelector('.kn-planner').getBoundingClientRect();
    const parts = [...document.querySelectorAll('.kn-planner :is(input, p, li, pre)')].filter((one) => one.getClientRects().length);
    return parts.filter((one) => one.getBoundingClientRect().right > frame.right + 1).map((one) => one.outerHTML.slice(0, 80));
}"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Iterator[tuple[Lab, Page]]:
    """JupyterLab with a planner."""
    if not shutil.which(CHROMIUM):
        pytest.skip("no Chromium is installed here")
    folder = tmp_path_factory.mktemp("notebooks")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, folder / "planner.ipynb")
    with Lab(folder, env={"PYTHONPATH": str(ROOT)}) as started:
        page = started.open("planner.ipynb")
        started.run_all(page)
        page.wait_for_selector(".kn-planner svg")
        page.set_default_timeout(8000)
        yield started, page


def control(page: Page, kind: str, name: str):
    return page.locator(f".kn-planner input[type={kind}][data-of={name}]")


def answers(page: Page, text: str) -> str:
    """The answer, once it says something of the kind."""
    page.wait_for_function(
        "(text) => document.querySelector('.kn-planner .kn-answer').textContent.includes(text)", arg=text
    )
    return page.locator(".kn-planner .kn-answer").inner_text()


def typed(page: Page, name: str, text: str) -> None:
    control(page, "text", name).fill(text)
    page.keyboard.press("Enter")


def test_arrow_keys_on_a_slider_change_the_plan_and_the_flags(lab):
    _, page = lab
    control(page, "range", "node_mask").focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    assert answers(page, "29 of 110 pods").startswith("✗")
    assert "--node-cidr-mask-size=27" in page.locator(".kn-planner pre").inner_text()
    assert control(page, "number", "node_mask").input_value() == "27"
    assert control(page, "range", "node_mask").get_attribute("aria-valuetext") == "/27"
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    answers(page, "The plan holds")


def test_what_is_typed_is_answered_in_one_sentence_whatever_it_is(lab):
    started, page = lab
    for text, said in {
        "nonsense": "invalid CIDR address: nonsense",
        "<b>x</b>/16": "invalid CIDR address: <b>x</b>/16",
        "10.244.0.0/16,10.245.0.0/16": "not configured as dual stack",
        "fd00::/48": "mask size of cluster CIDR must be less than or equal",
        "10.96.0.0/12": "pods and Services share 10.96.0.0/16",
        "10.244.0.0/16": "The plan holds",
    }.items():
        typed(page, "cluster_cidr", text)
        answers(page, said)
    assert (started.failed(page), started.console, started.page_errors, started.left) == ([], [], [], [])


def test_the_length_of_a_range_has_a_slider(lab):
    _, page = lab
    control(page, "range", "cluster_cidr-length").focus()
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    answers(page, "node-17 is the first node that gets nothing")
    assert control(page, "text", "cluster_cidr").input_value() == "10.244.0.0/20"
    typed(page, "cluster_cidr", "10.244.0.0/16")
    answers(page, "The plan holds")


@pytest.mark.parametrize("width, dark", [(1400, False), (900, False), (900, True)])
def test_nothing_stands_out_of_the_frame(lab, width, dark):
    started, page = lab
    started.look(page, width, dark)
    control(page, "checkbox", "second").check()
    page.wait_for_function("document.querySelectorAll('.kn-planner svg text').length > 20")
    assert page.evaluate(OUTSIDE) == []
    control(page, "checkbox", "second").uncheck()
