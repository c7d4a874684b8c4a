"""A frame as people write it for scapy: `Ether(src="...") / IP(dst="...") / UDP(dport=8472) / VXLAN(vni=1) / ...`.

The text is read, and never run: names of headers, their fields, and values that stand there in full. What is left out is what a
sender's kernel would write.
"""

from __future__ import annotations

import ast
from typing import Any

from msgspec.structs import replace

from ....errors import BadInput
from ....linux.packet.address import IPV4, IPV6, address, mac
from ....linux.packet.packet import ECHO, Flow, Frame, Geneve, Icmp, Other, Packet, Tcp, Udp, Vxlan
from ...questions.reading import Unreadable

FIELDS: dict[str, tuple[str, ...]] = {
    "Ether": ("src", "dst"), "IP": ("src", "dst", "ttl", "tos", "id", "flags"), "IPv6": ("src", "dst", "hlim"),
    "UDP": ("sport", "dport", "chksum"), "TCP": ("sport", "dport", "flags"), "ICMP": ("id", "seq"), "VXLAN": ("vni",),
    "GENEVE": ("vni",), "Raw": ("load",),
}  # fmt: skip
INSIDE: dict[str, type[Vxlan] | type[Geneve]] = {"VXLAN": Vxlan, "GENEVE": Geneve}
Layer = tuple[str, dict[str, Any]]


def crafted(text: str) -> Frame:
    """The frame that a text describes. Raises Unreadable in a sentence."""
    found = layers_in(text)
    if not found or found[0][0] != "Ether":
        raise Unreadable("A frame begins with Ether(...).")
    try:
        return _frame(found)
    except BadInput as error:
        raise Unreadable(f"{error}.") from None


def layers_in(text: str) -> list[Layer]:
    """The headers in their order, each with the fields that were given."""
    lines = " ".join(line.partition("#")[0] for line in text.splitlines())
    try:
        tree = ast.parse(lines.strip() or "None", mode="eval").body
    except SyntaxError as error:
        raise Unreadable(f"This cannot be read as headers with / between them: {error.msg}.") from None
    return [_layer(node) for node in _parts(tree)]


def _parts(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        return [*_parts(node.left), node.right]
    return [node]


def _layer(node: ast.expr) -> Layer:
    if isinstance(node, ast.Constant) and isinstance(node.value, bytes | str):
        return "Raw", {"load": node.value if isinstance(node.value, bytes) else node.value.encode()}
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.args:
        raise Unreadable(f"Write headers like IP(src=...), one after the other; {ast.unparse(node)} is none.")
    name = node.func.id
    if name == "bytes":
        raise Unreadable("Leave the content out: the model fills it in.")
    if name not in FIELDS:
        raise Unreadable(f"{name} is no header here. There are {', '.join(FIELDS)}.")
    given = {}
    for word in node.keywords:
        if word.arg not in FIELDS[name]:
            raise Unreadable(f"{name} has no field {word.arg} here; it has {', '.join(FIELDS[name])}.")
        if not isinstance(word.value, ast.Constant):
            raise Unreadable(f"Write the value of {name}.{word.arg} out: a number, or a text in quotation marks.")
        given[word.arg] = word.value.value
    return name, given


def _frame(found: list[Layer]) -> Frame:
    said = found[0][1]
    src, dst = (mac(str(said.get(name, "00:00:00:00:00:00")), f"Ether.{name}") for name in ("src", "dst"))
    return Frame(src, dst, _packet(found[1:]) if len(found) > 1 else b"")


def _packet(found: list[Layer]) -> Packet:
    name, said = found[0]
    if name not in ("IP", "IPv6"):
        raise Unreadable(f"Behind an Ethernet header comes an IP header here, not {name}.")
    of = IPV4 if name == "IP" else IPV6
    src, dst = (address(str(said.get(end, of.any)), f"{name}.{end}") for end in ("src", "dst"))
    fields: dict[str, Any] = {
        "ttl": _number(said, "hlim" if of is IPV6 else "ttl", 64, 255),
        "tos": _number(said, "tos", 0, 255),
    }
    if of is IPV4:
        fields |= {"id": _number(said, "id", 0, 65535), "df": "DF" in str(said.get("flags", ""))}
    if len(found) == 1:
        return Packet(Flow("udp", src, 0, dst, 0), Other(), b"", **fields)
    return _carrying(found[1:], of, src, dst, fields)


def _carrying(found: list[Layer], of: Any, src: str, dst: str, fields: dict[str, Any]) -> Packet:
    """The packet with what stands behind its IP header."""
    name, said = found[0]
    if name in ("IP", "IPv6"):  # a packet in a packet
        proto = "ipencap" if name == "IP" else "ipv6"
        return Packet(Flow(proto, src, 0, dst, 0), Other(), _packet(found), **fields)
    if name == "ICMP":
        flow = Flow(of.icmp, src, _number(said, "id", 1, 65535), dst, ECHO[of.icmp] << 8)
        return Packet(flow, Icmp(_number(said, "seq", 1, 65535)), bytes(56), **fields)
    if name not in ("UDP", "TCP"):
        raise Unreadable(f"Behind an IP header {name} cannot come: UDP, TCP, ICMP or another IP can.")
    ports = _number(said, "sport", 40000, 65535), _number(said, "dport", 0, 65535)
    flow = Flow(name.lower(), src, ports[0], dst, ports[1])
    if name == "TCP":
        return Packet(flow, Tcp(str(said.get("flags", "S"))), b"", **fields)
    header = Udp(said.get("chksum", None) != 0)
    if len(found) == 1:
        return Packet(flow, header, b"", **fields)
    kind, inside = found[1]
    if kind not in INSIDE:
        raise Unreadable(f"Behind UDP {kind} cannot come here: VXLAN or GENEVE can.")
    if len(found) < 3 or found[2][0] != "Ether":
        raise Unreadable(f"{kind} carries a whole frame: behind it comes another Ether(...).")
    return Packet(
        flow,
        replace(header, checksum=False),
        INSIDE[kind](_number(inside, "vni", 0, 2**24 - 1), _frame(found[2:])),
        **fields,
    )


def _number(said: dict[str, Any], name: str, otherwise: int, most: int) -> int:
    value = said.get(name, otherwise)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise Unreadable(f"{name}={value!r} is no number from 0 to {most}.")
    return value
