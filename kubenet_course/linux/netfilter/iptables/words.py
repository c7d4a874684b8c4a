"""How iptables writes numbers, ports, protocols and masks, both ways; wrong values are refused by name."""

from __future__ import annotations

import re

from ....errors import BadInput

# Names that iptables prints, by number (/etc/protocols). Both spellings of ICMPv6 are read; one is written.
PROTOCOLS = {
    "icmp": 1, "igmp": 2, "ipencap": 4, "tcp": 6, "udp": 17, "dccp": 33, "gre": 47, "esp": 50, "ah": 51, "ipv6-icmp": 58,
    "ospf": 89, "ipip": 94, "pim": 103, "vrrp": 112, "sctp": 132, "mobility-header": 135, "udplite": 136,
}  # fmt: skip
_NAMES = {number: name for name, number in PROTOCOLS.items()}
_OTHER_NAMES = {"icmpv6": "ipv6-icmp", "ipv6-mh": "mobility-header", "mh": "mobility-header"}
SERVICES = {"domain": 53, "http": 80, "https": 443, "ssh": 22, "bootps": 67, "bootpc": 68, "ntp": 123}
_BARE = re.compile(r"[A-Za-z0-9_-]+").fullmatch
_WORD = re.compile(r'"(?:[^"\\]|\\.)*"|[^\s"]+|"')


def split(line: str) -> list[str]:
    """The words of a line; what stands in quotes is one, with `\\"` and `\\\\` for the two characters themselves."""
    if '"' not in line:
        return line.split()
    words = _WORD.findall(line)
    if '"' in words:
        raise BadInput(
            "", "a quotation mark has no partner", 'write comments as "text", with \\" for a quotation mark in them'
        )
    return [_unquoted(word) if word[0] == '"' else word for word in words]


def _unquoted(word: str) -> str:
    return re.sub(r"\\(.)", r"\1", word[1:-1]) if "\\" in word else word[1:-1]


def quoted(text: str) -> str:
    """Text as iptables-save prints it: bare where that is safe, else in quotes (xtables_save_string)."""
    if _BARE(text):
        return text
    return '"' + (re.sub(r'(["\\])', r"\\\1", text) if '"' in text or "\\" in text else text) + '"'


def whole(text: str, most: int = 0xFFFFFFFF, what: str = "number") -> int:
    """A number, decimal, 0x hexadecimal or 0 octal, as iptables reads them."""
    value = -1
    if re.fullmatch(r"0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*", text) and len(text) < 20:
        value = int(text, 8 if text[0] == "0" and text.isdigit() else 0)
    if not 0 <= value <= most:
        raise BadInput("", f"{text!r} is not a {what}", f"write one from 0 to {most}")
    return value


def masked(text: str) -> tuple[int, int]:
    """`0x4000/0xc000`: a value and a mask; without a mask all 32 bits count."""
    value, slash, mask = text.partition("/")
    return whole(value, what="mark"), whole(mask, what="mask") if slash else 0xFFFFFFFF


def port(text: str) -> int:
    return SERVICES[text] if text in SERVICES else whole(text, 65535, "port")


def port_range(text: str, separator: str = ":") -> tuple[int, int]:
    """`80`, `1024:2048`, `:1023`, `1024:`."""
    low, dash, high = text.partition(separator)
    first = port(low) if low or not dash else 0
    last = (port(high) if high else 65535) if dash else first
    if last < first:
        raise BadInput("", f"the port range {text!r} runs backwards", f"write {last}{separator}{first}")
    return first, last


def port_text(low: int, high: int, separator: str = ":") -> str:
    return f"{low}" if low == high else f"{low}{separator}{high}"


def protocol(text: str) -> str:
    """A protocol's one name here: as iptables prints it, or its number as text where it has none."""
    name = text.lower()
    name = _OTHER_NAMES.get(name, name)
    if name in PROTOCOLS or name == "all":
        return name
    if not name.isdecimal():
        raise BadInput("", f"{text!r} is not a protocol", "write one like tcp, udp, icmp, or its number from 0 to 255")
    number = whole(name, 255, "protocol")
    return _NAMES.get(number, str(number)) if number else "all"


def shown(line: str) -> str:
    """A line, or its beginning, fit to be shown in a sentence."""
    return repr(line if len(line) <= 60 else line[:57] + "...")
