"""What `iptables -S` prints: the rules of one table, word for word as iptables-save has them, with -P and -N for its chains.

It does not print which table it is: without the command before it, the base chains tell.
"""

from __future__ import annotations

from ....errors import BadInput
from .save import TABLES

# Which base chains a table has, the commonest first: `security` has those of `filter` and is rare.
CHAINS = {
    frozenset(("INPUT", "FORWARD", "OUTPUT")): "filter",
    frozenset(("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING")): "nat",
    frozenset(("PREROUTING", "OUTPUT", "POSTROUTING")): "nat",  # before Linux 2.6.36
    frozenset(("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")): "mangle",
    frozenset(("PREROUTING", "OUTPUT")): "raw",
}


def as_save(text: str, table: str, where: str) -> tuple[str, list[str]]:
    """The same as iptables-save prints it, one line before the first, and what has to be said of it."""
    lines = [line.strip() for line in text.split("\n")]
    policies = [line.split()[1] for line in lines if line.startswith("-P ") and len(line.split()) > 2]
    said: list[str] = []
    if not (set(policies) and set(policies) <= set(TABLES.get(table, ()))):
        table = CHAINS.get(frozenset(policies), "")
        if not table:
            raise BadInput(
                where,
                "these lines of `iptables -S` are not a whole table",
                "run `sudo iptables-save` and give all of it",
            )
        said.append(f"{where}: `iptables -S` does not say which table it prints; by its chains it is {table}")
    return "\n".join([f"*{table}", *map(_line, lines), "COMMIT", ""]), said


def _line(line: str) -> str:
    words = line.split()
    if line.startswith("-P ") and len(words) > 2:
        return f":{words[1]} {words[2]}"
    if line.startswith("-N ") and len(words) > 1:
        return f":{words[1]} -"
    return line if line.startswith(("-A ", "-I ")) else ""
