"""What a policy says and its author probably did not mean. Every finding states a fact that the files show."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from msgspec import Struct

from ..objects import Service
from .decide import isolates
from .fits import Ask, pods_fit, rule_fits
from .values import DIRECTIONS, BlockPeer, Direction, PodPeer, Policy, Port, Ports, Rule
from .world import Who, World


class Finding(Struct, frozen=True, gc=False):
    """A policy, a field of it, and a sentence."""

    policy: str
    path: str
    says: str


def lint(world: World) -> list[Finding]:
    """All findings, in the order of the policies."""
    found = [finding for policy in world.policies for look in LOOKS for finding in look(world, policy)]
    found += [finding for look in WHOLE for finding in look(world)]
    order = {policy.name: at for at, policy in enumerate(world.policies)}
    return sorted(dict.fromkeys(found), key=lambda one: order[one.policy])


def subjects(world: World, policy: Policy) -> list[Who]:
    return [pod for pod in world.pods.values() if pods_fit(world, policy.subject, pod)]


def selects_nothing(world: World, policy: Policy) -> Iterator[Finding]:
    if world.pods and not subjects(world, policy):
        path = "spec.podSelector" if policy.tier == "NetworkPolicy" else "spec.subject"
        yield Finding(policy.name, path, f"it selects no pod that runs: {policy.subject}")


def peers_that_fit_nobody(world: World, policy: Policy) -> Iterator[Finding]:
    for rule, _ in _rules(policy):
        for peer, path in zip(rule.peers or (), rule.peer_paths, strict=False):
            if isinstance(peer, PodPeer) and world.pods and _nobody(world, peer):
                yield Finding(policy.name, path, f"no pod that runs is one of {peer}")


def _nobody(world: World, peer: PodPeer) -> bool:
    return all(pods_fit(world, peer, pod) is False for pod in world.pods.values())


def a_dash_too_many(world: World, policy: Policy) -> Iterator[Finding]:
    """`- namespaceSelector` and `- podSelector` side by side are *or*. Where the second fits nobody at home, and both
    together would fit somebody, *and* was most likely meant.
    """
    if policy.tier != "NetworkPolicy":
        return
    for rule, _ in _rules(policy):
        peers = list(zip(rule.peers or (), rule.peer_paths, strict=False))
        for (first, path), (second, other) in pairwise(peers):
            pair = (first, second) if isinstance(first, PodPeer) and first.namespace is None else (second, first)
            spaces, pods = pair
            if not (isinstance(spaces, PodPeer) and isinstance(pods, PodPeer)):
                continue
            halves = spaces.namespace is None and not spaces.pods.demands and pods.namespace is not None
            if halves and pods.pods.demands and _nobody(world, pods):
                both = PodPeer(pods.pods, spaces.namespaces)
                if not _nobody(world, both):
                    says = f"{spaces} *or* {pods}; the second fits nobody, but {both} are there: one dash too many?"
                    yield Finding(policy.name, max(path, other), says)


def wrong_types(world: World, policy: Policy) -> Iterator[Finding]:
    """Rules without their type say nothing; egress rules without policyTypes isolate ingress as well."""
    if policy.tier != "NetworkPolicy":
        return
    written = next(one for one in world.objects.policies if "/".join(one.key) == policy.name)
    spec = written.spec
    for name, rules in (("Ingress", spec.ingress), ("Egress", spec.egress)):
        if rules and name not in spec.types:
            says = f"policyTypes lacks {name}, so these rules say nothing"
            yield Finding(policy.name, f"spec.{name.lower()}", says)
    if not spec.policy_types and spec.egress and not spec.ingress and subjects(world, policy):
        says = "policyTypes is absent, so it isolates ingress too, and without ingress rules it allows none"
        yield Finding(policy.name, "spec.policyTypes", says)


def ports_of_nobody(world: World, policy: Policy) -> Iterator[Finding]:
    """Ports that no receiver declares under that name or protocol, though it declares them under another."""
    for rule, direction in _rules(policy):
        receivers = subjects(world, policy) if direction == "ingress" else _receivers(world, rule)
        declared = {port for one in receivers for port in one.ports}
        for at, ports in enumerate(rule.ports or ()):
            says = _wrong_port(ports, declared) if declared else ""
            if says:
                word = "ports" if policy.tier == "NetworkPolicy" else "protocols"
                yield Finding(policy.name, f"{rule.path}.{word}[{at}]", says)


def _wrong_port(ports: Ports, declared: set[tuple[str, str, int]]) -> str:
    if ports.name:
        others = {protocol for name, protocol, _ in declared if name == ports.name}
        if ports.protocol in others or (others and not ports.protocol):
            return ""
        under = f"; they declare it for {', '.join(sorted(others))} (without a protocol TCP is meant)" if others else ""
        return f"no receiver declares {ports}{under}"
    if ports.first != ports.last:
        return ""
    others = {protocol for _, protocol, number in declared if number == ports.first}
    if others and ports.protocol not in others:
        said = f"its receivers declare {ports.first} for {', '.join(sorted(others))}, not {ports.protocol}"
        return f"{said} (without a protocol TCP is meant)"
    return ""


def service_ports(world: World, policy: Policy) -> Iterator[Finding]:
    """A policy sees the pod's port. A number that only the Service in front has fits nothing."""
    for rule, direction in _rules(policy):
        receivers = subjects(world, policy) if direction == "ingress" else _receivers(world, rule)
        for at, ports in enumerate(rule.ports or ()):
            if ports.name or ports.first != ports.last or not receivers:
                continue
            if any(
                (ports.protocol, ports.first) == (protocol, number)
                for one in receivers
                for _, protocol, number in one.ports
            ):
                continue
            for service in world.objects.services:
                says = _of_service(service, ports, receivers)
                if says:
                    word = "ports" if policy.tier == "NetworkPolicy" else "protocols"
                    yield Finding(policy.name, f"{rule.path}.{word}[{at}]", says)
                    break


def _of_service(service: Service, ports: Ports, receivers: Sequence[Who]) -> str:
    chosen = (service.spec.selector or {}).items()
    home = service.metadata.namespace
    if not chosen or not any(one.namespace == home and chosen <= one.labels.items() for one in receivers):
        return ""
    for port in service.spec.ports:
        if (port.port, port.protocol) == (ports.first, ports.protocol) and port.target_port not in (0, port.port):
            said = f"{ports.first} is the port of Service {'/'.join(service.key)}; its pods are asked at {port.target_port}"
            return f"{said}, and a policy sees only that"
    return ""


def dns_forgotten(world: World, policy: Policy) -> Iterator[Finding]:
    """Pods whose egress is isolated, may go somewhere, and cannot ask for a name over UDP or TCP."""
    if policy.tier != "NetworkPolicy" or not policy.egress:
        return
    servers = _dns_servers(world)
    for pod in subjects(world, policy):
        closed = [protocol for protocol in ("UDP", "TCP") if not _may_ask(world, pod, protocol, servers)]
        if closed and any(rule.peers != () for rule in policy.egress):
            why = "answers that do not fit into UDP need it" if closed == ["TCP"] else "it cannot look up any name"
            says = f"no rule lets {pod} ask DNS ({' and '.join(f'53/{one}' for one in closed)}): {why}"
            yield Finding(policy.name, "spec.egress", says)
            return


def _dns_servers(world: World) -> list[Who]:
    return [
        one for one in world.pods.values() if one.labels.get("k8s-app") in ("kube-dns", "coredns", "node-local-dns")
    ]


def _may_ask(world: World, pod: Who, protocol: str, servers: list[Who]) -> bool:
    """At the port that the servers have; where none is known, at port 53 of anybody."""
    rules = [rule for one in isolates(world, "egress", pod) for rule in one.egress or ()]
    if any(world.groups("Admin")):
        return True  # an Admin tier may open or close it for everybody: not this policy's fault
    for server in servers:
        numbers = {number for name, at, number in server.ports if at == protocol and name.startswith("dns")} or {53}
        asks = [Ask("egress", pod, server, Port(number, protocol), 0) for number in numbers]
        if any(rule_fits(world, rule, ask) is not False for rule in rules for ask in asks):
            return True
    return not servers and any(_covers(rule, 53, protocol) for rule in rules)


def _covers(rule: Rule, number: int, protocol: str) -> bool:
    said = rule.ports
    return said is None or any(
        one.protocol == protocol and (bool(one.name) or one.first <= number <= one.last) for one in said
    )


def metrics_locked(world: World, policy: Policy) -> Iterator[Finding]:
    """A port called metrics that no rule opens to anybody."""
    if policy.tier != "NetworkPolicy" or not policy.ingress:
        return
    for pod in subjects(world, policy):
        for name, protocol, number in sorted(pod.ports):
            if "metrics" not in name and not name.startswith("prom"):
                continue
            rules = [rule for one in isolates(world, "ingress", pod) for rule in one.ingress or ()]
            if not any(_opens(rule, (name, protocol, number)) for rule in rules):
                says = f"no rule opens {pod}'s port {name} ({number}/{protocol}): nobody can scrape it"
                yield Finding(policy.name, "spec.ingress", says)
                return


def _opens(rule: Rule, port: tuple[str, str, int]) -> bool:
    name, protocol, number = port
    return rule.ports is None or any(
        one.protocol == protocol and (one.name == name if one.name else one.first <= number <= one.last)
        for one in rule.ports
    )


def one_family_only(world: World, policy: Policy) -> Iterator[Finding]:
    """Pods have both families, and a block of all addresses names one."""
    families = {":" in ip for pod in world.pods.values() for ip in pod.addresses}
    for rule, _ in _rules(policy):
        blocks = [
            (one, path)
            for one, path in zip(rule.peers or (), rule.peer_paths, strict=False)
            if isinstance(one, BlockPeer)
        ]
        whole = {one.block.family.number for one, _ in blocks if one.block.length == 0}
        if len(families) == 2 and len(whole) == 1:
            path = next(path for one, path in blocks if one.block.length == 0)
            missing = "::/0" if whole == {4} else "0.0.0.0/0"
            yield Finding(policy.name, path, f"pods have both families, and {missing} does not stand beside it")


def same_priority(world: World) -> Iterator[Finding]:
    """Equal priorities are undefined only where two rules with different actions fit one connection."""
    for tier in ("Admin", "Baseline"):
        for group in world.groups(tier):  # type: ignore[arg-type]
            for at, policy in enumerate(group):
                for other in group[at + 1 :]:
                    if _may_collide(world, policy, other):
                        says = f"{other.name} has the same tier and priority ({policy.priority}), and some connections fit both"
                        yield Finding(policy.name, "spec.priority", f"{says} with different actions: undefined")


def _may_collide(world: World, policy: Policy, other: Policy) -> bool:
    from .matrix import Matrix
    from .samples import ports_that_matter

    alone = world.under([policy, other])
    for port in ports_that_matter([alone]):
        made = Matrix(alone, port)
        if any(row.can & row.cannot for row in made.combined):
            return True
    return False


def useless(world: World) -> Iterator[Finding]:
    """Without it nothing would change, among these pods and outside addresses: others say all that it says."""
    from .diff import changes

    if not 1 < len(world.policies) <= 40 or len(world.pods) > 100:
        return
    for policy in world.policies:
        if not subjects(world, policy):
            continue
        without = world.under([one for one in world.policies if one is not policy])
        if next(changes(world, without), None) is None:
            says = "without it no verdict would change, for these pods and any outside address"
            yield Finding(policy.name, "", says)


def _rules(policy: Policy) -> Iterator[tuple[Rule, Direction]]:
    for direction in DIRECTIONS:
        for rule in policy.rules(direction) or ():
            yield rule, direction


def _receivers(world: World, rule: Rule) -> list[Who]:
    """The pods that an egress rule leads to; none where it names no pods."""
    peers = [one for one in rule.peers or () if isinstance(one, PodPeer)]
    if len(peers) < len(rule.peers or ()):
        return []
    return [pod for pod in world.pods.values() if any(pods_fit(world, one, pod) for one in peers)]


Look = Callable[[World, Policy], Iterator[Finding]]
LOOKS: tuple[Look, ...] = (
    selects_nothing, peers_that_fit_nobody, a_dash_too_many, wrong_types, ports_of_nobody, service_ports,
    dns_forgotten, metrics_locked, one_family_only,
)  # fmt: skip
WHOLE = (same_priority, useless)
