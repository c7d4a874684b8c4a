"""What may be drawn, by name: each style draws a whole case, rules and packets."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from .plain import PLAIN, a_packet
from .rulesets import a_ruleset

PACKETS = 6


def plain(rng: Random, number: int) -> dict[str, Any]:
    """As the reference captures: everyday rules, six UDP packets."""
    packets = [a_packet(rng, number * PACKETS + at) for at in range(PACKETS)]
    return {"restore_input": a_ruleset(rng, PLAIN), "packets": packets}


STYLES: dict[str, Callable[[Random, int], dict[str, Any]]] = {"plain": plain}
