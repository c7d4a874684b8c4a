"""Chapter 05: a controller watches, compares, acts. Put what it does in order."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ....kube.nodeipam.kcm_flags import Flags
from ....kube.nodeipam.node_ipam import Assigned, Failed
from ....kube.nodeipam.node_world import Deed, NodeWorld
from ....views.planner.world import deeds
from ...questions.kinds_lists import Order, Swap
from .. import Chance, defined

Is = Callable[[Deed], bool]


def _world(chance: Chance, length: int) -> NodeWorld:
    world = NodeWorld(Flags(allocate_node_cidrs=True, cluster_cidr=f"10.{chance.randrange(64, 250)}.0.0/{length}"))
    world.start()
    return world


@defined("05-order", "Watch, compare, act")
def order(chance: Chance) -> Order:
    return chance.turn(_stopped, _waiting)(chance)


def _in_order(world: NodeWorld, events: Mapping[str, Is]) -> tuple[str, ...]:
    """Events in the order in which the controller's deeds happened. One that did not happen is a LookupError."""
    at = {text: next((n for n, deed in enumerate(world.trace) if is_it(deed)), -1) for text, is_it in events.items()}
    if min(at.values()) < 0:
        raise LookupError(f"not done: {[text for text, place in at.items() if place < 0]}")
    return tuple(sorted(at, key=lambda text: at[text]))


def _stopped(chance: Chance) -> Order:
    """Somebody stops the controller, the world changes, somebody starts it again."""
    world, count = _world(chance, 16), chance.randrange(3, 6)
    for number in range(1, count + 1):
        world.create(f"node-{number}")
    gone, new = f"node-{chance.randrange(1, count)}", f"node-{count + 1}"
    block = world.nodes[gone][0]
    world.stop()
    world.delete(gone)
    world.create(new)
    assert world.nodes[new] == ()
    world.start()
    assert world.nodes[new] == (block,)  # after a start the lowest free block is the first
    away = "the controller stops, and what it remembers is gone"
    waits = f"{gone} is deleted, {new} joins, and nobody gives {new} a block"
    reads = "the controller starts, and reads all Nodes from the API server"
    marks = "it marks as used all blocks that stand in Nodes"
    finds = f"it finds {new} without a block, and {block} free"
    acts = f"it writes {block} into {new}'s podCIDRs"
    seen = deeds(world, caption="The controller's deeds: while it is stopped there are none")
    return Order(
        asks=f"kube-controller-manager is stopped for an hour. In this hour {gone} goes and {new} joins. Put these in order.",
        events=(away, waits, reads, marks, finds, acts),
        swaps=(
            Swap(acts, reads, 87, f"Nobody else gives blocks. While the controller is stopped, {new} waits.", seen),
            Swap(finds, marks, 88, "A block is free only if no Node has it. The controller has to look first.", seen),
            Swap(finds, reads, 88, "It can compare only after it has read what there is.", seen),
            Swap(marks, reads, 88, "Which blocks are used stands in the Nodes, and those have to be read first.", seen),
            Swap(reads, waits, 88, "In this story the controller starts when both have happened.", seen),
            Swap(waits, away, 0, "The hour begins with the stop.", seen),
            Swap(acts, finds, 0, "First it compares, then it acts.", seen),
        ),
        because="Nobody told the controller what it had missed. It looked at the Nodes, and did what was missing.",
        evidence=seen,
        hints=(
            "What does the controller know right after its start? Where can it read which node has which block?",
            "Look, compare, act: in this order.",
            "Stop; the world changes; start and read; mark; find; write.",
        ),
    )  # fmt: skip


def _waiting(chance: Chance) -> Order:
    """A range with no block left, and a node that goes."""
    count = chance.choice((2, 4))
    world = _world(chance, 24 - count.bit_length() + 1)
    for number in range(1, count + 1):
        world.create(f"node-{number}")
    gone, late = f"node-{chance.randrange(1, count + 1)}", f"node-{count + 1}"
    block = world.nodes[gone][0]
    world.create(late)
    world.delete(gone)
    assert world.nodes[late] == (block,)
    none = f"{late} joins, and no block is left: Event CIDRNotAvailable"
    again = f"the controller tries {late} again, in vain, and waits twice as long"
    frees = f"{gone} is deleted, and {block} is free"
    gives = f"the controller tries {late} again, and gives it {block}"
    events: dict[str, Is] = {
        none: lambda deed: deed.node == late and deed.heard == "added",
        again: lambda deed: deed.heard == "retry" and isinstance(deed.outcome, Failed),
        frees: lambda deed: deed.node == gone and deed.heard == "deleted",
        gives: lambda deed: deed.heard == "retry" and isinstance(deed.outcome, Assigned),
    }
    seen = deeds(world)
    return Order(
        asks=f"A cluster range has {count} blocks, and {count} nodes have them. Then {late} joins, and later {gone} is "
        "deleted. Put these events in order.",
        events=_in_order(world, events),
        swaps=(
            Swap(gives, frees, 88, "As long as every block has an owner, each try fails.", seen),
            Swap(again, none, 0, "The controller tries again only what has failed.", seen),
            Swap(frees, again, 88, "It does not wait for a deletion. It tries again by itself, later and later.", seen),
            Swap(frees, none, 0, f"Had {gone} gone first, {late} would have had a block at once.", seen),
        ),
        because="Nobody has to do anything for the node. The controller tries again until there is a block.",
        evidence=seen,
        hints=(
            "A second try comes only after a first try that failed.",
            "The controller does not wait for a deletion. What does it do in the meantime?",
            "It fails, it fails again, a block becomes free, and the next try succeeds.",
        ),
    )
