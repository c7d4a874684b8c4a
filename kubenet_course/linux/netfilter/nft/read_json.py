"""What `nft -j list ruleset` prints, read into a Ruleset (libnftables-json(5))."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec

from ....errors import BadInput
from .check import check, not_acted
from .read import Dump
from .ruleset import (
    Anonymous,
    Bits,
    Chain,
    Concat,
    Counter,
    Ct,
    Dnat,
    Element,
    Expression,
    Fib,
    Foreign,
    Hook,
    Limit,
    Lookup,
    Mangle,
    Masquerade,
    Match,
    Meta,
    Named,
    Notrack,
    Numgen,
    Pairs,
    Payload,
    Range,
    Redirect,
    Reject,
    Rule,
    Ruleset,
    Set,
    Snat,
    Statement,
    Unknown,
    Update,
    Verdict,
    VerdictMap,
    table,
)
from .words import Strange, constant
from .write import rule_text

Json = dict[str, Any]
VERDICTS = ("accept", "drop", "return", "continue", "jump", "goto")
RIGHT = "give what `nft -j list ruleset` prints"
Key = tuple[str, str]


def read_json(text: str, where: str = "ruleset") -> Dump:
    """Reads a ruleset in its JSON form. Rules have no lines there: they are numbered in the order in which they stand."""
    try:
        rows = msgspec.json.decode(text.encode(), type=dict[str, list[dict[str, Any]]])["nftables"]
    except (msgspec.DecodeError, KeyError, UnicodeError, RecursionError):
        raise BadInput(where, "is not the JSON form of a ruleset, or is cut off", RIGHT) from None
    try:
        rules, strange = _ruleset(rows)
    except (KeyError, TypeError, ValueError, AttributeError, Strange):
        raise BadInput(where, "holds a set or chain of a form that is not understood", RIGHT) from None
    check(rules, where)
    texts = {r.line: rule_text(r) for t in rules.tables for c in t.chains.values() for r in c.rules}
    found = [*strange, *((number, texts[number]) for number in sorted(set(not_acted(rules))))]
    return Dump(rules, tuple(found))


def _ruleset(rows: list[Json]) -> tuple[Ruleset, list[tuple[int, str]]]:
    tables: dict[Key, Json] = {}
    sets: dict[Key, list[Set]] = {}
    chains: dict[Key, dict[str, list[Rule]]] = {}
    heads: dict[Key, dict[str, Json]] = {}
    strange: list[tuple[int, str]] = []
    number = 0
    for row in rows:
        ((kind, said),) = row.items()
        if kind == "metainfo":
            continue
        key = (said["family"], said["name"] if kind == "table" else said["table"])
        if kind == "table":
            tables[key] = said
        elif kind in ("set", "map"):
            sets.setdefault(key, []).append(_set(said))
        elif kind == "chain":
            heads.setdefault(key, {})[said["name"]] = said
            chains.setdefault(key, {})[said["name"]] = []
        elif kind == "rule":
            number += 1
            made = tuple(map(statement, said["expr"]))
            chains[key][said["chain"]].append(Rule(made, said.get("comment", ""), number))
        else:
            strange.append((0, f"{kind} {said.get('name', '')}".strip()))
    made_tables = []
    for key, said in tables.items():
        here = [_chain(heads[key][name], rules) for name, rules in chains.get(key, {}).items()]
        made_tables.append(table(*key, sets.get(key, []), here, said.get("comment", "")))
    return Ruleset(tuple(made_tables)), strange


def _chain(said: Json, rules: list[Rule]) -> Chain:
    hook = Hook(said["type"], said["hook"], said["prio"], said.get("policy", "accept")) if "hook" in said else None
    return Chain(said["name"], tuple(rules), hook, said.get("comment", ""))


def _set(said: Json) -> Set:
    types = said["type"] if isinstance(said["type"], list) else [said["type"]]
    flags = said.get("flags", [])
    data = said.get("map", "")
    return Set(
        said["name"],
        tuple(types),
        tuple(map(_element, said.get("elem", []))),
        " . ".join(data) if isinstance(data, list) else data,
        said.get("comment", ""),
        tuple([flags] if isinstance(flags, str) else flags),
        said.get("timeout", 0),
        said.get("size", 0),
    )


def _element(row: Any) -> Element:
    key, data = row if isinstance(row, list) else (row, None)
    more: Json = {}
    if isinstance(key, dict) and "elem" in key:
        more, key = key["elem"], key["elem"]["val"]
    found = value(key)
    held = None if data is None else _data(data)
    times = {name: f"{more[name]}s" for name in ("timeout", "expires") if name in more}
    parts = found.parts if isinstance(found, Concat) else (found,)
    return Element(parts, held, more.get("comment", ""), **times)  # type: ignore[arg-type]


def _data(row: Any) -> Any:
    """What stands under a key of a map: a verdict, or a constant."""
    if isinstance(row, dict) and len(row) == 1 and next(iter(row)) in VERDICTS:
        return statement(row)
    return value(row)


# -- expressions ------------------------------------------------------------------------------------------------------


def value(row: Any) -> Any:
    """An expression; one that is not known is kept as it stands."""
    if isinstance(row, bool) or row is None:
        raise Strange
    if isinstance(row, int):
        return row
    if isinstance(row, str):
        return Named(row[1:]) if row.startswith("@") else constant(row) if row else row
    if isinstance(row, list):
        return Anonymous(tuple(map(value, row)))
    ((kind, said),) = row.items()
    try:
        return EXPRESSIONS[kind](said)
    except (KeyError, TypeError, ValueError, BadInput):
        return Foreign(json.dumps(row))


def _prefix(said: Json) -> Any:
    return constant(f"{said['addr']}/{said['len']}")


def _ct(said: Json) -> Ct:
    direction = f"{said['dir']} " if "dir" in said else ""
    return Ct(direction + said["key"])


def _held(said: Any) -> Pairs | Named:
    """The data of a map: a name, or pairs."""
    if isinstance(said, str):
        return Named(said[1:])
    return Pairs(tuple((value(key), _data(data)) for key, data in said["set"]))


def _listed(said: Any) -> Any:
    return Anonymous(tuple(map(value, said if isinstance(said, list) else [said])))


def _bits(operator: str) -> Callable[[Any], Expression]:
    return lambda said: Bits(operator, value(said[0]), value(said[1]))


EXPRESSIONS: dict[str, Callable[[Any], Any]] = {
    "payload": lambda said: Payload(said["protocol"], said["field"]),
    "meta": lambda said: Meta(said["key"]),
    "ct": _ct,
    "fib": lambda said: Fib(
        tuple([said["flags"]] if isinstance(said["flags"], str) else said["flags"]), said["result"]
    ),
    "numgen": lambda said: Numgen(said["mode"], said["mod"], said.get("offset", 0)),
    "concat": lambda said: Concat(tuple(map(value, said))),
    "prefix": _prefix,
    "range": lambda said: Range(value(said[0]), value(said[1])),
    "set": _listed,
    "map": lambda said: Lookup(value(said["key"]), _held(said["data"])),
    "&": _bits("&"),
    "|": _bits("|"),
    "^": _bits("^"),
}

# -- statements -------------------------------------------------------------------------------------------------------


def statement(row: Json) -> Statement:
    """A statement; one that is not known is kept as it stands."""
    ((kind, said),) = row.items()
    try:
        return STATEMENTS[kind](said)
    except (KeyError, TypeError, ValueError, AttributeError, Strange, BadInput):
        return Unknown(json.dumps(row))


def _verdict(kind: str) -> Callable[[Any], Statement]:
    return lambda said: Verdict(kind, said["target"] if said else "")


def _flags(said: Json) -> str:
    flags = said.get("flags", [])
    return flags if isinstance(flags, str) else ",".join(flags)


def _nat(kind: type[Dnat] | type[Snat]) -> Callable[[Any], Statement]:
    def read(said: Json) -> Statement:
        address = value(said["addr"]) if "addr" in said else None
        port = value(said["port"]) if "port" in said else None
        return kind(address, port, said.get("family", ""), _flags(said))

    return read


def _ported(said: Json | None) -> tuple[str, Any]:
    said = said or {}
    return _flags(said), value(said["port"]) if "port" in said else None


def _redirect(said: Json | None) -> Statement:
    flags, port = _ported(said)
    return Redirect(port, flags)


def _update(said: Json) -> Statement:
    element, timeout = said["elem"], ""
    if isinstance(element, dict) and "elem" in element:
        timeout = f"{element['elem']['timeout']}s" if "timeout" in element["elem"] else ""
        element = element["elem"]["val"]
    return Update(said["set"][1:], value(element), said["op"], timeout)


def _limit(said: Json) -> Statement:
    if set(said) - {"rate", "burst", "per", "inv"}:
        raise Strange
    return Limit(said["rate"], said["per"], said.get("burst", 5), said.get("inv", False))


def _counter(said: Any) -> Statement:
    return Counter(said["packets"], said["bytes"]) if isinstance(said, dict) else Unknown(f"counter name {said}")


STATEMENTS: dict[str, Callable[[Any], Statement]] = {
    "match": lambda said: Match(value(said["left"]), value(said["right"]), said["op"]),
    "vmap": lambda said: VerdictMap(value(said["key"]), _held(said["data"])),
    "mangle": lambda said: Mangle(value(said["key"]), value(said["value"])),
    "masquerade": lambda said: Masquerade(*_ported(said)),
    "redirect": _redirect,
    "dnat": _nat(Dnat),
    "snat": _nat(Snat),
    "reject": lambda said: Reject(said["type"], said.get("expr", "")),
    "set": _update,
    "counter": _counter,
    "limit": _limit,
    "notrack": lambda said: Notrack(),
    "log": lambda said: Unknown(" ".join(["log", *(f"{name} {said[name]}" for name in said or {})])),
    "queue": lambda said: Unknown(f"queue {json.dumps(said)}"),
    "xt": lambda said: Unknown(f"xt {said['type']} {said['name']}"),
    **{kind: _verdict(kind) for kind in VERDICTS},
}
