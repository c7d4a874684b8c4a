"""A label selector as a value: a list of demands, all of which must hold.

apimachinery/pkg/labels/selector.go, Requirement.Matches: NotIn and DoesNotExist hold where the key is missing.
"""

from collections.abc import Mapping

from msgspec import Struct

from ...api.base import Labels
from ...api.policy import LabelSelector

NAME_LABEL = "kubernetes.io/metadata.name"  # the API server writes it on every namespace


class Demand(Struct, frozen=True, gc=False, order=True):
    """`key` `operator` `values`; a matchLabels pair is an In with one value."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def holds(self, labels: Mapping[str, str]) -> bool:
        match self.operator:
            case "In":
                return labels.get(self.key) in self.values
            case "NotIn":
                return labels.get(self.key) not in self.values
            case "Exists":
                return self.key in labels
        return self.key not in labels

    def __str__(self) -> str:
        match self.operator:
            case "In" if len(self.values) == 1:
                return f"{self.key}={self.values[0]}"
            case "In" | "NotIn":
                return f"{self.key} {'in' if self.operator == 'In' else 'not in'} ({', '.join(self.values)})"
            case "Exists":
                return f"{self.key} exists"
        return f"{self.key} does not exist"


class Selector(Struct, frozen=True, gc=False, order=True):
    """Without demands it selects everything."""

    demands: tuple[Demand, ...] = ()

    def fits(self, labels: Mapping[str, str]) -> bool:
        return all(demand.holds(labels) for demand in self.demands)

    def fits_unknown(self, name: str) -> bool | None:
        """Against a namespace of which only the name is known; None: its labels would decide."""
        known, unknown = [], False
        for demand in self.demands:
            if demand.key == NAME_LABEL:
                known.append(demand.holds({NAME_LABEL: name}))
            else:
                unknown = True
        return False if not all(known) else None if unknown else True

    def missed(self, labels: Mapping[str, str]) -> tuple[Demand, ...]:
        """The demands that do not hold."""
        return tuple(demand for demand in self.demands if not demand.holds(labels))

    def __str__(self) -> str:
        return " and ".join(map(str, self.demands))


ALL = Selector()


def selector(written: LabelSelector) -> Selector:
    """Equal selections are equal values: demands stand in order, each once."""
    pairs: Labels = written.match_labels or {}
    demands = {Demand(key, "In", (value,)) for key, value in pairs.items()}
    demands |= {Demand(one.key, one.operator, tuple(sorted(set(one.values)))) for one in written.match_expressions}
    return Selector(tuple(sorted(demands)))


def pairs_of(labels: Labels) -> Selector:
    """The selector that demands exactly these labels."""
    return Selector(tuple(sorted(Demand(key, "In", (value,)) for key, value in labels.items())))
