"""Some connections, the verdict on each, and the policy that decided: a small table for a chapter."""

from __future__ import annotations

from ...errors import BadInput
from ...kube.policy.judge.decide import Clause, End, PolicyVerdict, decide, isolates, spoken
from ...kube.policy.judge.values import DIRECTIONS, Port
from ...kube.policy.judge.world import PolicyWorld, Who
from ...kube.policy.written.border import backends, port_of, who_of
from ..tables.table import Table, table

RIGHT = "write 'web-1 -> api-1:8080' or 'web-1 -> service api:80'"
SAID = {True: "allowed", False: "denied", None: "not certain"}


def asked(world: PolicyWorld, *lines: str, caption: str = "May it open this connection?") -> Table:
    """Lines such as `web-1 -> api-1:8080`, `web-1 -> service api:80`, `visitor -> coredns:53/UDP`."""
    found = [(line.replace("->", "→"), judged(world, line)) for line in lines]
    rows = [(line, SAID[said.allowed], _side(said.egress), _side(said.ingress)) for line, said in found]
    return table(caption, ("connection", "verdict", "sender's egress", "receiver's ingress"), rows)


def selecting(world: PolicyWorld, line: str) -> Table:
    """What has a say in a connection, without the verdict: the policies that select its ends, and the words of their rules."""
    source, to, port, by_service = ends(world, line)
    receiver = _behind(world, to, port, by_service)[0][0]
    rows = []
    for way, subject in zip(DIRECTIONS, (receiver, source), strict=True):
        found = isolates(world, way, subject) if subject.kind == "pod" else []
        for policy in found:
            rules = [spoken(rule, way) for rule in policy.rules(way) or ()]
            rows.append((f"{way} of {subject.name}", policy.name, "; or ".join(rules) or "no rule"))
        if not found:
            rows.append((f"{way} of {subject.name}", "no policy selects it", ""))
    return table("Who has a say", ("direction", "policy that selects it", "its rules"), rows)


def allowed(world: PolicyWorld, *lines: str) -> tuple[str, ...]:
    """Those of the connections that are surely allowed."""
    return tuple(line for line in lines if judged(world, line).allowed)


def judged(world: PolicyWorld, line: str) -> PolicyVerdict:
    """The verdict on one line. Of a Service's pods the one that may not be asked decides."""
    source, to, port, by_service = ends(world, line)
    found = [decide(world, source, one, at, by_service=by_service) for one, at in _behind(world, to, port, by_service)]
    return next((one for one in found if one.allowed is not True), found[0])


def ends(world: PolicyWorld, line: str) -> tuple[Who, str, Port, bool]:
    """Who asks, who is asked (a Who's name or a Service's), the port, and whether it is a Service."""
    who, arrow, rest = line.partition("->")
    to, colon, port = rest.strip().rpartition(":")
    if not arrow or not colon:
        raise BadInput("connection", f"{line!r} is not one", RIGHT)
    by_service = to.startswith("service ")
    return named(world, who.strip()), to.removeprefix("service "), port_of(port, "connection"), by_service


def _behind(world: PolicyWorld, to: str, port: Port, by_service: bool) -> list[tuple[Who, Port]]:
    if by_service:
        known = {one.metadata.name: "/".join(one.key) for one in world.objects.services}
        return backends(world, known.get(to, to), port, "connection")
    return [(named(world, to), port)]


def named(world: PolicyWorld, text: str) -> Who:
    """A pod by its name alone where only one has it; else `pod/NAMESPACE/NAME`, `node/NAME`, `host/ADDRESS`."""
    found = [pod for name, pod in world.pods.items() if name.partition("/")[2] == text]
    return found[0] if len(found) == 1 else who_of(world, text, "connection")


def _side(ends: tuple[End, ...]) -> str:
    """One direction in a few words: open, or the rules that allow it, or the policies that do not."""
    if not ends:
        return "✓ asks itself"
    if len({end.allowed for end in ends}) > 1:
        return "? not certain"
    clauses = dict.fromkeys(_short(clause) for end in ends for clause in end.clauses)
    return f"{'✓' if ends[0].allowed else '✗'} {'; '.join(clauses)}"


def _short(one: Clause) -> str:
    if one.policy and one.rule:
        return f"{one.policy} {one.rule}"
    if one.policy:
        return f"{one.policy}: no rule fits"
    return next((short for part, short in OPEN.items() if part in one.says), one.says)


OPEN = {
    "no NetworkPolicy selects": "no policy selects it",
    "its own node": "its own node, always allowed",
    "no pod": "not a pod, so not restricted",
}
