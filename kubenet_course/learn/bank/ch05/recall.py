"""Chapter 05, every node a block: sums, the block that comes next, the first node that gets none; and what is planned."""

from __future__ import annotations

from ....kube.nodeipam.cidr import Cidr, parse_sloppy
from ....kube.nodeipam.kcm_flags import Flags, configured
from ....kube.nodeipam.node_ipam import Capacity, capacity
from ....kube.nodeipam.node_world import NodeWorld
from ....views.planner.world import deeds
from ....views.tables.table import Table, table
from ...questions.kinds import Slip, Value
from ...questions.reading import BLOCK, NUMBER
from .. import Chance, defined
from .plans import shown, tried

MANY_PODS = 10**6  # a kubelet that would run any number


def _sums(cluster: Cidr, mask: int) -> Table:
    """The powers of two that belong to a range and a mask."""
    bits, length = cluster.bits, cluster.length
    rows = [
        ("the whole range", f"2^({bits}-{length})", f"{cluster.size:,}"),
        ("one block", f"2^({bits}-{mask})", f"{1 << bits - mask:,}"),
        ("blocks in the range", f"2^({mask}-{length})", f"{1 << mask - length:,}"),
    ]
    return table(f"{cluster} cut into blocks of /{mask}", ("what", "power", "how many"), rows, code=(1,))


@defined("05-size", "How many?")
def size(chance: Chance) -> Value:
    length = chance.randrange(13, 20)
    mask = chance.choice([one for one in range(22, 29) if one != 32 - (one - length)])
    cluster = parse_sloppy(f"10.{chance.randrange(64, 250)}.0.0/{length}")
    flags = Flags(allocate_node_cidrs=True, cluster_cidr=str(cluster), node_cidr_mask_size=mask)
    configuration = configured(flags)
    assert configuration is not None
    room = capacity(configuration, MANY_PODS)
    what = chance.turn("addresses", "blocks", "pods", "mask")
    asks, answer, slips = _asked_of(what, cluster, length, mask, room)
    seen = _sums(cluster, mask)
    return Value(
        asks=f"`--cluster-cidr={cluster}`, `--node-cidr-mask-size={mask}`. {asks}",
        answer=answer,
        reads=NUMBER,
        slips=tuple(Slip(wrong, belief, said or "The mask counts the bits that are fixed.", seen) for wrong, belief, said in slips),
        because="A mask says how many bits are fixed. The other bits can differ, so there are "
        + ("2^(node mask - cluster mask) blocks." if what in ("blocks", "mask") else "2^(32 - mask) addresses."),
        evidence=seen,
        hints=(
            "The mask is the number of bits that all addresses of a block have in common.",
            f"An address has 32 bits. The range fixes {length} of them, a block {mask}.",
            {"addresses": f"{32 - mask} bits can differ. How many addresses are that?",
             "blocks": f"Between the two masks are {mask - length} bits. They number the blocks.",
             "pods": f"{32 - mask} bits can differ. Three of these addresses are for no pod.",
             "mask": "Twice as many blocks need one bit more."}[what],
        ),
    )  # fmt: skip


def _asked_of(
    what: str, cluster: Cidr, length: int, mask: int, room: Capacity
) -> tuple[str, int, list[tuple[int, int, str]]]:
    """The question, its answer, and the wrong answers that people give for a reason."""
    block, blocks = 1 << 32 - mask, 1 << mask - length
    return {
        "mask": (f"The cluster range stays, and {blocks * 2:,} nodes need a block. Which node mask gives exactly so many?",
                 mask + 1,
                 [(mask - 1, 25, "A shorter mask makes larger blocks, and fewer of them."),
                  (mask, 25, f"A /{mask} gives {blocks:,} blocks.")]),
        "addresses": ("How many addresses does a node's block have?", room.addresses_per_node,
                      [(1 << mask, 25, f"2^{mask} is the number of such blocks in all of IPv4."),
                       (blocks, 25, "That is how many blocks there are."), (32 - mask, 0, "That is only the exponent."),
                       (cluster.size, 0, "That is how many addresses the whole range has. It is cut into blocks."),
                       (block - 2, 0, "The block has two more. Not every address of it can be a pod's, but all are in it."),
                       (block - 3, 0, "So many pods can have an address. The block has three addresses more.")]),
        "blocks": ("How many nodes can get a block?", room.nodes,
                   [(block, 25, "That is how many addresses one block has."),
                    (cluster.size, 0, "That is how many addresses the whole range has."),
                    (mask - length, 0, "That is only the exponent.")]),
        "pods": ("A kubelet may run as many pods as it has addresses for. How many pods of one node can have an address?",
                 room.pods_per_node,
                 [(block, 86, "Three addresses are for no pod: the first one, the bridge's, and the last one, for broadcasts."),
                  (block - 1, 86, "The bridge's address is one that no pod can have. There are two more: the first and the last."),
                  (block - 2, 86, "The bridge needs one as well: it is the pods' gateway."), (1 << mask, 25, "")]),
    }[what]  # fmt: skip


def _told_of(world: NodeWorld, past: list[str]) -> Table:
    """Who has what when the question is asked."""
    rows = [(name, ", ".join(cidrs)) for name, cidrs in world.nodes.items()]
    return table(f"This happened: {'; '.join(past)}. Now:", ("node", "podCIDRs"), rows, code=(1,))


def _world(chance: Chance, count: int, is_restarted: bool) -> tuple[NodeWorld, list[str], list[str]]:
    """A cluster of eight blocks in which nodes came and two went; what was told of it, and the blocks of those two."""
    low = chance.randrange(0, 250, 8)
    world = NodeWorld(Flags(allocate_node_cidrs=True, cluster_cidr=f"10.{chance.randrange(64, 250)}.{low}.0/21"))
    world.start()
    for number in range(1, count + 1):
        world.create(f"node-{number}")
    gone = chance.sample(range(1, count), 2)
    freed = [world.nodes[f"node-{number}"][0] for number in gone]
    for number in gone:
        world.delete(f"node-{number}")
    past = [f"{count} nodes joined", *(f"then node-{number} was deleted" for number in gone)]
    if is_restarted:
        world.start()
        past.append("then kube-controller-manager was restarted")
    return world, past, freed


SEARCH = {
    "on": "The search goes on behind the block that was given last. Freed blocks rest until the search comes round.",
    "restart": "Where the search stood is only in the controller's memory. After a restart it begins at the front of the range.",
    "round": "Every block has been given once. The search begins again at the front, and finds the first free block.",
    "own": "The block behind the last one is taken: a node brought it along. The search goes on to the next free block.",
}


@defined("05-next", "Which block comes next?")
def following(chance: Chance) -> Value:
    kind = chance.turn(*SEARCH)
    count = 8 if kind == "round" else chance.randrange(4, 7)
    world, past, freed = _world(chance, count, kind == "restart")
    if kind == "own":
        brought = parse_sloppy(world.nodes[f"node-{count}"][0])
        world.create("guest", (str(Cidr(brought.last + 1, brought.length, brought.bits)),))
        past.append("then a node guest joined, which brought its block along")
    look, new, last = _told_of(world, past), f"node-{count + 1}", world.nodes[f"node-{count}"][0]
    world.create(new)
    seen, after = deeds(world), parse_sloppy(last)
    beyond = [] if kind == "round" else [str(Cidr(after.last + 1, after.length, after.bits))]
    return Value(
        asks=f"The controller cuts {world.flags.cluster_cidr} into blocks of /24, and the first node that joined got the first "
        f"of them. Now {new} joins. Which block does it get?",
        look=look,
        answer=world.nodes[new][0],
        reads=BLOCK,
        slips=(
            *(Slip(text, 85, SEARCH[kind], seen) for text in (*freed, *beyond)),
            Slip(last, 0, f"node-{count} has that one.", seen),
        ),
        because=SEARCH[kind],
        evidence=seen,
        hints=(
            "The controller remembers which block it gave last, and searches on behind it.",
            "Has the search come round, or has the controller lost its memory? If not, freed blocks do not matter yet.",
            f"Look for the first free block from {f'{last} on' if kind in ('on', 'own') else 'the front of the range'}.",
        ),
    )


def _filling(chance: Chance, kind: str) -> tuple[tuple[str, ...], int, int, tuple[int, str]]:
    """Flags; the node mask and the blocks of the IPv4 range; and the belief of those who give all these blocks to nodes."""
    length, mask = chance.randrange(19, 22), chance.randrange(25, 27)
    cluster = parse_sloppy(f"10.{chance.randrange(64, 250)}.{chance.randrange(0, 256, 32)}.0/{length}")
    within, six = Cidr(cluster.first, chance.randrange(length + 2, mask), 32), chance.randrange(59, 62)
    services = within if kind == "services" else "10.96.0.0/16"
    ranges = f"{cluster},fd00:10:{chance.randrange(100, 999)}::/{six}" if kind == "dual" else str(cluster)
    size_flag = f"--node-cidr-mask-size{'-ipv4' * (kind == 'dual')}={mask}"
    lines: tuple[str, ...] = (
        "--allocate-node-cidrs=true",
        f"--cluster-cidr={ranges}",
        size_flag,
        f"--service-cluster-ip-range={services}",
    )
    belief = {
        "services": (27, f"Services have {services}, which lies in the range. No node gets these blocks."),
        "dual": (92, f"A node needs a block of each family, and the IPv6 range has 2^(64-{six}) of them."),
        "plain": (0, "The range has exactly so many blocks, so this node is served."),
        "default": (0, "The range has exactly so many blocks, so this node is served."),
    }[kind]
    if kind == "default":
        mask = 24
        lines = tuple(line for line in lines if line != size_flag)
    return lines, mask, 1 << mask - length, belief


@defined("05-first", "The first node that gets nothing")
def first(chance: Chance) -> Value:
    lines, mask, blocks, (belief, said) = _filling(chance, chance.turn("plain", "services", "dual", "default"))
    trial = tried("\n".join(lines), 1 << 12)
    seen, size = shown(trial), 1 << 32 - mask
    slips = [Slip(blocks + 1, belief, said, seen), Slip(trial.served, 0, "This node still gets the last block.", seen)]
    if size != blocks:
        slips.append(Slip(size + 1, 25, f"2^(32-{mask}) is how many addresses a block has.", seen))
    return Value(
        asks="node-1, node-2, node-3 and so on join, one after the other. Write the number of the first node that gets no block.",
        look=table("kube-controller-manager", ("flags",), [(line,) for line in lines], code=(0,)),
        answer=trial.served + 1,
        reads=NUMBER,
        slips=tuple(slips),
        because=f"{trial.served} nodes get a block. The next one waits, and an Event CIDRNotAvailable is written.",
        evidence=seen,
        hints=(
            f"How many blocks of /{mask} does the IPv4 range have? Use the two masks.",
            "Are some of the blocks not for nodes? Is there a second range that is used up sooner?",
            f"{trial.served} nodes are served.",
        ),
    )
