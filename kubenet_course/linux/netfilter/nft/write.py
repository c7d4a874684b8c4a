"""A ruleset as text: as `nft list ruleset` (1.0.6) prints it, which is also what `nft -f` loads."""

from collections.abc import Callable

from ...packet.address import Prefix
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
    Table,
    Unknown,
    Update,
    Verdict,
    VerdictMap,
)

NAMED = {"raw": -300, "mangle": -150, "dstnat": -100, "filter": 0, "security": 50, "srcnat": 100}
ONLY_AT = {"dstnat": "prerouting", "srcnat": "postrouting"}
BARE = {"iif", "iifname", "oif", "oifname", "skuid", "skgid", "iiftype", "oiftype", "iifgroup", "oifgroup"}
NEXT = ",\n\t\t\t     "
NAMES = (Meta("iifname"), Meta("oifname"), Meta("iif"), Meta("oif"))
MARKS = (Meta("mark"), Ct("mark"))
UNITS = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))


def write(rules: Ruleset) -> str:
    """All tables."""
    return "".join(table_text(one) for one in rules.tables)


def table_text(table: Table) -> str:
    parts = [_set(one) for one in table.sets.values()] + [chain_text(one) for one in table.chains.values()]
    comment = f'\tcomment "{table.comment}"\n' if table.comment else ""
    return f"table {table.family} {table.name} {{\n{comment}" + "\n".join(parts) + "}\n"


# -- sets and chains --------------------------------------------------------------------------------------------------


def _set(one: Set) -> str:
    body = "".join(f"\t\t{line}\n" for line in _said(one))
    return f"\t{'map' if one.map else 'set'} {one.name} {{\n{body}\t}}\n"


def set_text(one: Set) -> str:
    """What stands between a set's braces, on one line."""
    return " ".join(f"{line};" for line in _said(one))


def _said(one: Set) -> list[str]:
    lines = [f"{'typeof' if one.typeof else 'type'} {' . '.join(one.types)}" + (f" : {one.map}" if one.map else "")]
    lines += [f"size {one.size}"] if one.size else []
    lines += [f"flags {','.join(one.flags)}"] if one.flags else []
    lines += [f"timeout {duration(one.timeout)}"] if one.timeout else []
    lines += [f'comment "{one.comment}"'] if one.comment else []
    if one.elements:
        lines.append(f"elements = {{ {_listed(one)} }}")
    return lines


def _listed(one: Set) -> str:
    """Addresses of IPv4 stand two on a line, everything longer alone."""
    texts = [element_text(element) for element in one.elements]
    if one.types != ("ipv4_addr",) or one.map:
        return NEXT.join(texts)
    return NEXT.join(", ".join(texts[at : at + 2]) for at in range(0, len(texts), 2))


def element_text(element: Element) -> str:
    text = " . ".join(map(expression, element.key))
    text += f" timeout {element.timeout}" if element.timeout else ""
    text += f" expires {element.expires}" if element.expires else ""
    text += f' comment "{element.comment}"' if element.comment else ""
    value = element.value
    if value is None:
        return text
    return f"{text} : {verdict(value) if isinstance(value, Verdict) else expression(value)}"


def chain_text(chain: Chain) -> str:
    head = f'\t\tcomment "{chain.comment}"\n' if chain.comment else ""
    if chain.hook:
        hook = chain.hook
        at = f"type {hook.type} hook {hook.hook} priority {priority(hook)}; policy {hook.policy};"
        head = f"\t\t{at}\n{head}"
    return f"\tchain {chain.name} {{\n{head}" + "".join(f"\t\t{rule_text(one)}\n" for one in chain.rules) + "\t}\n"


def priority(hook: Hook) -> str:
    """By name where one is near: filter, dstnat - 10. A name is only known at its own hook."""
    for name, value in NAMED.items():
        off = hook.priority - value
        if abs(off) <= 10 and ONLY_AT.get(name, hook.hook) == hook.hook:
            return f"{name} {'+' if off > 0 else '-'} {abs(off)}" if off else name
    return str(hook.priority)


def duration(seconds: int) -> str:
    """1d2h3m4s, without what is nought."""
    text = ""
    for unit, length in UNITS:
        count, seconds = divmod(seconds, length)
        text += f"{count}{unit}" if count else ""
    return text


def rule_text(rule: Rule) -> str:
    text = " ".join(map(statement, rule.statements))
    return f'{text} comment "{rule.comment}"' if rule.comment else text


# -- statements -------------------------------------------------------------------------------------------------------


def statement(one: Statement) -> str:
    return STATEMENTS[type(one)](one)


def verdict(one: Verdict) -> str:
    return f"{one.kind} {one.chain}" if one.chain else one.kind


def _match(one: Match) -> str:
    unsaid = one.operator == "in" or (one.operator == "==" and not isinstance(one.left, Bits))
    sign = "" if unsaid else f"{one.operator} "
    if one.left in NAMES:
        return f"{expression(one.left)} {sign}{_names(one.right)}"
    if one.operator == "in" and isinstance(one.right, Anonymous):
        return f"{expression(one.left)} {','.join(map(expression, one.right.elements))}"
    return f"{expression(one.left)} {sign}{_hex(one.right) if _is_mark(one.left) else expression(one.right)}"


def _names(one: Expression) -> str:
    """Names of devices stand in quotation marks."""
    if isinstance(one, Anonymous):
        return f"{{ {', '.join(map(_names, one.elements))} }}"
    return f'"{one}"' if isinstance(one, str) else expression(one)


def _is_mark(one: Expression) -> bool:
    return one in MARKS or (isinstance(one, Bits) and one.left in MARKS)


def _hex(one: Expression) -> str:
    """Marks are printed as numbers to the base 16."""
    if isinstance(one, Anonymous):
        return f"{{ {', '.join(map(_hex, one.elements))} }}"
    return f"0x{one:08x}" if isinstance(one, int) else expression(one)


def _mangle(one: Mangle) -> str:
    return f"{expression(one.key)} set {_hex(one.value) if _is_mark(one.key) else expression(one.value)}"


def _nat(word: str, one: Dnat | Snat) -> str:
    address = "" if one.address is None else expression(one.address)
    if one.port is not None:
        address = f"[{address}]" if ":" in address else address
        address += f":{expression(one.port)}"
    family = f" {one.family}" if one.family else ""
    return f"{word}{family} to {address} {one.flags}".rstrip()


def _ported(word: str, one: Redirect | Masquerade) -> str:
    port = "" if one.port is None else f" to :{expression(one.port)}"
    return f"{word}{port} {one.flags}".rstrip()


def _reject(one: Reject) -> str:
    """Port unreachable goes without saying."""
    return (
        "reject" if one.code == "port-unreachable" and not one.said else f"reject with {one.type} {one.code}".rstrip()
    )


def _update(one: Update) -> str:
    timeout = f" timeout {one.timeout}" if one.timeout else ""
    return f"{one.operator} @{one.set} {{ {expression(one.element)}{timeout} }}"


def _limit(one: Limit) -> str:
    return f"limit rate {'over ' if one.over else ''}{one.rate}/{one.per} burst {one.burst} packets"


STATEMENTS: dict[type, Callable[..., str]] = {
    Match: _match,
    Verdict: verdict,
    VerdictMap: lambda one: f"{expression(one.key)} vmap {expression(one.data)}",
    Mangle: _mangle,
    Masquerade: lambda one: _ported("masquerade", one),
    Dnat: lambda one: _nat("dnat", one),
    Snat: lambda one: _nat("snat", one),
    Redirect: lambda one: _ported("redirect", one),
    Reject: _reject,
    Update: _update,
    Counter: lambda one: f"counter packets {one.packets} bytes {one.bytes}",
    Limit: _limit,
    Notrack: lambda one: "notrack",
    Unknown: lambda one: one.text,
}

# -- expressions ------------------------------------------------------------------------------------------------------


def expression(one: Expression | Pairs) -> str:
    return EXPRESSIONS[type(one)](one)


def _meta(one: Meta) -> str:
    return one.key if one.key in BARE else f"meta {one.key}"


def _pairs(one: Pairs) -> str:
    rows = (f"{expression(key)} : {_data(value)}" for key, value in one.pairs)
    return f"{{ {', '.join(rows)} }}"


def _data(value: Expression | Verdict) -> str:
    return verdict(value) if isinstance(value, Verdict) else expression(value)


def _numgen(one: Numgen) -> str:
    return f"numgen {one.mode} mod {one.mod}" + (f" offset {one.offset}" if one.offset else "")


def _bits(one: Bits) -> str:
    return f"{expression(one.left)} {one.operator} {_hex(one.right) if _is_mark(one) else expression(one.right)}"


EXPRESSIONS: dict[type, Callable[..., str]] = {
    str: str,
    int: str,
    Prefix: str,
    Range: lambda one: f"{one.first}-{one.last}",
    Payload: lambda one: f"{one.protocol} {one.field}",
    Meta: _meta,
    Ct: lambda one: f"ct {one.key}",
    Fib: lambda one: f"fib {' . '.join(one.flags)} {one.result}",
    Numgen: _numgen,
    Named: lambda one: f"@{one.name}",
    Concat: lambda one: " . ".join(map(expression, one.parts)),
    Anonymous: lambda one: f"{{ {', '.join(map(expression, one.elements))} }}",
    Pairs: _pairs,
    Lookup: lambda one: f"{expression(one.key)} map {expression(one.data)}",
    Bits: _bits,
    Foreign: lambda one: one.text,
}
