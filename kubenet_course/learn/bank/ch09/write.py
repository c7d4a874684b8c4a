"""Chapter 09: rules of a Service to be written: its shares, and the chain of an endpoint."""

from __future__ import annotations

from random import Random

from ....linux.netfilter.rules import rule_text
from ....linux.verdicts import verdict
from ....views.tables.rules import chain as chain_table
from ....views.tables.show import outcomes, rules
from ....views.tables.table import table
from ...questions.evidence import ending
from ...questions.kinds import Finding, Slip
from ...questions.kinds_made import Write
from .. import defined
from .put import emptied, lines_of, put
from .shop import Shop, World, answered, shop, turn
from .write_one import nobody, service

KINDS = ("share", "endpoint", "service", "nobody")
WEB_1 = "pod/default/web-1"


@defined("09-write", "Write the rules")
def write(chance: Random) -> Write:
    kind = turn(chance, KINDS, 3)
    return {"share": _share, "endpoint": _endpoint, "service": service, "nobody": nobody}[kind](chance)


def _share(chance: Random) -> Write:
    n = chance.choice((3, 4, 5))
    of = shop(chance, n, "there")
    name = of.chain("KUBE-SVC-", leads=of.address).name
    right = lines_of(of, name, start=1)
    ends = [line.split()[-1] for line in right]
    even = [f"-A {name} -m statistic --mode random --probability {1 / n:.5f} -j {end}" for end in ends]
    return put(
        of, emptied(of, name, 1), name, right, _fair,
        asks=f"The Service `web` has {n} endpoints, and each of them has its chain `KUBE-SEP-...` already. The "
             f"chain `{name}` marks strangers, and does "
        f"nothing more. Write its other {n} rules, so that each endpoint gets the same share of new connections.",
        look=table("The endpoint chains", ("chain", "leads to"), _leads(of, ends), code=(0, 1)),
        slips=(Slip("\n".join(even), 2), Slip("\n".join([*even[:-1], right[-1]]), 2),
               Slip("\n".join(f"-A {name} -j {end}" for end in ends), 3)),
        because=f"Rule by rule the chance is 1/{n}, then 1/{n - 1}, and the last rule takes what is left.",
        evidence=outcomes((chance_of, pod) for pod, chance_of in of.met().items()),
        hints=(
            ("`-m statistic --mode random --probability P` matches with the chance P. A rule is asked only if all "
             "before it did not match."),
            f"The first of {n} rules must take 1/{n}. Of what is then left, the second must take 1/{n - 1}.",
            "The last rule has no probability: it takes everything that is left.",
        ),
    )  # fmt: skip


def _leads(of: Shop, ends: list[str]) -> list[tuple[str, str]]:
    """Each endpoint's chain, and the address to which it translates."""
    return [(end, lines_of(of, end)[-1].split()[-1]) for end in ends]


def _fair(of: Shop, world: World) -> tuple[Finding, ...]:
    met, n = of.met(world=world), len(of.met())
    shown = outcomes((share, pod) for pod, share in met.items())
    lost = sum(share for name, share in met.items() if not name.startswith("web-"))
    if lost > 1e-6:
        return (
            Finding(
                False,
                (f"Of all new connections {lost:.1%} reach the end of the chain, and no rule takes them."),
                2,
                shown,
            ),
        )
    if len(met) < n:
        return (
            Finding(
                False,
                (f"Only {len(met)} of {n} endpoints ever get a connection: a rule without a probability takes all."),
                3,
                shown,
            ),
        )
    if max(abs(share - 1 / n) for share in met.values()) > 1e-3:
        worst = max(met, key=lambda name: met[name])
        return (Finding(False, f"The shares differ: {worst} gets {met[worst]:.1%} of all connections.", 2, shown),)
    return (Finding(True, ""),)


def _endpoint(chance: Random) -> Write:
    of = shop(chance, 1, "here")
    name = of.chain("KUBE-SEP-", leads=f"{of.ip('web-1')}/32").name
    mark, dnat = lines_of(of, name)
    port = dnat.replace(f":{of.target}", f":{of.port}")
    return put(
        of, emptied(of, name), name, [mark, dnat], _reached,
        asks=f"The Service `web` ({of.address}, port {of.port}) has one endpoint: `web-1`, {of.ip('web-1')}, port "
             f"{of.target}. All its rules exist, only the "
        f"endpoint's own chain `{name}` is empty. Write its rules. `client` must reach `web-1`, and `web-1` must "
        f"reach itself, through the Service.",
        look=chain_table(of.world[of.here], "KUBE-MARK-MASQ"),
        slips=(Slip(dnat, 9), Slip(f"{mark}\n{port}", 15), Slip(f"{dnat}\n{mark}", 83)),
        because=("The first rule marks the pod that asks itself, so that POSTROUTING gives its packet another "
                 "source. The second rule translates."),
        evidence=rules(of.asked(WEB_1), of.here, "nat PREROUTING"),
        hints=(
            "The chain needs two rules. One translates the destination.",
            (f"`-p tcp -j DNAT --to-destination ADDRESS:PORT` translates. Before it, packets from {of.ip('web-1')} "
             f"itself must be marked."),
            (f"The rule that marks is `-s {of.ip('web-1')}/32 -j KUBE-MARK-MASQ`. It must stand before DNAT, "
             f"because DNAT ends the walk."),
        ),
    )  # fmt: skip


def _reached(of: Shop, world: World) -> tuple[Finding, ...]:
    asked, itself = of.asked(world=world), of.asked(WEB_1, world=world)
    if verdict(asked).delivered_to != WEB_1:
        arrived = verdict(asked).name == "refused"
        said = (
            ("The packet reaches web-1, at a port on which nobody listens.")
            if arrived
            else "`client` does not reach web-1."
        )
        return (Finding(False, said, 15 if arrived else 0, ending(asked)),)
    if verdict(itself).name != "delivered" or not answered(itself):
        name = of.chain("KUBE-SEP-", leads=f"{of.ip('web-1')}/32").name
        is_late = any(
            "KUBE-MARK-MASQ" in rule_text(name, rule)
            for rule in world[of.here].ruleset(4).tables["nat"].chains[name].rules
        )
        said = "`client` reaches web-1, but web-1 does not reach itself. " + (
            ("Your rule that marks stands behind DNAT, and DNAT ends the walk.")
            if is_late
            else "Its packet comes back to it with its own address as the source."
        )
        return (Finding(False, said, 83 if is_late else 9, rules(itself, of.here, "nat PREROUTING")),)
    if verdict(asked).seen_from != of.ip("client"):
        return (
            Finding(
                False,
                ("`web-1` no longer sees the client's own address: your rule marks too much."),
                58,
                rules(asked, of.here),
            ),
        )
    return (Finding(True, ""),)
