"""One rule of nftables as text, read into its statements (src/parser_bison.y of nftables)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .ruleset import (
    Anonymous,
    Bits,
    Concat,
    Counter,
    Ct,
    Dnat,
    Expression,
    Fib,
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
    Snat,
    Statement,
    Unknown,
    Update,
    Verdict,
    VerdictMap,
)
from .words import Strange, Words, constant, constants, said

HEADERS = (
    "ip",
    "ip6",
    "tcp",
    "udp",
    "udplite",
    "sctp",
    "dccp",
    "th",
    "icmp",
    "icmpv6",
    "ether",
    "arp",
    "vlan",
    "ah",
    "esp",
)
BARE = ("iif", "iifname", "oif", "oifname", "skuid", "skgid", "iiftype", "oiftype", "iifgroup", "oifgroup", "mark")
FLAGS = ("random", "fully-random", "persistent")
BITMASKS = (Ct("state"), Ct("status"), Payload("tcp", "flags"))
OPERATORS = ("==", "!=", "<", ">", "<=", ">=")
VERDICTS = ("accept", "drop", "return", "continue")
LOGGED = {"prefix": 1, "level": 1, "group": 1, "snaplen": 1, "queue-threshold": 1, "flags": 1}
REJECTION = {"ip": "icmp", "ip6": "icmpv6"}  # what a bare `reject` says in a table of this family


def statements(words: Words, family: str) -> tuple[Statement, ...]:
    """All statements of a rule. What is not known is kept as it stands, up to where something known begins that ends the rule."""
    found: list[Statement] = []
    while not words.done:
        start = words.at
        try:
            found.append(statement(words, family))
        except Strange:
            words.at = start
            found.append(_unknown(words, family))
    return tuple(found)


def _unknown(words: Words, family: str) -> Statement:
    start = words.at
    for end in range(start + 1, len(words.words)):
        words.at = end
        try:
            while not words.done:
                statement(words, family)
        except Strange:
            continue
        words.at = end
        return Unknown(said(words.words[start:end]))
    words.at = len(words.words)
    return Unknown(said(words.words[start:]))


def statement(words: Words, family: str) -> Statement:
    """The next statement. Raises Strange where it is not known."""
    word = words.peek()
    if word in VERDICTS or word in ("jump", "goto"):
        return verdict(words)
    if word in STATEMENTS:
        words.next()
        return STATEMENTS[word](words, family)
    if word in ("update", "add", "delete") and words.peek(1).startswith("@"):
        return _update(words)
    left = expression(words)
    if words.takes("vmap"):
        return VerdictMap(left, mapped(words))
    if words.takes("set"):
        return Mangle(left, expression(words))
    return _match(words, left)


def verdict(words: Words) -> Verdict:
    word = words.next()
    if word in ("jump", "goto"):
        return Verdict(word, words.next().strip('"'))
    if word not in VERDICTS:
        raise Strange
    return Verdict(word)


def _match(words: Words, left: Expression) -> Match:
    operator = words.next() if words.peek() in OPERATORS else ""
    in_set = words.peek() == "{"
    right = _right(words)
    if words.peek() == "/":
        raise Strange
    implied = "in" if left in BITMASKS and not in_set and not isinstance(right, Named) else "=="
    if words.peek() == "," and isinstance(right, str):
        parts = [right]
        while words.takes(","):
            parts.append(str(constants(words)))
        right = Anonymous(tuple(parts))
    if words.peek() == "/":
        raise Strange
    return Match(left, right, operator or implied)


def _right(words: Words) -> Expression:
    word = words.peek()
    if word == "{":
        return Anonymous(words.listed(lambda: constants(words)))
    if word.startswith("@"):
        return Named(words.next()[1:])
    if word in ("", "&", "|", "^"):
        raise Strange
    return constants(words)


# -- expressions ------------------------------------------------------------------------------------------------------


def expression(words: Words) -> Expression:
    """What is read of a packet, joined or masked; or what a map holds under it."""
    found = _primary(words)
    if words.peek() == ".":
        parts = [found]
        while words.takes("."):
            parts.append(_primary(words))
        found = Concat(tuple(parts))
    while words.peek() in ("&", "|", "^"):
        operator = words.next()
        found = Bits(operator, found, _primary(words))
    return Lookup(found, mapped(words)) if words.takes("map") else found


def _primary(words: Words) -> Expression:
    word = words.next()
    if word in HEADERS:
        return Payload(word, words.next())
    if word == "meta":
        return Meta(words.next())
    if word in BARE:
        return Meta(word)
    if word == "ct":
        return _ct(words)
    if word == "fib":
        flags = [words.next()]
        while words.takes("."):
            flags.append(words.next())
        return Fib(tuple(flags), words.next())
    if word == "numgen":
        mode, _ = words.next(), words.wants("mod")
        return Numgen(mode, words.number(), words.number() if words.takes("offset") else 0)
    if word[0].isdigit() or ":" in word:
        return constant(word)
    raise Strange


def _ct(words: Words) -> Ct:
    key = words.next()
    if key in ("original", "reply"):
        key += f" {words.next()}"
        key += f" {words.next()}" if key.endswith((" ip", " ip6")) else ""
    return Ct(key)


def mapped(words: Words) -> Pairs | Named:
    """`@name`, or `{ key : value, ... }`."""
    return Named(words.next()[1:]) if words.peek().startswith("@") else Pairs(words.listed(lambda: _pair(words)))


def _pair(words: Words) -> tuple[Any, Any]:
    key = constants(words)
    words.wants(":")
    return key, value(words)


def value(words: Words) -> Any:
    """What stands under a key of a map: a verdict or constants."""
    return verdict(words) if words.peek() in (*VERDICTS, "jump", "goto") else constants(words)


# -- statements -------------------------------------------------------------------------------------------------------


def _nat(kind: type[Dnat] | type[Snat]) -> Callable[[Words, str], Statement]:
    def read(words: Words, family: str) -> Statement:
        of = words.next() if words.peek() in ("ip", "ip6") else ""
        words.wants("to")
        address, port = _target(words)
        return kind(address, port, of, _flags(words))

    return read


def _target(words: Words) -> tuple[Expression | None, int | Range | None]:
    word = words.peek()
    if word in ("numgen", "ip", "ip6", "meta", "ct", "tcp", "udp", "th"):
        found = expression(words)
        if not isinstance(found, Lookup):
            raise Strange
        return found, None
    words.next()
    if word.startswith("["):
        address, _, port = word[1:].partition("]")
        return constant(address), _port(port[1:])
    if word.startswith(":") and not word.startswith("::"):
        return None, _port(word[1:])
    if word.count(":") == 1:
        address, _, port = word.partition(":")
        return constant(address), _port(port)
    return constant(word), None


def _port(text: str) -> int | Range | None:
    found = constant(text) if text else None
    if found is not None and not isinstance(found, int | Range):
        raise Strange
    return found


def _flags(words: Words) -> str:
    found = []
    while words.peek() in FLAGS:
        found.append(words.next())
        words.takes(",")
    return ",".join(found)


def _to_port(words: Words) -> int | Range | None:
    if not words.takes("to"):
        return None
    return _port(words.next().lstrip(":"))


def _redirect(words: Words, family: str) -> Statement:
    port = _to_port(words)
    return Redirect(port, _flags(words))


def _masquerade(words: Words, family: str) -> Statement:
    port = _to_port(words)
    return Masquerade(_flags(words), port)


def _reject(words: Words, family: str) -> Statement:
    if not words.takes("with"):
        return Reject(REJECTION.get(family, "icmpx"), "port-unreachable")
    if words.takes("tcp", "reset"):
        return Reject("tcp reset", "")
    kind = words.next()
    words.takes("type")
    code = words.next()
    return Reject(kind, code, code == "port-unreachable")


def _counter(words: Words, family: str) -> Statement:
    if words.takes("name"):
        return Unknown(f"counter name {words.next()}")
    if not words.takes("packets"):
        return Counter()
    packets, _ = words.number(), words.wants("bytes")
    return Counter(packets, words.number())


def _limit(words: Words, family: str) -> Statement:
    words.wants("rate")
    over = words.takes("over")
    rate, slash, per = words.next().partition("/")
    if not slash or not rate.isdecimal() or per not in ("second", "minute", "hour", "day", "week"):
        raise Strange
    burst = words.number() if words.takes("burst") else 5
    words.takes("packets")
    if words.peek() in ("bytes", "kbytes", "mbytes"):
        raise Strange
    return Limit(int(rate), per, burst, over)


def _log(words: Words, family: str) -> Statement:
    found = ["log"]
    while words.peek() in LOGGED:
        found += [words.next(), words.next()]
    return Unknown(" ".join(found))


def _queue(words: Words, family: str) -> Statement:
    rest, words.at = words.rest(), len(words.words)
    return Unknown(f"queue {rest}".rstrip())


def _xt(words: Words, family: str) -> Statement:
    return Unknown(f"xt {words.next()} {words.next()}")


def _update(words: Words) -> Statement:
    operator, name = words.next(), words.next()[1:]
    words.wants("{")
    element = expression(words)
    timeout = words.next() if words.takes("timeout") else ""
    words.wants("}")
    return Update(name, element, operator, timeout)


STATEMENTS: dict[str, Callable[[Words, str], Statement]] = {
    "dnat": _nat(Dnat),
    "snat": _nat(Snat),
    "redirect": _redirect,
    "masquerade": _masquerade,
    "reject": _reject,
    "counter": _counter,
    "limit": _limit,
    "log": _log,
    "queue": _queue,
    "xt": _xt,
    "notrack": lambda words, family: Notrack(),
}
