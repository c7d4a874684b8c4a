"""`-m comment`: a note for people (net/netfilter/xt_comment.c)."""

from __future__ import annotations

from typing import ClassVar

from ..iptables.words import quoted
from ..statement import Test
from .reading import each


class Comment(Test, frozen=True, kw_only=True):
    """`-m comment`: it asks nothing, and so always holds."""

    module: ClassVar[str] = "comment"
    text: str

    def written(self) -> str:
        return f"--comment {quoted(self.text)}"


MATCHES = {"comment": each({"--comment": lambda text, negated: Comment(text=text)})}
