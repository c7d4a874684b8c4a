"""What chapter 05's exercises have in common: flags as people write them, a controller started with them, what it says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

from ....kube.nodeipam.cidr import Cidr, parse_sloppy
from ....kube.nodeipam.cidr_set import CidrSet
from ....kube.nodeipam.kcm_flags import Configuration, ControllerExit, configured, default_of, parse_flags
from ....kube.nodeipam.node_ipam import Allocator, Assigned, Failed, PodCIDRs, start, sync
from ....views.tables.table import Table, table
from ...questions.kinds import NO_BELIEF
from ...questions.kinds_made import working
from ...questions.reading import Unreadable

MANAGER = "kube-controller-manager"


def words_of(text: str) -> list[str]:
    """The flags of a text: one a line or all in one, with or without the program's name, as in a shell or in a manifest.

    Raises Unreadable for what is no flag.
    """
    found: list[str] = []
    for word in " ".join(working(text)).replace("\\", " ").split():
        word = word.strip("\"',")
        if word in ("", "-", MANAGER):
            continue
        if word.startswith("--"):
            found.append(word)
        elif found and "=" not in found[-1] and _takes_a_value(found[-1]):
            found[-1] += f"={word}"
        else:
            raise Unreadable(f"{word!r} is no flag; write flags like --cluster-cidr=10.244.0.0/16, one a line.")
    return found


def _takes_a_value(flag: str) -> bool:
    name = flag.removeprefix("--").replace("_", "-")
    known = parse_flags([]).__struct_fields__
    return name.replace("-", "_") in known and not isinstance(default_of(name), bool)


class Trial(Struct, frozen=True):
    """A controller that was started with somebody's flags, and the nodes that asked it for a block.

    `refusal` is its last sentence where it exits; `configuration` is None where no controller runs at all.
    """

    words: tuple[str, ...]
    refusal: str = ""
    configuration: Configuration | None = None
    allocator: Allocator | None = None
    served: int = 0
    failed: Failed | None = None
    first: PodCIDRs = ()

    @property
    def ranges(self) -> tuple[Cidr, ...]:
        return self.configuration.cluster_cidrs if self.configuration else ()

    @property
    def belief(self) -> int:
        """The belief behind a refusal."""
        signs = {"dual-stack clusters": 91, "mask size of cluster CIDR": 25, "is too big": 25, "out the range": 89}
        return next((belief for sign, belief in signs.items() if sign in self.refusal), NO_BELIEF)


def tried(text: str, nodes: int, known: Mapping[str, PodCIDRs] | None = None) -> Trial:
    """Starts a controller, with nodes that have blocks already, and lets as many new ones ask. Raises as `parse_flags` does."""
    words = tuple(words_of(text))
    flags = parse_flags(words)
    try:
        configuration = configured(flags)
        allocator = start(configuration, known or {}) if configuration else None
    except ControllerExit as refusal:
        return Trial(words, str(refusal))
    first: PodCIDRs = ()
    for number in range(nodes if allocator else 0):
        outcome = sync(allocator, f"node-{number + 1}", ()) if allocator else None
        if isinstance(outcome, Failed):
            return Trial(words, "", configuration, allocator, number, outcome, first)
        first = first or (outcome.pod_cidrs if isinstance(outcome, Assigned) else ())
    return Trial(words, "", configuration, allocator, nodes if allocator else 0, None, first)


def shown(trial: Trial) -> Table:
    """What the controller made of the flags."""
    rows = [("flag", word) for word in trial.words]
    if trial.refusal:
        rows.append(("it exits", trial.refusal))
    elif trial.allocator is None:
        rows.append(("it runs", "but not its node IPAM controller: no node gets a block"))
    else:
        rows += [("range", _told(pool)) for pool in trial.allocator.pools]
        rows += [("first node", ", ".join(trial.first) or "nothing"), ("nodes served", f"{trial.served:,}")]
    if trial.failed:
        rows.append((f"node-{trial.served + 1}", str(trial.failed)))
    return table(f"{MANAGER}, started with these flags", ("", "what it says"), rows, code=(1,), marked=(len(rows) - 1,))


def _told(pool: CidrSet) -> str:
    size = f"{pool.block(0).size:,}" if pool.block(0).size < 10**7 else f"2^{pool.cluster.bits - pool.node_mask}"
    return f"{pool.cluster}: {pool.blocks:,} blocks of /{pool.node_mask}, {size} addresses each"


def collides(cidrs: Iterable[Cidr], text: str) -> bool:
    """Whether one of some ranges shares an address with that of a text."""
    return any(cidr.overlaps(parse_sloppy(text)) for cidr in cidrs)
