"""A ruleset in the JSON form of `nft -j list ruleset` (libnftables-json(5)); handles, which the kernel gives, left out."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from ...packet.address import Prefix
from .duration import milliseconds
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
    Table,
    Unknown,
    Update,
    Verdict,
    VerdictMap,
)

Json = dict[str, Any]
METAINFO: Json = {"metainfo": {"version": "1.0.6", "release_name": "Lester Gooch #5", "json_schema_version": 1}}
SHOWN_FLAGS = ("constant", "interval", "timeout")  # nft 1.0.6 keeps "dynamic" to itself here


def json_form(rules: Ruleset) -> Json:
    """`{"nftables": [...]}`: of each table first itself, then its sets, its chains, and all of its rules."""
    return {"nftables": [METAINFO, *(row for table in rules.tables for row in _rows(table))]}


def _rows(table: Table) -> Iterator[Json]:
    yield {"table": {"family": table.family, "name": table.name}}
    for one in table.sets.values():
        yield {"map" if one.map else "set": _set(table, one)}
    for chain in table.chains.values():
        yield {"chain": _chain(table, chain)}
    for chain in table.chains.values():
        for rule in chain.rules:
            yield {"rule": _rule(table, chain, rule)}


def _set(table: Table, one: Set) -> Json:
    found: Json = {
        "family": table.family,
        "name": one.name,
        "table": table.name,
        "type": one.types[0] if len(one.types) == 1 else list(one.types),
    }
    found |= {"comment": one.comment} if one.comment else {}
    found |= {"map": one.map} if one.map else {}
    found |= {"size": one.size} if one.size else {}
    flags = [flag for flag in one.flags if flag in SHOWN_FLAGS]
    found |= {"flags": flags} if flags else {}
    found |= {"timeout": one.timeout} if one.timeout else {}
    return found | ({"elem": [_element(element) for element in one.elements]} if one.elements else {})


def _element(one: Element) -> Any:
    key: Any = value(one.key[0]) if len(one.key) == 1 else {"concat": [value(part) for part in one.key]}
    if one.comment:
        key = {"elem": {"val": key, "comment": one.comment}}
    return key if one.value is None else [key, _data(one.value)]


def _chain(table: Table, chain: Chain) -> Json:
    found: Json = {"family": table.family, "table": table.name, "name": chain.name}
    if chain.hook:
        hook = chain.hook
        found |= {"type": hook.type, "hook": hook.hook, "prio": hook.priority, "policy": hook.policy}
    return found


def _rule(table: Table, chain: Chain, rule: Rule) -> Json:
    found: Json = {"family": table.family, "table": table.name, "chain": chain.name}
    found |= {"comment": rule.comment} if rule.comment else {}
    return found | {"expr": [statement(one) for one in rule.statements]}


# -- statements -------------------------------------------------------------------------------------------------------


def statement(one: Statement) -> Json:
    return STATEMENTS[type(one)](one)


def _verdict(one: Verdict) -> Json:
    return {one.kind: {"target": one.chain} if one.chain else None}


def _nat(one: Dnat | Snat) -> Json:
    found = {"family": one.family} if one.family else {}
    found |= {} if one.address is None else {"addr": value(one.address)}
    return {**found, **_ported(one)}


def _ported(one: Dnat | Snat | Redirect | Masquerade) -> Json:
    flags = one.flags.split(",")
    found: Json = {} if one.port is None else {"port": value(one.port)}
    return found | ({"flags": flags[0] if len(flags) == 1 else flags} if one.flags else {})


def _update(one: Update) -> Json:
    element = value(one.element)
    if one.timeout:
        element = {"elem": {"val": element, "timeout": milliseconds(one.timeout) // 1000}}
    return {"set": {"op": one.operator, "elem": element, "set": f"@{one.set}"}}


def _match(one: Match) -> Json:
    listed = one.operator == "in" and isinstance(one.right, Anonymous)
    right = [value(part) for part in one.right.elements] if listed else value(one.right)  # type: ignore[union-attr]
    return {"match": {"op": one.operator, "left": value(one.left), "right": right}}


def _limit(one: Limit) -> Json:
    return {"limit": {"rate": one.rate, "burst": one.burst, "per": one.per} | ({"inv": True} if one.over else {})}


STATEMENTS: dict[type, Callable[..., Json]] = {
    Match: _match,
    Verdict: _verdict,
    VerdictMap: lambda one: {"vmap": {"key": value(one.key), "data": value(one.data)}},
    Mangle: lambda one: {"mangle": {"key": value(one.key), "value": value(one.value)}},
    Masquerade: lambda one: {"masquerade": _ported(one) or None},
    Dnat: lambda one: {"dnat": _nat(one)},
    Snat: lambda one: {"snat": _nat(one)},
    Redirect: lambda one: {"redirect": _ported(one) or None},
    Reject: lambda one: {"reject": {"type": one.type} | ({"expr": one.code} if one.code else {})},
    Update: _update,
    Counter: lambda one: {"counter": {"packets": one.packets, "bytes": one.bytes}},
    Limit: _limit,
    Notrack: lambda one: {"notrack": None},
    Unknown: lambda one: json.loads(one.text) if one.text.startswith("{") else {"xt": one.text},
}

# -- expressions ------------------------------------------------------------------------------------------------------


def value(one: Expression | Pairs) -> Any:
    return EXPRESSIONS[type(one)](one)


def _data(one: Expression | Verdict) -> Any:
    return _verdict(one) if isinstance(one, Verdict) else value(one)


def _same(one: str | int) -> str | int:
    return one


EXPRESSIONS: dict[type, Callable[..., Any]] = {
    str: _same,
    int: _same,
    Prefix: lambda one: {"prefix": {"addr": one.first, "len": one.length}},
    Range: lambda one: {"range": [one.first, one.last]},
    Payload: lambda one: {"payload": {"protocol": one.protocol, "field": one.field}},
    Meta: lambda one: {"meta": {"key": one.key}},
    Ct: lambda one: {"ct": {"key": one.key}},
    Fib: lambda one: {"fib": {"result": one.result, "flags": list(one.flags)}},
    Numgen: lambda one: {"numgen": {"mode": one.mode, "mod": one.mod, "offset": one.offset}},
    Named: lambda one: f"@{one.name}",
    Concat: lambda one: {"concat": [value(part) for part in one.parts]},
    Anonymous: lambda one: {"set": [value(part) for part in one.elements]},
    Pairs: lambda one: {"set": [[value(key), _data(data)] for key, data in one.pairs]},
    Lookup: lambda one: {"map": {"key": value(one.key), "data": value(one.data)}},
    Bits: lambda one: {one.operator: [value(one.left), value(one.right)]},
    Foreign: lambda one: json.loads(one.text) if one.text.startswith("{") else one.text,
}
