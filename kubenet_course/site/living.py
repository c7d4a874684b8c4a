"""A chapter that lives in a browser: pyodide runs this, and a page talks to it in JSON (assets/worker.js is between the two).

An order names what to do; the answer is JSON too. What widgets say on their own goes out through `posts`, as letters that hold
what Jupyter's comm messages do (https://jupyter-client.readthedocs.io/en/latest/messaging.html#custom-messages).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from html import escape
from typing import Any

os.environ |= {"KUBENET_HOME": ":memory:", "JUPYTER_WIDGETS_ECHO": "0"}

import comm
from comm.base_comm import BaseComm
from IPython.lib.pretty import pretty

from ..learn.bank import find
from ..learn.questions.feedback import judged
from ..learn.record import store
from ..learn.record.book import Book
from .answers import told, variant
from .cells import Session
from .models import BARE, VIEW, Scripts

WIDTH = 79  # characters of a line, as IPython counts them
ABSENT = (OSError, ImportError, NotImplementedError)  # what a browser's Python raises for sockets and processes


class Living:
    """The cells of one page, the widgets that they made, and what the learner has answered so far."""

    def __init__(self, posts: Callable[[str], Any]):
        self.posts, self.session, self.scripts = posts, Session(), Scripts()
        self.comms: dict[str, BaseComm] = {}
        self._reset()

    def _reset(self) -> None:
        living = self

        class Letters(BaseComm):
            """What a widget sends goes to the page."""

            def publish_msg(self, msg_type: str, data: Any = None, *_: Any, **__: Any) -> None:
                living.said(self, msg_type, data or {})

        comm.create_comm = Letters

    def said(self, comm: BaseComm, kind: str, data: dict[str, Any]) -> None:
        """A message of a widget. Sizes and styles of ipywidgets stay here: the page has its own."""
        state = data.get("state", {})
        if kind == "comm_open":
            self.comms[comm.comm_id] = comm
            if str(state.get("_model_name", "")).endswith(BARE):
                return
            model = self.scripts.slim({comm.comm_id: {"model_name": state["_model_name"], "state": state}})
            self.posts(json.dumps({"do": "open", "id": comm.comm_id, "model": model[comm.comm_id]}))
        elif kind == "comm_msg" and data.get("method") in ("update", "custom"):
            self.posts(
                json.dumps({"do": data["method"], "id": comm.comm_id, "state": state, "content": data.get("content")})
            )

    def order(self, text: str) -> str:
        """Does what a page wants and answers; what goes wrong is an answer too."""
        wanted = json.loads(text)
        try:
            return json.dumps(getattr(self, f"on_{wanted.pop('do')}")(**wanted))
        except Exception as error:
            return json.dumps({"failed": f"{type(error).__name__}: {error}"})

    def on_run(self, source: str, name: str, book: Any) -> dict[str, Any]:
        """Runs a cell; answers what it puts out, and what is kept of answers afterwards."""
        self._keep(book)
        try:
            value, printed = self.session.run(source, name)
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
            return {"error": said, "absent": _is_absent(error), "outputs": [], "book": self._kept()}
        outputs = [{"html": _plain(printed), "text": printed, "model": ""}] if printed else []
        return {"outputs": outputs + ([] if value is None else [output(value)]), "book": self._kept()}

    def on_judge(self, id: str, variant: int, answer: Any) -> dict[str, Any]:
        """What is said of an answer. The page keeps it."""
        return told(judged(id, answer, variant), judged(id, answer, variant, in_full=True))

    def on_question(self, id: str, number: int) -> dict[str, Any]:
        """A further variant of an exercise."""
        return variant(find(id), number, is_judged=False)

    def on_message(self, id: str, data: dict[str, Any], book: Any) -> dict[str, Any]:
        """What a learner did with a widget."""
        self._keep(book)
        self.comms[id].handle_msg({"content": {"data": data}, "buffers": [], "header": {}, "parent_header": {}})
        return {"book": self._kept()}

    def _keep(self, book: Any) -> None:
        """The page's book is the true one."""
        brought = store.decoded(json.dumps({"format": 1, **(book or {})}).encode())
        store.store().update(lambda _: brought)

    def _kept(self) -> Any:
        kept: Book = store.store().read()
        return json.loads(store.encoded(kept))


def output(value: Any) -> dict[str, Any]:
    """What a page shows of a cell's last value: HTML, or words; and the widget that takes their place."""
    data = _bundle(value)
    own = getattr(value, "_repr_html_", None)
    html = data.get("text/html") or (own() if own else "")
    text = data.get("text/plain") or pretty(value, max_width=WIDTH)
    shows = f'<div class="kn-html">{html}</div>' if html else _plain(text)
    return {"html": shows, "text": text, "own": html, "model": data.get(VIEW, {}).get("model_id", "")}


def _bundle(value: Any) -> dict[str, Any]:
    """What a value shows of itself. The picture that stands in for a widget needs matplotlib: here the widget stands for itself."""
    bundle = getattr(value, "_repr_mimebundle_", None)
    try:
        data = bundle(include=None, exclude=None) if bundle else {}
    except ImportError:
        data = {VIEW: {"model_id": value.model_id}} if hasattr(value, "model_id") else {}
    return data[0] if isinstance(data, tuple) else data


def _plain(text: str) -> str:
    return f'<pre class="kn-plain">{escape(text)}</pre>'


def _is_absent(error: Exception) -> bool:
    """Whether a cell failed for want of what a browser has not: sockets, processes, users, threads, network cards."""
    is_of_system = isinstance(error, AttributeError) and error.obj is os
    is_of_threads = isinstance(error, RuntimeError) and "thread" in str(error)
    is_of_cards = isinstance(error, ValueError) and "Interface '" in str(error)  # scapy's words
    return isinstance(error, ABSENT) or is_of_system or is_of_threads or is_of_cards
