"""`-m hashlimit`: so many packets in a time, for each address or port by itself (net/netfilter/xt_hashlimit.c)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from ....errors import BadInput
from ...namespace.memory import SECOND
from ...namespace.skb import Skb
from ...packet.address import family, number
from ...packet.packet import ICMP
from ..iptables.words import quoted, whole
from ..statement import Place, Test
from .limit import PER
from .reading import Given, Match
from .unknown import Unknown

SECONDS = {"sec": 1, "min": 60, "hour": 3600, "day": 86400}
LONG = {"second": "sec", "minute": "min", "hour": "hour", "day": "day"}
MODES = ("srcip", "srcport", "dstip", "dstport")
TABLE = ("--hashlimit-htable-size", "--hashlimit-htable-max", "--hashlimit-htable-gcinterval")


@dataclass(slots=True)
class Tables:
    """How full the bucket of each key is, and since when, by family and the table's name."""

    left: dict[tuple, tuple[int, int]] = field(default_factory=dict)


class HashLimit(Test, frozen=True, kw_only=True):
    """`-m hashlimit`: a bucket for each key, filled as `-m limit` fills its one; `negated` is --hashlimit-above. A key that was not
    seen for `expire` milliseconds is forgotten."""

    module: ClassVar[str] = "hashlimit"
    counts: ClassVar[bool] = True
    rate: int
    per: str
    name: str
    burst: int = 5
    mode: tuple[str, ...] = ()
    expire: int = 0
    masks: tuple[int, int] = (-1, -1)
    sizes: tuple[tuple[str, str], ...] = ()  # of the table: they decide nothing here

    def asks(self, skb: Skb, at: Place) -> bool:
        cost, now = SECONDS[self.per] * SECOND // self.rate, at.kernel.now
        mine = (family(skb.packet.flow.dst).number, self.name, self._key(skb))
        left = at.kernel.remembers[Tables].left
        when, credit = left.get(mine, (now, cost * self.burst))
        idle = (self.expire or SECONDS[self.per] * 1000) * SECOND // 1000
        credit = cost * self.burst if now - when > idle else min(credit + now - when, cost * self.burst)
        passes = credit >= cost
        left[mine] = (now, credit - cost if passes else credit)
        return passes

    def _key(self, skb: Skb) -> tuple[int, ...]:
        flow = skb.packet.flow
        bits, ports = family(flow.src).bits, flow.proto not in ICMP
        hosts = [
            number(address) >> bits - (min(mask, bits) if mask >= 0 else bits)
            for address, mask in ((flow.src, self.masks[0]), (flow.dst, self.masks[1]))
        ]
        parts = {"srcip": hosts[0], "dstip": hosts[1], "srcport": flow.sport * ports, "dstport": flow.dport * ports}
        return tuple(parts[name] for name in self.mode)

    def written(self) -> str:
        words = [
            f"--hashlimit-{'above' if self.negated else 'upto'} {self.rate}/{self.per}",
            f"--hashlimit-burst {self.burst}",
        ]
        words += [f"--hashlimit-mode {','.join(self.mode)}"] if self.mode else []
        words += [f"--hashlimit-name {quoted(self.name)}", *(f"{option} {text}" for option, text in self.sizes)]
        words += [f"--hashlimit-htable-expire {self.expire}"] if self.expire else []
        sides = zip(("src", "dst"), self.masks, strict=True)
        return " ".join(words + [f"--hashlimit-{side}mask {mask}" for side, mask in sides if mask >= 0])


def _hashlimit(given: tuple[Given, ...]) -> tuple[Test, ...]:
    said = {name.removeprefix("--hashlimit-"): words[0] for name, words, _ in given}
    how = [(name, no) for name, _, no in given if name.removeprefix("--hashlimit-") in ("upto", "above", "--hashlimit")]
    if len(how) != 1 or "name" not in said:
        raise BadInput("", "hashlimit needs a limit and a name", "write --hashlimit-upto RATE --hashlimit-name NAME")
    (name, no), options = how[0], ("srcmask", "dstmask")
    rate, _, per = said[name.removeprefix("--hashlimit-")].partition("/")
    if not rate.isdecimal() or not said.get("burst", "5").isdecimal():  # so many bytes: the model counts packets
        return (Unknown(text="-m hashlimit " + " ".join(f"{option} {' '.join(words)}" for option, words, _ in given)),)
    if (per or "s")[:1] not in PER or not whole(rate, 1_000_000):
        raise BadInput("", f"{rate}/{per} is not a rate", "write one like 10/sec, 3/min, 1/hour")
    mode = tuple(one for one in MODES if one in said.get("mode", "").split(","))
    return (
        HashLimit(
            rate=whole(rate), per=LONG[PER[(per or "s")[0]]], name=said["name"], burst=whole(said.get("burst", "5")),
            mode=mode, expire=whole(said.get("htable-expire", "0")),
            masks=(_mask(said, options[0]), _mask(said, options[1])),
            sizes=tuple((option, words[0]) for option, words, _ in given if option in TABLE),
            negated=name.endswith("above") is not no,
        ),
    )  # fmt: skip


def _mask(said: dict[str, str], name: str) -> int:
    return whole(said[name], 128, "length") if name in said else -1


_NAMES = ("upto", "above", "burst", "mode", "name", "srcmask", "dstmask", "htable-expire")
OPTIONS = {**{f"--hashlimit-{name}": 1 for name in _NAMES}, **dict.fromkeys(TABLE, 1), "--hashlimit": 1}
MATCHES = {"hashlimit": Match(OPTIONS, _hashlimit)}
