"""Words of a command line as `ip` and `bridge` read them: keywords with values, in any order."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import BadInput
from ..linux.namespace.device import IfAddr, ifaddr
from ..linux.packet.address import Mac, family
from ..linux.packet.address import address as any_address
from ..linux.packet.address import mac as any_mac
from .state import Refused

FLAG = ""  # a keyword that stands alone


def said_in(
    words: Sequence[str], known: dict[str, str], what: str, bare: str = "", garbage: Sequence[str] = ()
) -> dict[str, str]:
    """Keywords and their values. `known` maps a keyword to what its value is called, or to FLAG; `bare` names a word without one.

    A keyword may have several spellings, `dev|name`; the first is the one that the answer has. `garbage` are words that the
    real program does not know either.
    """
    spelled = {spelling: names.partition("|")[0] for names in known for spelling in names.split("|")}
    values = {names.partition("|")[0]: value for names, value in known.items()}
    found: dict[str, str] = {}
    at = 0
    while at < len(words):
        name = spelled.get(words[at])
        if name is None and bare and bare not in found:
            found[bare] = words[at]
        elif name is None:
            accepted = ", ".join(f"{names} {value}".strip() for names, value in known.items())
            quote = (
                f'Error: either "{bare}" is duplicate, or "{words[at]}" is a garbage.' if words[at] in garbage else ""
            )
            raise Refused(f"{what} does not take {words[at]!r} here. It takes {accepted or 'nothing more'}.", quote)
        elif values[name] == FLAG:
            found[name] = "on"
        elif at + 1 == len(words):
            raise Refused(
                f"Nothing follows {words[at]}: {what} wants {values[name]} there.", "Command line is not complete."
            )
        else:
            found[name], at = words[at + 1], at + 1
        at += 1
    return found


def chosen(word: str, known: dict[str, str], what: str, real: str = "", quote: str = "") -> str:
    """The one of these words that is meant; like `ip`, by its beginning. `known` maps shortest spelling to the word.

    `real` are the words of the real program: what begins none of them, it refuses with `quote`.
    """
    for short, whole in known.items():
        if word.startswith(short) and whole.startswith(word):
            return whole
    is_strange = not any(whole.startswith(word) for whole in real.split())
    raise Refused(
        f"{what} knows no {word!r} here. It knows {', '.join(dict.fromkeys(known.values()))}.", is_strange * quote
    )


def number(text: str, name: str, low: int, high: int) -> int:
    """A number between two others."""
    if not text.isascii() or not text.isdecimal():
        raise Refused(f"{text!r} is not a number.", f'Error: argument "{text}" is wrong: Invalid "{name}" value')
    if not low <= int(text) <= high:
        raise Refused(f"{name} is {low} to {high}, not {text}.")
    return int(text)


def on_off(text: str, name: str) -> bool:
    if text not in ("on", "off"):
        quote = f'Error: argument of "{name}" must be one of "off", "on", not "{text}"'
        raise Refused(f"{name} is on or off, not {text!r}.", quote)
    return text == "on"


def mac_of(text: str, quote: str = '"{}" is invalid lladdr.') -> Mac:
    """A MAC in any spelling."""
    try:
        return any_mac(text)
    except BadInput:
        wrong = next((pair for pair in text.split(":") if not _is_hex(pair)), text)
        raise Refused(
            f"{text!r} is not a MAC address; one looks like 02:0a:f4:01:00:0a.", quote.format(wrong)
        ) from None


def _is_hex(pair: str) -> bool:
    return 0 < len(pair) <= 2 and set(pair.lower()) <= set("0123456789abcdef")


def address_of(text: str, of: int = 0) -> str:
    """An address, of one family where that is asked for."""
    kind = {0: "any valid prefix", 4: "inet address", 6: "inet6 address"}[of]
    quote = f'Error: {kind} is expected rather than "{text}".'
    try:
        found = any_address(text)
    except BadInput:
        raise Refused(f"{text!r} is not an address; one looks like 10.244.1.10 or fd00:10:244::1.", quote) from None
    if of and family(found).number != of:
        raise Refused(f"{found} is not an address of IPv{of}.", quote)
    return found


def ifaddr_of(text: str) -> IfAddr:
    """An address with the length of its block, or a bare one: a block of one."""
    quote = f'Error: any valid prefix is expected rather than "{text}".'
    if "/" in text and not text.partition("/")[2].isdecimal():
        raise Refused(f"{text!r} has no length after its slash; write one such as 10.244.1.10/24.", quote)
    try:
        return ifaddr(text)
    except BadInput as error:
        raise Refused(f"{error.what}; {error.right}.", quote) from None
