"""`-j TCPMSS`: the segment size that a SYN offers (net/netfilter/xt_TCPMSS.c)."""

from __future__ import annotations

from msgspec.structs import replace

from ....errors import BadInput
from ...namespace.skb import Skb
from ...packet.address import family
from ...packet.packet import Tcp
from ..iptables.words import whole
from ..statement import Answer, Place, Target
from .reading import Extension, Said

MSS, LENGTH, MOST = 2, 4, 40  # the option's kind and length (RFC 9293 section 3.2), and the bytes of all options
HEADERS = {4: 40, 6: 60}
SMALLEST = {4: 536, 6: 1220}  # what a segment size is where none was offered


class TcpMss(Target, frozen=True):
    """`-j TCPMSS`: lowers the segment size to `size`, or to what fits both ways (0). It never raises it."""

    size: int = 0

    def run(self, skb: Skb, at: Place) -> Answer:
        header = skb.packet.header
        if not isinstance(header, Tcp):
            return True
        of = family(skb.packet.flow.dst)
        size = self.size or self._fitting(skb, at) - HEADERS[of.number]
        options = with_size(header.options, size, SMALLEST[of.number], bool(skb.packet.payload))
        return replace(skb, packet=replace(skb.packet, header=replace(header, options=options)))

    @staticmethod
    def _fitting(skb: Skb, at: Place) -> int:
        """The smaller of what its way and the way back take (tcpmss_reverse_mtu)."""
        ns, flow = at.kernel.ns, skb.packet.flow
        devs = [skb.route.dev or skb.dev_out, ns.fib.lookup(flow.src).dev]
        return min((ns.devices[dev].mtu for dev in devs if dev in ns.devices), default=1500)

    def written(self) -> str:
        return f"-j TCPMSS --set-mss {self.size}" if self.size else "-j TCPMSS --clamp-mss-to-pmtu"


def with_size(options: bytes, size: int, unsaid: int, has_data: bool) -> bytes:
    """The options with the segment size lowered; one that was not there is put before the others."""
    at = 0
    while at + LENGTH <= len(options):
        kind, length = options[at], 1 if options[at] in (0, 1) else max(options[at + 1], 2)
        if kind == MSS and length == LENGTH:
            old = int.from_bytes(options[at + 2 : at + 4])
            return options if old <= size else options[: at + 2] + size.to_bytes(2) + options[at + 4 :]
        at += length
    if has_data or len(options) + LENGTH > MOST:
        return options
    return bytes((MSS, LENGTH)) + min(size, unsaid).to_bytes(2) + options


def _tcpmss(said: Said) -> Target:
    if ("--set-mss" in said) is ("--clamp-mss-to-pmtu" in said):
        raise BadInput("", "TCPMSS does not say which size", "write --set-mss N or --clamp-mss-to-pmtu")
    return TcpMss(whole(said["--set-mss"][0], 65495, "segment size") if "--set-mss" in said else 0)


TARGETS = {"TCPMSS": Extension({"--set-mss": 1, "--clamp-mss-to-pmtu": 0}, _tcpmss)}
