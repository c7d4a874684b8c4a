"""Chapter 09: rules of a Service to be written, and put to work on its node in place of kube-proxy's."""

from __future__ import annotations

from dataclasses import replace as with_field
from random import Random

from msgspec.structs import replace

from ....errors import BadInput
from ....linux.netfilter.iptables.rule_text import rule_text
from ....linux.netfilter.iptables.save import with_rule
from ....linux.netfilter.rules import Ruleset, Table
from ....linux.netfilter.xt.matches import Unknown
from ....linux.verdicts import verdict
from ....views.tables.rules import chain as chain_table
from ....views.tables.show import outcomes, rules
from ....views.tables.table import table
from ...questions.evidence import ending
from ...questions.kinds import Finding, Slip
from ...questions.kinds_made import Write, working
from .. import defined
from .shop import Shop, World, answered, shop, turn

KINDS = ("share", "endpoint", "service", "nobody")
LIKE = "write rules as iptables-save prints them, like -A CHAIN -p tcp -j DROP"
WEB_1 = "pod/default/web-1"


@defined("09-write", "Write the rules")
def write(chance: Random) -> Write:
    kind = turn(chance, KINDS, 3)
    return {"share": _share, "endpoint": _endpoint, "service": _service, "nobody": _nobody}[kind](chance)


def emptied(of: Shop, name: str, keep: int = 0, table_of: str = "nat") -> World:
    """The world with only the first `keep` rules left in a chain of the client's node."""
    ns = of.world[of.here]
    chains = ns.ruleset(4).tables[table_of].chains
    left = {**chains, name: with_field(chains[name], rules=chains[name].rules[:keep])}
    return {**of.world, of.here: replace(ns, rules={**ns.rules, 4: Ruleset({**ns.ruleset(4).tables, table_of: Table(table_of, left)})})}


def written(world: World, node: str, text: str, table_of: str) -> World:
    """The world with some lines more in a table of a node. Raises BadInput for the line that cannot be carried out."""
    ns = world[node]
    found = ns.ruleset(4)
    for number, line in enumerate(working(text), 1):
        line = line.removeprefix("sudo ").removeprefix("iptables ").replace(f"-t {table_of} ", "").replace("--table nat ", "")
        line = line.replace("--append ", "-A ").removeprefix("-w ")
        if not line.startswith(("-A ", "-I ")):
            raise BadInput(f"line {number}", "it does not begin with -A and a chain", LIKE)
        found = with_rule(found, table_of, line)
        if any(isinstance(test, Unknown) for rule in found.chain(table_of, line.split()[1]).rules for test in rule.tests):
            raise BadInput(f"line {number}", "the model does not know one of its matches", LIKE)
    return {**world, node: replace(ns, rules={**ns.rules, 4: found})}


def _lines(of: Shop, name: str, table_of: str = "nat", start: int = 0) -> list[str]:
    return [rule_text(name, rule) for rule in of.world[of.here].ruleset(4).tables[table_of].chains[name].rules[start:]]


def _made(of: Shop, broken: World, name: str, solution: list[str], tests, table_of: str = "nat", **words) -> Write:
    """What all four have in common: the lines are put to work on the client's node."""

    def test(text: str) -> tuple[Finding, ...]:
        return tests(of, written(broken, of.here, text, table_of))

    return Write(starts=f"# -A {name} ...\n", tests=test, solution="\n".join(solution), **words)


def _share(chance: Random) -> Write:
    n = chance.choice((3, 4, 5))
    of = shop(chance, n, "there")
    name = of.chain("KUBE-SVC-", leads=of.address).name
    right = _lines(of, name, start=1)
    ends = [line.split()[-1] for line in right]
    even = [f"-A {name} -m statistic --mode random --probability {1 / n:.5f} -j {end}" for end in ends]
    return _made(
        of, emptied(of, name, 1), name, right, _fair,
        asks=f"The Service `web` has {n} endpoints, and each of them has its chain `KUBE-SEP-...` already. The chain `{name}` marks strangers, and does "
        f"nothing more. Write its other {n} rules, so that each endpoint gets the same share of new connections.",
        look=table("The endpoint chains", ("chain", "leads to"), [(end, _lines(of, end)[-1].split()[-1]) for end in ends], code=(0, 1)),
        slips=(Slip("\n".join(even), 2), Slip("\n".join([*even[:-1], right[-1]]), 2), Slip("\n".join(f"-A {name} -j {end}" for end in ends), 3)),
        because=f"Rule by rule the chance is 1/{n}, then 1/{n - 1}, and the last rule takes what is left.",
        evidence=outcomes((chance_of, pod) for pod, chance_of in of.met().items()),
        hints=(
            "`-m statistic --mode random --probability P` matches with the chance P. A rule is asked only if all before it did not match.",
            f"The first of {n} rules must take 1/{n}. Of what is then left, the second must take 1/{n - 1}.",
            "The last rule has no probability: it takes everything that is left.",
        ),
    )  # fmt: skip


def _fair(of: Shop, world: World) -> tuple[Finding, ...]:
    met, n = of.met(world=world), len([name for name in of.met()])
    shown = outcomes((share, pod) for pod, share in met.items())
    lost = sum(share for name, share in met.items() if not name.startswith("web-"))
    if lost > 1e-6:
        return (Finding(False, f"Of all new connections {lost:.1%} reach the end of the chain, and no rule takes them.", 2, shown),)
    if len(met) < n:
        return (Finding(False, f"Only {len(met)} of {n} endpoints ever get a connection: a rule without a probability takes all.", 3, shown),)
    if max(abs(share - 1 / n) for share in met.values()) > 1e-3:
        worst = max(met, key=lambda name: met[name])
        return (Finding(False, f"The shares differ: {worst} gets {met[worst]:.1%} of all connections.", 2, shown),)
    return (Finding(True, ""),)


def _endpoint(chance: Random) -> Write:
    of = shop(chance, 1, "here")
    name = of.chain("KUBE-SEP-", leads=f"{of.ip('web-1')}/32").name
    mark, dnat = _lines(of, name)
    port = dnat.replace(f":{of.target}", f":{of.port}")
    return _made(
        of, emptied(of, name), name, [mark, dnat], _reached,
        asks=f"The Service `web` ({of.address}, port {of.port}) has one endpoint: `web-1`, {of.ip('web-1')}, port {of.target}. All its rules exist, only the "
        f"endpoint's own chain `{name}` is empty. Write its rules. `client` must reach `web-1`, and `web-1` must reach itself, through the Service.",
        look=chain_table(of.world[of.here], "KUBE-MARK-MASQ"),
        slips=(Slip(dnat, 9), Slip(f"{mark}\n{port}", 15), Slip(f"{dnat}\n{mark}", 83)),
        because="The first rule marks the pod that asks itself, so that POSTROUTING gives its packet another source. The second rule translates.",
        evidence=rules(of.asked(WEB_1), of.here, "nat PREROUTING"),
        hints=(
            "The chain needs two rules. One translates the destination.",
            f"`-p tcp -j DNAT --to-destination ADDRESS:PORT` translates. Before it, packets from {of.ip('web-1')} itself must be marked.",
            f"The rule that marks is `-s {of.ip('web-1')}/32 -j KUBE-MARK-MASQ`. It must stand before DNAT, because DNAT ends the walk.",
        ),
    )  # fmt: skip


def _reached(of: Shop, world: World) -> tuple[Finding, ...]:
    asked, itself = of.asked(world=world), of.asked(WEB_1, world=world)
    if verdict(asked).delivered_to != WEB_1:
        arrived = verdict(asked).name == "refused"
        said = "The packet reaches web-1, at a port on which nobody listens." if arrived else "`client` does not reach web-1."
        return (Finding(False, said, 15 if arrived else 1, ending(asked)),)
    if verdict(itself).name != "delivered" or not answered(itself):
        name = of.chain("KUBE-SEP-", leads=f"{of.ip('web-1')}/32").name
        is_late = any("KUBE-MARK-MASQ" in rule_text(name, rule) for rule in world[of.here].ruleset(4).tables["nat"].chains[name].rules)
        said = "`client` reaches web-1, but web-1 does not reach itself. " + (
            "Your rule that marks stands behind DNAT, and DNAT ends the walk." if is_late else "Its packet comes back to it with its own address as the source."
        )
        return (Finding(False, said, 83 if is_late else 9, rules(itself, of.here, "nat PREROUTING")),)
    if verdict(asked).seen_from != of.ip("client"):
        return (Finding(False, "`web-1` no longer sees the client's own address: your rule marks too much.", 58, rules(asked, of.here)),)
    return (Finding(True, ""),)


def _service(chance: Random) -> Write:
    of = shop(chance, 2)
    to = of.chain("KUBE-SVC-", leads=of.address).name
    line = next(one for one in _lines(of, "KUBE-SERVICES") if one.endswith(to))
    kept = [one for one in _lines(of, "KUBE-SERVICES") if one != line]
    broken = written(emptied(of, "KUBE-SERVICES"), of.here, "\n".join(kept), "nat")
    match = f"-A KUBE-SERVICES -d {of.address}/32 -p tcp"
    return _made(
        of, broken, "KUBE-SERVICES", [line], _led,
        asks=f"The Service `web` has the address {of.address} and the TCP port {of.port}. Its chain `{to}` exists, but no rule leads there. Write the one "
        "rule that is missing in `KUBE-SERVICES`. Other ports of that address are none of its business.",
        look=chain_table(broken[of.here], "KUBE-SERVICES"),
        slips=(Slip(f"{match} -j {to}", 15), Slip(f"{match} --dport {of.target} -j {to}", 15),
               Slip(f"{match} --dport {of.port} -j DNAT --to-destination {of.ip('web-1')}:{of.target}", 3)),
        because="A Service is a rule that asks for one address, one protocol and one port.",
        evidence=rules(of.asked(), of.here, "nat PREROUTING"),
        hints=(
            "Look at the rule of another Service in the chain: what does it ask for?",
            f"The rule asks for three things: `-d {of.address}/32`, the protocol, and the port that *clients* use.",
            f"It ends with `-j {to}`, and the port is {of.port}.",
        ),
    )  # fmt: skip


def _led(of: Shop, world: World) -> tuple[Finding, ...]:
    met = of.met(world=world)
    if any(not name.startswith("web-") for name in met):
        return (Finding(False, f"A connection to port {of.port} of the Service is not translated.", 15, ending(of.asked(world=world))),)
    if len(met) < 2:
        shown = outcomes((share, pod) for pod, share in met.items())
        return (Finding(False, f"All connections go to {next(iter(met))}: your rule does not lead to the Service's chain.", 3, shown),)
    other = of.asked(world=world, where=f"{of.address}:{of.port + 1}")
    if verdict(other).name == "delivered":
        said = f"Port {of.port + 1} is translated too, and every other port as well. The Service has one port only."
        return (Finding(False, said, 15, rules(other, of.here, "nat PREROUTING")),)
    return (Finding(True, ""),)


def _nobody(chance: Random) -> Write:
    of = shop(chance, 0)
    line = next(one for one in _lines(of, "KUBE-SERVICES", "filter") if of.address in one)
    match = f"-A KUBE-SERVICES -d {of.address}/32 -p tcp -m tcp"
    return _made(
        of, emptied(of, "KUBE-SERVICES", table_of="filter"), "KUBE-SERVICES", [line], _refused, "filter",
        asks=f"The Service `web` ({of.address}, TCP port {of.port}) has no endpoints. Who asks it shall be told *connection refused* at once, and shall not "
        "wait. Write the rule for the chain `KUBE-SERVICES` of the table **filter**. Other ports of that address are none of its business.",
        look=chain_table(of.world[of.here], "FORWARD", "filter"),
        slips=(Slip(f"{match} --dport {of.port} -j DROP", 13), Slip(f"{match} -j REJECT", 15), Slip(f"{match} --dport {of.target} -j REJECT", 15)),
        because="REJECT answers with an ICMP message, and the asking program learns at once that nobody is there. DROP would leave it waiting.",
        evidence=rules(of.asked(), of.here, "filter FORWARD"),
        hints=(
            "Two targets stop a packet. Only one of them tells the sender.",
            "The rule asks for the Service's address, for TCP and for the port that clients use.",
            f"`-d {of.address}/32 -p tcp -m tcp --dport {of.port}`, and then the target that rejects.",
        ),
    )  # fmt: skip


def _refused(of: Shop, world: World) -> tuple[Finding, ...]:
    asked, other = of.asked(world=world), of.asked(world=world, where=f"{of.address}:{of.port + 1}")
    if verdict(asked).name != "refused":
        dropped = any(step.end == "dropped" and step.stage.startswith("filter") for step in asked.steps)
        said = "The packet is dropped, and nobody tells the client: it waits." if dropped else "No rule of yours is about this packet."
        return (Finding(False, said, 13 if dropped else 15, ending(asked)),)
    if verdict(other).name == "refused":
        return (Finding(False, f"Port {of.port + 1} is refused too. The rule should be about the Service's port only.", 15, ending(other)),)
    return (Finding(True, ""),)
