"""The face of a room: the names that others may take from it, each with the module that it lives in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def face(room: str, homes: Mapping[str, tuple[str, ...]]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """A room's `__getattr__` and `__dir__` (PEP 562): a module loads when one of its names is first asked for.

    `homes` maps a module, as seen from the room, to the names that it lends. A module that has nothing named by its last
    word is lent itself by that word: `show` of `tables.show`.
    """
    home = {name: module for module, names in homes.items() for name in names}

    def lent(name: str) -> Any:
        if name not in home:
            raise AttributeError(f"{room} lends no {name!r}; it has {', '.join(sorted(home))}")
        module = import_module(f"{room}.{home[name]}")
        is_itself = home[name].rpartition(".")[2] == name and not hasattr(module, name)
        return module if is_itself else getattr(module, name)

    return lent, lambda: sorted(home)
