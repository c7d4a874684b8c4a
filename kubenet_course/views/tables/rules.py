"""Rules to read: the lines of a dump as they stand in the file, and one chain with its rules numbered."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from ...linux.namespace.netns import Netns
from ...linux.netfilter.rules import rule_text
from .table import Table, table

COMMENT = re.compile(r'-m comment --comment (?:"([^"]*)"|(\S+)) ?')


def chain(ns: Netns, name: str, of: str = "nat", marked: Sequence[int] = ()) -> Table:
    """The rules of one chain as `iptables -S` has them, each comment in a column of its own. `marked` are numbers from 1."""
    rules = ns.ruleset(4).tables[of].chains[name].rules
    lines = [rule_text(name, rule).removeprefix(f"-A {name} ") for rule in rules]
    rows = [(number, COMMENT.sub("", line).strip(), _comment(line)) for number, line in enumerate(lines, 1)]
    count = f"{len(rows)} rule{'s' * (len(rows) != 1)}"
    return table(f"{name}, table {of}: {count}", ("number", "rule", "comment"), rows, (1,), [one - 1 for one in marked])


def _comment(line: str) -> str:
    return " ".join(quoted or bare for quoted, bare in COMMENT.findall(line))


def excerpt(path: Path, of: str, word: str = "") -> Table:
    """The rules of one table in a file of `iptables-save`, as they stand there; only lines with `word` where one is given."""
    inside, kept = "", []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        inside = line[1:] if line.startswith("*") else inside
        if inside == of and line.startswith("-A") and word in line:
            kept.append((number, line))
    return table(f"{path.name}, table {of}: {len(kept)} of its lines", ("line", "as it stands in the file"), kept, (1,))


def chances(ns: Netns, name: str) -> list[float]:
    """With which chance each rule of a Service's chain that leads to an endpoint matches when it is asked; 1 where it says none."""
    found = []
    for rule in ns.ruleset(4).tables["nat"].chains[name].rules:
        line = rule_text(name, rule)
        said = re.search(r"--probability (\S+)", line)
        if "-j KUBE-SEP-" in line and "-m recent --rcheck" not in line:
            found.append(float(said[1]) if said else 1.0)
    return found
