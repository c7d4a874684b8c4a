"""A rule as a person types it: its words put into iptables-save's order, or refused in the words of iptables 1.8.9.

An option belongs to the match that was loaded before it, or to the one that `-p` brings along (libxtables/xtables.c,
xtables_find_proto); which stands where does not matter otherwise.
"""

from __future__ import annotations

from collections.abc import Container

from ...errors import BadInput
from ...linux.netfilter.iptables.extensions import MATCHES, OTHER_SPELLINGS, TARGETS
from ...linux.netfilter.iptables.words import port_range, protocol
from ...linux.netfilter.rules import implied
from ...linux.netfilter.xt.log import TELLING
from ...linux.netfilter.xt.unknown import FOREIGN
from ...linux.packet.address import Family, prefix
from ..state import Refused
from .asked import wrong

BASIC = ("-s", "-d", "-i", "-o", "-p")
FORBIDDEN = {"INPUT": "-o", "PREROUTING": "-o", "OUTPUT": "-i", "POSTROUTING": "-i"}
PORTS = ("--sport", "--dport")


def in_order(words: tuple[str, ...], program: str, chain: str, of: Family, chains: Container[str]) -> tuple[str, ...]:
    """The rule's words as iptables-save would order them: addresses, devices, protocol, matches, target."""
    reader = _Reader(program, chain, of, chains)
    left = list(words)
    while left:
        reader.take(left)
    return reader.words()


class _Reader:
    """What has been read of a rule so far."""

    def __init__(self, program: str, chain: str, of: Family, chains: Container[str]):
        self.program, self.chain, self.of, self.chains = program, chain, of, chains
        self.basic: dict[str, list[str]] = {}
        self.loaded: dict[str, list[str]] = {}  # a match, and its options
        self.target: list[str] = []
        self.implied = ""

    def words(self) -> tuple[str, ...]:
        order = (*BASIC, "-f", "-c")
        basic = [word for option in order for word in self.basic.get(option, ())]
        matches = [word for name, words in self.loaded.items() for word in ("-m", name, *words)]
        return (*basic, *matches, *self.target)

    def take(self, left: list[str]) -> None:
        """One option and what belongs to it."""
        no = left.pop(0) if left[0] == "!" and len(left) > 1 else ""
        word = OTHER_SPELLINGS.get(left[0], left[0])
        left.pop(0)
        if not word.startswith("-"):
            raise Refused(f"{word!r} stands alone in this rule.", f"Bad argument `{word}'")
        if word in BASIC or word in ("-j", "-g", "-m"):
            if not left:
                raise wrong(self.program, f'option "{word}" requires an argument', f"Nothing follows {word}.")
            self._basic(word, no, left.pop(0), left)
        elif word == "-c" or word == "-f":
            self.basic[word] = [*([no] if no else []), word, *(left.pop(0) for _ in range(2 * (word == "-c")) if left)]
        else:
            self._option(word, no, left)

    def _basic(self, word: str, no: str, value: str, left: list[str]) -> None:
        is_again = word in self.basic or (word in ("-j", "-g") and bool(self.target))
        if word != "-m" and is_again:
            raise wrong(self.program, f"multiple {word} flags not allowed", f"A rule has one {word}.")
        if value == "!" and left:
            raise Refused("! stands before the option that it turns round: ! -s ADDRESS.", f"Bad argument `{left[0]}'")
        if word == "-m":
            self.loaded.setdefault(value, [])
        elif word in ("-j", "-g"):
            self.target = [word, value]
            is_target = word == "-j" and value in (*TARGETS, *TELLING, *FOREIGN)
            if value not in self.chains and not is_target:
                quote, said = f"Chain '{value}' does not exist", f"There is no chain {value} in this table."
                raise wrong(self.program, quote, said)
        else:
            self._checked(word, value)
            self.basic[word] = [*([no] if no else []), word, value]
            self.implied = implied(value) if word == "-p" else self.implied

    def _checked(self, word: str, value: str) -> None:
        """A value of an option that every rule has."""
        if FORBIDDEN.get(self.chain) == word:
            raise wrong(self.program, f"Can't use {word} with {self.chain}", f"In {self.chain} {word} can never hold.")
        if word == "-p":
            try:
                protocol(value)
            except BadInput as error:
                raise wrong(self.program, f'unknown protocol "{value}" specified', f"{error.what}.") from None
        if word in ("-s", "-d"):
            for part in value.split(","):
                self._address(part)

    def _address(self, text: str) -> None:
        try:
            is_so = prefix(text).family is self.of
        except BadInput:
            is_so = False
        if not is_so:
            host, slash, mask = text.partition("/")
            is_long = slash and mask.isdecimal() and int(mask) > self.of.bits
            quote = f"invalid mask `{mask}' specified" if is_long else f"host/network `{host}' not found"
            raise wrong(self.program, quote, f"{text!r} is not an address of {self.of.name}.")

    def _option(self, word: str, no: str, left: list[str]) -> None:
        """An option of a match or of the target; a long one may be cut short where that is clear."""
        homes = [(name, MATCHES[name].options) for name in reversed(self.loaded) if name in MATCHES]
        if self.implied in MATCHES:
            homes.append((self.implied, MATCHES[self.implied].options))
        target = self.target[1] if self.target else ""
        if target in TARGETS:
            homes.insert(0, ("", TARGETS[target].options))
        whole = {option for _, options in homes for option in options if option.startswith(word)}
        word = whole.pop() if len(whole) == 1 else word
        for name, options in homes:
            if word in options:
                values = [left.pop(0) for _ in range(options[word]) if left]
                if len(values) < options[word]:
                    raise wrong(self.program, f'option "{word}" requires an argument', f"Nothing follows {word}.")
                self._port(word, values)
                home = self.loaded.setdefault(name, []) if name else self.target
                home += [*([no] if no else []), word, *values]
                return
        if target in TELLING or target in FOREIGN:
            self.target += [
                word,
                *(left.pop(0) for _ in iter(lambda: bool(left) and left[0][:1] not in ("-", "!"), False)),
            ]
            return
        known = set(self.loaded) <= set(MATCHES) and (not target or target in TARGETS or target in self.chains)
        said = f"No match or target of this rule has an option {word}."
        if known:
            raise wrong(self.program, f'unknown option "{word}"', said)
        raise Refused(f"{said} The model does not know all that iptables has.")

    def _port(self, word: str, values: list[str]) -> None:
        if word in PORTS:
            try:
                port_range(values[0])
            except BadInput as error:
                raise wrong(self.program, f"invalid port/service `{values[0]}' specified", f"{error.what}.") from None
