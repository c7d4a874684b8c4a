"""One rule as a line of iptables: its words read into tests and a target, and written as iptables-save prints them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from ..errors import BadInput
from . import targets as t
from .extensions import OTHER_SPELLINGS, STATELESS, WRITTEN, Given
from .extensions_memory import STATEFUL
from .extensions_targets import EXTENSIONS, FOREIGN, TELLING, TEXTS
from .matches import TRANSPORT, Loaded, Protocol, TcpOption, Test
from .rules import Rule
from .words import shown

MODULES = {**STATELESS, **STATEFUL}
SHARED = (TRANSPORT, "tcp", "iprange")  # modules whose several options are several tests


class NotUnderstood(Exception):
    """A module, an option or a target that the model does not know."""


def rules_of(words: list[str], text: str = "", chains=()) -> Iterator[Rule]:
    """The rules that one line stands for: several where `-s` or `-d` lists several addresses."""
    for option in ("-s", "--source", "--src", "-d", "--destination", "--dst"):
        if option in words[:-1] and "," in words[at := words.index(option) + 1]:
            for one in words[at].split(","):
                yield from rules_of([*words[:at], one, *words[at + 1 :]], text, chains)
            return
    yield _rule(words, text, chains)


def _rule(words: list[str], text: str, chains) -> Rule:
    tests: list[Test] = []
    basic: list[Given] = []
    given: list[Given] = []
    module, options, proto, no, at = "", STATELESS[""].options, "", False, 0
    loaded: list[str] = []
    while at < len(words):
        word = words[at]
        word = OTHER_SPELLINGS.get(word, word)
        at += 1
        if word == "!":
            no = True
        elif word in STATELESS[""].options:
            count = STATELESS[""].options[word]
            basic.append((word, tuple(words[at : at + count]), no))
            proto = words[at] if word == "-p" and at < len(words) else proto
            at, no = at + count, False
        elif word == "-m":
            tests += _tests(module, tuple(given)) if module else ()
            module, given = _next_module(words, at), []
            loaded.append(module)
            options = MODULES[module].options
            at += 1
        elif word in ("-j", "-g"):
            tests += _tests(module, tuple(given)) if module else ()
            return Rule((*_tests("", tuple(basic)), *tests), _target(word, words[at:], chains), text)
        elif word == "-c":
            at += 2
        else:
            if word not in options and _implied(proto) not in loaded:
                tests += _tests(module, tuple(given)) if module else ()
                module, given = _implied(proto), []
                loaded.append(module)
                options = MODULES[module].options if module in MODULES else {}
            if word not in options:
                raise NotUnderstood
            given.append((word, tuple(words[at : at + options[word]]), no))
            at, no = at + options[word], False
    tests += _tests(module, tuple(given)) if module else ()
    return Rule((*_tests("", tuple(basic)), *tests), t.Continue(), text)


def _implied(proto: str) -> str:
    """The module that `-p` brings with it, so that `-p tcp --dport 80` needs no `-m tcp`."""
    return {"icmpv6": "icmp6", "ipv6-icmp": "icmp6", "6": "tcp", "17": "udp", "1": "icmp", "58": "icmp6"}.get(
        proto, proto
    )


def _next_module(words: list[str], at: int) -> str:
    if at >= len(words):
        raise BadInput("", "-m stands at the end of the line", "name the module behind it")
    name = {"icmpv6": "icmp6"}.get(words[at], words[at])
    if name not in MODULES:
        raise NotUnderstood
    return name


@lru_cache(maxsize=1 << 16)
def _tests(module: str, given: tuple[Given, ...]) -> tuple[Test, ...]:
    options = MODULES[module].options
    for name, words, _ in given:
        if len(words) < options[name]:
            raise BadInput("", f"{name} stands at the end of the line", "write its value behind it")
    if not given and module:
        return (Loaded(name=module),)
    return tuple(
        test for test in MODULES[module].tests(given) if not (isinstance(test, Protocol) and test.name == "all")
    )


def _target(option: str, words: list[str], chains) -> t.Target:
    if not words:
        raise BadInput("", f"{option} stands at the end of the line", "name a target or a chain behind it")
    name, rest = words[0], words[1:]
    if option == "-g" or (name in chains and not rest):
        if name not in chains:
            raise BadInput("", f"chain {name} is not declared", f"declare it with :{name} - at the head of its table")
        return t.Goto(name) if option == "-g" else t.Jump(name)
    if name in TELLING:
        return t.Log(name, tuple(rest))
    if name not in EXTENSIONS:
        if not rest and name not in FOREIGN:
            raise BadInput(
                "",
                f"{shown(name)} is neither a target nor a declared chain",
                f"declare it with :{name} - at the head of its table",
            )
        return t.UnknownTarget(name, tuple(rest))
    extension, said, at = EXTENSIONS[name], {}, 0
    while at < len(rest):
        count = extension.options.get(rest[at], -1)
        if count < 0:
            return t.UnknownTarget(name, tuple(rest))
        if len(rest) < at + 1 + count:
            raise BadInput("", f"{rest[at]} stands at the end of the line", "write its value behind it")
        said[rest[at]] = tuple(rest[at + 1 : at + 1 + count])
        at += 1 + count
    return t.UnknownTarget(name) if name == "CT" and not said else extension.make(said)


def rule_text(chain: str, rule: Rule) -> str:
    """One rule as iptables-save prints it."""
    words, module, proto = [f"-A {chain}"], "", ""
    for test in rule.tests:
        proto = test.name if isinstance(test, Protocol) else proto
        of = _implied(proto) if test.module == TRANSPORT else test.module
        if of and (of != module or test.module not in SHARED or isinstance(test, TcpOption)):
            words.append(f"-m {of}")
        module = of
        words.append(WRITTEN[type(test)](test))
    if isinstance(rule.target, t.Goto):
        words.append(f"-g {rule.target.chain}")
    elif not isinstance(rule.target, t.Continue):
        words.append(f"-j {TEXTS[type(rule.target)](rule.target)}")
    return " ".join(word for word in words if word)
