"""The widgets in JupyterLab, in a real browser: keys, mouse, a changed control, both themes, a wide and a narrow window."""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from labdrive import CHROMIUM, Lab
from playwright.sync_api import Page

from kubenet_course.views.drawing.theme import contrast

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parent.parent
CELLS = [
    """
from view_worlds import cluster
from kubenet_course.linux.walk import send
from kubenet_course.linux.packet.packet import tcp
from kubenet_course.views import show
from kubenet_course.views.controls import Controls
from kubenet_course.views.story.stepper import Stepper

def make(backend):
    world = cluster(is_overlay=backend == "vxlan")
    return world, send(world, tcp("10.244.1.10", 40000, "10.96.0.80", 80), at="default/client")

world, trace = make("vxlan")""",
    "Stepper(world, trace, title='A pod asks a Service', detail='main')",
    "Controls(make, backend=('routes', 'vxlan'))",
    "show.trace(trace)",
    "show.topology(world)",
]
KEY_TO_PICTURE = """([key, presses]) => new Promise(async (done) => {
    const root = document.querySelector('.kn-stepper'), picture = root.querySelector('.kn-scene'), took = [];
    for (let press = 0; press < presses; press++) {
        await new Promise((next) => {
            const begun = performance.now();
            const seen = new MutationObserver(() => {
                seen.disconnect();
                requestAnimationFrame(() => { took.push(performance.now() - begun); setTimeout(next, 20); });
            });
            seen.observe(picture, { subtree: true, attributes: true, childList: true, characterData: true });
            root.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
        });
    }
    done(took);
})"""
COLOURS = """() => {
    const spelled = (css) => css.match(/[\\d.]+/g).map(Number);
    const ground = (one) => {
        for (let at = one; at; at = at.parentElement) {
            const found = spelled(getComputedStyle(at).backgroundColor);
            if (found.length === 3 || found[3] === 1) return found;
        }
    };
    const rows = [];
    for (const one of document.querySelectorAll('.kn-stepper *')) {
        const has_text = [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
        if (!has_text || one.closest('svg, .kn-heard') || !one.getClientRects().length) continue;
        rows.push([one.className + ': ' + one.textContent.slice(0, 20), spelled(getComputedStyle(one).color), ground(one)]);
    }
    for (const text of document.querySelectorAll('.kn-stepper svg text')) {
        const box = document.querySelector(`.kn-stepper svg rect[data-key="${CSS.escape(text.dataset.of)}"]`);
        const fill = getComputedStyle(box).fill;
        const under = fill === 'none' ? getComputedStyle(document.querySelector('.kn-stepper svg .kn-machine')).fill : fill;
        rows.push([text.textContent, spelled(getComputedStyle(text).fill), spelled(under)]);
    }
    return rows;
}"""
SMALLEST = """() => Math.min(...[...document.querySelectorAll('.kn-stepper svg text')].map((one) => {
    const picture = one.ownerSVGElement;
    return Number(one.getAttribute('font-size')) * picture.getBoundingClientRect().width / picture.viewBox.baseVal.width;
}))"""
WIDER = "() => { const one = document.querySelector('.kn-stepper'); return one.scrollWidth - one.clientWidth; }"


@pytest.fixture(scope="module", params=[False, True], ids=["light", "dark"])
def lab(request, tmp_path_factory) -> Iterator[tuple[Lab, Page]]:
    """JupyterLab with a notebook of widgets, all cells run."""
    if not shutil.which(CHROMIUM):
        pytest.skip("no Chromium is installed here")
    folder = tmp_path_factory.mktemp("notebooks")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell.strip()) for cell in CELLS])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, folder / "views.ipynb")
    with Lab(folder, dark=request.param, env={"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}) as started:
        page = started.open("views.ipynb")
        started.run_all(page)
        page.wait_for_selector(".kn-stepper svg")
        page.set_default_timeout(8000)
        yield started, page


@pytest.fixture
def page(lab) -> Page:
    """The notebook with its first stepper at its first step, in a wide window."""
    _, page = lab
    page.set_viewport_size({"width": 1400, "height": 1000})
    page.evaluate("document.querySelector('.jp-WindowedPanel-outer').scrollTop = 0")
    page.locator(".kn-stepper input[type=range]").first.focus()
    page.keyboard.press("Home")
    return page


def count(page: Page) -> str:
    return page.locator(".kn-stepper .kn-count").first.inner_text()


def here(page: Page) -> str:
    return page.evaluate("document.querySelector('.kn-stepper svg .kn-here')?.dataset.key")


def test_every_cell_runs_and_nothing_leaves_the_machine(lab):
    started, page = lab
    assert (started.failed(page), started.console, started.page_errors, started.left) == ([], [], [], [])


def test_arrow_keys_step_and_the_packet_moves_in_the_picture(page):
    assert (count(page), here(page)) == ("Step 1 of 57", "default/client")
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    assert (count(page), here(page)) == ("Step 6 of 57", "node-1:kernel")
    assert (
        page.locator(".kn-stepper .kn-said").first.inner_text() == "destination 10.96.0.80:80 becomes 10.244.2.11:8080"
    )
    page.keyboard.press("ArrowLeft")
    assert count(page) == "Step 5 of 57"


def test_end_and_home_go_to_the_last_and_the_first_step(page):
    page.keyboard.press("End")
    assert count(page) == "Step 57 of 57"
    page.keyboard.press("Home")
    assert count(page) == "Step 1 of 57"


def test_space_plays_and_stops(page):
    page.keyboard.press("Space")
    page.wait_for_function(
        "document.querySelector('.kn-stepper .kn-count').textContent.startsWith('Step 2')", timeout=5000
    )
    page.keyboard.press("Space")
    stood = count(page)
    page.wait_for_timeout(1500)
    assert count(page) == stood


def test_the_slider_follows_the_mouse(page):
    slider = page.locator(".kn-stepper input[type=range]").first
    box = slider.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert 26 <= int(count(page).split()[1]) <= 32


def test_keys_stay_with_the_stepper_and_do_not_move_the_notebook(page):
    page.keyboard.press("ArrowRight")
    assert page.locator(".jp-Notebook .jp-Cell.jp-mod-active").count() == 1
    assert page.locator(".jp-Notebook .jp-Cell").count() == len(CELLS)
    assert count(page) == "Step 2 of 57"


def test_from_key_to_picture_takes_less_than_50_milliseconds(page, note):
    took = page.evaluate(KEY_TO_PICTURE, ["ArrowRight", 20])
    note(f"from key to picture: {statistics.median(took):.0f} ms, at most {max(took):.0f}")
    assert statistics.median(took) < 50


def test_more_can_be_shown(page):
    page.locator(".kn-stepper select").first.select_option("every")
    assert count(page).endswith(f"of {page.evaluate('document.querySelector(`.kn-stepper input`).max')}")
    assert int(count(page).split()[3]) > 200
    page.locator(".kn-stepper select").first.select_option("story")
    assert count(page).endswith("of 9")
    assert " sends a packet to " in page.locator(".kn-stepper .kn-said").first.inner_text()
    assert page.locator(".kn-stepper .kn-why").first.is_hidden()
    page.locator(".kn-stepper select").first.select_option("main")
    assert count(page).endswith("of 57")


def test_a_screen_reader_hears_each_step(page):
    page.keyboard.press("ArrowRight")
    heard = page.locator(".kn-stepper [aria-live]").first.text_content()
    said = page.locator(".kn-stepper .kn-said").first.inner_text()
    assert heard.startswith("Step 2 of 57. request, at default/client") and said in heard
    assert said in page.locator(".kn-stepper input[type=range]").first.get_attribute("aria-valuetext")


def test_where_the_keyboard_is_can_be_seen(page):
    page.keyboard.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineWidth") == "3px"


def test_a_frame_is_shown_field_by_field_with_what_changed(page):
    for _ in range(12):
        page.keyboard.press("ArrowRight")
    page.locator(".kn-stepper summary").first.click()
    assert page.locator(".kn-stepper .kn-frame tr.kn-marked").count() >= 3
    page.locator(".kn-stepper summary").first.click()


def test_a_changed_control_changes_the_picture(page):
    select = page.locator(".widget-dropdown select").first
    select.scroll_into_view_if_needed()
    widget = page.locator(".kn-stepper").nth(1)
    assert widget.locator("[data-key='node-1/flannel.1']").count() == 0
    select.select_option("vxlan")
    widget.locator("[data-key='node-1/flannel.1']").wait_for(state="attached", timeout=10_000)
    select.select_option("routes")


def test_every_text_stands_out_from_its_ground(page):
    for _ in range(5):
        page.keyboard.press("ArrowRight")

    def colour(parts: list[float]) -> str:
        return "#" + "".join(f"{round(part):02x}" for part in parts[:3])

    rows = page.evaluate(COLOURS)
    assert len(rows) > 40
    assert [(what, text, ground) for what, text, ground in rows if contrast(colour(text), colour(ground)) < 4.5] == []


@pytest.mark.parametrize("width", [1400, 700])
def test_nothing_is_too_small_or_too_wide(lab, page, width, tmp_path):
    page.set_viewport_size({"width": width, "height": 1000})
    page.wait_for_timeout(500)
    assert page.evaluate(SMALLEST) >= 11
    assert page.evaluate(WIDER) <= 0
    page.screenshot(path=str(tmp_path / f"{width}.png"))


def test_nothing_went_wrong_meanwhile(lab):
    started, _ = lab
    assert (started.console, started.page_errors, started.left) == ([], [], [])
