"""What `ipset save` and `ipset list` print, and what `ipset restore` takes, read into sets.

A set of a type that the model does not know is kept as it stands (`IpSet.understood`), and rules that ask it are not certain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import product

from msgspec.structs import replace

from ....errors import BadInput
from ...packet.address import IPV4, IPV6
from ..iptables.words import shown
from .sets import BITMAP_PORT, LIST_SET, IpSet
from .spelling import addresses, networks, numbers, ports

SHORT = {
    "-N": "create",
    "-A": "add",
    "-D": "del",
    "-F": "flush",
    "-X": "destroy",
    "n": "create",
    "a": "add",
    "new": "create",
}
LONGEST = 31  # of a name (IPSET_MAXNAMELEN without its end)


@dataclass
class Draft:
    """A set while it is being read."""

    made: IpSet
    members: dict[str, str] = field(default_factory=dict)  # each member, with what stands behind it


def read(text: str, where: str = "ipset") -> dict[str, IpSet]:
    """Every set by its name, in order. Raises BadInput naming the line and what would be right."""
    drafts: dict[str, Draft] = {}
    step: Callable[[dict[str, Draft], str], None] = _command
    for line_number, line in enumerate(text.split("\n"), 1):
        line = line.strip()
        if not line or line.startswith("#") or line == "COMMIT":
            continue
        try:
            if line.startswith("Name:"):
                step = _listing(line.partition(":")[2].strip())
            else:
                step(drafts, line)
        except BadInput as error:
            raise BadInput(f"{where}:{line_number}", error.what, error.right) from None
    return {
        name: replace(one.made, members=tuple(f"{m}{more}" for m, more in one.members.items()))
        for name, one in drafts.items()
    }


def _command(drafts: dict[str, Draft], line: str) -> None:
    verb, _, rest = line.partition(" ")
    verb, again = SHORT.get(verb, verb), f" {rest} ".count(" -exist ") + f" {rest} ".count(" -! ") > 0
    rest = f" {rest} ".replace(" -exist ", " ").replace(" -! ", " ").strip()
    name, _, more = rest.partition(" ")
    if verb == "create":
        kind, _, words = more.partition(" ")
        if name in drafts and not again:
            raise BadInput("", f"a set {name} is there already", "create each set once, or write -exist behind it")
        drafts.setdefault(name, Draft(_created(name, kind, words.strip())))
    elif verb == "add":
        _add(_named(drafts, name), more, again)
    elif verb == "del":
        for gone in _members(_named(drafts, name).made, more.split(" ")[0]):
            _named(drafts, name).members.pop(gone, None)
    elif verb == "flush":
        for one in [_named(drafts, name)] if name else drafts.values():
            one.members.clear()
    elif verb == "destroy":
        for gone in [name] if name else list(drafts):
            drafts.pop(gone, None)
    else:
        raise BadInput(
            "", f"{shown(line)} is not a line of ipset", "a line begins with create, add, del, flush or destroy"
        )


def _named(drafts: dict[str, Draft], name: str) -> Draft:
    if name not in drafts:
        raise BadInput("", f"there is no set {name!r}", f"create {name} before its members are added")
    return drafts[name]


def _created(name: str, kind: str, words: str) -> IpSet:
    if not name or len(name) > LONGEST:
        raise BadInput("", f"{name!r} is not a name for a set", f"write one of 1 to {LONGEST} characters")
    if not kind or ":" not in kind:
        raise BadInput("", f"set {name} has no type", f"write create {name} hash:ip")
    said = f" {words} "
    made = IpSet(name, kind, IPV6 if " inet6 " in said else IPV4, words=words)
    if kind == BITMAP_PORT and "-" not in made.options.get("range", ""):
        raise BadInput(
            "", f"set {name} does not say which ports it may hold", f"write create {name} {kind} range 0-65535"
        )
    return made


def _add(draft: Draft, text: str, again: bool = False) -> None:
    member, _, more = text.partition(" ")
    one = draft.made
    if not member:
        raise BadInput("", f"nothing is said to be added to {one.name}", "write the member behind the set's name")
    for spelled in _members(one, member):
        if spelled in draft.members and not again:
            raise BadInput("", f"{spelled} is in {one.name} already", "add each member once")
        draft.members[spelled] = f" {more.strip()}" if more.strip() else ""


def _members(one: IpSet, text: str) -> Iterator[str]:
    """The members that a word stands for, each as `ipset save` spells it."""
    if one.type == LIST_SET or not one.parts:
        yield text
        return
    words = text.split(",")
    if len(words) != len(one.parts):
        raise BadInput(
            "", f"{text} is not a member of a {one.type}", f"it has {len(one.parts)} parts, separated by commas"
        )
    read_as: dict[str, Callable[[str], Iterator[str]]] = {
        "ip": lambda word: addresses(word, one.family),
        "net": lambda word: networks(word, one.family),
        "port": ports,
        "number": lambda word: numbers(word, one.options["range"]),
    }
    parts = [read_as[part](word) for part, word in zip(one.parts, words, strict=True)]
    yield from (",".join(row) for row in product(*parts))


def _listing(name: str) -> Callable[[dict[str, Draft], str], None]:
    """Reads the rows of one set in `ipset list`."""
    said: dict[str, str] = {}

    def step(drafts: dict[str, Draft], line: str) -> None:
        word, colon, rest = line.partition(":")
        if "Members" in said:
            _add(drafts[name], line)
        elif colon and word in ROWS:
            said[word] = rest.strip()
            if word == "Members":
                if name in drafts:
                    raise BadInput("", f"a set {name} is there already", "list each set once")
                drafts[name] = Draft(_created(name, said.get("Type", ""), said.get("Header", "")))
        else:
            raise BadInput("", f"{shown(line)} is not a row of `ipset list`", f"its rows are {', '.join(ROWS)}")

    return step


ROWS = ("Type", "Revision", "Header", "Size in memory", "References", "Number of entries", "Members")
