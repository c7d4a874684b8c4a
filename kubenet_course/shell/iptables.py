"""`iptables` one rule at a time, as CNI plugins call it: rules added, asked for and taken away in tables of the model.

Real system: `iptables/iptables.c` and `iptables-restore --noflush`; refusals have the words of iptables 1.8.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import BadInput
from ..linux.netfilter.iptables.rule_text import rule_text
from ..linux.netfilter.iptables.save import read, with_rule
from ..linux.netfilter.rules import Chain, Rule, Ruleset, Table
from ..linux.netfilter.xt.targets import Goto, Jump
from .command import restored
from .state import Refused

PROGRAMS = {"iptables": 4, "ip6tables": 6, "iptables-restore": 4, "ip6tables-restore": 6}
NO_CHAIN = "iptables: No chain/target/match by that name."
NO_RULE = "iptables: Bad rule (does a matching rule exist in that chain?)."
CHANGES = ("-A", "-I", "-D", "-N", "-F", "-X")


def iptables(rules: Ruleset, words: Sequence[str]) -> tuple[Ruleset, str]:
    """One call: the rules after it, and what it prints. Raises Refused as the program refuses."""
    left = [word for word in words if word not in ("-w", "--wait")]
    table = left[left.index("-t") + 1] if "-t" in left[:-1] else "filter"
    left = left[2:] if left[:1] == ["-t"] else left
    verb, name, rule = left[0], left[1] if len(left) > 1 else "", tuple(left[2:])
    rules = Ruleset({**rules.tables, table: _table(rules, table)})
    chain = rules.chain(table, name)
    if verb == "-N":
        if chain is not None:
            raise Refused(f"There is a chain {name} already.", "iptables: Chain already exists.")
        return _with(rules, table, Chain(name)), ""
    if chain is None:
        raise Refused(f"There is no chain {name} in the table {table}.", NO_CHAIN)
    if verb in ("-S", "-C"):
        return rules, _listed(chain) if verb == "-S" else _there(rules, table, chain, rule)
    if verb in ("-A", "-I"):
        return _added(rules, table, verb, name, rule[1:] if rule[:1] == ("1",) else rule), ""
    if verb == "-D":
        gone = _place(rules, table, chain, rule)
        return _with(rules, table, Chain(name, chain.rules[:gone] + chain.rules[gone + 1 :], chain.policy)), ""
    if verb == "-F":
        return _with(rules, table, Chain(name, (), chain.policy)), ""
    if verb == "-X":
        return _without(rules, table, chain), ""
    raise Refused(f"The model's iptables knows {', '.join(CHANGES)}, -C and -S, not {verb}.")


def restore(rules: Ruleset, text: str) -> Ruleset:
    """`iptables-restore --noflush`: chains that the text declares begin anew, all others keep their rules."""
    table = ""
    for line in filter(None, (line.strip() for line in text.splitlines())):
        if line.startswith("*"):
            table = line[1:]
            rules = Ruleset({**rules.tables, table: _table(rules, table)})
        elif line.startswith(":"):
            name = line[1:].split()[0]
            old = rules.chain(table, name)
            rules = _with(rules, table, Chain(name, (), old.policy if old else ""))
        elif line != "COMMIT":
            rules = _told(rules, table, line)
    return rules


def _table(rules: Ruleset, name: str) -> Table:
    """A table; one that nobody has used yet has its base chains."""
    return rules.tables.get(name) or read(f"*{name}\nCOMMIT\n").rules.tables[name]


def _with(rules: Ruleset, table: str, chain: Chain) -> Ruleset:
    return Ruleset({**rules.tables, table: Table(table, {**rules.tables[table].chains, chain.name: chain})})


def _without(rules: Ruleset, table: str, chain: Chain) -> Ruleset:
    chains = rules.tables[table].chains
    targets = [rule.target for other in chains.values() for rule in other.rules]
    if chain.rules or any(isinstance(one, Jump | Goto) and one.chain == chain.name for one in targets):
        why = "Directory not empty" if chain.rules else "Device or resource busy"
        raise Refused(f"{chain.name} still has rules, or rules that lead to it.", f"iptables: {why}.")
    left = {name: other for name, other in chains.items() if name != chain.name}
    return Ruleset({**rules.tables, table: Table(table, left)})


def _added(rules: Ruleset, table: str, verb: str, name: str, rule: tuple[str, ...]) -> Ruleset:
    return _told(rules, table, restored((verb, name, *_as_saved(rule))))


def _as_saved(rule: tuple[str, ...]) -> tuple[str, ...]:
    """The words in iptables-save's order: addresses, devices, protocol, then the matches as they were said."""
    left, basic = list(rule), []
    for option in ("-s", "-d", "-i", "-o", "-p"):
        if option in left[:-1]:
            at = left.index(option)
            start = at - 1 if at and left[at - 1] == "!" else at
            basic += left[start : at + 2]
            del left[start : at + 2]
    return (*basic, *left)


def _told(rules: Ruleset, table: str, line: str) -> Ruleset:
    try:
        return with_rule(rules, table, line)
    except BadInput as error:
        raise Refused(f"{error.what}; {error.right}.", NO_CHAIN) from None


def _place(rules: Ruleset, table: str, chain: Chain, rule: tuple[str, ...]) -> int:
    """The number of the first rule that says the same."""
    wanted = _added(rules, table, "-A", chain.name, rule).tables[table].chains[chain.name].rules[-1]
    for number, one in enumerate(chain.rules):
        if _said(one) == _said(wanted):
            return number
    raise Refused(f"{chain.name} has no such rule.", NO_RULE)


def _said(rule: Rule) -> str:
    """What a rule says, however it was written."""
    return rule_text("", Rule(rule.tests, rule.target))


def _there(rules: Ruleset, table: str, chain: Chain, rule: tuple[str, ...]) -> str:
    _place(rules, table, chain, rule)
    return ""


def _listed(chain: Chain) -> str:
    """`iptables -S CHAIN`."""
    head = f"-P {chain.name} {chain.policy}" if chain.policy else f"-N {chain.name}"
    return "\n".join([head, *(rule_text(chain.name, rule) for rule in chain.rules), ""])
