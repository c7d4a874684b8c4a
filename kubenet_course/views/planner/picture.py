"""The cluster range as a field of blocks that fills up, and one node's block cut up: a scene for both renderers.

What a block is used for is its colour and, where something is wrong, a letter: S for Services, N for nodes, C for the
company's network.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

from ...kube.nodeipam.cidr import spelled
from ..drawing.drawing import Box, Drawing, Label, Mark
from ..drawing.scene import Scene
from ..drawing.theme import ADDRESS, NAME, WIDTH, shortened, width_of
from .sums import Plan, Pool
from .words import headline, lines, many

ACROSS, MOST = 32, 256  # cells in a row, cells in all: a cell is one block, or so many that 256 are enough
LEFT, CELL, BAR = 104.0, 14.0, 20.0  # px
GIVEN, PARTLY, SERVICES, FREE, HELD = (
    "pod",
    "bridge",
    "device",
    "kernel",
    "port",
)  # kinds of boxes, by what they stand for
SAYS = {GIVEN: "given to nodes", PARTLY: "partly given", SERVICES: "kept for Services", HELD: "leaked", FREE: "free"}
LETTERS = {"Services": "S", "nodes": "N", "company": "C"}


class Field:
    """Boxes and labels in the making, from the top downwards."""

    def __init__(self) -> None:
        self.boxes: list[Box] = []
        self.labels: list[Label] = []
        self.y = 4.0

    def text(self, text: str, x: float = 0, kind: str = "address", size: float = ADDRESS) -> None:
        self.labels.append(Label("", x, self.y + 11, text, size, kind, "start"))

    def heading(self, text: str) -> None:
        self.text(text, 0, "name", NAME)
        self.y += 20


def scene_of(plan: Plan) -> Scene:
    """The picture of a plan. One that the controller refuses has nothing but its sentence."""
    field = Field()
    if plan.refusal:
        field.heading("kube-controller-manager does not start: no range, no blocks")
    for number, pool in enumerate(plan.pools):
        _range(field, pool, f"range{number}")
        _block(field, plan, pool, f"block{number}")
    if plan.pools:
        _legend(field, plan)
    drawing = Drawing(WIDTH, field.y + 4, tuple(field.boxes), (), tuple(field.labels))
    return Scene(drawing, tuple(lines(plan)))


def mark_of(scene: Scene) -> Mark:
    """Given blocks have a strong border as well, for eyes that do not tell pale colours apart."""
    return Mark(been=tuple(box.key for box in scene.drawing.boxes if box.kind == GIVEN))


def _range(field: Field, pool: Pool, key: str) -> None:
    """Rows of cells, the address of its first block before each row."""
    cluster, blocks = pool.pool.cluster, pool.pool.blocks
    each = max(1, -(-blocks // MOST))
    cell = "a block" if each == 1 else f"{many(each)} blocks"
    field.heading(f"{cluster}: {many(blocks)} blocks of /{pool.pool.node_mask}; a cell is {cell}")
    for at in range(-(-blocks // each)):
        row, column = divmod(at, ACROSS)
        begin, end = at * each, min((at + 1) * each, blocks)
        y = field.y + row * (CELL + 2)
        if not column:
            first = shortened(spelled(pool.pool.block(begin).first, cluster.bits), LEFT - 4, ADDRESS)
            field.labels.append(Label("", 0, y + 11, first, ADDRESS, "address", "start"))
        kind, who = _use(pool, begin, end)
        title = f"{pool.pool.block(begin)}{' and on' * (each > 1)}: {', '.join([SAYS[kind], *who])}"
        x = LEFT + column * (CELL + 0.25)
        field.boxes.append(Box(f"{key}/{at}", kind, x, y, CELL - 1, CELL, title))
        letter = "".join(LETTERS[name] for name in who)[:2]
        if letter:
            field.labels.append(Label("", x + CELL / 2 - 0.5, y + 11, letter, 10 - 2 * (len(letter) > 1), "name"))
    field.y += (1 + (-(-blocks // each) - 1) // ACROSS) * (CELL + 2) + 6


def _use(pool: Pool, begin: int, end: int) -> tuple[str, list[str]]:
    """What a cell's blocks are used for, and who else has addresses in them."""
    who = [name for name, (first, last) in pool.touched.items() if first < end and begin < last]
    if "Services" in who:
        first, last = pool.touched["Services"]
        return (SERVICES if first <= begin and end <= last else PARTLY), who
    given, leaked = (bisect_left(of, end) - bisect_left(of, begin) for of in (pool.given, pool.leaked))
    whole = {GIVEN: given, HELD: leaked, FREE: end - begin - given - leaked}
    return next((kind for kind, count in whole.items() if count == end - begin), PARTLY), who


def _block(field: Field, plan: Plan, pool: Pool, key: str) -> None:
    """One node's block as a bar: what no pod can have, what the pods use, what is left."""
    size, held = pool.addresses, pool.reserved
    pods = min(plan.wishes.pods, size - held)
    field.text(f"one /{pool.pool.node_mask} block")
    x, wide = LEFT, ACROSS * (CELL + 0.25) - 1.25
    for kind, count, text in _parts(held, pods, size - held - pods):
        width = max(wide * count / size, 5.0) if count else 0.0
        width = min(width, LEFT + wide - x) if kind != FREE else LEFT + wide - x
        if width > 0 and count:
            field.boxes.append(Box(f"{key}/{kind}", kind, x, field.y - 2, width, BAR - 4, text))
            x += width
    field.y += BAR - 2
    who = "network, bridge and broadcast" if pool.pool.cluster.bits == 32 else "network and bridge"
    text = f"{held} for {who}; {pods:,} pods"
    short = plan.wishes.pods - pods
    rest = f"{short:,} pods too many" if short else f"{many(size - held - pods)} to spare"
    field.text(f"{many(size)} addresses: {text}; {rest}", LEFT)
    field.y += 24


def _parts(held: int, pods: int, spare: int) -> Iterator[tuple[str, int, str]]:
    yield HELD, held, f"{held} addresses that no pod can have"
    yield GIVEN, pods, f"{pods} pods"
    yield FREE, spare, f"{many(spare)} addresses to spare"


def _legend(field: Field, plan: Plan) -> None:
    """Only what the picture has; below it the first node that gets nothing."""
    kinds = {box.kind for box in field.boxes if box.key.startswith("range")}
    x = 0.0
    for kind, said in SAYS.items():
        if kind in kinds:
            field.boxes.append(Box(f"legend/{kind}", kind, x, field.y, CELL - 1, CELL, said))
            field.text(said, x + 19)
            x += 34 + width_of(said, ADDRESS)
    others = {name for pool in plan.pools for name in pool.touched}
    letters = ", ".join(f"{letter} {name}" for name, letter in LETTERS.items() if name in others)
    if letters:
        field.y += 20
        field.text(f"addresses that others have too: {letters}")
    field.y += 20
    if plan.first_without:
        field.heading(headline(plan).split(";")[0])
