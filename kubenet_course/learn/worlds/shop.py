"""An application in three tiers, and policies written as text: the shop of chapter 13, and others with other ports."""

from __future__ import annotations

from functools import lru_cache
from random import Random

from msgspec import Struct

from ...data import data
from ...errors import BadInput
from ...kube.manifest.collection import Objects
from ...kube.manifest.read import read_text
from ...kube.policy.judge.values import Port
from ...kube.policy.judge.world import PolicyWorld, of_objects
from ...kube.policy.pairs.matrix import PairMatrix
from ...kube.policy.written.border import refuse_outside
from ..questions.reading import Unreadable

MANIFEST = data("policies/shop.yaml")
ONLY = "write manifests of kind NetworkPolicy, as for kubectl apply"


class Tiers(Struct, frozen=True):
    """An application: its namespace, and the ports of its pods. In front of web and api stand Services with port 80."""

    namespace: str = "shop"
    web: int = 8080
    api: int = 8080
    db: int = 5432
    metrics: int = 9100
    dns: int = 53

    @property
    def manifest(self) -> str:
        """The pods, as the manifest of the shop has them, with these numbers."""
        parts = MANIFEST.read_text(encoding="utf-8").split("---\n")
        return "---\n".join(self._numbered(part) for part in parts).replace(": shop\n", f": {self.namespace}\n")

    def _numbered(self, part: str) -> str:
        own = self.web if "tier: web" in part else self.api
        for old, new in ((": 8080\n", own), (": 5432\n", self.db), (": 9100\n", self.metrics)):
            part = part.replace(f"containerPort{old}", f"containerPort: {new}\n")
        return part.replace("containerPort: 53\n", f"containerPort: {self.dns}\n")

    @property
    def ports(self) -> tuple[Port, ...]:
        """One of every port that somebody listens on."""
        numbers = dict.fromkeys((self.web, self.api, self.db, self.metrics))
        return (*(Port(one) for one in numbers), Port(self.dns, "UDP"), Port(self.dns, "TCP"))

    def under(self, *texts: str, visitor: str = "app: visitor") -> PolicyWorld:
        """The pods under policies; `visitor` is the label of the stranger's pod, which may copy anybody's.

        Raises BadInput or Unreadable for what is no policy, or not understood.
        """
        pods = _pods(self.manifest.replace("    app: visitor\n", f"    {visitor}\n"))
        return PolicyWorld(pods, [one for text in texts for one in policies(text)])


SHOP = Tiers()


def shop(*texts: str) -> PolicyWorld:
    """The shop's pods under policies, each text one manifest or several."""
    return SHOP.under(*texts)


def tiers(chance: Random) -> Tiers:
    """Another application of three tiers."""
    return Tiers(
        chance.choice(("shop", "clinic", "library", "tickets")),
        chance.choice((8080, 3000, 8000)),
        chance.choice((8081, 9000, 7000)),
        chance.choice((5432, 3306, 6379)),
        chance.choice((9100, 9153, 2112)),
        chance.choice((53, 53, 5353)),
    )


@lru_cache(maxsize=64)
def _pods(manifest: str) -> Objects:
    return read_text(manifest, "pods")


def policies(text: str) -> list:
    """The policies of a text."""
    objects = read_text(text, "policy")
    refuse_outside(objects)
    if objects.notices:
        raise Unreadable(f"{objects.notices[0].removeprefix('policy: ')}.")
    found = of_objects(objects)
    if not found or len(found) < len(objects.order):
        raise BadInput("policy", "there is something else than a policy", ONLY)
    return found


def pairs(of: Tiers, world: PolicyWorld) -> dict[tuple[str, str, str], bool | None]:
    """Every pair of pods and every port, by their names, with its verdict."""
    found: dict[tuple[str, str, str], bool | None] = {}
    names = [name.partition("/")[2] for name in world.pods]
    for port in of.ports:
        made = PairMatrix(world, port)
        for who, row in zip(names, made.text(made.combined, 2), strict=True):
            for to, said in zip(names, row, strict=True):
                if who != to:
                    found[who, to, str(port)] = {"1": True, "0": False}.get(said)
    return found
