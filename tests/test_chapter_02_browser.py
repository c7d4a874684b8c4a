"""The terminal of chapter 02 in JupyterLab, in a real browser: keys, wrong lines, history, both themes, wide and narrow."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import nbformat
import pytest
from labdrive import CHROMIUM, Lab
from playwright.sync_api import Page, expect

from kubenet_course.learn.worlds.by_hand import cable, plug

pytestmark = pytest.mark.slow

CELL = """from kubenet_course.learn.worlds.by_hand import TWO_PODS
from kubenet_course.learn.page.terminal import Terminal

Terminal("node-1", begun=TWO_PODS, title="A terminal on node-1")"""
WIDER = "() => { const one = document.querySelector('.kn-terminal'); return one.scrollWidth - one.clientWidth; }"


@pytest.fixture(scope="module", params=[False, True], ids=["light", "dark"])
def lab(request, tmp_path_factory) -> Iterator[tuple[Lab, Page]]:
    """JupyterLab with the terminal, its cell run."""
    if not shutil.which(CHROMIUM):
        pytest.skip("no Chromium is installed here")
    folder = tmp_path_factory.mktemp("notebooks")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, folder / "terminal.ipynb")
    with Lab(folder, dark=request.param) as started:
        page = started.open("terminal.ipynb")
        started.run_all(page)
        page.wait_for_selector(".kn-terminal svg")
        page.set_default_timeout(8000)
        yield started, page


@pytest.fixture
def page(lab) -> Page:
    """The terminal as at the beginning, in a wide window."""
    _, page = lab
    page.set_viewport_size({"width": 1400, "height": 1000})
    page.get_by_role("button", name="Start again").click()
    expect(page.locator(".kn-terminal .kn-entry")).to_have_count(0)
    return page


def typed(page: Page, line: str) -> None:
    """Types a line as a hand would, and waits until it is answered."""
    entries = page.locator(".kn-terminal .kn-entry")
    before = entries.count()
    page.locator(".kn-terminal input").focus()
    page.keyboard.type(line)
    page.keyboard.press("Enter")
    expect(entries).to_have_count(before + 1)


def last(page: Page) -> str:
    return page.locator(".kn-terminal .kn-entry").last.inner_text()


def test_a_third_pod_is_joined_by_the_keyboard_alone(lab, page):
    for line in (cable("other", "10.244.1.12") + plug("other")).splitlines():
        typed(page, line)
    typed(page, "ip netns exec other ping -c 1 10.244.1.10")
    assert "64 bytes from 10.244.1.10" in last(page)
    assert page.locator('.kn-terminal svg rect[data-key="other"]').count() == 1
    assert "behind veth-other is" in page.locator(".kn-terminal .kn-learned").inner_text()
    assert lab[0].console == [] and lab[0].page_errors == [] and lab[0].left == []


def test_a_wrong_line_is_answered_and_the_focus_stays_on_the_line(page):
    typed(page, "ip lnik add x")
    assert "Refused:" in last(page) and "It knows netns, link" in last(page)
    assert page.evaluate("document.activeElement.matches('.kn-terminal input')")
    typed(page, "<img src=x onerror=document.title='taken'>")
    assert page.title() != "taken" and page.locator(".kn-terminal img").count() == 0


def test_arrow_keys_bring_earlier_lines_and_the_unsent_one_back(page):
    for line in ("ip -n client addr", "bridge link"):
        typed(page, line)
    page.keyboard.type("half")
    seen = []
    for key in ("ArrowUp", "ArrowUp", "ArrowUp", "ArrowDown", "ArrowDown"):
        page.keyboard.press(key)
        seen.append(page.locator(".kn-terminal input").input_value())
    assert seen == ["bridge link", "ip -n client addr", "ip -n client addr", "bridge link", "half"]
    page.locator(".kn-terminal input").fill("")


def test_keys_of_jupyterlab_are_only_letters_here(page):
    typed(page, "ddaabb")
    assert "does not know 'ddaabb'" in last(page) and page.locator(".jp-CodeCell").count() == 1


def test_tab_completes_a_word_and_leaves_the_terminal_from_an_empty_line(page):
    line = page.locator(".kn-terminal input")
    line.fill("")
    line.press_sequentially("ip netns exec cl")
    page.keyboard.press("Tab")
    page.wait_for_function("document.querySelector('.kn-terminal input').value === 'ip netns exec client '")
    line.fill("")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement !== document.querySelector('.kn-terminal input')")


def test_what_came_of_a_line_is_said_to_those_who_do_not_see_it(page):
    log = page.locator(".kn-terminal .kn-log")
    assert (log.get_attribute("role"), log.get_attribute("aria-live")) == ("log", "polite")
    assert "bridge" in (page.locator(".kn-terminal svg").get_attribute("aria-label") or "")
    assert page.locator(".kn-terminal label").get_attribute("for") == page.locator(".kn-terminal input").get_attribute(
        "id"
    )


@pytest.mark.parametrize("width", [1400, 900, 700])
def test_it_fits_into_wide_and_narrow_windows(page, width):
    page.set_viewport_size({"width": width, "height": 1000})
    typed(page, "bridge fdb show br cni0")
    assert page.evaluate(WIDER) <= 1
