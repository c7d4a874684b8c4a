"""Lengths of time as nft writes them: 1d2h3m4s, 59s996ms."""

import re

from ....errors import BadInput

UNITS = {"w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}  # milliseconds
PART = re.compile(r"(\d+)(ms|[wdhms])")


def milliseconds(text: str) -> int:
    """How long that is; a bare number counts seconds. Raises BadInput for anything else."""
    if text.isdecimal():
        return int(text) * 1000
    if not text or PART.sub("", text):
        raise BadInput("", f"{text!r} is no length of time", "write it as 1h30m or 59s996ms")
    return sum(int(count) * UNITS[unit] for count, unit in PART.findall(text))


def nanoseconds(text: str) -> int:
    return milliseconds(text) * 1_000_000
