"""Keys as a person types them, one by one, in JupyterLab and in Notebook 7: none of them reaches the notebook's own commands."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import nbformat
import pytest
from labdrive import CHROMIUM, Lab
from playwright.sync_api import Page

from kubenet_course.learn.bank import find

CONTROLS = """
from kubenet_course.views import Controls
from kubenet_course.kube import cluster, request
from kubenet_course.data import data
made = cluster([data("clusters/two-nodes.yaml")])
asks = {"one": "pod/default/web-1:8080", "two": "pod/default/web-2:8080"}
Controls(lambda asks: (made.world(), request(made, "pod/default/client", asks)), asks=asks)
"""
GUESSES = {"lab": ("01-second", "EADDRINUSE", "Belief 15"), "notebook": ("01-outside", "refused", "Belief 13")}


def cells(guess: str, result: str) -> list[str]:
    """A question of each kind, and controls of ipywidgets."""
    start = "from kubenet_course.learn import exercise, predict, reveal"
    asks = [f'predict("{guess}")', f'reveal("{guess}", lambda: "{result}")']
    return [start, 'exercise("00-rule")', *asks, 'exercise("00-source")', CONTROLS.strip()]


COUNT = "() => document.querySelectorAll('.jp-Notebook .jp-Cell').length"
LINES = "-A FORWARD x\nsecond line"
CHOSEN = "() => [...document.querySelectorAll('.kn-exercise input[type=radio]')].findIndex((one) => one.checked)"

pytestmark = pytest.mark.skipif(shutil.which(CHROMIUM) is None, reason="chromium is not installed")


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("keys")
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    for name, (guess, result, _) in GUESSES.items():
        sources = cells(guess, result)
        coded = [nbformat.v4.new_code_cell(source, id=f"cell-{number}") for number, source in enumerate(sources)]
        made = nbformat.v4.new_notebook(cells=coded, metadata={"kernelspec": kernel})
        nbformat.write(made, folder / f"{name}.ipynb")
    with Lab(folder, whole=True, env={"KUBENET_HOME": str(folder / "home")}) as jupyter:
        yield jupyter


@pytest.mark.parametrize("in_notebook_7", [False, True], ids=["JupyterLab", "Notebook 7"])
def test_what_is_typed_in_a_widget_stays_there(lab, in_notebook_7):
    name = "notebook" if in_notebook_7 else "lab"
    page = lab.open(f"{name}.ipynb", in_notebook_7)
    lab.run_all(page)
    assert lab.failed(page) == []
    count = page.evaluate(COUNT)
    assert count >= 6
    several_lines(page)
    arrows_move_between_choices(page, GUESSES[name][2])
    one_line(page)
    in_controls_of_ipywidgets(page)
    assert page.evaluate(COUNT) == count
    ours = [
        error for error in lab.page_errors if "/static/notebook/" not in error
    ]  # Notebook 7 stumbles over a setting
    assert (ours, lab.left) == ([], [])
    lab.close(page)


def in_command_mode(page: Page) -> None:
    """As after running a cell: the notebook listens to bare keys."""
    page.keyboard.press("Escape")


def several_lines(page: Page) -> None:
    """Enter makes a new line where lines are asked for, and `x` is a letter."""
    in_command_mode(page)
    area = page.locator(".kn-exercise textarea").first
    area.click()
    page.keyboard.press("Control+a")
    for letter in LINES:
        page.keyboard.press("Enter" if letter == "\n" else letter if letter != " " else "Space")
    assert area.input_value() == LINES


def arrows_move_between_choices(page: Page, told: str) -> None:
    """From the first to the third choice by arrows, then to the button by Tab, which keeps the prediction."""
    in_command_mode(page)
    guess = page.locator(".kn-exercise").filter(has=page.locator("header strong:text-is('Predict')")).first
    guess.locator("input[type=radio]").first.click()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert page.evaluate(CHOSEN) == 2
    page.keyboard.press("x")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_text(told).first.wait_for(timeout=10_000)


def one_line(page: Page) -> None:
    in_command_mode(page)
    question = find("00-source")
    source = page.locator(".kn-exercise").filter(has=page.locator(f"header strong:text-is('{question.title}')")).first
    source.locator("input").click()
    page.keyboard.press("Control+a")  # what was answered before stands there again
    page.keyboard.type("10.0.0.1")
    page.keyboard.press("Enter")
    source.locator(".kn-state:has-text('not yet')").wait_for(timeout=10_000)


def in_controls_of_ipywidgets(page: Page) -> None:
    """`x` in a list of ipywidgets cuts no cell, and its arrows choose."""
    in_command_mode(page)
    control = page.locator(".widget-dropdown select").first
    control.focus()
    page.keyboard.press("x")
    page.keyboard.press("ArrowDown")
    assert control.input_value() == "two"
