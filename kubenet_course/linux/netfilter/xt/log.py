"""LOG, NFLOG, TRACE and others that only tell somebody (net/netfilter/xt_LOG.c, xt_NFLOG.c, xt_TRACE.c)."""

from __future__ import annotations

from ..iptables.words import quoted
from ..statement import Target


class Log(Target, frozen=True):
    """The packet goes on to the next rule. `words` are kept as they were read."""

    name: str
    words: tuple[str, ...] = ()

    def written(self) -> str:
        return " ".join(["-j", self.name, *map(quoted, self.words)])


TELLING = ("LOG", "NFLOG", "ULOG", "TRACE", "AUDIT", "CHECKSUM", "LED")
