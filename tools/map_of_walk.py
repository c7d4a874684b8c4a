"""The map of the walk: which stage may follow which, read from the code's own tables and functions.

python -m tools.map_of_walk        writes docs/walk.md
"""

import ast
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from kubenet_course.linux.netfilter.hooks import BEHIND, BEHIND_BRIDGED, CONNTRACK, IPTABLES, LAST, NAT_AT, entries
from kubenet_course.linux.netfilter.iptables.save import TABLES, read
from kubenet_course.linux.stack import arp, bridge, device, ip, neighbour, output, reassembly, socket, tunnels

FILE = Path(__file__).resolve().parent.parent / "docs" / "walk.md"
ROOMS = (device, bridge, ip, output, reassembly, neighbour, arp, tunnels, socket)
STAGES: dict[str, Callable[..., Any]] = {
    name: stage for room in ROOMS for name, stage in room.STAGES.items() if " " not in name
}
HEAD = """# The walk of a packet

Made by `python -m tools.map_of_walk` from the code's own tables; do not write in it. A packet goes from stage to stage until
nothing moves any more (`kubenet_course/linux/walk.py`). A stage is a function of the kernel's name; a hook of netfilter is a
list of entries that are asked in order (`kubenet_course/linux/netfilter/hooks.py`).
"""


def followers(stage: str) -> list[str]:
    """The stages and hooks that may follow a stage of the stack, in the order of their names."""
    return sorted(set(_named(STAGES[stage], set())))


def _named(function: Callable[..., Any], seen: set[str]) -> Iterator[str]:
    """What a function names as the next stage, itself or by the functions of the stack that it knows of."""
    function = inspect.unwrap(function)
    if function.__qualname__ in seen:
        return
    seen.add(function.__qualname__)
    tree, module = ast.parse(inspect.getsource(function)), inspect.getmodule(function)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("hook", "Next"):
            before = "hook " if node.func.id == "hook" else ""
            yield from (before + word for word in _words(node.args[1], tree))
        elif isinstance(node, ast.Name):
            known = getattr(module, node.id, None)
            if inspect.isfunction(known) and known.__module__.startswith("kubenet_course.linux.stack"):
                yield from _named(known, seen)


def _words(node: ast.expr, tree: ast.AST) -> Iterator[str]:
    """The text constants that an argument may come to; of a variable, those that are assigned to it."""
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value
    if isinstance(node, ast.Name):
        for given in ast.walk(tree):
            if isinstance(given, ast.Assign) and any(
                isinstance(to, ast.Name) and to.id == node.id for to in given.targets
            ):
                yield from _words(given.value, tree)


def hooks() -> dict[str, list[tuple[int, str]]]:
    """The entries of each hook where every table of iptables has a rule, connections are tracked, and IPVS has virtual servers."""
    lines = []
    for table, chains in TABLES.items():
        lines += [f"*{table}", *(f"-A {chain} -m conntrack --ctstate NEW" for chain in chains), "COMMIT"]
    found = entries(read("\n".join([*lines, ""])).rules, balanced=True)
    return {hook: [(entry.priority, entry.stage) for entry in asked] for hook, asked in found.items()}


def _diagram() -> Iterator[str]:
    yield from ("```mermaid", "flowchart TD")
    for stage in sorted(STAGES):
        yield from (f"    {stage} --> {to.replace(' ', '_')}" for to in followers(stage))
    for hook, stage in BEHIND.items():
        yield f"    hook_{hook}{{{{{hook}}}}} --> {stage}"
        if stage in BEHIND_BRIDGED:
            yield f"    hook_{hook} -. on a bridge .-> {BEHIND_BRIDGED[stage]}"
    yield "```"


def text() -> str:
    """The whole page."""
    lines = [HEAD, *_diagram(), "", "## Hooks", ""]
    lines += ["| hook | asked in this order (priority) | then | then, on a bridge |", "|---|---|---|---|"]
    for hook, asked in hooks().items():
        order = ", ".join(f"{stage.split()[0]} ({'last' if at == LAST else at})" for at, stage in asked)
        lines.append(f"| {hook} | {order} | {BEHIND[hook]} | {BEHIND_BRIDGED.get(BEHIND[hook], '')} |")
    known = sorted({*IPTABLES.values(), *NAT_AT.values(), CONNTRACK})
    lines += [
        "",
        f"A base chain of nftables stands where its own priority says, between {known[0]} and {known[-1]} or beyond;",
    ]
    lines += ["among equals the one that was registered last is asked first. An entry may also end the packet's way;"]
    lines += [
        "the answer that a REJECT sends begins at route_output. What ip_vs_in sends on to another machine begins OUTPUT"
    ]
    lines += ["anew, with a new destination.", "", "## Stages", ""]
    lines += ["| stage | what it does | may be followed by |", "|---|---|---|"]
    for stage in STAGES:
        said = (inspect.getdoc(STAGES[stage]) or "").split("\n", 1)[0]
        lines.append(f"| {stage} | {said} | {', '.join(followers(stage)) or 'nothing: it ends here'} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(text())
