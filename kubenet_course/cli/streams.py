"""Standard output and standard error as commands write to them: nothing that a file says reaches the terminal as a command.

Control characters are spelled out, the few styles that `click.style` makes are kept where a terminal shows them (and NO_COLOR is
not set), and a reader that has gone away ends nothing: what would have been the exit code stays it.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

from ..errors import BadInput
from ..visible import visible

STYLES = re.compile("(\x1b\\[[012]m)")  # reset, bold, dim


class Unwritten(Exception):
    """Standard output takes no more, for the reason that the system gives."""


class Shown:
    """A text stream that shows what it is given."""

    def __init__(self, stream: TextIO, forgives: type[OSError] = BrokenPipeError):
        self._stream = stream
        self._styled = stream.isatty() and not os.environ.get("NO_COLOR")
        self._gone, self._forgives = False, forgives
        self.encoding, self.errors = "utf-8", "strict"  # whatever the terminal knows: `_put` sees to that

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError("text is wanted")
        parts = STYLES.split(text)
        shown = "".join(
            (part if self._styled else "") if at % 2 else visible(part, "\n\t") for at, part in enumerate(parts)
        )
        try:
            self._put(shown)
        except self._forgives:
            self._leave()
        except OSError as error:
            raise Unwritten(error.strerror) from None
        return len(text)

    def _put(self, text: str) -> None:
        if self._gone:
            return
        try:
            self._stream.write(text)
        except UnicodeEncodeError:
            known = self._stream.encoding or "ascii"
            self._stream.write(text.encode(known, "backslashreplace").decode(known))

    def flush(self) -> None:
        try:
            if not self._gone:
                self._stream.flush()
        except self._forgives:
            self._leave()
        except OSError as error:
            raise Unwritten(error.strerror) from None

    def _leave(self) -> None:
        """Nobody reads any more. What Python still holds for them goes nowhere, without a word."""
        self._gone = True
        _to_nowhere(self._stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _to_nowhere(stream: TextIO) -> None:
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


@contextmanager
def shown() -> Iterator[None]:
    """Standard output and error are shown streams meanwhile. Raises BadInput where output cannot be written."""
    before = sys.stdout, sys.stderr
    if before[0] is not None:
        sys.stdout = Shown(before[0])  # type: ignore[assignment]
    if before[1] is not None:  # a complaint that cannot be written changes nothing
        sys.stderr = Shown(before[1], OSError)  # type: ignore[assignment]
    try:
        yield
        if sys.stdout is not None:
            sys.stdout.flush()
    except Unwritten as error:
        if before[0] is not None:
            _to_nowhere(before[0])
        raise BadInput("standard output", f"it cannot be written ({error})", "make room for it") from None
    finally:
        with suppress(OSError):
            if sys.stderr is not None:
                sys.stderr.flush()
        sys.stdout, sys.stderr = before
