"""Chapter 10's widgets in a real browser as a plain page: only the traits that the notebook has saved."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from labdrive import CHROMIUM, FLAGS
from playwright.sync_api import Page, sync_playwright

from kubenet_course.learn import versions
from tests.test_views_comparer import SHOW, SIDEWAYS

NOTEBOOK = Path(__file__).resolve().parent.parent / "notebooks" / "10-the-other-proxies.ipynb"
STATE = "application/vnd.jupyter.widget-state+json"


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    if not shutil.which(CHROMIUM):
        pytest.skip("no Chromium is installed here")
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        page = browser.new_page(viewport={"width": 1000, "height": 900})
        page.goto("about:blank")
        yield page
        browser.close()


def saved(trait: str) -> list[dict]:
    """The saved states of the widgets whose story has a key."""
    states = nbformat.read(NOTEBOOK, as_version=4).metadata.widgets[STATE].state.values()
    return [one.state for one in states if trait in one.state.get("story", {})]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1000, 800, 600])
def test_the_saved_comparer_and_the_slider_draw_without_python(page, dark, width):
    page.set_viewport_size({"width": width, "height": 900})
    for trait, rows, row in (("ways", 7, "tbody tr"), ("versions", 5, "li")):
        (state,) = saved(trait)
        page.evaluate(SHOW, [state, state["_esm"], state["_css"], dark])
        assert page.locator(row).count() == (rows if trait == "versions" else 7)
        assert page.evaluate(SIDEWAYS) <= 0


def test_the_first_comparer_gives_no_prediction_away(page):
    """Neither the number of nodes nor the broken pod can be chosen before the chapter has asked about them."""
    (state,) = saved("ways")
    page.evaluate(SHOW, [state, state["_esm"], state["_css"], False])
    assert page.locator("input[data-of=nodes]").count() == 0
    offered = page.locator("select[data-of=pods] option").evaluate_all("all => all.map((one) => one.value)")
    assert offered == ["alike", "unequal", "slow"]


def test_the_slider_over_versions_moves_by_keyboard_and_says_what_is_new(page):
    slider = versions("nftables-default", "iptables-default", "ipvs-deprecated", first="1.33", last="1.40")
    page.evaluate(SHOW, [{"story": slider.story, "version": slider.version}, slider._esm, slider._css, False])
    page.locator("input[type=range]").focus()
    for key in ("ArrowRight", "ArrowUp"):
        page.keyboard.press(key)
    assert page.evaluate("() => model.get('version')") == "1.35"
    assert page.locator("li.kn-new").inner_text().startswith("new: The IPVS mode of kube-proxy is deprecated.")
    page.keyboard.press("End")
    assert page.evaluate("() => model.get('version')") == "1.40"
    assert page.locator("li.kn-ended").inner_text().startswith("no longer: On Linux kube-proxy works in iptables mode")
    assert page.locator("li.kn-new").inner_text().startswith("new: On Linux kube-proxy works in nftables mode")
