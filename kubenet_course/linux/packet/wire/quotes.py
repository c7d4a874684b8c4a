"""An ICMP error quotes a packet, often cut, with the checksum of the whole. Here the missing end gets a stand-in.

Nobody can know the bytes that were cut off. But the quoted length says how many they were, and the quoted checksum what
they must add up to: zeros, and one 16-bit word that makes the sum right. The packet so completed gives the same quote.
"""

from ..address import IPV4, Family
from ..headers import PROTOCOLS

TCP, UDP = PROTOCOLS["tcp"], PROTOCOLS["udp"]
CHECKSUM_AT = {TCP: 16, UDP: 6, PROTOCOLS["icmp"]: 2, PROTOCOLS["ipv6-icmp"]: 2}  # byte of the header behind IP's
TCP_OFFSET_AT = 12  # whose upper half counts the header's words


def completed(quoted: bytes, of: Family) -> bytes:
    """The quoted bytes, with a stand-in for what was cut off if anything was; what makes no sense is left as it is.

    Of a TCP header that is cut itself (RFC 792 asks for eight bytes only) the absent fields read as zero.
    """
    if len(quoted) < of.header:
        return quoted
    total = total_length(quoted, of)
    if total <= len(quoted):
        return quoted
    proto = quoted[9] if of is IPV4 else quoted[6]
    kept = quoted[of.header :]
    carried = bytearray(kept.ljust(total - of.header, b"\0"))
    if proto == TCP and len(kept) <= TCP_OFFSET_AT < len(carried):
        carried[TCP_OFFSET_AT] = 5 << 4
    at = CHECKSUM_AT.get(proto)
    if at is not None and len(kept) > at and not (proto == UDP and kept[at : at + 2] == b"\0\0"):
        addresses = quoted[12:20] if of is IPV4 else quoted[8:40]
        _balance(carried, len(kept), missing_sum(pseudo_header(addresses, proto, len(carried)), carried))
    return quoted[: of.header] + bytes(carried)


def total_length(packet: bytes, of: Family) -> int:
    """How many bytes a packet has, as its own header says (IPv6 does not count the header)."""
    return int.from_bytes(packet[2:4], "big") if of is IPV4 else of.header + int.from_bytes(packet[4:6], "big")


def pseudo_header(addresses: bytes, proto: int, length: int) -> bytes:
    """What a checksum covers beside its own segment (RFC 9293 section 3.1, RFC 8200 section 8.1).

    A sum does not care where a 16-bit word stands, so that one shape serves both families. IPv4's ICMP has none.
    """
    if proto == PROTOCOLS["icmp"]:
        return b""
    return addresses + length.to_bytes(4, "big") + proto.to_bytes(4, "big")


def missing_sum(*parts: bytes | bytearray) -> int:
    """What has still to be added for the sum of all 16-bit words to be right, that is 0xffff (RFC 1071)."""
    total = sum(
        int.from_bytes(part[i : i + 2].ljust(2, b"\0"), "big") for part in parts for i in range(0, len(part), 2)
    )
    return -total % 0xFFFF


def _balance(carried: bytearray, kept: int, word: int) -> None:
    """Puts the word into the last two bytes behind `kept`, where their place in the 16-bit grid allows."""
    last = len(carried) - 1
    if last == kept:  # one byte only: it is either the upper or the lower half of a word
        carried[last] = word >> 8 if last % 2 == 0 else word & 0xFF
    else:  # two neighbours always make one word, if need be the lower half of one and the upper half of the next
        upper, lower = (last, last - 1) if last % 2 == 0 else (last - 1, last)
        carried[upper], carried[lower] = word >> 8, word & 0xFF
