"""Chains must not lead back to themselves: no packet would come out (mark_source_chains, nf_tables_check_loops)."""

from collections.abc import Iterable, Iterator, Mapping

from ...errors import BadInput


def circle(leads: Mapping[str, Iterable[str]]) -> list[str]:
    """The first chain that can be jumped to from itself, with the chains on the way back; nothing where there is none."""
    done: set[str] = set()
    for start in leads:
        path: dict[str, Iterator[str]] = {start: iter(leads[start])}
        while path and start not in done:
            here = next(reversed(path))
            there = next(path[here], None)
            if there is None:
                done.add(here)
                path.popitem()
            elif there in path:
                return [*list(path)[list(path).index(there) :], there]
            elif there not in done and there in leads:
                path[there] = iter(leads[there])
    return []


def refusal(where: str, found: list[str]) -> BadInput:
    return BadInput(where, f"chains jump in a circle: {' -> '.join(found)}", "a chain must not lead back to itself")
