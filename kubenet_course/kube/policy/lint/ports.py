"""Ports that nobody has, ports of Services, and what is locked out: DNS, metrics."""

from collections.abc import Iterator, Sequence

from ...api.objects import Service
from ..judge.decide import isolates
from ..judge.fits import Ask, rule_fits
from ..judge.values import Policy, PolicyRule, Port, Ports
from ..judge.world import PolicyWorld, Who
from .findings import Finding, dns_servers, receivers_of, rules_in, subjects


def ports_of_nobody(world: PolicyWorld, policy: Policy) -> Iterator[Finding]:
    """Ports that no receiver declares under that name or protocol, though it declares them under another."""
    for rule, direction in rules_in(policy):
        receivers = subjects(world, policy) if direction == "ingress" else receivers_of(world, rule)
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


def service_ports(world: PolicyWorld, policy: Policy) -> Iterator[Finding]:
    """A policy sees the pod's port. A number that only the Service in front has fits nothing."""
    for rule, direction in rules_in(policy):
        receivers = subjects(world, policy) if direction == "ingress" else receivers_of(world, rule)
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


def dns_forgotten(world: PolicyWorld, policy: Policy) -> Iterator[Finding]:
    """Pods whose egress is isolated, may go somewhere, and cannot ask for a name over UDP or TCP."""
    if policy.tier != "NetworkPolicy" or not policy.egress:
        return
    servers = dns_servers(world)
    for pod in subjects(world, policy):
        closed = [protocol for protocol in ("UDP", "TCP") if not _may_ask(world, pod, protocol, servers)]
        if closed and any(rule.peers != () for rule in policy.egress):
            why = "answers that do not fit into UDP need it" if closed == ["TCP"] else "it cannot look up any name"
            says = f"no rule lets {pod} ask DNS ({' and '.join(f'53/{one}' for one in closed)}): {why}"
            yield Finding(policy.name, "spec.egress", says)
            return


def _may_ask(world: PolicyWorld, pod: Who, protocol: str, servers: list[Who]) -> bool:
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


def _covers(rule: PolicyRule, number: int, protocol: str) -> bool:
    said = rule.ports
    return said is None or any(
        one.protocol == protocol and (bool(one.name) or one.first <= number <= one.last) for one in said
    )


def metrics_locked(world: PolicyWorld, policy: Policy) -> Iterator[Finding]:
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


def _opens(rule: PolicyRule, port: tuple[str, str, int]) -> bool:
    name, protocol, number = port
    return rule.ports is None or any(
        one.protocol == protocol and (one.name == name if one.name else one.first <= number <= one.last)
        for one in rule.ports
    )
