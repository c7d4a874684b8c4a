"""`iptables-restore`, `iptables`, `iptables-save`, `ethtool -K`: rules in, and what can be read of them."""

from __future__ import annotations

from ..errors import BadInput
from ..linux.netfilter.evaluate import Counters
from ..linux.netfilter.iptables.save import TABLES, read, write
from ..linux.netfilter.rules import Ruleset
from .grammar import said_in
from .pins import OFFLOADS
from .state import Call, Refused, Result
from .xtables.asked import asked
from .xtables.change import iptables as one_call

FAMILY_OF = {
    "iptables": 4,
    "ip6tables": 6,
    "iptables-restore": 4,
    "ip6tables-restore": 6,
    "iptables-save": 4,
    "ip6tables-save": 6,
}


def restore(call: Call, program: str) -> Result:
    """The text replaces the tables that it names; others stay, and all counters of the new ones are zero."""
    if call.words:
        raise Refused(
            f"{program} takes no options here; the text follows on its input: {program} <<'END', the lines, END."
        )
    if not call.stdin.strip():
        raise Refused(
            f"{program} was given no rules: write {program} <<'END', then the lines, then END on a line of its own."
        )
    try:
        dump = read(call.stdin, program)
    except BadInput as error:
        place = f"Line {error.where.rpartition(':')[2]}: " if ":" in error.where else ""
        raise Refused(f"{place}{error.what}; {error.right}.") from None
    if dump.not_understood:
        line, text = dump.not_understood[0]
        raise Refused(f"Line {line} has something that the model does not know: {text}")
    of = FAMILY_OF[program]
    rules = {**call.ns.rules, of: Ruleset({**call.ns.ruleset(of).tables, **dump.rules.tables})}
    return Result(call.state.with_tables(call.at, rules=rules))


def iptables(call: Call, program: str) -> Result:
    """One rule at a time, `-S`, and `-L -v` with what each rule has counted."""
    of, kept = FAMILY_OF[program], call.memory.of(call.at)[Counters]

    def counts(table: str, chain: str, number: int) -> tuple[int, int]:
        place = (of, table, chain, number)
        return kept.packets[place], kept.bytes[place]

    old = call.ns.ruleset(of)
    rules, shown = one_call(old, call.words, program, counts)
    line = asked(call.words, program)
    if line.verb == "Z":
        for counted in (kept.packets, kept.bytes):
            for place in [place for place in counted if place[:2] == (of, line.table)]:
                if line.chain in ("", place[2]):
                    del counted[place]
    if line.verb in "LSCZ":
        said = {"Z": "The counters are zero.", "C": "There is such a rule."}.get(line.verb, "")
        return Result(call.state, said=said, shown=shown.rstrip())
    had, has = write(old).splitlines(), write(rules).splitlines()
    news = [f"{call.at} has the rule {row}." for row in has if row.startswith("-A") and row not in had]
    news += [f"{call.at}: the rule {row} is gone." for row in had if row.startswith("-A") and row not in has]
    state = call.state.with_tables(call.at, rules={**call.ns.rules, of: rules})
    return Result(state, said=" ".join(news))


def save(call: Call, program: str) -> Result:
    """The rules as `iptables-restore` would take them, of all tables or of one."""
    said = said_in(call.words, {"-t": "TABLE"}, program)
    if said.get("-t", "nat") not in TABLES:
        raise Refused(f"{said['-t']} is not a table; there are {', '.join(TABLES)}.")
    rules = call.ns.ruleset(FAMILY_OF[program])
    chosen = {name: table for name, table in rules.tables.items() if said.get("-t", name) == name}
    return Result(
        call.state, said="" if chosen else f"{call.at} has no such rules.", shown=write(Ruleset(chosen)).rstrip()
    )


def ethtool(call: Call) -> Result:
    """`ethtool -K DEVICE tx off ...`: accepted, and without effect, because the model's frames are always whole."""
    if len(call.words) < 4 or call.words[0] != "-K":
        raise Refused(
            "ethtool only switches features here: ethtool -K DEVICE tx off rx off.",
            "ethtool: bad command line argument(s)",
        )
    call.state.device(call.at, call.words[1], "netlink error: no device matches name (offset 24)")
    strange = [word for word in call.words[2::2] if word not in OFFLOADS[::2]]
    if strange or any(word not in ("on", "off") for word in call.words[3::2]):
        raise Refused(
            f"ethtool -K knows {', '.join(OFFLOADS[::2])} here, each on or off.",
            "ethtool: bad command line argument(s)",
        )
    return Result(
        call.state, said="This changes nothing in the model: its frames are always whole, and their checksums right."
    )
