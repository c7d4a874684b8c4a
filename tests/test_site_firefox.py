"""The site in Firefox: every page draws, a question is judged and kept, keys move the stepper, Python wakes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from firefox import PROGRAM, Firefox
from site_pages import can_wake, served

from tools import build

pytestmark = pytest.mark.skipif(not PROGRAM, reason="there is no Firefox; install it (Debian: firefox-esr)")
ALIVE = "document.querySelectorAll('.out[data-model]').length === document.querySelectorAll('.out.alive').length"
OUTSIDE = "return performance.getEntriesByType('resource').map((one) => one.name).filter((name) => !name.startsWith(arguments[0]))"
RIGHT = "\ue014"  # the arrow key, as WebDriver spells it (W3C WebDriver, section 17.4.2)
ENTER = "\ue007"
SEEN, SHOWN = '[data-asks="predict 00-seen 0"]', '[data-asks="reveal 00-seen 0"]'


@pytest.fixture(scope="module")
def address(built: Path) -> Iterator[str]:
    with served(built) as found:
        yield found


@pytest.fixture(scope="module")
def fox() -> Iterator[Firefox]:
    with Firefox() as started:
        yield started


@pytest.mark.parametrize("name", [*(master.stem for master in build.masters()), "index", "glossary", "exercises"])
def test_every_page_draws_its_widgets_and_asks_nobody_else(fox: Firefox, address: str, name: str):
    fox.open(f"{address}/{name}.html")
    fox.waits(ALIVE)
    assert fox.runs(OUTSIDE, address) == []


def test_a_prediction_is_kept_over_a_reload_and_keys_move_the_stepper(fox: Firefox, address: str):
    fox.open(f"{address}/00-start-here.html")
    fox.waits(f"document.querySelector('{SEEN} input:enabled')")
    fox.clicks(f"{SEEN} input[type=radio]")
    fox.clicks(f"{SEEN} .kn-check")
    fox.waits(f"document.querySelector('{SHOWN}').textContent.includes('As you predicted')")
    fox.types(f"{SHOWN} input[type=range]", RIGHT)
    fox.waits(f"document.querySelector('{SHOWN}').textContent.includes('Step 2 of')")
    fox.open(f"{address}/00-start-here.html")
    fox.waits(f"document.querySelector('{SEEN}').textContent.includes('so it stays as it is')")


@pytest.mark.skipif(not can_wake(), reason="there is no pyodide; run tests/pyodide/fetch")
def test_python_wakes_and_judges_an_answer(fox: Firefox, address: str):
    place = '[data-asks="exercise 00-source 0"]'
    fox.open(f"{address}/00-start-here.html")
    fox.waits(f"document.querySelector('{place} input:enabled')")
    fox.types(f"{place} input", f"10.0.0.1{ENTER}")
    fox.waits(f"document.querySelector('{place} .kn-state').textContent.includes('not yet')", 150)
