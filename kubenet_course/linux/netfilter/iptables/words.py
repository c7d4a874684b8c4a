"""How iptables writes numbers, ports, protocols and masks, both ways; wrong values are refused by name."""

from __future__ import annotations

import re

from ....errors import BadInput

# Names that iptables prints, by number (/etc/protocols, which it asks). Both spellings of ICMPv6 are read; one is written.
PROTOCOLS = {
    "icmp": 1, "igmp": 2, "ggp": 3, "ipencap": 4, "st": 5, "tcp": 6, "egp": 8, "igp": 9, "pup": 12, "udp": 17,
    "hmp": 20, "xns-idp": 22, "rdp": 27, "iso-tp4": 29, "dccp": 33, "xtp": 36, "ddp": 37, "idpr-cmtp": 38, "ipv6": 41,
    "ipv6-route": 43, "ipv6-frag": 44, "idrp": 45, "rsvp": 46, "gre": 47, "esp": 50, "ah": 51, "skip": 57,
    "ipv6-icmp": 58, "ipv6-nonxt": 59, "ipv6-opts": 60, "rspf": 73, "vmtp": 81, "eigrp": 88, "ospf": 89, "ax.25": 93,
    "ipip": 94, "etherip": 97, "encap": 98, "pim": 103, "ipcomp": 108, "vrrp": 112, "l2tp": 115, "isis": 124,
    "sctp": 132, "fc": 133, "mobility-header": 135, "udplite": 136, "mpls-in-ip": 137, "manet": 138, "hip": 139,
    "shim6": 140, "wesp": 141, "rohc": 142, "ethernet": 143,
}  # fmt: skip
_NAMES = {number: name for name, number in PROTOCOLS.items()}
_OTHER_NAMES = {
    "icmpv6": "ipv6-icmp", "ipv6-mh": "mobility-header", "mh": "mobility-header", "ospfigp": "ospf", "ip": "all", "hopopt": "all",
    "ipv6-crypt": "esp", "ipv6-auth": "ah", "ipv4": "ipencap",
}  # fmt: skip
# Those of other distributions (IANA's list); here they are written as numbers, which every iptables reads.
ELSEWHERE = {
    "cbt": 7, "bbn-rcc": 10, "nvp": 11, "argus": 13, "emcon": 14, "xnet": 15, "chaos": 16, "mux": 18, "dcn": 19,
    "prm": 21, "trunk-1": 23, "trunk-2": 24, "leaf-1": 25, "leaf-2": 26, "irtp": 28, "netblt": 30, "mfe-nsp": 31,
    "merit-inp": 32, "3pc": 34, "idpr": 35, "tp++": 39, "il": 40, "sdrp": 42, "dsr": 48, "bna": 49, "i-nlsp": 52,
    "swipe": 53, "narp": 54, "mobile": 55, "tlsp": 56, "cftp": 62, "sat-expak": 64, "kryptolan": 65, "rvd": 66,
    "ippc": 67, "sat-mon": 69, "visa": 70, "ipcv": 71, "cpnx": 72, "cphb": 73, "wsn": 74, "pvp": 75, "br-sat-mon": 76,
    "sun-nd": 77, "wb-mon": 78, "wb-expak": 79, "iso-ip": 80, "secure-vmtp": 82, "vines": 83, "ttp": 84,
    "nsfnet-igp": 85, "dgp": 86, "tcf": 87, "sprite-rpc": 90, "larp": 91, "mtp": 92, "micp": 95, "scc-sp": 96,
    "gmtp": 100, "ifmp": 101, "pnni": 102, "aris": 104, "scps": 105, "qnx": 106, "a/n": 107, "snp": 109,
    "compaq-peer": 110, "ipx-in-ip": 111, "pgm": 113, "ddx": 116, "iatp": 117, "stp": 118, "srp": 119, "uti": 120,
    "smp": 121, "sm": 122, "ptp": 123, "fire": 125, "crtp": 126, "crdup": 127, "sscopmce": 128, "iplt": 129,
    "sps": 130, "pipe": 131, "rsvp-e2e-ignore": 134,
}  # fmt: skip
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


def port_range(text: str, separator: str = ":", backwards: bool = False) -> tuple[int, int]:
    """`80`, `1024:2048`, `:1023`, `1024:`. Where iptables takes `90:80` (`backwards`), no port lies in it."""
    low, dash, high = text.partition(separator)
    first = port(low) if low or not dash else 0
    last = (port(high) if high else 65535) if dash else first
    if last < first and not backwards:
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
    if name in ELSEWHERE:
        return str(ELSEWHERE[name])
    if not name.isdecimal():
        raise BadInput("", f"{text!r} is not a protocol", "write one like tcp, udp, icmp, or its number from 0 to 255")
    number = whole(name, 255, "protocol")
    return _NAMES.get(number, str(number)) if number else "all"


def shown(line: str) -> str:
    """A line, or its beginning, fit to be shown in a sentence."""
    return repr(line if len(line) <= 60 else line[:57] + "...")
