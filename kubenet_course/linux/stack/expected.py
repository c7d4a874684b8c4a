"""What the programs of a kernel wait for, and what they will say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..packet.packet import Flow


@dataclass(slots=True)
class Expected:
    """The conversations of one kernel's programs, each by its flow as the other side's packets arrive.

    `answers`: the number that the next acknowledgment bears (of TCP, else 0). `says`: what a program will say once its connection
    is open. `states`: what a program that listens remembers of each conversation.
    """

    answers: dict[Flow, int] = field(default_factory=dict)
    says: dict[Flow, bytes] = field(default_factory=dict)
    states: dict[Flow, Any] = field(default_factory=dict)
