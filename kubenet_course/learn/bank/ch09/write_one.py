"""Chapter 09: the one rule that makes a Service, and the one that refuses for it, to be written."""

from __future__ import annotations

from random import Random

from ....linux.verdicts import verdict
from ....views.tables.rules import chain as chain_table
from ....views.tables.show import outcomes, rules
from ...questions.evidence import ending
from ...questions.kinds import Finding, Slip
from ...questions.kinds_made import Write
from .put import emptied, lines_of, put, written
from .shop import Shop, World, shop


def service(chance: Random) -> Write:
    of = shop(chance, 2)
    to = of.chain("KUBE-SVC-", leads=of.address).name
    line = next(one for one in lines_of(of, "KUBE-SERVICES") if one.endswith(to))
    kept = [one for one in lines_of(of, "KUBE-SERVICES") if one != line]
    broken = written(emptied(of, "KUBE-SERVICES"), of.here, "\n".join(kept), "nat")
    match = f"-A KUBE-SERVICES -d {of.address}/32 -p tcp"
    return put(
        of, broken, "KUBE-SERVICES", [line], _led,
        asks=f"The Service `web` has the address {of.address} and the TCP port {of.port}. Its chain `{to}` exists, "
             f"but no rule leads there. Write the one "
        "rule that is missing in `KUBE-SERVICES`. Other ports of that address are none of its business.",
        look=chain_table(broken[of.here], "KUBE-SERVICES"),
        slips=(Slip(f"{match} -j {to}", 15), Slip(f"{match} --dport {of.target} -j {to}", 15),
               Slip(f"{match} --dport {of.port} -j DNAT --to-destination {of.ip('web-1')}:{of.target}", 3)),
        because="A Service is a rule that asks for one address, one protocol and one port.",
        evidence=rules(of.asked(), of.here, "nat PREROUTING"),
        hints=(
            "Look at the rule of another Service in the chain: what does it ask for?",
            f"The rule asks for three things: `-d {of.address}/32`, the protocol, and the port that **clients** use.",
            f"It ends with `-j {to}`, and the port is {of.port}.",
        ),
    )  # fmt: skip


def _led(of: Shop, world: World) -> tuple[Finding, ...]:
    met = of.met(world=world)
    if any(not name.startswith("web-") for name in met):
        return (
            Finding(
                False,
                (f"A connection to port {of.port} of the Service is not translated."),
                15,
                ending(of.asked(world=world)),
            ),
        )
    if len(met) < 2:
        shown = outcomes((share, pod) for pod, share in met.items())
        return (
            Finding(
                False,
                (f"All connections go to {next(iter(met))}: your rule does not lead to the Service's chain."),
                3,
                shown,
            ),
        )
    other = of.asked(world=world, where=f"{of.address}:{of.port + 1}")
    if verdict(other).name == "delivered":
        said = f"Port {of.port + 1} is translated too, and every other port as well. The Service has one port only."
        return (Finding(False, said, 15, rules(other, of.here, "nat PREROUTING")),)
    return (Finding(True, ""),)


def nobody(chance: Random) -> Write:
    of = shop(chance, 0)
    line = next(one for one in lines_of(of, "KUBE-SERVICES", "filter") if of.address in one)
    match = f"-A KUBE-SERVICES -d {of.address}/32 -p tcp -m tcp"
    return put(
        of, emptied(of, "KUBE-SERVICES", table_of="filter"), "KUBE-SERVICES", [line], _refused, "filter",
        asks=f"The Service `web` ({of.address}, TCP port {of.port}) has no endpoints. Whoever asks it should be "
             f"told **connection refused** at once, and should not "
        "wait. Write the rule for the chain `KUBE-SERVICES` of the table **filter**. Other ports of that address "
        "are none of its business.",
        look=chain_table(of.world[of.here], "FORWARD", "filter"),
        slips=(Slip(f"{match} --dport {of.port} -j DROP", 13), Slip(f"{match} -j REJECT", 15),
               Slip(f"{match} --dport {of.target} -j REJECT", 15)),
        because=("REJECT answers with an ICMP message, and the asking program learns at once that nobody is there. "
                 "DROP would leave it waiting."),
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
        said = (
            ("The packet is dropped, and nobody tells the client: it waits.")
            if dropped
            else "No rule of yours is about this packet."
        )
        return (Finding(False, said, 13 if dropped else 15, ending(asked)),)
    if verdict(other).name == "refused":
        return (
            Finding(
                False,
                (f"Port {of.port + 1} is refused too. The rule should be about the Service's port only."),
                15,
                ending(other),
            ),
        )
    return (Finding(True, ""),)
