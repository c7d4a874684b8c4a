"""Which addresses a cluster uses: as its configuration says, else as its nodes show, else the course's one address
plan.
"""

from collections.abc import Iterable

from msgspec import Struct

from ...errors import BadInput
from ...linux.packet.address import FAMILIES, IPV4, Address, Family, Prefix, family, mask_of, number, prefix
from ..api.base import Read
from ..manifest.collection import Objects

PODS = {4: prefix("10.244.0.0/16"), 6: prefix("fd00:10:244::/56")}
MANY_PODS = {4: prefix("10.128.0.0/9"), 6: prefix("fd00:10:244::/48")}  # for more nodes than 256
SERVICES = {4: prefix("10.96.0.0/16"), 6: prefix("fd00:10:96::/112")}
NODES = {4: prefix("192.168.1.0/24"), 6: prefix("fd00:192:168:1::/64")}
MANY_NODES = {4: prefix("172.16.0.0/16"), 6: prefix("fd00:192:168:1::/64")}  # for more than fit there
OUTSIDE = {4: prefix("203.0.113.0/24"), 6: prefix("2001:db8::/64")}
MOST_SMALL = 240  # nodes that the small ranges hold
USUAL = {4: 16, 6: 56}  # lengths of pod ranges that nobody mentions


class Ranges(Struct, frozen=True):
    """The ranges of a cluster, one for each of its families, primary first. `said`: which of them its configuration
    names.
    """

    families: tuple[int, ...]
    pods: dict[int, Prefix]
    services: dict[int, Prefix]
    said: frozenset[str] = frozenset()


def ranges(objects: Objects) -> Ranges:
    """The ranges of a cluster. Raises BadInput where pods and Services share addresses."""
    networking = objects.cluster.networking if objects.cluster else None
    flannel = objects.net_conf or {}
    texts = [str(flannel[key]) for key in ("Network", "IPv6Network") if flannel.get(key)]
    pods = _listed(networking.pod_subnet if networking else "") or _listed(",".join(texts))
    services = _listed(networking.service_subnet if networking else "")
    services = services or {
        block.family.number: block for one in objects.service_cidrs for block in map(prefix, one.spec.cidrs)
    }
    said = frozenset(name for name, found in (("pods", pods), ("services", services)) if found)
    families = tuple(pods) or tuple(services) or _seen(objects)
    many = len(objects.nodes) > MOST_SMALL
    blocks = [prefix(text) for node in objects.nodes for text in node.pod_cidrs] if not pods else []
    found = Ranges(
        families,
        {of: pods.get(of) or _around(blocks, FAMILIES[of]) or (MANY_PODS if many else PODS)[of] for of in families},
        {of: services.get(of) or SERVICES[of] for of in families},
        said,
    )
    for of in families:
        if {"pods", "services"} <= said and overlap(found.pods[of], found.services[of]):
            raise BadInput(
                _where(objects, objects.cluster, "networking.serviceSubnet"),
                f"{found.services[of]} shares addresses with podSubnet {found.pods[of]}",
                "write two ranges that share none",
            )
    return found


def _where(objects: Objects, one: Read | None, path: str) -> str:
    return f"{objects.where(one)}: {path}" if one is not None else path


def _listed(text: str) -> dict[int, Prefix]:
    return {block.family.number: block for block in (prefix(part.strip()) for part in text.split(",") if part.strip())}


def overlap(one: Prefix, other: Prefix) -> bool:
    return one.family is other.family and (one.first in other or other.first in one)


def _seen(objects: Objects) -> tuple[int, ...]:
    """The families that nodes, pods and Services show; IPv4 where nothing shows any."""
    texts = [text for node in objects.nodes[:1] for text in node.pod_cidrs]
    texts = texts or [ip for pod in objects.pods[:50] if not pod.spec.host_network for ip in pod.addresses]
    found = {family(text).number for text in texts} or {4}
    for service in objects.services:
        spec = service.spec
        found |= {6 if name == "IPv6" else 4 for name in spec.ip_families}
        found |= {family(ip).number for ip in service.cluster_ips}
        found |= {4, 6} if spec.ip_family_policy == "RequireDualStack" else set()
    return tuple(sorted(found))


def _around(blocks: Iterable[Prefix], of: Family) -> Prefix | None:
    """The range of usual length that holds all blocks, the plan's own where it does; None where there is none."""
    mine = [block for block in blocks if block.family is of]
    if not mine or all(block.first in PODS[of.number] for block in mine):
        return None
    return covering([block.first for block in mine], of, USUAL[of.number])


def covering(addresses: Iterable[Address], of: Family, longest: int) -> Prefix:
    """The smallest range that holds all addresses, but at least one of `longest` bits."""
    values = [number(ip) for ip in addresses]
    length = min(longest, of.bits - (min(values) ^ max(values)).bit_length())
    mask = mask_of(length, of)
    return Prefix(min(values) & mask, mask, of)


def outside_range(ip: Address) -> Prefix:
    return OUTSIDE[4 if family(ip) is IPV4 else 6]
