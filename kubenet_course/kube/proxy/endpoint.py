"""The endpoints of a Service port, gathered from its slices (pkg/proxy/endpointslicecache.go, endpoint.go)."""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from ...linux.packet.address import Address, Family, address
from ..api.objects import HEADLESS, PROXY_NAME, EndpointSlice
from ..api.objects import Endpoint as SliceEndpoint
from ..api.objects import ServicePort as Port


class Endpoint(Struct, frozen=True, gc=False):
    """An address and a port that answer for a Service port, on a node ("" where that is not known)."""

    address: Address
    port: int
    node: str
    ready: bool
    serving: bool
    terminating: bool
    zones: tuple[str, ...] = ()  # hints: who should use it
    nodes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"

    @property
    def is_going(self) -> bool:
        """On its way out, and still answering: better than nothing."""
        return self.serving and self.terminating


def is_watched(found: EndpointSlice) -> bool:
    return HEADLESS not in found.metadata.labels and PROXY_NAME not in found.metadata.labels


def matching(slices: Iterable[EndpointSlice], port: Port, of: Family) -> Iterable[tuple[int, EndpointSlice]]:
    """The slices that serve a Service port, with the number that each gives it: slices may differ in it."""
    for found in slices:
        if found.address_type == of.name and is_watched(found):
            for one in found.ports or ():
                if one.name == port.name and one.protocol == port.protocol and one.port:
                    yield one.port, found


def endpoints(slices: Iterable[EndpointSlice], port: Port, of: Family) -> tuple[Endpoint, ...]:
    """All endpoints of a Service port, sorted by their text. Of two with the same address and port, the one that
    stays.
    """
    known: dict[str, Endpoint] = {}
    for number, found in matching(slices, port, of):
        for one in found.endpoints:
            endpoint = _endpoint(one, number)
            text = str(endpoint)
            if text not in known or not endpoint.terminating:
                known[text] = endpoint
    return tuple(known[text] for text in sorted(known))


def _endpoint(one: SliceEndpoint, number: int) -> Endpoint:
    said, hints = one.conditions, one.hints
    return Endpoint(
        address(one.addresses[0]),
        number,
        one.node_name or "",
        said.ready is not False,
        said.serving is not False,
        said.terminating is True,
        tuple(zone.name for zone in hints.for_zones) if hints else (),
        tuple(node.name for node in hints.for_nodes) if hints else (),
    )


def anybody(slices: Sequence[EndpointSlice], port: Port, of: Family) -> bool:
    """Whether any endpoint anywhere would take a connection: ready, or going and still serving."""
    if len(slices) > 1:  # several may hold one address, and then only one of their words for it counts
        return any(one.ready or one.is_going for one in endpoints(slices, port, of))
    for _, found in matching(slices, port, of):
        for one in found.endpoints:
            said = one.conditions
            if said.ready is not False or (said.serving is not False and said.terminating):
                return True
    return False
