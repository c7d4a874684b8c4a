"""A command as an argument list, and a rule of iptables as one line of text: what passes from a program to a shell."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct


class Command(Struct, frozen=True):
    """One command. `says` is what a reader should know before it; where it is empty, the command belongs to the one before."""

    argv: tuple[str, ...]
    stdin: str = ""
    says: str = ""


def restored(words: Iterable[str]) -> str:
    """A rule as one line that `iptables-restore` reads: quotation marks around words with spaces (xshared.c, add_param_to_argv)."""
    return " ".join(_quoted(word) if not word or set(word) & set(' \t"\\') else word for word in words)


def _quoted(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
