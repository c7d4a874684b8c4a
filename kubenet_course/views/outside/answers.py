"""What a Gateway, or an Ingress, makes of a request, as a small table."""

from __future__ import annotations

from ...errors import BadInput
from ...kube.gateway.doors import Doors
from ...kube.gateway.request import Answer, Request
from ...linux.namespace.choices import Seeded
from ..tables.table import Table, table


def asking(text: str) -> Request:
    """`POST shop.example.com/cart?item=1 x-canary=yes`, with `tls` or `sni=NAME` or `:8080` behind it. GET may be left out."""
    words = text.split()
    method = words.pop(0) if words and words[0].isalpha() and words[0].isupper() else "GET"
    if not words:
        raise BadInput("request", f"{text!r} names no address", "write shop.example.com/cart")
    host, slash, rest = words.pop(0).partition("/")
    port, tls, sni, headers = 0, False, "", []
    for word in words:
        name, sign, value = word.partition("=")
        if word == "tls" or name == "sni":
            tls, sni = True, value
        elif word.startswith(":") and word[1:].isdecimal():
            port = int(word[1:])
        elif sign:
            headers.append((name, value))
        else:
            raise BadInput("request", f"{word!r} is no header", "write NAME=VALUE")
    return Request(host, slash + rest or "/", method, tuple(headers), port, tls, sni)


def routed(doors: Doors, text: str, seed: int = 0) -> Table:
    """The answer to a request, the rule that gave it, and those that it was preferred to."""
    answer, _ = doors.ask(asking(text), choices=Seeded(seed))
    return table(f"{text}: {answer.says}", ("what", "which", "why"), _rows(answer), code=(1,))


def _rows(answer: Answer) -> list[tuple[str, str, str]]:
    rows = [("asked", answer.listener or answer.door, "" if answer.route else answer.says)]
    if answer.route:
        rows.append(("rule", f"{answer.route} rule {answer.rule}", answer.because))
    rows += [("not", f"{one.route} rule {one.rule}", f"the other: {one.says}") for one in answer.over]
    if answer.backend is not None:
        rows.append(("backend", str(answer.backend), answer.backend.says))
    if answer.location:
        rows.append(("sent to", answer.location, ""))
    if answer.forwarded is not None:
        sent = answer.forwarded
        rows.append(("sent on", f"{sent.method} {sent.path}", f"Host: {sent.host}"))
    return rows + [("not certain", "", text) for text in answer.hangs_on]


def attachments(doors: Doors) -> Table:
    """Every route with each of its parents: whether it is attached, and why."""
    rows = [
        (one.route, one.parent or "none", one.reason if one.reason else "not followed", one.says)
        for one in doors.attachments()
    ]
    return table("Routes and their parents", ("route", "parent", "reason", "why"), sorted(rows), code=(0, 1))
