"""What a machine does. Knows no Kubernetes word.

The names that chapters use are here at hand; each module loads when one of its names is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_AT_HAND = {
    "address": ("Prefix", "address", "prefix"),
    "choices": ("Scripted", "Seeded", "every"),
    "kernel": ("ask", "send"),
    "memory": ("Memory",),
    "outcome": ("Outcome", "outcomes"),
    "packet": ("Arp", "Flow", "Frame", "Packet", "Tcp", "ping", "tcp", "udp"),
    "route": ("Route", "ifaddr"),
    "save": ("read", "write"),
    "skb": ("Connection", "Skb"),
    "tables": ("Device", "Netns", "Socket", "netns"),
    "trace": ("Step", "Trace"),
}
_HOME = {name: module for module, names in _AT_HAND.items() for name in names}


def __getattr__(name: str) -> Any:
    # A module's own name wins over a function of that name: `linux.address` is the module.
    if name in _HOME and name not in _AT_HAND:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"kubenet_course.linux has no {name!r} at hand")


def __dir__() -> list[str]:
    return sorted(_HOME)
