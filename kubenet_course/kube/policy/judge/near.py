"""What would change a verdict: the rules that nearly fit, and what each of them lacks; and what the API leaves open."""

from msgspec import Struct

from .decide import decide, isolates, on_its_node, side
from .fits import Ask, peer_fits, port_fits, rule_fits, shared_family
from .values import DIRECTIONS, BlockPeer, Direction, Peer, PodPeer, Policy, PolicyRule, Port
from .world import PolicyWorld, Who, without_host_network


class Near(Struct, frozen=True, gc=False):
    """A rule that would have fitted but for one thing."""

    policy: str
    direction: Direction
    rule: str
    says: str


def asks(world: PolicyWorld, source: Who, to: Who, port: Port, family: int = 0) -> dict[Direction, Ask]:
    of = shared_family(source, to, family)
    return {"ingress": Ask("ingress", to, source, port, of), "egress": Ask("egress", source, to, port, of)}


def near_misses(world: PolicyWorld, source: Who, to: Who, port: Port, family: int = 0) -> list[Near]:
    """For a denied connection: in each direction that denies, the rules with exactly one obstacle."""
    found = []
    for direction, ask in asks(world, source, to, port, family).items():
        if all(end.allowed for end in side(world, ask)):
            continue
        for policy in isolates(world, direction, ask.subject):
            for rule in policy.rules(direction) or ():
                lacks = obstacles(world, rule, ask)
                if len(lacks) == 1:
                    found.append(Near(policy.name, direction, str(rule), f"it would fit but for {lacks[0]}"))
    return found


def obstacles(world: PolicyWorld, rule: PolicyRule, ask: Ask) -> list[str]:
    """Why a rule does not fit: of its peers, the one that comes nearest."""
    found = []
    if rule.ports is not None and not any(port_fits(one, ask) for one in rule.ports):
        found.append(f"the port: it has {' or '.join(map(str, rule.ports))}")
    if rule.peers is not None and not any(peer_fits(world, one, ask.other, ask.family) for one in rule.peers):
        lacks: list[list[str]] = [_lacks(world, peer, ask) for peer in rule.peers] or [["a peer: it has none"]]
        found += sorted(lacks, key=len)[0]
    return found


def _lacks(world: PolicyWorld, peer: Peer, ask: Ask) -> list[str]:
    other = ask.other
    if not isinstance(peer, PodPeer):
        return [f"the address: it wants {peer}"]
    if other.kind != "pod":
        return [f"the peer: {other} is no pod, and it wants {peer}"]
    if other.host_network:
        return [f"the network: {other} is in the network of its node, and no selector of pods fits it"]
    lacks = [f"label {one} of {other}" for one in peer.pods.missed(other.labels)]
    if peer.namespace is not None:
        return lacks + ([f"the namespace: it wants {peer.namespace}"] if peer.namespace != other.namespace else [])
    labels = world.namespaces.get(other.namespace)
    if labels is None:
        return [*lacks, f"the labels of namespace {other.namespace}, which are not known"]
    return [*lacks, *(f"label {one} of namespace {other.namespace}" for one in peer.namespaces.missed(labels))]


def what_would_change(
    world: PolicyWorld, source: Who, to: Who, port: Port, allowed: bool | None, family: int = 0
) -> str:
    """In a sentence or a few; empty where nobody's policy could."""
    if allowed is None:
        return "what hangs_on names must be known, or the priorities must differ"
    if allowed:
        return _what_would_deny(world, source, to, port, family)
    near = near_misses(world, source, to, port, family)
    if near:
        return "; ".join(f"{one.policy} {one.rule}: {one.says}" for one in near)
    says = [
        f"a rule for {direction} in one of {', '.join(one.name for one in policies)}"
        for direction, ask in asks(world, source, to, port, family).items()
        if not all(end.allowed for end in side(world, ask)) and (policies := isolates(world, direction, ask.subject))
    ]
    return "; ".join(says) or "a rule of the cluster-wide policy that denies it, or of one before it"


def _what_would_deny(world: PolicyWorld, source: Who, to: Who, port: Port, family: int) -> str:
    said = []
    for direction, ask in asks(world, source, to, port, family).items():
        subject = ask.subject
        if subject.kind != "pod" or subject.host_network or on_its_node(world, ask):
            continue
        policies = isolates(world, direction, subject)
        allowing = [f"{one.name} {rule}" for one, rule in fitting(world, policies, ask)]
        if allowing:
            said.append(f"without {' and '.join(allowing)} it would be denied for {direction}")
        elif not policies:
            said.append(f"any NetworkPolicy that selects {subject} for {direction} would deny it unless it allows it")
    return "; ".join(said)


def fitting(world: PolicyWorld, policies: list[Policy], ask: Ask) -> list[tuple[Policy, PolicyRule]]:
    return [
        (policy, rule)
        for policy in policies
        for rule in policy.rules(ask.direction) or ()
        if rule_fits(world, rule, ask)
    ]


SAID = {True: "allowed", False: "denied", None: "not certain"}
EXISTING = "a connection that exists already when the policy comes: the API leaves to the plugin whether it goes on"
NAT = (
    "an ipBlock is asked here with the address that {other} has; whether a plugin asks before or after a Service, a "
    "load balancer or a node has replaced it, the API leaves open"
)
HOST_NETWORK = (
    "{pod} is in its node's network; most plugins see it as its node, as here. One that can tell it from its node "
    "would say: {other}"
)


def left_to_plugin(
    world: PolicyWorld, source: Who, to: Who, port: Port, allowed: bool | None, family: int = 0
) -> list[str]:
    """What a plugin may do in another way without breaking the API's rules."""
    said = []
    for pod in (source, to):
        if pod.host_network:
            seen = [without_host_network(one) if one is pod else one for one in (source, to)]
            other = decide(world, seen[0], seen[1], port, family).allowed
            if other != allowed:
                said.append(HOST_NETWORK.format(pod=pod, other=SAID[other]))
    every = asks(world, source, to, port, family)
    for direction in DIRECTIONS:
        ask = every[direction]
        rules = [rule for one in isolates(world, direction, ask.subject) for rule in one.rules(direction) or ()]
        if ask.other.kind != "pod" and any(isinstance(peer, BlockPeer) for rule in rules for peer in rule.peers or ()):
            said.append(NAT.format(other=ask.other))
    return said + ([EXISTING] if allowed is False else [])
