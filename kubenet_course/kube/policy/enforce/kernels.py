"""Policies on the nodes of the model: the same chains that `rules` writes as text, walked by a packet.

The model's iptables has no sets: instead of one rule with a set of addresses there is one for each run of addresses.
"""

from collections.abc import Iterator

from msgspec.structs import replace

from ....linux.namespace.netns import Netns
from ....linux.netfilter.iptables.save import read
from ....linux.netfilter.rules import Chain as Rules
from ....linux.netfilter.rules import Ruleset, Table
from ....linux.packet.address import FAMILIES, spelled
from ...model.cluster import Cluster
from ...model.node_plan import Machine
from ...model.world import World as Kernels
from ..judge.world import PolicyWorld
from .program import Chain, Line, Program, program
from .rules import KNOWN, TOP, dport, without

DROP = "DROP"


class Enforced(Kernels):
    """The kernels of a cluster, each node's with the policies in its filter table.

    `target` is what becomes of a packet that no policy allows: DROP, or "REJECT --reject-with tcp-reset".
    """

    def __init__(self, cluster: Cluster, policies: PolicyWorld, target: str = DROP):
        super().__init__(cluster)
        self.policies, self.target = policies, target

    def written(self, node: str, of: int = 4) -> str:
        """What the plugin has written on a node, as text for iptables-restore."""
        return text(program(self.policies, node, of), self.target)

    def _node(self, machine: Machine) -> Netns:
        made = super()._node(machine)
        rules = dict(made.rules)
        for of in self.cluster.families:
            written = read(self.written(machine.name, of), f"policies of {machine.name}")
            rules[of] = _before(rules[of], written.rules)
        return replace(made, rules=rules)


def _before(rules: Ruleset, policies: Ruleset) -> Ruleset:
    """A node's rules with those of the policies in the filter table: FORWARD asks them first."""
    own, added = rules.tables.get("filter"), policies.tables["filter"]
    chains = dict(own.chains) if own else {}
    for name, chain in added.chains.items():
        known = chains.get(name)
        chains[name] = Rules(name, (*chain.rules, *known.rules), known.policy) if known else chain
    return Ruleset({**rules.tables, "filter": Table("filter", chains)})


def text(program: Program, target: str = DROP) -> str:
    """The program as iptables-restore takes it, without sets."""
    known = f'-A {TOP} -m conntrack --ctstate RELATED,ESTABLISHED -m comment --comment "{KNOWN}" -j ACCEPT'
    declared, rules = [TOP], [f"-A FORWARD -j {TOP}", known]
    for chain in sorted(program.chains, key=lambda one: one.direction):  # egress before ingress
        side = "-s" if chain.direction == "egress" else "-d"
        rules.append(f'-A {TOP} {side} {chain.address} -m comment --comment "{chain.pod}" -j {chain.name}')
    for chain in program.chains:
        declared += [chain.name, chain.next] if chain.admin else [chain.name]
        last = chain.next if chain.admin else chain.name
        rules += [rule for line in chain.admin for rule in _rules(chain, chain.name, line, target)]
        rules += [f"-A {chain.name} -g {chain.next}"] if chain.admin else []
        rules += [rule for line in chain.rest for rule in _rules(chain, last, line, target)]
    return "\n".join(["*filter", *(f":{name} - [0:0]" for name in declared), *rules, "COMMIT", ""])


def _rules(chain: Chain, name: str, line: Line, target: str) -> Iterator[str]:
    """A line as rules: one for each run of addresses."""
    verdict = {"return": "-j RETURN", "drop": f"-j {target}", "next": f"-g {chain.next}"}[line.verdict]
    protocol = (
        line.ports.protocol.lower() if line.ports else "tcp" if line.verdict == "drop" and "tcp" in target else ""
    )
    of = f"-p {protocol} -m {protocol}{dport(line)} " if protocol else ""
    said = f'{of}-m comment --comment "{line.comment}" {verdict}'
    for peers in _peers(chain, line):
        yield f"-A {name} {peers}{said}"
    if protocol == "tcp" and not line.ports:  # a reset answers TCP alone
        yield f'-A {name} -m comment --comment "{line.comment}" -j REJECT'


def _peers(chain: Chain, line: Line) -> Iterator[str]:
    if line.peers is None:
        yield ""
        return
    word, option = ("dst", "-d") if chain.direction == "egress" else ("src", "-s")
    of = FAMILIES[6 if ":" in chain.address else 4]
    for low, high in without(line.peers):
        if low == high:
            yield f"{option} {spelled(low, of)} "
            continue
        yield f"-m iprange --{word}-range {spelled(low, of)}-{spelled(high, of)} "
