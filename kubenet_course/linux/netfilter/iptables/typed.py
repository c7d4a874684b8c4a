"""Dumps that went through a word processor or a web page, which print quotation marks and dashes of their own."""

from __future__ import annotations

import re

QUOTES, DASHES = "\u201c\u201d\u201e\u201f\u00ab\u00bb", "\u2013\u2014\u2212"
WHAT = 'typographic quotation marks or dashes are not those of iptables; they were read as " and -'


def as_typed(text: str, where: str, said: list[str]) -> str:
    """The text with the quotation marks and dashes that iptables knows. Where any was changed, that is `said`."""
    if not any(one in text for one in QUOTES + DASHES):
        return text
    lines, changed = text.split("\n"), []
    for at, line in enumerate(lines):
        new = re.sub(f"[{DASHES}](?=[A-Za-z](?:\\s|$))", "-", line)
        new = re.sub(f"(?<!\\S)(?:[{DASHES}]-?)(?=[a-z])", "--", new)
        new = new if '"' in new else re.sub(f"[{QUOTES}]", '"', new)
        if new != line:
            lines[at] = new
            changed.append(at + 1)
    if changed:
        many = f" and {len(changed) - 1} more lines" if len(changed) > 1 else ""
        said.append(f"{where}:{changed[0]}{many}: {WHAT}")
    return "\n".join(lines)
