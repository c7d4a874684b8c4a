"""One rule as a line of iptables: its words read into tests and a target. `rules.rule_text` writes it."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Sequence
from functools import lru_cache

from ....errors import BadInput
from ...packet.address import prefix
from ..rules import Rule, implied
from ..statement import Goto, Jump, Target, Test
from ..xt.basic import Destination, Loaded, Protocol, Source
from ..xt.comment import Comment
from ..xt.log import TELLING, Log
from ..xt.reading import Given
from ..xt.standard import Continue
from ..xt.unknown import FOREIGN, Unknown, UnknownTarget
from .extensions import BASIC, MATCHES, OTHER_SPELLINGS, TARGETS
from .words import quoted, shown, split


class NotUnderstood(Exception):
    """A module or an option that the model does not know."""


# What ends one piece of a line and begins the next: -m, -j or -g outside of quotation marks.
_BORDER = re.compile(r'"(?:[^"\\]|\\.)*"|(?:^|(?<=\s))(-[mjg]|--match|--jump|--goto)(?:\s+|$)')
# What iptables-save never prints: a long name of those three, one of them with nothing behind it.
_UNUSUAL = re.compile(r"--(?:match|jump|goto)|-[mjg](?: [- ]|$)")
_SEVERAL = re.compile(r"(?:^|\s)(?:-s|--source|--src|-d|--destination|--dst)\s+(\S+,\S+)")


# The form that nearly all lines of a large dump have: one host, a protocol, a comment, one module, and where it leads.
_COMMON = re.compile(
    r'(?:-(s|d) (\d+\.\d+\.\d+\.\d+/32) )?(?:-p (tcp|udp|sctp) )?(?:-m comment --comment "([^"\\]*)" )?'
    r'(?:-m ([a-z]+(?: [^"\s]+)*?) )?-j (?:DNAT --to-destination ([\d.]+:\d+)|([^\s"]+))'
)
PLAIN = ("ACCEPT", "DROP", "RETURN")


def _common(text: str, chains: Container[str], line: str, number: int) -> Rule | None:
    """A rule of the commonest form, read at one look; None for any other, which is read piece by piece."""
    found = _COMMON.fullmatch(text)
    if found is None:
        return None
    side, host, proto, comment, module, to, name = found.groups()
    if module and (" -m " in module or module.startswith("comment")):
        return None
    if name and name not in chains and name not in PLAIN:
        return None
    basic: tuple[Test, ...] = ()
    if side:
        basic = ((Source if side == "s" else Destination)(prefix=prefix(host)),)
    if proto:
        basic += _piece("", f"-p {proto}", "")[0]
    more = _piece("-m", module, proto or "") if module else ((), (), "")
    note = () if comment is None else (Comment(text=comment),)
    target = TARGETS["DNAT"].make({"--to-destination": (to,)}) if to else _leads_to(name, name in chains)
    return Rule((*basic, *more[0], *note, *more[1]), target, line, number)


@lru_cache(maxsize=1 << 12)
def _leads_to(name: str, is_chain: bool) -> Target:
    """One target for the many rules that lead to a chain, or end the walk."""
    return Jump(name) if is_chain else _target("-j", [name], ())


def rules_of(text: str, chains: Container[str] = (), line: str = "", number: int = 0) -> Sequence[Rule]:
    """The rules that the words behind `-A CHAIN` stand for: several where `-s` or `-d` lists several addresses."""
    common = _common(text, chains, line, number)
    if common is not None:
        return (common,)
    several = _SEVERAL.search(text) if "," in text else None
    if several is None:
        return (_rule(text, chains, line, number),)
    before, after = text[: several.start(1)], text[several.end(1) :]
    each = (rules_of(before + one + after, chains, line, number) for one in several[1].split(","))
    return [rule for rules in each for rule in rules]


def _pieces(text: str) -> Iterable[tuple[str, str]]:
    """(what begins it, the rest of it): the basic options first, then a piece for each module, then the target."""
    return _usual_pieces(text) or _any_pieces(text)


def _usual_pieces(text: str) -> list[tuple[str, str]]:
    """The pieces of a line as iptables-save prints it: at most one comment, the target behind it. Nothing for any other line."""
    head, quote, rest = f" {text}".partition('"')
    comment, _, tail = rest.partition('"')
    body = tail if quote else head
    odd = '"' in tail or text.count('"') == 1 or "\\" in text or not text.isprintable()
    if odd or (quote and (" -j " in head or " -g " in head)) or _UNUSUAL.search(text):
        return []
    mark = " -g " if " -g " in body else " -j "
    body, found, target = body.partition(mark)
    if " -j " in body:
        return []
    first, *modules = (f"{head}\n{body}" if quote else body).split(" -m ")
    pieces = [("", first), *(("-m", module) for module in modules)]
    if quote:
        pieces = [(begins, piece.replace("\n", f'"{comment}"')) for begins, piece in pieces]
    return [*pieces, (mark.strip(), target)] if found else pieces


def _any_pieces(text: str) -> Iterator[tuple[str, str]]:
    """The pieces of whatever a person may have written."""
    begins, start = "", 0
    for border in _BORDER.finditer(text):
        if border[1]:
            yield begins, text[start : border.start()]
            begins, start = border[1], border.end()
            if begins in ("-j", "-g", "--jump", "--goto"):
                break
    yield begins, text[start:]


def _rule(text: str, chains: Container[str], line: str, number: int) -> Rule:
    basic: tuple[Test, ...] = ()
    tests: tuple[Test, ...] = ()
    proto = ""
    for begins, piece in _pieces(text):
        if begins == "-j" and piece in chains:
            return Rule(basic + tests, _leads_to(piece, True), line, number)
        begins = OTHER_SPELLINGS.get(begins, begins)
        if begins in ("-j", "-g"):
            return Rule(basic + tests, _target(begins, split(piece), chains), line, number)
        more_basic, more, proto = _piece(begins, piece, proto)
        basic, tests = basic + more_basic, tests + more
    return Rule(basic + tests, Continue(), line, number)


@lru_cache(maxsize=1 << 16)
def _piece(begins: str, text: str, proto: str) -> tuple[tuple[Test, ...], tuple[Test, ...], str]:
    """The tests of one piece: the basic ones apart, for they are asked first; and the protocol that now holds.

    A module of which something is not known is kept whole as one test that is not understood.
    """
    words, module = split(text), ""
    try:
        if begins:
            module, *words = words or [""]
            module = _module(module)
        basic, given, proto = _options(words, module, proto)
    except NotUnderstood:
        if begins:
            return (), (Unknown(text=f"-m {text.strip()}"),), proto
        return _known_words(words)
    tests = [
        test
        for name, rows in given.items()
        for test in (MATCHES[name].tests(tuple(rows)) if rows or MATCHES[name].bare else (Loaded(name=name),))
    ]
    kept = [test for test in BASIC.tests(tuple(basic)) if not (isinstance(test, Protocol) and test.name == "all")]
    return tuple(kept), tuple(tests), proto


def _options(words: list[str], module: str, proto: str) -> tuple[list[Given], dict[str, list[Given]], str]:
    """The basic options of a piece, those of each module, and the protocol that now holds."""
    basic: list[Given] = []
    given: dict[str, list[Given]] = {module: []} if module else {}
    no, at = False, 0
    while at < len(words):
        word = OTHER_SPELLINGS.get(words[at], words[at])
        home = "" if word in BASIC.options or word == "-c" else _home(word, module, proto)
        count = 2 if word == "-c" else 0 if word == "!" else MATCHES[home].options[word]
        found = tuple(words[at + 1 : at + 1 + count])
        at += 1 + count
        if len(found) < count:
            raise BadInput("", f"{word} stands at the end of the line", "write its value behind it")
        if word == "!":
            if no or at == len(words):
                raise BadInput("", "! stands before nothing that it could turn round", "write it before an option")
            no = True
            continue
        if word != "-c":
            (given.setdefault(home, []) if home else basic).append((word, found, no))
        proto, no = found[0] if word == "-p" else proto, False
    return basic, given, proto


def _known_words(words: list[str]) -> tuple[tuple[Test, ...], tuple[Test, ...], str]:
    """Of options without a module some of which nobody knows: those that are known, and each other one by itself."""
    basic: tuple[Test, ...] = ()
    tests: tuple[Test, ...] = ()
    proto, at = "", 0
    while at < len(words):
        end = at + 2 if words[at] == "!" else at + 1
        while end < len(words) and words[end] != "!" and not words[end].startswith("-"):
            end += 1
        try:
            _options(words[at:end], "", proto)
            more_basic, more, proto = _piece("", _joined(words[at:end]), proto)
        except NotUnderstood:
            more_basic, more = (), (Unknown(text=_joined(words[at:end])),)
        basic, tests, at = basic + more_basic, tests + more, end
    return basic, tests, proto


def _joined(words: list[str]) -> str:
    return " ".join(quoted(word) if set(word) & {" ", '"'} or not word else word for word in words)


def _module(name: str) -> str:
    if not name:
        raise BadInput("", "-m stands at the end of the line", "name the module behind it")
    name = {"icmpv6": "icmp6"}.get(name, name)
    if not name or name not in MATCHES:
        raise NotUnderstood
    return name


def _home(word: str, module: str, proto: str) -> str:
    """The module that an option belongs to: the one just named, else the one that the protocol brings with it."""
    if word == "!":
        return ""
    for name in (module, implied(proto)):
        if word in MATCHES.get(name, BASIC).options:
            return name
    raise NotUnderstood


def _target(option: str, words: list[str], chains: Container[str]) -> Target:
    if not words:
        raise BadInput("", f"{option} stands at the end of the line", "name a target or a chain behind it")
    name, rest = words[0], words[1:]
    if option == "-g" or (name in chains and not rest):
        if name not in chains:
            raise BadInput("", f"chain {name} is not declared", f"declare it with :{name} - at the head of its table")
        return Goto(name) if option == "-g" else Jump(name)
    if name in TELLING:
        return Log(name, tuple(rest))
    if name not in TARGETS:
        if not rest and name not in FOREIGN:
            raise BadInput(
                "",
                f"{shown(name)} is neither a target nor a declared chain",
                f"declare it with :{name} - at the head of its table",
            )
        return UnknownTarget(name, tuple(rest))
    extension, said, at = TARGETS[name], {}, 0
    while at < len(rest):
        count = extension.options.get(rest[at], -1)
        if count < 0:
            return UnknownTarget(name, tuple(rest))
        if len(rest) < at + 1 + count:
            raise BadInput("", f"{rest[at]} stands at the end of the line", "write its value behind it")
        said[rest[at]] = tuple(rest[at + 1 : at + 1 + count])
        at += 1 + count
    return extension.make(said)
