"""Chapter 05: a dual-stack plan that does not work, to be mended without taking a block from anybody."""

from __future__ import annotations

from functools import partial

from msgspec import Struct

from ....views.tables.table import Table
from ...questions.kinds import Finding, Slip
from ...questions.kinds_made import Repair
from .. import Chance, defined
from .plans import shown, tried

FOUR, SERVICES = "10.244.0.0/16", "10.96.0.0/16,fd00:10:96::/112"
HAVE = {f"old-{number}": (f"10.244.{number}.0/24",) for number in range(3)}  # nodes of the time before


class Plan(Struct, frozen=True):
    """Flags that fail, what mends them, and what people try first. `why` is the reason in a sentence."""

    ranges: str
    sizes: tuple[str, ...]
    mended: tuple[str, tuple[str, ...]]
    why: str
    hint: str
    tries: tuple[tuple[str, tuple[str, ...], int], ...]


BOTH = ("--node-cidr-mask-size-ipv4=24", "--node-cidr-mask-size-ipv6=64")


def _plan(fault: str, six: str) -> Plan:
    """One thing wrong; `six` is the first address of the IPv6 range."""
    right = f"{FOUR},{six}/56"
    one = ("--node-cidr-mask-size=24",)
    four, moved = (FOUR, BOTH[:1], 93), (f"10.32.0.0/16,{six}/56", BOTH, 89)
    return {
        "size": Plan(right, one, (right, BOTH), "One mask cannot fit both families. Each family has a flag of its own.",
                     "Which flags say how long a node's prefix is, and which of them may be used here?",
                     (four, moved, (right, (*one, BOTH[1]), 91))),
        "small": Plan(f"{FOUR},{six}/60", BOTH, (right, BOTH), "A node needs a block of each family. The smaller range decides.",
                      "Count the blocks of both ranges: 2^(node mask - cluster mask).",
                      (four, moved, (f"{FOUR},{six}/60", (BOTH[0], "--node-cidr-mask-size-ipv6=62"), 25))),
        "wide": Plan(f"{FOUR},{six}/44", BOTH, (right, BOTH), "An IPv6 range is cut into 2^16 blocks at most.",
                     "How many bits lie between the IPv6 range and a node's block?",
                     (four, moved, (f"{FOUR},{six}/44", (BOTH[0], "--node-cidr-mask-size-ipv6=80"), 25))),
        "families": Plan(f"{FOUR},10.245.0.0/16", BOTH, (right, BOTH), "Two ranges must be of two families.",
                         "What does the refusal say about families?",
                         (four, moved, (f"{FOUR},10.245.0.0/16,{six}/56", BOTH, 0))),
    }[fault]  # fmt: skip


def _lines(ranges: str, sizes: tuple[str, ...]) -> str:
    first = ("--allocate-node-cidrs=true", f"--cluster-cidr={ranges}")
    return "\n".join((*first, *sizes, f"--service-cluster-ip-range={SERVICES}"))


def _seen(text: str, nodes: int) -> Table:
    return shown(tried(text, nodes, HAVE))


def _tests(nodes: int, text: str) -> tuple[Finding, ...]:
    """All new nodes have two blocks, and the old ones keep theirs."""
    trial = tried(text, nodes, HAVE)
    seen = shown(trial)
    if trial.refusal:
        return (Finding(False, f"The controller manager exits: {trial.refusal}.", trial.belief, seen),)
    if trial.configuration is None:
        return (Finding(False, "`--allocate-node-cidrs` is false unless you set it: no node gets a block.", 26, seen),)
    if {cidr.bits for cidr in trial.ranges} != {32, 128}:
        return (
            Finding(False, "Every new node needs a block of both families. With these flags it gets one.", 93, seen),
        )
    if trial.failed:
        said = f"node-{trial.served + 1} of {nodes} gets neither block: {trial.failed.message}."
        return (Finding(False, said, 25, seen),)
    return (Finding(True, ""),)


@defined("05-repair", "Two families, and no block")
def repair(chance: Chance) -> Repair:
    nodes = chance.randrange(100, 240)
    plan = _plan(chance.turn("size", "small", "wide", "families"), f"fd00:{chance.randrange(10, 99)}:240::")
    broken, solution = _lines(plan.ranges, plan.sizes), _lines(*plan.mended)
    look = _seen(broken, nodes)
    return Repair(
        asks=f"Three nodes have IPv4 blocks: {', '.join(cidrs[0] for cidrs in HAVE.values())}. They keep them. "
        f"{nodes} more nodes join, and each of them needs an IPv4 block, a /24, and an IPv6 block. These flags do not give them "
        "both. Write all the flags, mended.",
        look=look,
        starts=broken,
        tests=partial(_tests, nodes),
        solution=solution,
        slips=tuple(Slip(_lines(ranges, sizes), belief) for ranges, sizes, belief in plan.tries),
        because=plan.why,
        evidence=_seen(solution, nodes),
        hints=(
            "Read the controller's last sentence. Does it exit, or has it no block left?",
            plan.hint,
            "The IPv4 range must stay, because nodes have blocks of it. An IPv6 range of /56 has 256 blocks of /64.",
        ),
    )
