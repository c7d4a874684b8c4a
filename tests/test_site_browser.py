"""The site in a browser that reaches nothing else: pages opened, widgets moved, questions answered, missed and taken up again."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from labdrive import CHROMIUM, FLAGS
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright
from site_pages import NODE, can_wake, served

from kubenet_course.learn.bank import everything, find
from kubenet_course.learn.questions.kinds import FillFrame, Value
from kubenet_course.learn.questions.kinds_lists import Choose, Order
from kubenet_course.learn.record import book, exports, store
from tools import build

AXE = NODE / "axe-core" / "axe.min.js"
NAMES = [*(master.stem for master in build.masters()), "index", "glossary", "exercises"]
AWAKE = 120_000  # milliseconds until Python is awake, on a machine that does other things too
ALIVE = "() => document.querySelectorAll('.out[data-model]').length === document.querySelectorAll('.out.alive').length"
WIDE = "() => document.documentElement.scrollWidth - innerWidth"
pytestmark = pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="there is no chromium; .ci/run installs it")
wakes = pytest.mark.skipif(
    not can_wake(), reason="there is no pyodide; run `npm install` in tests/pyodide, as .ci/run does"
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as started:
        found = started.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        yield found
        found.close()


@pytest.fixture(scope="module")
def address(built: Path) -> Iterator[str]:
    with served(built) as found:
        yield found


class Visit:
    """A person's browser: what its pages complain of, and what they ask for outside the site."""

    def __init__(self, context: BrowserContext, inside: str):
        self.context, self.inside = context, inside
        self.faults: list[str] = []

    def open(self, name: str) -> Page:
        page = self.context.new_page()
        page.on("console", lambda said: self.faults.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.faults.append(error.stack or str(error)))
        page.on("request", lambda asked: self.faults.append(asked.url) if not self._is_inside(asked.url) else None)
        page.goto(f"{self.inside}/{name}.html")
        page.wait_for_function(ALIVE)
        return page

    def _is_inside(self, url: str) -> bool:
        return url.startswith((self.inside, "data:", "blob:"))


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[Visit]:
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    made = Visit(context, address)
    yield made
    context.close()
    assert made.faults == []


@cache
def asked() -> dict[str, tuple[str, str]]:
    """For each kind of exercise the first that a chapter asks in a cell of its own: its id, and the chapter."""
    found: dict[str, tuple[str, str]] = {}
    for master in build.masters():
        text = master.read_text(encoding="utf-8")
        for one in everything():
            if one.chapter == master.stem[:2] and f'\nexercise("{one.id}")\n' in text:
                found.setdefault(kind(one.instance(0)), (one.id, master.stem))
    return found


def kind(instance: object) -> str:
    match instance:
        case Value() if instance.reads.words:
            return "words"
        case Choose():
            return "choices" if instance.several else "choice"
        case Order():
            return "order"
        case Value():
            return "text"
        case FillFrame():
            return "frame"
    return "area"


def cell(page: Page, asks: str) -> Locator:
    return page.locator(f'.cell[data-asks="{asks}"]')


# -- every page --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width, scheme", [(390, "light"), (800, "dark"), (1400, "dark")])
@pytest.mark.parametrize("name", NAMES)
def test_every_page_draws_its_widgets_fits_its_window_and_can_be_heard(
    browser: Browser, address: str, name, width, scheme
):
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    made = Visit(context, address)
    page = made.open(name)
    page.evaluate("() => { for (const one of document.querySelectorAll('details')) one.open = true; }")
    page.wait_for_timeout(400)
    assert page.evaluate(WIDE) <= 0
    assert AXE.is_file() or os.environ.get("KUBENET_CI") != "1", "tests/pyodide/fetch brings axe"
    if AXE.is_file() and width != 800:
        page.evaluate(AXE.read_text(encoding="utf-8"))
        found = page.evaluate("() => axe.run({ resultTypes: ['violations'] })")["violations"]
        assert [
            (one["id"], len(one["nodes"]), one["nodes"][0]["html"][:200]) for one in found if one["id"] not in THEIRS
        ] == []
    context.close()
    assert made.faults == []


# A matrix's cells show less than they say to who listens, and in another order: the pair comes first.
THEIRS = {"label-content-name-mismatch"}


def test_with_scripts_off_a_chapter_has_its_text_its_tables_and_its_pictures(browser: Browser, address: str):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/02-two-pods-one-node.html")
    expect(page.locator("h1")).to_be_visible()
    expect(page.locator("table").first).to_be_visible()
    for picture in page.locator("main img").all():
        picture.scroll_into_view_if_needed()
        expect(picture).to_be_visible()
    expect(page.locator("#seek")).to_be_hidden()
    context.close()


def test_a_page_opened_from_a_disk_works_and_says_why_python_does_not(browser: Browser, built: Path):
    context = browser.new_context()
    made = Visit(context, f"file://{built}")
    page = made.open("00-start-here")
    cell(page, "predict 00-seen 0").get_by_label("node-1's").check()
    cell(page, "predict 00-seen 0").get_by_role("button", name="Keep my prediction").click()
    expect(cell(page, "reveal 00-seen 0").get_by_text("Not as you predicted")).to_be_visible()
    source = cell(page, "exercise 00-source 0")
    source.get_by_role("textbox").fill("10.0.0.1")
    source.get_by_role("button", name="Check").click()
    expect(source.get_by_text("from a disk" if can_wake() else "without Python")).to_be_visible()
    context.close()
    assert made.faults == []


def test_the_theme_follows_the_switch_and_stays(visit: Visit):
    page = visit.open("index")
    before = page.locator(".kn-page").evaluate("(one) => getComputedStyle(one).backgroundColor")
    page.get_by_role("button", name="Dark").click()
    assert page.locator(".kn-page").evaluate("(one) => getComputedStyle(one).backgroundColor") != before
    page.reload()
    expect(page.get_by_role("button", name="Light")).to_be_visible()


def test_the_search_leads_to_a_section(visit: Visit):
    page = visit.open("index")
    page.locator("#seek").press_sequentially("hairp")
    expect(page.locator(".found a").first).to_be_visible()
    page.locator(".found a", has_text="reaches itself").first.click()
    expect(page.locator("h1")).to_have_text("Two pods, one node")


def test_on_paper_there_is_the_chapter_and_nothing_to_click(visit: Visit):
    page = visit.open("00-start-here")
    page.emulate_media(media="print")
    for hidden in (".top", ".inside", ".tools"):
        expect(page.locator(hidden).first).to_be_hidden()
    expect(page.locator("h1")).to_be_visible()


@pytest.mark.parametrize("name", [name for name in NAMES if name[0].isdigit()])
def test_what_a_chapter_lets_one_move_moves_by_mouse_and_by_keys(browser: Browser, built: Path, name: str):
    """From a disk, where nothing wakes: each kind of control of each widget is used once."""
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    made = Visit(context, f"file://{built}")
    page = made.open(name)
    for out in page.locator(".out.alive:not(:has(.kn-exercise))").all():
        slider = out.locator("input[type=range]:enabled:visible").first
        if slider.count():
            before = slider.input_value()
            slider.press("ArrowRight")
            if before not in (slider.get_attribute("max"), "") and slider.input_value() == before:
                expect(
                    page.locator(".note").first
                ).to_be_visible()  # Python would have to answer, and a sentence says so
        choices = out.locator("select:enabled:visible").first
        if choices.count() and choices.locator("option").count() > 1:
            choices.select_option(index=1)
        button = out.locator("button:enabled:visible").first
        if button.count():
            button.click()
            button.press("Enter")
    page.wait_for_timeout(200)
    context.close()
    assert made.faults == []


# -- questions ---------------------------------------------------------------------------------------------------------


def test_a_prediction_is_kept_revealed_beside_what_happens_and_there_again_after_a_reload(visit: Visit):
    page = visit.open("00-start-here")
    asks, shows = cell(page, "predict 00-seen 0"), cell(page, "reveal 00-seen 0")
    asks.get_by_role("button", name="Keep my prediction").click()
    expect(asks.get_by_text("Choose one of the answers first.")).to_be_visible()
    asks.get_by_label("the client's own").check()
    asks.get_by_role("button", name="Keep my prediction").click()
    expect(shows.get_by_text("As you predicted.")).to_be_visible()
    shows.get_by_role("slider").press("ArrowRight")
    expect(shows.get_by_text("Step 2 of").first).to_be_visible()
    page.reload()
    expect(shows.get_by_text("As you predicted.")).to_be_visible()
    expect(asks.get_by_text("so it stays as it is")).to_be_visible()


def answer(page: Page, place: Locator, id: str, is_right: bool) -> None:
    """Gives the right answer or a wrong one, as a person does."""
    instance = find(id).instance(0)
    wrong = next(iter(instance.wrong_answers))[0] if hasattr(instance, "wrong_answers") else None
    said = instance.solution if is_right else wrong
    match kind(instance):
        case "words":
            other = next(word for word in instance.reads.words if word != instance.solution)
            place.get_by_role("radio", name=instance.solution if is_right else other, exact=True).check()
        case "choice" | "choices":
            wanted = said if isinstance(said, list) else [said]
            texts = [one.text for one in instance.statements]
            for box in place.locator("input:checked").all():
                if box.get_attribute("type") == "checkbox":
                    box.uncheck()
            for text in wanted:
                place.locator(f'input[value="{"ABCDEFGHIJ"[texts.index(text)]}"]').check()
        case "order":
            _sort(place, [instance.offered.index(event) for event in said])
        case "text":
            place.get_by_role("textbox").fill(str(said))
        case "frame":
            for name, value in said.items():
                place.get_by_role("textbox", name=name, exact=True).fill(str(value))
    place.get_by_role("button", name="Check").click()


def _sort(place: Locator, wanted: list[int]) -> None:
    letters = ["ABCDEFGHIJ"[at] for at in wanted]
    place.get_by_role("button", name="Move A down").click()  # an order that nobody touched is no answer
    for at, letter in enumerate(letters):
        while place.locator("li").evaluate_all("(all) => all.map((one) => one.dataset.letter)").index(letter) > at:
            place.get_by_role("button", name=f"Move {letter} up").press("Enter")


KINDS = ["words", "choice", "choices", "order", pytest.param("text", marks=wakes), pytest.param("frame", marks=wakes)]


@pytest.mark.parametrize("which", KINDS)
def test_an_exercise_of_each_kind_is_missed_solved_and_taken_up_after_a_reload(visit: Visit, which: str):
    if which not in asked():
        pytest.skip(f"no chapter asks for {which} in a cell of its own")
    id, name = asked()[which]
    page = visit.open(name)
    place = cell(page, f"exercise {id} 0")
    answer(page, place, id, is_right=False)
    expect(place.get_by_text("not yet", exact=False).first).to_be_visible(timeout=AWAKE)
    place.get_by_role("button", name="Hint 1 of 3").click()
    expect(place.get_by_text("Hint 1 of 3:")).to_be_visible()
    answer(page, place, id, is_right=True)
    expect(place.locator(".kn-state.kn-right")).to_be_visible(timeout=AWAKE)
    page.reload()
    expect(
        place.get_by_text("solved before") if which in ("text", "frame") else place.locator(".kn-state.kn-right")
    ).to_be_visible()
    page.goto(f"{visit.inside}/exercises.html")
    expect(page.locator(f'[data-exercise="{id}"]')).to_have_text("✓ solved")


def test_an_answer_in_ones_own_words_is_kept_and_shown_as_text(visit: Visit):
    id, name = asked()["choice"]
    page = visit.open(name)
    place = cell(page, f"exercise {id} 0")
    place.get_by_role("textbox", name="Other, in your own words").fill("<b>mine</b>")
    place.get_by_role("button", name="Check").click()
    expect(place.get_by_text("“<b>mine</b>”")).to_be_visible()


# -- progress ----------------------------------------------------------------------------------------------------------


def test_progress_goes_from_the_page_to_the_notebooks_and_back(visit: Visit, tmp_path: Path):
    page = visit.open("00-start-here")
    cell(page, "predict 00-seen 0").get_by_label("node-1's").check()
    cell(page, "predict 00-seen 0").get_by_role("button", name="Keep my prediction").click()
    expect(cell(page, "reveal 00-seen 0").get_by_text("Not as you predicted")).to_be_visible()
    answer(page, cell(page, "exercise 00-way 0"), "00-way", is_right=True)
    expect(cell(page, "exercise 00-way 0").locator(".kn-state.kn-right")).to_be_visible()
    page.goto(f"{visit.inside}/exercises.html")
    page.locator("#whose").fill("Ada Lovelace")
    with page.expect_download() as waits:
        page.get_by_role("button", name="Write my progress to a file").click()
    file = tmp_path / "progress.json"
    waits.value.save_as(file)
    read = exports.read(str(file))
    assert read.head.name == "Ada Lovelace"
    assert read.book.item("00-way").solved
    assert read.book.predictions["00-seen"].said == "node-1's" and read.book.predictions["00-seen"].belief
    more = book.answered(read.book, "02-ports", True, ["A"], 0)
    file.write_bytes(exports.export(more, "", "2026-11-28"))
    page.locator("#what").fill("00")
    page.get_by_role("button", name="Forget it").click()
    expect(page.locator("#progress-said")).to_contain_text("Forgotten: 00-seen, 00-way.")
    page.locator("#file").set_input_files(file)
    page.get_by_role("button", name="Add it to mine").click()
    expect(page.locator("#progress-said")).to_contain_text("The file has been added.")
    expect(page.locator('[data-exercise="02-ports"]')).to_have_text("✓ solved")
    expect(page.locator('[data-exercise="00-way"]')).to_have_text("✓ solved")


def test_progress_of_somebody_else_is_added_only_on_ones_word(visit: Visit, tmp_path: Path):
    file = tmp_path / "hers.json"
    file.write_bytes(exports.export(book.answered(book.Book(), "00-way", True, ["A"]), "Grace", "2026-11-28"))
    page = visit.open("exercises")
    page.locator("#file").set_input_files(file)
    page.get_by_role("button", name="Add it to mine").click()
    expect(page.locator("#progress-said")).to_contain_text("the progress of Grace")
    page.get_by_label("The name in it is mine").check()
    page.get_by_role("button", name="Add it to mine").click()
    expect(page.locator("#progress-said")).to_contain_text("The file has been added.")


def test_nothing_that_a_progress_file_says_becomes_a_part_of_the_page(visit: Visit, tmp_path: Path):
    evil = '<img src=x onerror="document.title = 1">'
    told = {
        "format": store.FORMAT,
        "items": {
            "00-way": {"tries": 1, "answer": evil, "own_words": evil},
            "00-source": {"tries": 1, "answer": {"other": evil}},
        },
        "predictions": {"00-seen": {"said": evil, "revealed": True}},
    }
    file = tmp_path / "evil.json"
    file.write_text(json.dumps(told))
    page = visit.open("exercises")
    page.locator("#file").set_input_files(file)
    page.get_by_role("button", name="Add it to mine").click()
    expect(page.locator("#progress-said")).to_contain_text("The file has been added.")
    page = visit.open("00-start-here")
    expect(cell(page, "predict 00-seen 0").get_by_text("Kept: <img")).to_be_visible()
    assert page.locator("img[src=x]").count() == 0
    assert page.title() != "1"


# -- awake -------------------------------------------------------------------------------------------------------------


@wakes
def test_a_control_wakes_python_and_the_picture_follows_it(visit: Visit):
    page = visit.open("00-start-here")
    place = page.locator(".cell", has_text="Controls(conversation, network=").last
    place.locator("select").first.select_option("same-node")
    expect(place.get_by_role("button", name="As it was")).to_be_visible(timeout=AWAKE)
    expect(place.get_by_text("pod/default/client → node-1 → pod/default/web-2")).to_be_visible(timeout=AWAKE)
    place.get_by_role("button", name="As it was").click()
    expect(place.get_by_text("pod/default/client → node-1 → lan → node-2")).to_be_visible()


@wakes
def test_one_types_into_the_terminal(visit: Visit):
    page = visit.open("02-two-pods-one-node")
    place = page.locator(".cell", has=page.locator(".kn-terminal")).first
    place.get_by_role("textbox").press_sequentially("ip -br link")
    place.get_by_role("textbox").press("Enter")
    expect(place.locator(".kn-entry").last).to_contain_text("cni0", timeout=AWAKE)
    expect(place.get_by_role("textbox")).to_be_focused(timeout=AWAKE)


@wakes
def test_a_cell_is_edited_run_and_brought_back(visit: Visit):
    page = visit.open("00-start-here")
    place = page.locator("#cell-3")
    place.get_by_role("button", name="Edit").click()
    place.get_by_role("textbox").fill('[one.name for one in world.values()][0], "<i>"')
    place.get_by_role("textbox").press("Shift+Enter")
    expect(place.get_by_text("'<i>')")).to_be_visible(timeout=AWAKE)
    place.get_by_role("button", name="As it was").click()
    expect(place.get_by_text("'10.96.1.1'")).to_be_visible()


@wakes
def test_a_cell_that_needs_a_real_machine_says_so_and_keeps_what_was_recorded(visit: Visit):
    page = visit.open("01-the-pod")
    place = page.locator(".cell", has_text="A second program is told:").first
    recorded = place.locator(".outs").inner_text()
    place.get_by_role("button", name="Run", exact=True).click()
    expect(place.locator(".note")).to_be_visible(timeout=AWAKE)
    assert place.locator(".outs").inner_text() == recorded


@wakes
def test_where_python_does_not_start_one_sentence_says_so(visit: Visit):
    visit.context.route("**/python/**", lambda route: route.abort())
    page = visit.open("00-start-here")
    page.locator("#cell-3").get_by_role("button", name="Run").click()
    expect(page.locator("#cell-3 .note")).to_contain_text("Python does not run here", timeout=AWAKE)
    visit.faults.clear()  # the browser complains of what we took away
