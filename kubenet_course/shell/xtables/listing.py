"""`iptables -S` and `iptables -L`: the same rules twice, as commands and as a table for people.

The table is written from the command's words, option by option (iptables/xshared.c, print_rule_details; each extension's print
function); a rule with a match that is not among `PRINTED` is refused rather than shown in words of our own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ...linux.netfilter.iptables.words import PROTOCOLS, SERVICES, split
from ...linux.netfilter.rules import Chain, Rule, Table, rule_text
from ...linux.netfilter.statement import Goto, Jump
from ..state import Refused
from .asked import Asked

Counts = Callable[
    [str, str, int], tuple[int, int]
]  # table, chain, number of the rule (0: the policy) -> packets and bytes
HEADS = " pkts bytes target     prot opt in     out     source               destination         "
SHORT = "target     prot opt source               destination         "
ANY = {4: "0.0.0.0/0", 6: "::/0"}
# What a match or a target prints of an option: `value` is what follows it, `no` the sign that turns it round.
PRINTED = {
    ("tcp", "--dport"): "tcp {ports:dpt}", ("tcp", "--sport"): "tcp {ports:spt}",
    ("udp", "--dport"): "udp {ports:dpt}", ("udp", "--sport"): "udp {ports:spt}",
    ("multiport", "--dports"): "multiport dports {no}{value}", ("multiport", "--sports"): "multiport sports {no}{value}",
    ("multiport", "--ports"): "multiport ports {no}{value}", ("comment", "--comment"): "/* {value} */",
    ("conntrack", "--ctstate"): "{no}ctstate {value}", ("mark", "--mark"): "mark match {no}{value}",
    ("addrtype", "--dst-type"): "ADDRTYPE match dst-type {no}{value}",
    ("addrtype", "--src-type"): "ADDRTYPE match src-type {no}{value}",
    ("icmp", "--icmp-type"): "{no}icmptype {value}",
    ("limit", "--limit"): "limit: avg {value}", ("limit", "--limit-burst"): "burst {value}",
    ("statistic", "--mode"): "statistic mode {value}", ("statistic", "--probability"): "probability {value}",
    ("DNAT", "--to-destination"): "to:{value}", ("SNAT", "--to-source"): "to:{value}",
    ("REDIRECT", "--to-ports"): "redir ports {value}", ("MASQUERADE", "--random-fully"): "random-fully",
    ("REJECT", "--reject-with"): "reject-with {value}", ("MARK", "--set-xmark"): "{mark}",
    ("LOG", "--log-prefix"): 'prefix "{value}"', ("LOG", "--log-level"): "level {value}",
}  # fmt: skip
ALONE = ("--random-fully", "--random", "--persistent")  # options without a value


def NO_COUNTS(table: str, chain: str, number: int) -> tuple[int, int]:  # noqa: N802 - stands for "nothing has been counted"
    return 0, 0


def specified(table: Table, call: Asked) -> str:
    """`-S`: the policies, the chains, the rules."""
    chains = [table.chains[call.chain]] if call.chain else list(table.chains.values())
    heads = [f"-P {chain.name} {chain.policy}" if chain.policy else f"-N {chain.name}" for chain in chains]
    rules = [rule_text(chain.name, rule) for chain in chains for rule in chain.rules]
    if call.number:
        return "".join(f"{line}\n" for line in rules[call.number - 1 : call.number])
    return "".join(f"{line}\n" for line in (*heads, *rules))


def listed(table: Table, call: Asked, counts: Counts) -> str:
    """`-L`: each chain under its own head."""
    chains = [table.chains[call.chain]] if call.chain else list(table.chains.values())
    if call.number:
        rows = list(_rows(table, chains[0], call, counts))[call.number - 1 : call.number]
        return "".join(f"{row}\n" for row in rows)
    blocks = []
    for chain in chains:
        head = HEADS if "v" in call.flags else SHORT
        head = f"num  {head}" if "#" in call.flags else head
        blocks.append("\n".join([_head(table, chain, call, counts), head, *_rows(table, chain, call, counts), ""]))
    return "\n".join(blocks)


def _head(table: Table, chain: Chain, call: Asked, counts: Counts) -> str:
    if not chain.policy:
        rules = [rule for other in table.chains.values() for rule in other.rules]
        used = sum(isinstance(rule.target, Jump | Goto) and rule.target.chain == chain.name for rule in rules)
        return f"Chain {chain.name} ({used} references)"
    if "v" not in call.flags:
        return f"Chain {chain.name} (policy {chain.policy})"
    packets, size = (_short(count, call) for count in counts(table.name, chain.name, 0))
    return f"Chain {chain.name} (policy {chain.policy} {packets} packets, {size} bytes)"


def _short(count: int, call: Asked) -> str:
    """A count as iptables shortens it: more than 99999 in thousands, and so on (print_num)."""
    if "x" in call.flags or count <= 99999:
        return str(count)
    for unit in "KMGT":
        count = (count + 500) // 1000
        if count <= 9999:
            return f"{count}{unit}"
    return f"{count}T"


def _rows(table: Table, chain: Chain, call: Asked, counts: Counts) -> Iterator[str]:
    for number, rule in enumerate(chain.rules, 1):
        first = f"{number:<4} " if "#" in call.flags else ""
        if "v" in call.flags:
            packets, size = (_short(count, call) for count in counts(table.name, chain.name, number))
            first += f"{packets:>5} {size:>5} "
        yield first + _row(rule, call)


def _row(rule: Rule, call: Asked) -> str:
    """One rule: the columns that all rules have, then what its matches and its target print."""
    plain, parts = _options(rule, call)
    proto = plain.get("-p", ("", "all"))
    if "n" in call.flags:
        proto = (proto[0], str({"all": 0, "icmpv6": 58, **PROTOCOLS}.get(proto[1], proto[1])))
    row = f"{plain.get('-j', plain.get('-g', ('', '')))[1]:<9} {proto[0] or ' '}{proto[1]:<4} -- "
    if "v" in call.flags:
        row += "".join(f" {''.join(plain.get(option, ('', '*'))):<6}" for option in ("-i", "-o")) + " "
    four = ANY[6 if call.program.startswith("ip6") else 4] if "n" in call.flags else "anywhere"
    for option in ("-s", "-d"):
        no, text = plain.get(option, ("", four))
        row += f"{no or ' '}{text.removesuffix('/32').removesuffix('/128'):<19} "
    return row + ("[goto] " if "-g" in plain else "") + "".join(f" {part}" for part in parts)


def _options(rule: Rule, call: Asked) -> tuple[dict[str, tuple[str, str]], list[str]]:
    """The plain options by name, each with its `!`, and what the others print, in order."""
    words, plain, parts, module, no = split(rule_text("", rule))[1:], {}, [], "", ""
    while words:
        word = words.pop(0)
        if word == "!":
            no = "!"
            continue
        value = words.pop(0) if words and word not in ALONE else ""
        if word == "-m":
            module = value
        elif word in ("-s", "-d", "-i", "-o", "-p", "-j", "-g"):
            plain[word] = (no, value)
            module = value if word == "-j" else module
        else:
            parts.append(_printed(module, word, value, no, call))
        no = ""
    return plain, _joined(plain.get("-j", ("", ""))[1], [part for part in parts if part], call.program[2] == "6")


def _joined(target: str, parts: list[str], six: bool) -> list[str]:
    """Three that print what was not said: -m limit its burst, REJECT its answer, LOG its level."""
    burst = [part for part in parts if part.startswith("burst ")]
    said = [
        f"{part} {(*burst, 'burst 5')[0]}" if part.startswith("limit: ") else part
        for part in parts
        if part not in burst
    ]
    if target == "REJECT" and not any(part.startswith("reject-with") for part in said):
        said.append(f"reject-with icmp{'6' * six}-port-unreachable")
    if target != "LOG":
        return said
    level = [part for part in said if part.startswith("level ")]
    prefix = [part for part in said if part.startswith("prefix ")]
    return [*(part for part in said if part not in level + prefix), "LOG flags 0", *(level or ["level 4"]), *prefix]


def _printed(module: str, option: str, value: str, no: str, call: Asked) -> str:
    form = PRINTED.get((module, option))
    if form is None or (form == "{mark}" and not value):
        raise Refused(f"This list has no words for {option} of {module}; say iptables -S.")
    if form == "{mark}":
        mark, _, mask = value.partition("/")
        bits = int(mask or "0xffffffff", 16)
        kind = "set " + mark if bits == 0xFFFFFFFF else "or " + mark if int(mark, 16) == bits else f"xset {value}"
        kind = f"and {~bits & 0xFFFFFFFF:#x}" if not int(mark, 16) and bits != 0xFFFFFFFF else kind
        return f"MARK {kind}"
    name, brace, what = form.partition(" {ports:")
    if brace:
        several = "s" if ":" in value else ""
        return f"{name} {what.removesuffix('}')}{several}:{no}{_port(value, call)}"
    return form.format(value=value, no=f"{no} " if no else "")


def _port(text: str, call: Asked) -> str:
    """A port by its service's name, unless numbers are asked for."""
    names = {str(number): name for name, number in SERVICES.items()}
    return text if "n" in call.flags else names.get(text, text)
