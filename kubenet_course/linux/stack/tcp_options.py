"""What a SYN offers in its options, and what a machine agrees to (net/ipv4/tcp_input.c, tcp_parse_options; tcp_output.c,
tcp_synack_options, tcp_options_write).

The lab's machines have time stamps switched off (`tcp_timestamps`), and `tcp_rmem` as large as on any machine of some size.
"""

from __future__ import annotations

from collections.abc import Iterator

END, NOP, MSS, WINDOW_SCALE, SACK_PERMITTED = 0, 1, 2, 3, 4
SCALE = 7  # the largest buffer, 6291456 bytes, has 7 bits more than a window can say
SIZES = {MSS: 4, WINDOW_SCALE: 3, SACK_PERMITTED: 2}


def offered(options: bytes) -> Iterator[tuple[int, bytes]]:
    """Each option by its kind, up to one whose length cannot be; one of a wrong length for its kind is passed over."""
    at = 0
    while at < len(options) and options[at] != END:
        if options[at] == NOP:
            at += 1
            continue
        size = options[at + 1] if at + 1 < len(options) else 0
        if size < 2 or at + size > len(options):
            return
        if SIZES.get(options[at], size) == size:
            yield options[at], options[at + 2 : at + size]
        at += size


def agreed(options: bytes, mss: int) -> bytes:
    """The options of the answer to a SYN: the own largest segment, and what the asker has offered and this machine can."""
    kinds = {kind for kind, _ in offered(options)}
    sack = bytes((NOP, NOP, SACK_PERMITTED, 2)) if SACK_PERMITTED in kinds else b""
    scale = bytes((NOP, WINDOW_SCALE, 3, SCALE)) if WINDOW_SCALE in kinds else b""
    return bytes((MSS, 4)) + mss.to_bytes(2, "big") + sack + scale
