"""The provider's route table: each node's block leads to that node, as long as the table has room.

Check it against k8s.io/cloud-provider/controllers/route/route_controller.go. Since 1.31 the cloud-controller-manager
runs it; kube-controller-manager only reads `--configure-cloud-routes` and says that it can do nothing about it.
"""

from collections.abc import Iterable, Mapping

from msgspec import Struct

from .cidr import Cidr, parse_sloppy
from .node_ipam import PodCIDRs

# Routes that one table holds unless the provider is asked for more. AWS: 50 until June 2025.
LIMITS: Mapping[str, int] = {"AWS": 500, "Azure": 400}


class CloudRoute(Struct, frozen=True):
    """One row of the provider's table: packets to `destination` go to the machine `node`."""

    destination: str
    node: str


class NetworkUnavailable(Struct, frozen=True):
    """The node's condition after a turn. While `status` is true the scheduler sends no pod there (a taint says so)."""

    node: str
    status: bool
    reason: str
    message: str


class Turn(Struct, frozen=True):
    """One turn of the route controller: the table after it, what each node is told, and what the provider refused."""

    routes: tuple[CloudRoute, ...]
    conditions: tuple[NetworkUnavailable, ...]
    refused: tuple[CloudRoute, ...]


def reconcile(
    nodes: Mapping[str, PodCIDRs], routes: Iterable[CloudRoute], cluster_cidrs: Iterable[Cidr], limit: int
) -> Turn:
    """Compare table and nodes: delete what leads to nobody, add what is missing, tell the nodes.

    Rows that neither begin nor end in the cluster's ranges belong to somebody else: they stay, and they count towards `limit`.
    A node without a block is told nothing, unless a row still led to it.
    """
    ranges, before = tuple(cluster_cidrs), tuple(routes)
    wanted = [CloudRoute(cidr, name) for name, pod_cidrs in nodes.items() for cidr in pod_cidrs]
    needed = set(wanted)
    table = [route for route in before if route in needed or not _ours(route, ranges)]
    there, refused = set(table), []
    for route in wanted:
        if route in there:
            continue
        if len(table) < limit:
            table.append(route)
            there.add(route)
        else:
            refused.append(route)
    missing = {route.node for route in refused}
    told = missing | {route.node for route in (*before, *wanted)}
    conditions = (_condition(name, bool(nodes[name]) and name not in missing) for name in nodes if name in told)
    return Turn(tuple(table), tuple(conditions), tuple(refused))


def _ours(route: CloudRoute, ranges: tuple[Cidr, ...]) -> bool:
    """A row whose first or last address is in a cluster range is this controller's to delete, however large it is."""
    try:
        cidr = parse_sloppy(route.destination)
    except ValueError:
        return False
    ends = (cidr.first, cidr.last)
    return any(of.bits == cidr.bits and any(of.first <= end <= of.last for end in ends) for of in ranges)


def _condition(name: str, reached: bool) -> NetworkUnavailable:
    if reached:
        return NetworkUnavailable(name, False, "RouteCreated", "RouteController created a route")
    return NetworkUnavailable(name, True, "NoRouteCreated", "RouteController failed to create a route")
