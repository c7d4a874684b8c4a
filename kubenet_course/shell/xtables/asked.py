"""The command line of iptables, read as getopt reads it: options in any order, short ones glued together, long ones cut short.

Real system: `iptables/xshared.c` (do_parse, add_command, generic_opt_check); refusals have the words of iptables 1.8.9 (nf_tables).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from ...linux.netfilter.iptables.save import TABLES
from ..state import Refused

# Commands by letter: the long name, and what the word behind them is, if there is one.
COMMANDS = {
    "A": ("append", "a chain"), "I": ("insert", "a chain"), "D": ("delete", "a chain"), "R": ("replace", "a chain"),
    "C": ("check", "a chain"), "N": ("new-chain", "a chain"), "P": ("policy", "a chain"), "E": ("rename-chain", "a chain"),
    "F": ("flush", ""), "X": ("delete-chain", ""), "Z": ("zero", ""), "L": ("list", ""), "S": ("list-rules", ""),
}  # fmt: skip
RULED = "AIDRC"  # commands with a rule behind them
PLAIN = {"n": "numeric", "v": "verbose", "x": "exact", "4": "ipv4", "6": "ipv6"}
VALUED = {
    "t": "table", "s": "source", "d": "destination", "p": "protocol", "i": "in-interface", "o": "out-interface", "j": "jump",
    "g": "goto", "m": "match",
}  # fmt: skip
LETTERS = {
    **{name: f"-{letter}" for letter, (name, _) in COMMANDS.items()},
    **{name: f"-{letter}" for letter, name in (*PLAIN.items(), *VALUED.items())},
    "src": "-s", "dst": "-d", "proto": "-p", "wait": "-w", "check": "-C", "fragments": "-f", "set-counters": "-c",
}  # fmt: skip


class Asked(Struct, frozen=True):
    """One call of iptables: what is to be done to which chain of which table, and the words of the rule."""

    program: str
    table: str
    verb: str  # its letter
    chain: str = ""
    number: int = 0  # of a rule, from 1; 0 where none is said
    to: str = ""  # a policy, or a chain's new name
    rule: tuple[str, ...] = ()
    flags: frozenset[str] = frozenset()


def wrong(program: str, quote: str, said: str) -> Refused:
    """A refusal with the program's own name and version before its words."""
    return Refused(said, f"{program} v1.8.9 (nf_tables): {quote}")


def spread(words: Sequence[str]) -> Iterator[str]:
    """The words with short options taken apart (`-nvL`, `-tnat`), `--name=value` parted, and long names of iptables' own short."""
    for word in words:
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            yield LETTERS.get(name, f"--{name}")
            if equals:
                yield value
        elif (
            len(word) > 2
            and word[0] == "-"
            and (word[1] in PLAIN or word[1] in COMMANDS or word[1] in VALUED or word[1] == "w")
        ):
            yield word[:2]
            rest = word[2:]
            yield from spread([f"-{rest}"]) if word[1] in PLAIN else [rest]
        else:
            yield word


def asked(words: Sequence[str], program: str) -> Asked:
    """Reads one command line. Raises Refused as the program refuses it."""
    left = list(spread(words))
    table, verb, behind, flags, rule = "filter", "", [], set(), []
    at = 0
    while at < len(left):
        word = left[at]
        at += 1
        if word == "-t":
            table, at = _value(program, left, at, word), at + 1
        elif word == "-w":
            at += at < len(left) and left[at].isdecimal()
        elif word in ("--line-numbers", "--line-number", "--line"):
            flags.add("#")
        elif word[:1] == "-" and word[1:] in PLAIN:
            flags.add(word[1:])
        elif word[:1] == "-" and word[1:] in COMMANDS and not _is_value(left, at - 1):
            if verb:
                raise wrong(program, f"Cannot use {word} with -{verb}", "One command at a time.")
            verb = word[1:]
            if COMMANDS[verb][1]:
                behind, at = [_value(program, left, at, word)], at + 1
            while at < len(left) and left[at] != "!" and not left[at].startswith("-") and len(behind) < _most(verb):
                behind, at = [*behind, left[at]], at + 1
        else:
            rule.append(word)
    if table not in TABLES:
        raise wrong(
            program, f"table '{table}' does not exist", f"{table} is not a table; there are {', '.join(TABLES)}."
        )
    if not verb and rule and not rule[0].startswith("-"):
        raise Refused(f"{rule[0]!r} stands where a command such as -A should.", f"Bad argument `{rule[0]}'")
    if not verb and rule and rule[0].startswith("--"):
        raise wrong(program, f'unknown option "{rule[0]}"', f"{program} has no option {rule[0]}.")
    if not verb:
        raise wrong(program, "no command specified", f"{program} wants a command such as -A CHAIN, -D CHAIN or -S.")
    return _whole(Asked(program, table, verb, rule=tuple(rule), flags=frozenset(flags)), behind)


def _is_value(words: list[str], at: int) -> bool:
    """Whether a word is what an option before it wants, such as a comment that looks like an option."""
    return at > 0 and words[at - 1] in ("--comment", "--log-prefix")


def _most(verb: str) -> int:
    """How many bare words can stand behind a command: a chain, and a number, a policy or a new name."""
    return 2 if verb in "IDRPELSZ" else 1


def _value(program: str, words: list[str], at: int, option: str) -> str:
    if at == len(words):
        raise wrong(program, f'option "{option}" requires an argument', f"Nothing follows {option}.")
    return words[at]


def _whole(one: Asked, behind: list[str]) -> Asked:
    """With what stands behind the command, checked for what that command takes."""
    chain, second = (*behind, "", "")[:2]
    if one.verb == "N" and chain.startswith("-"):
        raise wrong(one.program, "chain name not allowed to start with `-'", "A chain's name begins with no dash.")
    number, to = 0, ""
    if one.verb in "PE" and not second:
        quote = (
            "-P requires a chain and a policy" if one.verb == "P" else "-E requires old-chain-name and new-chain-name"
        )
        raise wrong(one.program, quote, f"-{one.verb} wants two words behind it.")
    if one.verb in "PE":
        to = second
    elif second:
        number = int(second) if second.isdecimal() else 0
        if not number:
            raise wrong(one.program, f"Invalid rule number `{second}'", "Rules are counted from 1.")
    elif one.verb == "R":
        raise wrong(one.program, "-R requires a rule number", "-R wants the number of the rule that it replaces.")
    if one.rule and (one.verb not in RULED or (one.verb == "D" and number)):
        first = one.rule[0]
        quote = f"Illegal option `{first}' with this command" if first[:1] == "-" else f"Bad argument `{first}'"
        is_named = first[:1] == "-"
        raise (
            wrong(one.program, quote, f"-{one.verb} takes no rule.")
            if is_named
            else Refused(f"{first!r} is too much.", quote)
        )
    return Asked(one.program, one.table, one.verb, chain, number, to, one.rule, one.flags)
