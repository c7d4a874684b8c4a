"""A node of the model that CNI plugins can wire: what they run changes its tables, what they ask is answered from them.

It is a `Console`, so a person can type on the same node. Plugins say some things in other words than the console knows (`bridge
link set`, `iptables -A`, `ip -j`); those are put into the console's words here, and nothing is carried out twice.
"""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Mapping
from subprocess import CompletedProcess

from msgspec import Struct

from ...linux.namespace.netns import Netns
from ...linux.netfilter.iptables.save import write
from ...shell.answer import Said
from ...shell.console import Console
from ...shell.state import Refused
from ...shell.xtables.change import PROGRAMS, iptables, restore
from ..contract.spec import quoted, refused
from ..runtime.netns import Gone
from . import shown as cni_shown

WITHOUT_EFFECT = (("txqueuelen", "0"), ("broadcast", "+"))  # no packet of the model depends on them
TABLES = ("add", "del", "set", "prepend")  # verbs of ip and bridge that change something


class Typed(Struct, frozen=True):
    """One command that a plugin has run and that changes something: where, what came of it, the world after it."""

    at: str
    command: str
    said: tuple[str, ...]
    refused: bool
    world: Mapping[str, Netns]


class NodeConsole(Console):
    """The node's kernel and those of its pods, as `cni.runtime.machine` wants them. `typed` grows with every command."""

    def __init__(self, here: str = "node-1"):
        super().__init__(here)
        self.typed: list[Typed] = []
        self._drawn = 0

    def program(self, argv: tuple[str, ...], stdin: str) -> CompletedProcess[str]:
        """One program run, as `subprocess.run` answers it."""
        at, words = self._entered(argv)
        try:
            out = self._answer(at, words)
            if out is None:
                out = self._change(at, words, stdin)
        except Refused as wrong:
            return CompletedProcess(argv, 1, "", f"{wrong.quote or wrong.said}\n")
        return CompletedProcess(argv, 0, out, "")

    def has(self, program: str) -> bool:
        """The model's node has iptables and no nft."""
        return program != "nft"

    def require_netns(self, path: str) -> None:
        """Raises Gone, as for a path that leads nowhere, unless a namespace of the model has this name."""
        name = path.rpartition("/")[2]
        if name not in self._state.world:
            told = f"failed to Statfs {quoted(path)}: no such file or directory"
            raise Gone(999, told, "give the path of a network namespace, such as /var/run/netns/NAME")
        if name == self._state.here:
            raise refused(f"{path} is the node's own network namespace")

    def entropy(self, count: int) -> bytes:
        """A kernel draws; here the first name is drawn first, so that a story is the same each time it is told."""
        self._drawn += 1
        return hashlib.sha256(f"{self._state.here}/{self._drawn}".encode()).digest()[:count]

    def _entered(self, argv: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
        """Where the words of a command run."""
        if argv[0] == "nsenter":
            return argv[1].rpartition("/")[2], argv[2:]
        return self._state.here, argv

    def _answer(self, at: str, words: tuple[str, ...]) -> str | None:
        """What a question prints; None for what is none."""
        if words[0] == "nft":
            raise Refused(
                "The model's node has iptables and no nft.", 'exec: "nft": executable file not found in $PATH'
            )
        if words[0] in ("ip", "bridge") and "-j" in words:
            return cni_shown.json_of(self._state, self.memory, at, words)
        if words[0] in ("iptables", "ip6tables") and {"-S", "-C"} & set(words):
            return iptables(self._state.ns(at).ruleset(PROGRAMS[words[0]]), words[1:], words[0])[1]
        if words[:1] == ("ip",) and not set(TABLES) & set(words[:4]):
            return self._carried_out(at, words, "").shown
        return None

    def _change(self, at: str, words: tuple[str, ...], stdin: str) -> str:
        """Carries a command out and notes it, whether or not it was refused."""
        shown = shlex.join(words) if at == self._state.here else f"ip netns exec {at} {shlex.join(words)}"
        program = words[0]
        try:
            if program in PROGRAMS:
                said = self._ruled(at, program, words[1:], stdin)
            else:
                said = self._carried_out(at, in_the_consoles_words(words), stdin).said
        except Refused as wrong:
            is_unread = program == "sysctl" and not wrong.quote
            said = ("No packet of the model depends on this switch.",) if is_unread else (wrong.said,)
            self.typed.append(Typed(at, shown, said, not is_unread, self.world))
            if is_unread:
                return ""
            raise
        self.typed.append(Typed(at, shown, said, False, self.world))
        return ""

    def _ruled(self, at: str, program: str, words: tuple[str, ...], stdin: str) -> tuple[str, ...]:
        """Rules: the table as it is after the command is given to the console whole."""
        family = PROGRAMS[program]
        old = self._state.ns(at).ruleset(family)
        new = restore(old, stdin) if program.endswith("restore") else iptables(old, words, program)[0]
        self._carried_out(at, ("iptables-restore" if family == 4 else "ip6tables-restore",), write(new))
        had, has = write(old).splitlines(), write(new).splitlines()
        news = [f"{at} has the rule {line}." for line in has if line.startswith("-A") and line not in had]
        news += [f"{at} has the empty chain {line[1:].split()[0]}." for line in _chains(has, had, news)]
        return tuple(news + [f"{at}: the rule {line} is gone." for line in had if line[:2] == "-A" and line not in has])

    def _carried_out(self, at: str, words: tuple[str, ...], stdin: str) -> Said:
        """The console's own answer. Raises Refused with its words."""
        inside = () if at == self._state.here else ("ip", "netns", "exec", at)
        said = self._one(1, shlex.join(words), (*inside, *words), stdin)
        if said.refused:
            raise Refused(" ".join(said.said), said.quote)
        return said


def _chains(has: list[str], had: list[str], news: list[str]) -> list[str]:
    """New chains that no rule has been written into."""
    new = [line for line in has if line.startswith(":") and line.endswith("- [0:0]") and line not in had]
    return [line for line in new if not any(f"-A {line[1:].split()[0]} " in one for one in news)]


def in_the_consoles_words(words: tuple[str, ...]) -> tuple[str, ...]:
    """The same command as the console takes it."""
    for name, value in WITHOUT_EFFECT:
        if name in words and words[words.index(name) + 1 :][:1] == (value,):
            at = words.index(name)
            words = words[:at] + words[at + 2 :]
    if "netns" in words[2:-1]:
        at = words.index("netns", 2) + 1
        words = (*words[:at], words[at].rpartition("/")[2], *words[at + 1 :])
    if words[:3] == ("bridge", "link", "set"):
        return ("ip", "link", "set", *words[3:5], "type", "bridge_slave", *words[5:])
    if words[:3] == ("ip", "route", "prepend"):
        left = words[3 : words.index("scope")] if "scope" in words else words[3:]
        return ("ip", "route", "add", *left)
    return words


# A cable to the outside, in the course's address plan: the node's own address, its router, and a host behind it.
UPLINK = """
ip link set lo up
ip netns add outside
ip link add eth0 address 02:00:c0:a8:01:0b type veth peer name eth0 address 02:00:c0:a8:01:01 netns outside
ip addr add 192.168.1.11/24 dev eth0
ip link set eth0 up
ip -n outside link set lo up
ip -n outside addr add 192.168.1.1/24 dev eth0
ip -n outside addr add 203.0.113.9/32 dev lo
ip -n outside link set eth0 up
ip route add default via 192.168.1.1
"""
