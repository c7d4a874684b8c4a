"""What the programs of a kernel wait for."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..packet.packet import Flow


@dataclass(slots=True)
class Expected:
    """What programs of one kernel wait for: a flow as its answer will arrive, and its number (of TCP, else 0)."""

    answers: dict[Flow, int] = field(default_factory=dict)
