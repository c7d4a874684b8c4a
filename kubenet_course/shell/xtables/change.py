"""`iptables` one command at a time, as a person and CNI plugins call it: rules added, asked for, listed and taken away.

Real system: `iptables/nft.c` and `iptables-restore --noflush`; refusals have the words of iptables 1.8.9 (nf_tables).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ...errors import BadInput
from ...linux.netfilter.iptables.extensions import TARGETS
from ...linux.netfilter.iptables.legal import family_in
from ...linux.netfilter.iptables.save import TABLES, read, with_rule
from ...linux.netfilter.rules import Chain, Rule, Ruleset, Table, rule_text
from ...linux.netfilter.statement import Goto, Jump
from ...linux.packet.address import FAMILIES
from ..command import restored
from ..state import Refused
from .asked import Asked, asked, wrong
from .listing import NO_COUNTS, Counts, listed, specified
from .rule import in_order

PROGRAMS = {"iptables": 4, "ip6tables": 6, "iptables-restore": 4, "ip6tables-restore": 6}
NO_CHAIN = "iptables: No chain/target/match by that name."
NO_RULE = "iptables: Bad rule (does a matching rule exist in that chain?)."
LONGEST = 28  # characters of a chain's name (XT_EXTENSION_MAXNAMELEN, with the zero at the end)


def iptables(
    rules: Ruleset, words: Sequence[str], program: str = "iptables", counts: Counts = NO_COUNTS
) -> tuple[Ruleset, str]:
    """One call: the rules after it, and what it prints. Raises Refused as the program refuses."""
    call = asked(words, program)
    rules = Ruleset({**rules.tables, call.table: table_of(rules, call.table)})
    if call.verb in ("N", "P", "E"):
        return _named(rules, call), ""
    if call.chain and call.chain not in rules.tables[call.table].chains:
        raise _no_chain(call)
    if call.verb == "S":
        return rules, specified(rules.tables[call.table], call)
    if call.verb == "L":
        return rules, listed(rules.tables[call.table], call, counts)
    if call.verb in ("F", "X", "Z"):
        return _emptied(rules, call), ""
    return _ruled(rules, call), ""


def _no_chain(call: Asked) -> Refused:
    said = f"There is no chain {call.chain} in the table {call.table}."
    if call.verb in ("L", "S"):
        return wrong(
            call.program, f"chain `{call.chain}' in table `{call.table}' is incompatible, use 'nft' tool.", said
        )
    return Refused(said, NO_CHAIN)


def table_of(rules: Ruleset, name: str) -> Table:
    """A table; one that nobody has used yet has its base chains."""
    return rules.tables.get(name) or read(f"*{name}\nCOMMIT\n").rules.tables[name]


def _with(rules: Ruleset, table: str, *chains: Chain) -> Ruleset:
    changed = {chain.name: chain for chain in chains}
    return Ruleset({**rules.tables, table: Table(table, {**rules.tables[table].chains, **changed})})


def _named(rules: Ruleset, call: Asked) -> Ruleset:
    """A new chain, a policy, a new name for a chain."""
    chains = rules.tables[call.table].chains
    if call.verb == "P":
        if call.chain not in TABLES[call.table]:
            raise Refused("Only the chains of the hooks have a policy.", "iptables: Bad built-in chain name.")
        if call.to not in ("ACCEPT", "DROP"):
            quote = "iptables: Bad policy name. Run `dmesg' for more information."
            raise Refused(f"A policy is ACCEPT or DROP, not {call.to}.", quote)
        return _with(rules, call.table, replace(chains[call.chain], policy=call.to))
    new = call.chain if call.verb == "N" else call.to
    if call.verb == "E" and call.chain not in chains:
        raise _no_chain(call)
    if new in chains:
        quote = "iptables: Chain already exists." if call.verb == "N" else "iptables: File exists."
        raise Refused(f"There is a chain {new} already.", quote)
    if len(new) > LONGEST:
        quote = f"chain name `{new}' too long (must be under {LONGEST + 1} chars)"
        raise wrong(call.program, quote, f"{new} has {len(new)} characters.")
    if new in TARGETS:
        raise wrong(call.program, "chain name may not clash with target name", f"{new} is a target.")
    if call.verb == "N":
        return _with(rules, call.table, Chain(new))
    if call.chain in TABLES[call.table]:
        raise Refused(f"{call.chain} belongs to its hook and keeps its name.")
    moved = {new if name == call.chain else name: _led(chain, call.chain, new) for name, chain in chains.items()}
    moved[new] = replace(moved[new], name=new)
    return Ruleset({**rules.tables, call.table: Table(call.table, moved)})


def _led(chain: Chain, old: str, new: str) -> Chain:
    """A chain whose rules lead to a chain by its new name."""

    def led(rule: Rule) -> Rule:
        target = rule.target
        is_meant = isinstance(target, Jump | Goto) and target.chain == old
        return Rule(rule.tests, type(target)(new)) if is_meant else rule

    return replace(chain, rules=tuple(map(led, chain.rules)))


def _emptied(rules: Ruleset, call: Asked) -> Ruleset:
    """Chains without their rules (-F), or gone (-X); -Z is about counters, which are not here."""
    chains = rules.tables[call.table].chains
    if call.verb == "Z":
        return rules
    if call.verb == "F":
        meant = [chains[call.chain]] if call.chain else [chain for chain in chains.values() if chain.rules]
        return _with(rules, call.table, *(replace(chain, rules=()) for chain in meant))
    gone = [call.chain] if call.chain else [name for name in chains if name not in TABLES[call.table]]
    used = {
        rule.target.chain for chain in chains.values() for rule in chain.rules if isinstance(rule.target, Jump | Goto)
    }
    for name in gone:
        if chains[name].rules or name in used or name in TABLES[call.table]:
            quote = f" CHAIN_DEL failed (Device or resource busy): chain {name}"
            raise wrong(
                call.program, quote, f"{name} still has rules, or rules that lead to it, or belongs to its hook."
            )
    left = {name: chain for name, chain in chains.items() if name not in gone}
    return Ruleset({**rules.tables, call.table: Table(call.table, left)})


def _ruled(rules: Ruleset, call: Asked) -> Ruleset:
    """A rule added, replaced, deleted, or only asked for."""
    chain = rules.tables[call.table].chains[call.chain]
    if call.verb == "D" and call.number:
        _counted(call, chain, "deletion", len(chain.rules))
        return _with(rules, call.table, _cut(chain, call.number - 1))
    new = _read(rules, call)
    if call.verb == "A":
        return _with(rules, call.table, replace(chain, rules=(*chain.rules, *new)))
    if call.verb == "I":
        at = (call.number or 1) - 1
        if at:
            _counted(call, chain, "insertion", len(chain.rules) + 1)
        return _with(rules, call.table, replace(chain, rules=(*chain.rules[:at], *reversed(new), *chain.rules[at:])))
    if call.verb == "R":
        _counted(call, chain, "replacement", len(chain.rules))
        at = call.number - 1
        return _with(rules, call.table, replace(chain, rules=(*chain.rules[:at], *new, *chain.rules[at + 1 :])))
    for wanted in new:
        at = _place(chain, wanted)
        chain = _cut(chain, at) if call.verb == "D" else chain
    return _with(rules, call.table, chain)


def _counted(call: Asked, chain: Chain, what: str, most: int) -> None:
    if call.number > most:
        said = f"{chain.name} has {len(chain.rules)} rules."
        raise Refused(said, f"iptables: Index of {what} too big.")


def _cut(chain: Chain, at: int) -> Chain:
    return replace(chain, rules=chain.rules[:at] + chain.rules[at + 1 :])


def _read(rules: Ruleset, call: Asked) -> tuple[Rule, ...]:
    """The rules that the words stand for; several where they list several addresses."""
    of, chains = FAMILIES[PROGRAMS[call.program]], rules.tables[call.table].chains
    words = in_order(call.rule, call.program, call.chain, of, chains)
    whole = told(rules, call.table, restored(("-A", call.chain, *words)), call)
    new = whole.tables[call.table].chains[call.chain].rules[len(chains[call.chain].rules) :]
    alone = {call.table: Table(call.table, {call.chain: Chain(call.chain, new)})}
    is_of = family_in(alone, "".join(f"{restored(words)}\n" for _ in new), "") if new else 0
    if is_of not in (0, of.number):
        raise Refused(f"{call.program} takes addresses of {of.name} only.")
    return new


def told(rules: Ruleset, table: str, line: str, call: Asked | None = None) -> Ruleset:
    """The rules with one line more, as `-A CHAIN ...`. What a kernel would not take is refused as the program says it."""
    try:
        return with_rule(rules, table, line)
    except BadInput as error:
        raise Refused(f"{error.what}; {error.right}.", _quote(error.what, call)) from None


def _quote(what: str, call: Asked | None) -> str:
    """The program's words for what a kernel would not take; none where only the model does not know it."""
    if call is None:
        return ""
    said = ""
    if "cannot act in" in what:
        step = {"A": "APPEND", "I": "INSERT", "R": "REPLACE"}.get(call.verb, "")
        said = f" RULE_{step} failed (Invalid argument): rule in chain {call.chain}"
    elif "--to-destination is missing" in what or "--to-source is missing" in what:
        name = "DNAT" if "--to-destination" in what else "SNAT"
        said = f'{name}: option "--to-{"destination" if name == "DNAT" else "source"}" must be specified'
    elif "is not a way to reject" in what:
        said = f'unknown reject type "{what.split(chr(39))[1]}"'
    return said and f"{call.program} v1.8.9 (nf_tables): {said}"


def _place(chain: Chain, wanted: Rule) -> int:
    """The number of the first rule that says the same."""
    for number, rule in enumerate(chain.rules):
        if _said(rule) == _said(wanted):
            return number
    raise Refused(f"{chain.name} has no such rule.", NO_RULE)


def _said(rule: Rule) -> str:
    """What a rule says, however it was written."""
    return rule_text("", Rule(rule.tests, rule.target))


def restore(rules: Ruleset, text: str) -> Ruleset:
    """`iptables-restore --noflush`: chains that the text declares begin anew, all others keep their rules."""
    table = ""
    for line in filter(None, (line.strip() for line in text.splitlines())):
        if line.startswith("*"):
            table = line[1:]
            rules = Ruleset({**rules.tables, table: table_of(rules, table)})
        elif line.startswith(":"):
            name = line[1:].split()[0]
            old = rules.chain(table, name)
            rules = _with(rules, table, Chain(name, (), old.policy if old else ""))
        elif line != "COMMIT":
            rules = told(rules, table, line)
    return rules
