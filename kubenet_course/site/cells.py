"""Runs the code cells of a chapter one after the other, as a notebook's kernel does, in this very process.

The same lines run at the site's build, where they find out what a reveal shows, and in a browser, under pyodide.
"""

from __future__ import annotations

import ast
import contextlib
import io
from typing import Any


class Session:
    """The names that a chapter's cells share. `run` returns what the last line of a cell is, and what was printed."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {"__name__": "__main__"}

    def run(self, source: str, name: str = "<cell>") -> tuple[Any, str]:
        """Runs a cell. What its code raises comes out as it is."""
        tree, printed = ast.parse(source, name), io.StringIO()
        last = tree.body[-1] if tree.body else None
        last = last if isinstance(last, ast.Expr) else None
        tree.body = tree.body[:-1] if last else tree.body
        shows = last is not None and not source.rstrip().endswith(";")
        with contextlib.redirect_stdout(printed):
            exec(compile(tree, name, "exec"), self.names)
            value = eval(compile(ast.Expression(last.value), name, "eval"), self.names) if last else None
        return (value if shows else None), printed.getvalue()
