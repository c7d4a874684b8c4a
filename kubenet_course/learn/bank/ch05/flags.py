"""Chapter 05: write the flags for a company's constraints. A controller is started with them, and nodes ask it."""

from __future__ import annotations

from functools import partial

from msgspec import Struct

from ....kube.model.ranges import SERVICES
from ....kube.nodeipam.cidr import Cidr, parse_sloppy
from ....kube.nodeipam.node_ipam import capacity
from ....views.tables.table import Table, table
from ...questions.kinds import Finding, Slip
from ...questions.kinds_made import Write
from .. import Chance, defined
from .plans import Trial, collides, shown, tried

SERVICE = str(SERVICES[4])


class Wanted(Struct, frozen=True):
    """Constraints, and the plan that keeps them. `lent_six` is empty where one family is enough."""

    nodes: int
    pods: int
    lent: str
    company: str
    mask: int
    cluster: str
    lent_six: str = ""


def _wanted(chance: Chance) -> Wanted:
    """Half of what is lent is the company's already; only one mask gives enough nodes and enough pods in the other half."""
    mask, power = chance.randrange(25, 28), chance.randrange(5, 9)
    length = mask - power
    lent = parse_sloppy(f"10.{chance.randrange(16, 90)}.0.0/{length - 1}")
    low, high = (Cidr(lent.first + half * (lent.size // 2), length, 32) for half in (0, 1))
    free, used = chance.sample((low, high), 2)
    quarter = chance.choice((used.first, used.first + used.size // 2))
    room = (1 << 32 - mask) - 3
    pods = chance.randrange((1 << 31 - mask) - 2, room + 1)
    nodes = chance.randrange((1 << power - 1) + 1, (1 << power) + 1)
    company = str(Cidr(quarter, length + 1, 32))
    six = f"fd00:10:{chance.randrange(100, 999)}::/48" if chance.variant % 2 else ""
    return Wanted(nodes, pods, str(lent), company, mask, str(free), six)


def _told(wanted: Wanted) -> Table:
    rows = [
        ("nodes, at most", f"{wanted.nodes:,}"),
        ("pods on a node, at most", f"{wanted.pods:,}"),
        ("you may use for pods", ", ".join(filter(None, (wanted.lent, wanted.lent_six)))),
        ("of it, the company's offices have", wanted.company),
        ("Services have", SERVICE),
        ("families", "IPv4 and IPv6" if wanted.lent_six else "IPv4"),
    ]
    return table("The constraints", ("what", "how much"), rows, code=(1,))


def _lines(wanted: Wanted, cluster: str = "", mask: int = 0, plain: bool = False) -> str:
    """The flags of the plan, or of one that differs from it."""
    ranges = ",".join(filter(None, (cluster or wanted.cluster, wanted.lent_six)))
    sizes = f"--node-cidr-mask-size{'' if plain or not wanted.lent_six else '-ipv4'}={mask or wanted.mask}"
    lines = ("--allocate-node-cidrs=true", f"--cluster-cidr={ranges}", sizes, f"--service-cluster-ip-range={SERVICE}")
    return "\n".join(lines)


def _tests(wanted: Wanted, text: str) -> tuple[Finding, ...]:
    """Every constraint that does not hold."""
    trial = tried(text, wanted.nodes)
    seen = shown(trial)
    if trial.refusal:
        return (Finding(False, f"The controller manager exits: {trial.refusal}.", trial.belief, seen),)
    if trial.configuration is None:
        return (Finding(False, "`--allocate-node-cidrs` is false unless you set it: no node gets a block.", 26, seen),)
    wrong = [*_collisions(wanted, trial, seen), *_room(wanted, trial, seen)]
    return tuple(wrong) or (Finding(True, ""),)


def _collisions(wanted: Wanted, trial: Trial, seen: Table) -> list[Finding]:
    found = []
    if collides(trial.ranges, SERVICE):
        found.append(Finding(False, f"Pods share addresses with Services, which have {SERVICE}.", 27, seen))
    if collides(trial.ranges, wanted.company):
        said = f"Pods share addresses with the offices, which have {wanted.company}. The two cannot reach each other."
        found.append(Finding(False, said, 28, seen))
    lent = [parse_sloppy(text) for text in (wanted.lent, wanted.lent_six) if text]
    for cidr in trial.ranges:
        if not any(cidr.bits == of.bits and of.first <= cidr.first and cidr.last <= of.last for of in lent):
            found.append(Finding(False, f"{cidr} is not in the range that you may use.", 0, seen))
    families = {cidr.bits for cidr in trial.ranges}
    if wanted.lent_six and len(families) < 2:
        found.append(
            Finding(False, "Every node needs a block of both families. With these flags it gets one.", 93, seen)
        )
    return found


def _room(wanted: Wanted, trial: Trial, seen: Table) -> list[Finding]:
    found = []
    if trial.failed:
        said = f"node-{trial.served + 1} gets nothing: only {trial.served} of {wanted.nodes} nodes have a block."
        found.append(Finding(False, said, 27 if collides(trial.ranges, SERVICE) else 25, seen))
    fits = capacity(trial.configuration, wanted.pods).pods_per_node if trial.configuration else 0
    if fits < wanted.pods:
        said = f"A node has addresses for {fits} pods, not for {wanted.pods}: three of each IPv4 block are for no pod."
        found.append(Finding(False, said, 86, seen))
    return found


@defined("05-flags", "A plan that holds")
def flags(chance: Chance) -> Write:
    wanted = _wanted(chance)
    solution = _lines(wanted)
    slips = [
        Slip(_lines(wanted, cluster=SERVICE), 27),
        Slip(_lines(wanted, cluster=wanted.lent), 28),
        Slip(_lines(wanted, mask=24), 25),
        Slip(_lines(wanted, mask=wanted.mask + 1), 86),
        Slip(solution.replace("--allocate-node-cidrs=true\n", ""), 26),
    ]
    if wanted.lent_six:
        slips += [Slip(_lines(wanted, plain=True), 91), Slip(_lines(wanted).replace(f",{wanted.lent_six}", ""), 93)]
    return Write(
        asks="Write the flags of kube-controller-manager, one on each line. Every node has to get a block with room for its "
        "pods. No pod may get an address that somebody else has. (`--max-pods` tells each kubelet the number of pods.)",
        look=_told(wanted),
        starts="# --allocate-node-cidrs=...\n# --cluster-cidr=...\n",
        tests=partial(_tests, wanted),
        solution=solution,
        slips=tuple(slips),
        because=f"/{wanted.mask} has room for {(1 << 32 - wanted.mask) - 3} pods, and {wanted.cluster} for "
        f"{1 << wanted.mask - parse_sloppy(wanted.cluster).length} such blocks. The other half belongs to the offices.",
        evidence=shown(tried(solution, wanted.nodes)),
        hints=(
            "Begin with the pods. Which mask leaves enough addresses, if three of them are for no pod?",
            "Then the nodes. How many blocks do they need, and which mask has a range with so many blocks?",
            f"A node needs a /{wanted.mask}. Which half of {wanted.lent} is free of {wanted.company}?",
        ),
    )  # fmt: skip
