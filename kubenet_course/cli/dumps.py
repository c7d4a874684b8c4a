"""The dumps of one machine: every file and every part of one, put together into its rule sets and its sets.

One reader for all: iptables-save of either family and backend, `iptables -S`, nft list ruleset as text or JSON, ipset.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import click
from msgspec.structs import replace

from ..errors import BadInput
from ..linux.netfilter.ipset.read import read as read_sets
from ..linux.netfilter.ipset.sets import IpSet
from ..linux.netfilter.iptables.beside import hidden, told_apart
from ..linux.netfilter.iptables.pasted import Part, pasted
from ..linux.netfilter.iptables.save import Dump, read
from ..linux.netfilter.nft import read as nft
from ..linux.netfilter.nft.load import loaded as tables_of
from ..linux.netfilter.nft.read_json import read_json
from ..linux.netfilter.nft.ruleset import Table as NftTable
from ..linux.netfilter.rules import Ruleset, Table
from .described import text_of

Line = dict[str, Any]  # file, line, text
PROTOCOL = {4: "ip", 6: "ip6"}
LARGE = 1 << 23  # characters: what takes longer than a person waits without a word
MORE = {True: "give `iptables-legacy-save` too", False: "give `nft list ruleset` too"}


class Loaded(NamedTuple):
    """One dump of iptables and where it is from."""

    file: str
    part: Part
    family: int
    dump: Dump


@dataclass
class Dumps:
    """All that was read of a machine, and what has to be said of it."""

    rules: dict[int, Ruleset] = field(default_factory=dict)  # by family
    sets: dict[str, IpSet] = field(default_factory=dict)
    always: dict[int, list[Line]] = field(default_factory=dict)  # what every answer of a family hangs on
    files: dict[tuple[int, str], str] = field(default_factory=dict)  # by family and table
    strange: list[Line] = field(default_factory=list)  # lines that were not understood
    said: list[str] = field(default_factory=list)


def dumps(names: tuple[str, ...]) -> Dumps:
    """Reads every file. Raises BadInput where one cannot be used."""
    found = Dumps()
    parts = [(name, part) for name in names for part in _parts(name, found)]
    for name, part in parts:
        if part.program == "ipset":
            found.sets |= read_sets(_in_its_place(part), _place(name))
    saved = [_loaded(part, name, found) for name, part in parts if part.program == "iptables"]
    listed = [(name, part) for name, part in parts if part.program == "nft"]
    if not saved and not listed:
        raise BadInput(_place(names[0]), "there is no dump of rules in it", "give what iptables-save prints")
    tables = _nft(listed, saved, found)
    for of in sorted({one.family for one in saved} | {of for of in tables if tables[of]}):
        found.rules[of] = _together(of, [one for one in saved if one.family == of], tables.get(of, {}), found)
    return found


def _place(name: str) -> str:
    return "standard input" if name == "-" else name


def _parts(name: str, found: Dumps) -> list[Part]:
    text = text_of(name)
    if not text.strip():
        raise BadInput(name, "the dump is empty", "give what iptables-save prints, or `nft list ruleset`")
    told = pasted(text, _place(name))
    found.said += told.said
    found.strange += [{"file": name, "line": line, "text": text} for line, text in told.strange]
    return told.parts


def _in_its_place(part: Part) -> str:
    """The text of a part, its lines numbered as in its file."""
    return "\n" * (part.line - 1) + part.text


# -- iptables ----------------------------------------------------------------------------------------------------------


def _loaded(part: Part, name: str, found: Dumps) -> Loaded:
    with _progress(part.text) as progress:
        dump = read(part.text, _place(name), found.sets, part.line, progress)
    found.strange += [{"file": name, "line": line, "text": text} for line, text in dump.not_understood]
    return Loaded(name, part, dump.family or part.family or (6 if "ipv6-icmp" in part.text else 4), dump)


@contextmanager
def _progress(text: str) -> Iterator[Callable[[int], object] | None]:
    """A bar on standard error while a large dump is read, where a person looks at it."""
    stream = sys.stderr
    if len(text) < LARGE or not stream.isatty():
        yield None
        return
    with click.progressbar(length=text.count("\n"), label="reading rules", file=stream) as bar:
        yield bar.update


def _together(of: int, saved: list[Loaded], more: dict[str, Table], found: Dumps) -> Ruleset:
    """The tables of one family: those of the first backend, then those of another one beside them, then nft's."""
    backends: dict[str, dict[str, Table]] = {}
    tables: dict[str, Table] = {}
    for one in saved:
        backend = _backend(one, backends, found)
        apart = backend != next(iter(backends))
        for name, table in one.dump.rules.tables.items():
            backends[backend][name] = table
            told = told_apart(table, backend) if apart else table
            tables[told.name], found.files[of, told.name] = told, one.file
    tables |= more
    for one in saved:
        for table in _missing(of, one, backends, more, found):
            tables[table.name], found.files[of, table.name] = table, one.file
    return Ruleset(tables)


def _missing(
    of: int, one: Loaded, backends: dict[str, dict[str, Table]], more: dict[str, Table], found: Dumps
) -> Iterator[Table]:
    """The tables that a dump says it cannot show, and that no other dump shows."""
    for name, line, text in one.part.missing:
        if (name == "legacy" and "legacy" in backends) or f"{PROTOCOL[of]} {name}" in more:
            continue
        what = f"{text.removeprefix('# ')} What it holds is not known; {MORE[name == 'legacy']}"
        found.said.append(f"{one.file}:{line}: {what}")
        yield hidden(name, line, text)


def _backend(one: Loaded, backends: dict[str, dict[str, Table]], found: Dumps) -> str:
    """The backend that a dump is of. A second dump of the same tables that does not say whose it is may be of another one."""
    backend = one.part.backend
    twice = [name for name in one.dump.rules.tables if name in backends.get(backend, {})]
    elsewhere = one.file not in {found.files.get((one.family, name)) for name in twice}
    if twice and (one.part.headed or elsewhere) and (backend or len(backends) < 2):
        right = "give at most one of iptables-save and one of ip6tables-save, of each backend"
        raise BadInput(one.file, f"is a second dump of IPv{one.family}", right)
    if twice:
        backend = "another backend"
        text = f"*{twice[0]} stands here a second time, and no head says of what"
        line = {"file": one.file, "line": one.part.line, "text": text}
        found.always.setdefault(one.family, []).append(line)
    backends.setdefault(backend, {})
    return backend


# -- nftables ----------------------------------------------------------------------------------------------------------


def _nft(listed: list[tuple[str, Part]], saved: list[Loaded], found: Dumps) -> dict[int, dict[str, Table]]:
    """The tables of `nft list ruleset`, by family, without those that iptables-save has shown in its own words."""
    if len(listed) > 1:
        right = "give what `nft list ruleset` prints once"
        raise BadInput(_place(listed[1][0]), "is a second ruleset of nftables", right)
    tables: dict[int, dict[str, Table]] = {}
    for name, part in listed:
        text = _in_its_place(part)
        is_json = part.text.lstrip().startswith("{")
        dump = read_json(text, _place(name)) if is_json else nft.read(text, _place(name))
        shown = [one for one in saved if one.part.backend != "legacy"]
        known = {(PROTOCOL[one.family], table) for one in shown for table in one.dump.rules.tables}
        new = tuple(one for one in dump.rules.tables if (one.family, one.name) not in known)
        left_out = _lines_of(dump.rules.tables) - _lines_of(new)
        strange = [row for row in dump.not_understood if row[0] not in left_out]
        found.strange += [{"file": name, "line": line, "text": text} for line, text in strange]
        tables = {of: tables_of(replace(dump.rules, tables=new), of) for of in PROTOCOL}
        found.files |= {(of, table): name for of in tables for table in tables[of]}
    return tables


def _lines_of(tables: Iterable[NftTable]) -> set[int]:
    return {rule.line for one in tables for chain in one.chains.values() for rule in chain.rules}
