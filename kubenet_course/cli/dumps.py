"""The dumps of one machine: every file and every part of one, put together into the rule sets that it may have."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import click
from msgspec.structs import replace

from ..errors import BadInput
from ..linux.netfilter.iptables.beside import hidden, orders
from ..linux.netfilter.iptables.pasted import Part, Pasted, pasted
from ..linux.netfilter.iptables.save import Dump, read
from ..linux.netfilter.nft import read as nft
from ..linux.netfilter.nft.load import loaded as tables_of
from ..linux.netfilter.nft.read_json import read_json
from ..linux.netfilter.nft.ruleset import Table as NftTable
from ..linux.netfilter.rules import Ruleset, Table
from .machine import text_of

Line = dict[str, Any]  # file, line, text


@dataclass(frozen=True)
class Loaded:
    """One dump and where it is from."""

    file: str
    part: Part
    family: int
    dump: Dump


@dataclass
class Dumps:
    """All that was read: by family the rule sets that the machine may have (one, unless an order is not told), and remarks."""

    ways: dict[int, list[Ruleset]] = field(default_factory=dict)
    doubts: dict[int, list[Line]] = field(default_factory=dict)  # why there are several
    always: dict[int, list[Line]] = field(default_factory=dict)  # what every answer of a family hangs on
    files: dict[tuple[int, str], str] = field(default_factory=dict)  # by family and table
    strange: list[Line] = field(default_factory=list)
    said: list[str] = field(default_factory=list)


def dumps(names: tuple[str, ...]) -> Dumps:
    """Reads every file. Raises BadInput where one cannot be used."""
    found, loaded, others = Dumps(), [], []
    for name in names:
        told = _pasted(name)
        file = "standard input" if name == "-" else name
        found.said += told.said
        found.strange += [{"file": name, "line": line, "text": text} for line, text in told.strange]
        for part in told.parts:
            if part.program == "iptables":
                loaded.append(_loaded(part, name, file))
            else:
                others.append((name, part))
    for one in loaded:
        found.strange += [{"file": one.file, "line": line, "text": text} for line, text in one.dump.not_understood]
    extra = _others(others, loaded, found)
    if not loaded and not extra:
        raise BadInput(names[0], "there is no dump of iptables in it", "give what iptables-save prints")
    for of in sorted({one.family for one in loaded} | set(extra)):
        _put_together(of, [one for one in loaded if one.family == of], extra.get(of, {}), found)
    return found


def _pasted(name: str) -> Pasted:
    text = text_of(name)
    if not text.strip():
        raise BadInput(name, "the dump is empty", "give what iptables-save prints")
    return pasted(text, "standard input" if name == "-" else name)


def _loaded(part: Part, name: str, file: str) -> Loaded:
    with _progress(part.text) as progress:
        dump = read(part.text, file, (), part.line, progress)
    return Loaded(name, part, dump.family or part.family or (6 if "ipv6-icmp" in part.text else 4), dump)


LARGE = 1 << 23  # characters: what takes longer than a person waits without a word


@contextmanager
def _progress(text: str) -> Iterator[Callable[[int], object] | None]:
    """A bar on standard error while a large dump is read, where a person looks at it."""
    stream = sys.stderr
    if len(text) < LARGE or not stream.isatty():
        yield None
        return
    with click.progressbar(length=text.count("\n"), label="reading rules", file=stream) as bar:
        yield bar.update


PROTOCOL = {4: "ip", 6: "ip6"}


def _others(parts: list[tuple[str, Part]], loaded: list[Loaded], found: Dumps) -> dict[int, dict[str, Table]]:
    """The tables of nft, by family; the text of another program is said not to be read."""
    tables: dict[int, dict[str, Table]] = {}
    for name, part in parts:
        if part.program != "nft":
            found.said.append(f"{name}:{part.line}: the text of {part.program} is not read")
        elif tables:
            where = "standard input" if name == "-" else name
            raise BadInput(where, "is a second ruleset of nftables", "give what `nft list ruleset` prints once")
        else:
            tables = _nft(part, name, loaded, found)
            found.files |= {(of, table): name for of in tables for table in tables[of]}
    return tables


def _nft(part: Part, name: str, loaded: list[Loaded], found: Dumps) -> dict[int, dict[str, Table]]:
    """The tables of `nft list ruleset`, by family, without those that iptables-save has shown in its own words."""
    where, text = "standard input" if name == "-" else name, "\n" * (part.line - 1) + part.text
    dump = read_json(text, where) if part.text.lstrip().startswith("{") else nft.read(text, where)
    shown = [one for one in loaded if one.part.backend != "legacy"]
    known = {(PROTOCOL[one.family], table) for one in shown for table in one.dump.rules.tables}
    tables = tuple(one for one in dump.rules.tables if (one.family, one.name) not in known)
    left_out = _lines_of(dump.rules.tables) - _lines_of(tables)
    strange = [row for row in dump.not_understood if row[0] not in left_out]
    found.strange += [{"file": name, "line": line, "text": text} for line, text in strange]
    return {of: tables_of(replace(dump.rules, tables=tables), of) for of in PROTOCOL}


def _lines_of(tables: Iterable[NftTable]) -> set[int]:
    return {rule.line for one in tables for chain in one.chains.values() for rule in chain.rules}


def _put_together(of: int, loaded: list[Loaded], extra: dict[str, Table], found: Dumps) -> None:
    """The rule sets of one family, and what hangs on their order."""
    backends: dict[str, dict[str, Table]] = {}
    for one in loaded:
        backend = _backend(one, backends, found)
        for name, table in one.dump.rules.tables.items():
            apart = name if backend == next(iter(backends)) else f"{name} ({backend})"
            backends[backend][name], found.files[of, apart] = table, one.file
    more = list(extra.values())
    for one in loaded:
        for name, line, text in one.part.missing:
            if (name == "legacy" and "legacy" in backends) or f"{PROTOCOL[of]} {name}" in extra:
                continue
            more.append(hidden(name, line, text))
            found.files[of, more[-1].name] = one.file
            found.said.append(
                f"{one.file}:{line}: {text.removeprefix('# ')} What it holds is not known; {MORE[name == 'legacy']}"
            )
    found.ways[of] = orders(backends, tuple(more))
    if len(found.ways[of]) > 1:
        found.doubts.setdefault(of, []).append(_order_line(loaded, backends))


MORE = ("give `nft list ruleset` too", "give `iptables-legacy-save` too")


def _backend(one: Loaded, backends: dict[str, dict[str, Table]], found: Dumps) -> str:
    """The backend that a dump is of. A second dump of the same tables that does not say whose it is may be of another one."""
    backend = one.part.backend
    taken = backends.get(backend, {})
    twice = [name for name in one.dump.rules.tables if name in taken]
    elsewhere = one.file not in {found.files.get((one.family, name)) for name in twice}
    if twice and (one.part.headed or elsewhere) and (backend or len(backends) < 2):
        right = "give at most one of iptables-save and one of ip6tables-save, of each backend"
        raise BadInput(one.file, f"is a second dump of IPv{one.family}", right)
    if twice:
        backend = "another backend"
        line = {
            "file": one.file,
            "line": one.part.line,
            "text": f"*{twice[0]} stands here a second time, and no head says of what",
        }
        found.always.setdefault(one.family, []).append(line)
    backends.setdefault(backend, {})
    return backend


def _order_line(loaded: list[Loaded], backends: dict[str, Any]) -> Line:
    second = next(one for one in loaded if one.part.backend != loaded[0].part.backend or one is loaded[-1])
    whose = " and ".join(name or "the first dump" for name in backends)
    text = f"the tables of {whose} stand at the same hooks; no dump tells which are asked first"
    return {"file": second.file, "line": second.part.line, "text": text}
