"""Code to read in a notebook: the library's own, coloured by what JupyterLab already has."""

from __future__ import annotations

from html import escape

from msgspec import Struct

from ..drawing.theme import CODE


class Source(Struct, frozen=True):
    """A function's or a class's text, and its name with its module."""

    text: str
    name: str

    def __str__(self) -> str:
        return f"# {self.name}\n{self.text}".rstrip()

    __repr__ = __str__

    def _repr_html_(self) -> str:
        style = f"{CODE};line-height:1.45;margin:0;padding:6px 10px;overflow-x:auto;border-left:3px solid rgba(128,128,128,.6)"
        name, text = escape(self.name), escape(self.text)
        return f'<figure style="margin:0"><figcaption>{name}</figcaption><pre style="{style}">{text}</pre></figure>'
