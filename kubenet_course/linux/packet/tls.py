"""The first bytes of a TLS connection: the ClientHello, the one message that everybody on the way can read.

RFC 8446 section 4.1.2 (and 5.1, the record around it), RFC 6066 section 3 (the server's name), RFC 7301 (ALPN). What ends
too early is read as far as it goes.
"""

from collections.abc import Iterator

HANDSHAKE, CLIENT_HELLO = 22, 1
SERVER_NAME, ALPN, VERSIONS = 0, 16, 43
EXTENSIONS = {
    SERVER_NAME: "server name (SNI)", ALPN: "protocols (ALPN)", VERSIONS: "supported versions", 10: "supported groups",
    11: "point formats", 13: "signature algorithms", 22: "encrypt then MAC", 23: "extended master secret",
    21: "padding", 35: "session ticket", 45: "key exchange modes", 49: "post-handshake auth", 50: "certificate signatures",
    51: "key share", 65281: "renegotiation info",
}  # fmt: skip
RELEASES = {0x0301: "TLS 1.0", 0x0302: "TLS 1.1", 0x0303: "TLS 1.2", 0x0304: "TLS 1.3"}
Part = tuple[str, str, int, int]  # the field's name, its value in words, its first byte, how many bytes


def is_hello(data: bytes) -> bool:
    """Whether bytes begin a TLS connection: a handshake record with a ClientHello in it."""
    return len(data) >= 6 and data[0] == HANDSHAKE and data[1] == 3 and data[5] == CLIENT_HELLO


def parts(data: bytes) -> Iterator[Part]:
    """Every byte of a ClientHello, in order, each in one part."""
    yield "record type", "handshake", 0, 1
    yield "record version", _release(data[1:3]), 1, 2
    yield "record length", str(_number(data[3:5])), 3, 2
    yield "handshake type", "ClientHello", 5, 1
    at = 6
    fixed = (
        ("handshake length", 3),
        ("version", 2),
        ("random", 32),
        ("session id", -1),
        ("cipher suites", -2),
        ("compression", -1),
    )
    for name, size in fixed:
        whole = size if size > 0 else -size + _number(data[at : at - size])
        if at + whole > len(data):
            break
        yield name, _said(name, data[at : at + whole], -size), at, whole
        at += whole
    else:
        yield from _extensions(data, at)
        return
    if at < len(data):
        yield "cut off", f"{len(data) - at} bytes", at, len(data) - at


def _extensions(data: bytes, at: int) -> Iterator[Part]:
    if at + 2 <= len(data):
        yield "extensions length", str(_number(data[at : at + 2])), at, 2
        at += 2
    while at + 4 <= len(data):
        kind, size = _number(data[at : at + 2]), _number(data[at + 2 : at + 4])
        if at + 4 + size > len(data):
            break
        name = EXTENSIONS.get(kind, f"extension {kind}")
        yield name, _extension(kind, data[at + 4 : at + 4 + size]), at, 4 + size
        at += 4 + size
    if at < len(data):
        yield "cut off", f"{len(data) - at} bytes", at, len(data) - at


def server_name(data: bytes) -> str:
    """The name that a client asks for, or "" where it tells none."""
    if not is_hello(data):
        return ""
    return next((value for name, value, _, _ in parts(data) if name == EXTENSIONS[SERVER_NAME]), "")


def _number(raw: bytes) -> int:
    return int.from_bytes(raw, "big")


def _release(raw: bytes) -> str:
    return RELEASES.get(_number(raw), f"0x{raw.hex()}")


def _said(name: str, raw: bytes, prefix: int) -> str:
    """A field in words. `prefix`: how many bytes of it say its length."""
    match name:
        case "handshake length":
            return str(_number(raw))
        case "version":
            return f"{_release(raw)} (for old servers)"
        case "cipher suites":
            return f"{(len(raw) - prefix) // 2} to choose from"
    return f"{len(raw) - max(prefix, 0)} bytes"


def _extension(kind: int, raw: bytes) -> str:
    if kind == SERVER_NAME and len(raw) >= 5:
        name = raw[5 : 5 + _number(raw[3:5])]
        return "".join(chr(byte) if 32 < byte < 127 else "?" for byte in name)
    if kind == ALPN:
        names, at = [], 2
        while at < len(raw):
            names.append(raw[at + 1 : at + 1 + raw[at]].decode("ascii", "replace"))
            at += 1 + raw[at]
        return ", ".join(names)
    if kind == VERSIONS and raw:
        return ", ".join(_release(raw[at : at + 2]) for at in range(1, len(raw) - 1, 2))
    return f"{len(raw)} bytes"
