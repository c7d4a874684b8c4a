"""Text from outside, made fit to be shown: control characters and terminal escapes are spelled out, not passed on."""

import re

# C0 and C1 controls, line and paragraph separators, marks that turn the direction of writing, halves of characters.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def visible(text: str, but: str = "") -> str:
    """The text with a spelling such as \\x1b for what a terminal would obey; characters of `but` stay as they are."""
    return _UNSEEN.sub(lambda found: found[0] if found[0] in but else _spelled(found[0]), text)


def _spelled(character: str) -> str:
    number = ord(character)
    return _NAMED.get(character) or (f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}")
