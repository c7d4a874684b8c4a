"""What the Tab key completes: programs, objects and verbs of `ip`, namespaces, devices, chains of iptables."""

from __future__ import annotations

from collections.abc import Iterable

from ..linux.netfilter.iptables.save import TABLES
from .programs import IP, PROGRAMS, VERBS
from .state import State

OWN = ("help", "history", "clear", "conntrack", "ss")


def completed(state: State, line: str) -> tuple[str, list[str]]:
    """The line with its last word completed as far as is clear, and the words that it may become."""
    words = line.split()
    last = "" if not words or line[-1:].isspace() else words.pop()
    fitting = sorted({word for word in _candidates(state, words) if word.startswith(last)})
    if not fitting:
        return line, []
    least, most = fitting[0], fitting[-1]  # of sorted words these two differ first
    alike = next((at for at, letter in enumerate(least) if most[at : at + 1] != letter), len(least))
    whole = least[:alike]
    return line[: len(line) - len(last)] + whole + " " * (len(fitting) == 1), fitting


def _candidates(state: State, words: list[str]) -> Iterable[str]:
    """The words that may come behind these."""
    if words[:3] == ["ip", "netns", "exec"] and len(words) > 3:
        return _candidates(state, words[4:]) if len(words) > 4 else (*PROGRAMS, *OWN)
    if not words:
        return (*PROGRAMS, *OWN)
    namespaces = [name for name in state.world if name != state.here]
    devices = [device for ns in state.world.values() for device in ns.devices]
    if words[-1] in ("-n", "exec", "netns") and words != ["ip", "netns"]:
        return namespaces
    if words[0] == "ip" and words[1:2] == ["-n"]:
        words = ["ip", *words[3:]]
    if words in (["ip"], ["bridge"]):
        return dict.fromkeys(IP.values()) if words == ["ip"] else ("fdb", "link")
    if words == ["ip", "netns"]:
        return ("add", "delete", "exec", "list")
    if len(words) == 2 and (words[0], words[1]) in VERBS:
        return [verb for verb, _ in VERBS[words[0], words[1]].values()]
    if words[0] in ("iptables", "ip6tables"):
        return (*TABLES, *(chain for chains in TABLES.values() for chain in chains), "ACCEPT", "DROP", *devices)
    return [*devices, *namespaces, "dev", "via", "default", "master", "address", "type", "peer", "name"]
