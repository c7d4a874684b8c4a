"""The site as tests look at it: built once, served on loopback, its links and pictures read from the pages."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parent.parent
NODE = ROOT / "tests" / "pyodide" / "node_modules"
PYODIDE = NODE / "pyodide"
LOADS = {"img": "src", "script": "src", "link": "href", "source": "src", "iframe": "src"}


def can_wake() -> bool:
    """Whether pyodide and its msgspec are here, as .ci/run puts them."""
    return PYODIDE.is_dir() and any(NODE.glob("msgspec-*wasm32.whl"))


class Page(HTMLParser):
    """Where a page leads to, what it loads, its names, its pictures, and what it says with no script running."""

    def __init__(self, text: str):
        super().__init__()
        self.leads: list[str] = []
        self.loads: list[str] = []
        self.names: list[str] = []
        self.pictures: list[tuple[str, str]] = []
        self.said: list[str] = []
        self.mute = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self.mute += tag in ("script", "style")
        self.names += [told["id"]] if told.get("id") else []
        self.leads += [told["href"]] if tag == "a" and told.get("href") else []
        self.loads += [told[LOADS[tag]]] if tag in LOADS and told.get(LOADS[tag]) else []
        self.pictures += [(told["src"] or "", told.get("alt") or "")] if tag == "img" else []

    def handle_endtag(self, tag: str) -> None:
        self.mute -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        if not self.mute:
            self.said.append(data)

    @property
    def words(self) -> str:
        return " ".join("".join(self.said).split())


def pages(folder: Path) -> dict[str, Page]:
    return {path.name: Page(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.html"))}


def broken(folder: Path) -> list[str]:
    """Every link and every file that a page asks for and that is not there."""
    every, found = pages(folder), []
    for name, page in every.items():
        for link in [*page.leads, *page.loads]:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = parts.path or name
            if not (folder / target).is_file():
                found.append(f"{name}: {link}: no such file")
            elif parts.fragment and unquote(parts.fragment) not in every[target].names:
                found.append(f"{name}: {link}: no such place")
    return found


class Quiet(SimpleHTTPRequestHandler):
    """A plain web server, as any would serve the folder."""

    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".mjs": "text/javascript", ".wasm": "application/wasm"}

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a folder while it is served, below a path of its own."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder.parent)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/{folder.name}"
    finally:
        server.shutdown()
        server.server_close()
