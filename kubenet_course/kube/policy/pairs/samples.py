"""Enough questions to see every difference that policies can make: ports and outside addresses, one for each stretch
within which no policy distinguishes; and pods that are not there yet.
"""

from collections.abc import Iterable, Iterator

from ....linux.packet.address import FAMILIES, IPV4, IPV6, Family, number, spelled
from ..judge.selector import NAME_LABEL, Selector
from ..judge.values import PROTOCOLS, BlockPeer, PodPeer, Policy, Port, Ports
from ..judge.world import PolicyWorld, Who
from .classes import rules_of, span

PLEASANT = ("203.0.113.1", "198.51.100.1", "192.0.2.1", "2001:db8::1")  # RFC 5737, RFC 3849: addresses for examples


class Stretch(Port, frozen=True, gc=False):
    """A port that stands for all up to `last`."""

    last: int = 0

    @property
    def span(self) -> str:
        """`81-442/TCP`."""
        return (
            f"{self.number}/{self.protocol}"
            if self.last <= self.number
            else f"{self.number}-{self.last}/{self.protocol}"
        )


def ports_that_matter(worlds: Iterable[PolicyWorld]) -> list[Stretch]:
    """For each protocol that a rule names, one port per stretch; with no rule about ports, one TCP port."""
    borders: dict[str, set[int]] = {}
    names: set[tuple[str, str]] = set()
    seen = list(worlds)
    said = [one for world in seen for policy in world.policies for rule in rules_of(policy) for one in rule.ports or ()]
    for one in said:
        for protocol in (one.protocol,) if one.protocol else PROTOCOLS:
            borders.setdefault(protocol, {1})
            if one.name:
                names.add((one.name, protocol))
            else:
                borders[protocol] |= {max(one.first, 1), one.last + 1}
    for world in seen:
        for pod in world.pods.values() if names else ():
            for name, protocol, at in pod.ports:
                if (name, protocol) in names:
                    borders[protocol] |= {at, at + 1}
    if said:
        borders.setdefault(next(one for one in PROTOCOLS if one not in borders) if len(borders) < 3 else "TCP", {1})
    found = []
    for protocol, starts in sorted((borders or {"TCP": {1}}).items()):
        ordered = [at for at in sorted(starts) if at <= 65535]
        ends = [*(at - 1 for at in ordered[1:]), 65535]
        found += [Stretch(first, protocol, last) for first, last in zip(ordered, ends, strict=True)]
    return found


def outsiders(worlds: Iterable[PolicyWorld]) -> list[Who]:
    """A host for each stretch of addresses that blocks of policies part, in the families that pods have."""
    seen = list(worlds)
    taken = {ip for world in seen for one in (*world.pods.values(), *world.nodes.values()) for ip in one.addresses}
    families = {6 if ":" in ip else 4 for ip in taken} or {4}
    blocks = [
        block
        for world in seen
        for policy in world.policies
        for rule in rules_of(policy)
        for peer in rule.peers or ()
        if isinstance(peer, BlockPeer)
        for block in (peer.block, *peer.excluded)
    ]
    found = []
    for of in map(FAMILIES.__getitem__, sorted(families)):
        borders = {at for one in blocks if one.family is of for at in (one.network, one.network + span(one))}
        starts = sorted({0, *borders} - {1 << of.bits})
        for low, high in zip(starts, [*starts[1:], 1 << of.bits], strict=True):
            ip = _free(low, high, of, taken)
            if ip is not None:
                found.append(Who("host", ip, addresses=(ip,)))
    return found


def _free(low: int, high: int, of: Family, taken: set[str]) -> str | None:
    """An address of a stretch that nobody in the cluster has; one from the documentation's blocks if it may be."""
    pleasant = [ip for ip in PLEASANT if (":" in ip) == (of is IPV6) and low <= number(ip) < high]
    tried = [*pleasant, *(spelled(at, of) for at in range(low + (low == 0), min(high, low + len(taken) + 2)))]
    return next((ip for ip in tried if ip not in taken), None)


def newcomers(world: PolicyWorld) -> Iterator[tuple[Who, dict[str, dict[str, str]], str]]:
    """Pods that do not exist yet and would be let in by what policies ask for: each with the namespaces that it needs,
    and what it is in words.
    """
    yield _pod("new-0", {}, world), {"new-0": {NAME_LABEL: "new-0"}}, "a pod without labels in a new namespace"
    for name in sorted({one.namespace for one in world.pods.values()}):
        yield _pod(name, {}, world), {}, f"a new pod without labels in namespace {name}"
    asked = {peer for policy in world.policies for rule in rules_of(policy) for peer in rule.peers or ()}
    for at, peer in enumerate(sorted((one for one in asked if isinstance(one, PodPeer)), key=str), 1):
        labels, homes = _satisfying(peer.pods), _satisfying(peer.namespaces)
        if labels is None or homes is None:
            continue
        name = peer.namespace or homes.get(NAME_LABEL, f"new-{at}")
        needs = {} if name in world.namespaces else {name: {**homes, NAME_LABEL: name}}
        yield _pod(name, labels, world), needs, f"a new one of {peer}"


def _pod(namespace: str, labels: dict[str, str], world: PolicyWorld) -> Who:
    of = IPV6 if world.pods and all(":" in ip for one in world.pods.values() for ip in one.addresses[:1]) else IPV4
    free = outsiders([world.under(())])
    ip = free[0].addresses if free else (spelled(1, of),)
    return Who("pod", f"{namespace}/(new)", namespace, labels, ip)


def _satisfying(selector: Selector) -> dict[str, str] | None:
    """Labels that a selector fits, if there are any."""
    found = {}
    for demand in selector.demands:
        if demand.operator == "In":
            found[demand.key] = demand.values[0]
        elif demand.operator == "Exists":
            found.setdefault(demand.key, "any")
    return found if selector.fits(found) else None


def named_ports(policy: Policy) -> list[Ports]:
    return [ports for rule in rules_of(policy) for ports in rule.ports or () if ports.name]
