"""What the site costs: its build, the size of its largest page, the time to the first picture, and to Python awake in a browser."""

from __future__ import annotations

import gzip
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from tools.bench import Timed, measurement

ROOT = Path(__file__).resolve().parent.parent
PYODIDE = ROOT / "tests" / "pyodide" / "node_modules" / "pyodide"
NONE = float("nan")  # what is measured where a browser or pyodide is missing
SHOWN = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
SOURCE = '.cell[data-asks="exercise 00-source 0"]'


@cache
def built() -> tuple[Path, float]:
    """The site in a folder of this process's own, and how long its build took."""
    from kubenet_course.site.pages import write

    folder = Path(tempfile.mkdtemp(prefix="kubenet-bench-site-")) / "site"
    began = time.perf_counter()
    write(folder, pyodide=PYODIDE if PYODIDE.is_dir() else None)
    return folder, time.perf_counter() - began


@contextmanager
def opened() -> Iterator[Any]:
    """Chapter 00 in a browser, from loopback."""
    sys.path.insert(0, str(ROOT / "tests"))
    from labdrive import CHROMIUM, FLAGS
    from playwright.sync_api import sync_playwright
    from site_pages import served

    with served(built()[0]) as address, sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        page = browser.new_page()
        page.goto(f"{address}/00-start-here.html")
        yield page
        browser.close()


@measurement("the site: the pages alone, every chapter read and drawn", figure=3.0)
def pages() -> Timed:
    from kubenet_course.data import NOTEBOOKS
    from kubenet_course.site.models import Scripts
    from kubenet_course.site.pages import chapters

    return lambda: chapters(NOTEBOOKS, Scripts())


@measurement("the site: its build, with a run of every chapter", figure=60, unit="seconds")
def whole() -> Callable[[], float]:
    return lambda: built()[1]


@measurement("the site: its largest page, gzipped, with what it loads at once", figure=150, unit="kB")
def largest() -> Callable[[], float]:
    def measured() -> float:
        folder, _ = built()
        loads = (
            "theme.css",
            "site.css",
            "widgets.css",
            "page.js",
            "widgets.js",
            "controls.js",
            "book.js",
            "judge.js",
            "awake.js",
            "loader.js",
        )
        size = {
            path: len(gzip.compress(path.read_bytes())) for path in [*folder.glob("*.html"), *folder.glob("assets/*")]
        }
        most = max(size[path] for path in folder.glob("*.html"))
        return (most + sum(size[folder / "assets" / name] for name in loads)) / 1000

    return measured


@measurement("the site: the first picture of a chapter, on loopback", figure=0.5, unit="seconds")
def first_picture() -> Callable[[], float]:
    def measured() -> float:
        with opened() as page:
            page.wait_for_function(SHOWN)
            return page.evaluate(SHOWN) / 1000

    return measured


@measurement("the site: Python awake, and an answer judged", figure=10, unit="seconds")
def awake() -> Callable[[], float]:
    def measured() -> float:
        if not PYODIDE.is_dir():
            return NONE
        with opened() as page:
            page.locator(f"{SOURCE} input").fill("10.0.0.1")
            began = time.perf_counter()
            page.locator(f"{SOURCE} .kn-check").click()
            page.locator(f"{SOURCE} .kn-wrong").first.wait_for(timeout=120_000)
            return time.perf_counter() - began

    return measured
