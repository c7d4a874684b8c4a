"""`-m socket`: does a program on this machine own the conversation (net/netfilter/xt_socket.c)?"""

from __future__ import annotations

from typing import ClassVar

from ...namespace.skb import Skb
from ...packet.packet import ICMP
from ..statement import Answer, NotUnderstood, Place, Test
from .reading import Given, Match

OPTIONS = ("--transparent", "--nowildcard", "--restore-skmark")


class HasSocket(Test, frozen=True, kw_only=True):
    """`-m socket`: TCP, UDP and ICMP errors about them alone can have a socket. Which sockets a machine has, no dump tells."""

    module: ClassVar[str] = "socket"
    options: tuple[str, ...] = ()

    def run(self, skb: Skb, at: Place) -> Answer:
        proto = skb.packet.flow.proto
        possible = proto in ("tcp", "udp") or (proto in ICMP and skb.packet.is_error)
        return NotUnderstood((False, True)) if possible else False

    def written(self) -> str:
        return " ".join(self.options)


def _socket(given: tuple[Given, ...]) -> tuple[Test, ...]:
    names = {name for name, _, _ in given}
    return (HasSocket(options=tuple(option for option in OPTIONS if option in names)),)


MATCHES = {"socket": Match(dict.fromkeys(OPTIONS, 0), _socket, bare=True)}
