"""One change to a policy: where it stands in the manifest, what is written there, and the policy that comes of it."""

from itertools import combinations
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ....linux.packet.address import prefix
from ..judge.fits import Ask, port_fits
from ..judge.selector import NAME_LABEL, pairs_of
from ..judge.values import BlockPeer, Direction, Peer, PodPeer, Policy, PolicyRule, Port, Ports
from ..judge.world import PolicyWorld, Who

VOLATILE = (
    "pod-template-hash",
    "controller-revision-hash",
    "statefulset.kubernetes.io/pod-name",
    "pod-template-generation",
)


class Edit(Struct, frozen=True, gc=False):
    """`op` add: `value` is added to the list at `path`, insert: it is put before what stands there, remove: what stands
    there is removed, set: `value` is written there, create: a new policy.
    """

    policy: str
    path: str
    op: str
    value: Any
    says: str
    before: Policy | None
    after: Policy | None
    labels: int = 0  # how much it asks for: of two edits that open the same, the shorter is better
    opens: PodPeer | None = None  # the pods that it names


def applied(world: PolicyWorld, edits: tuple[Edit, ...]) -> PolicyWorld:
    """A world after some edits, each of another policy."""
    changed = {str(one.before): one.after for one in edits if one.before is not None}
    kept = [changed.get(str(policy), policy) for policy in world.policies]
    new = [one.after for one in edits if one.before is None]
    return world.under([one for one in (*kept, *new) if one is not None])


def with_rules(policy: Policy, direction: Direction, rules: tuple[PolicyRule, ...]) -> Policy:
    return replace(policy, **{direction: rules})


def peers_for(other: Who, home: str) -> list[tuple[Peer, dict[str, Any], int]]:
    """Ways to name the other end, with what a NetworkPolicy of namespace `home` writes, and its number of labels."""
    if other.kind != "pod" or other.host_network:
        return [_block(ip) for ip in other.addresses]
    labels = {key: value for key, value in other.labels.items() if key not in VOLATILE}
    found: list[tuple[Peer, dict[str, Any], int]] = []
    for size in range(bool(labels), min(len(labels), 4) + 1):
        for chosen in combinations(sorted(labels), size):
            picked = {key: labels[key] for key in chosen}
            written: dict[str, Any] = {"podSelector": {"matchLabels": picked} if picked else {}}
            peer = PodPeer(pairs_of(picked), namespace=home)
            if other.namespace != home:
                name = {NAME_LABEL: other.namespace}
                written["namespaceSelector"] = {"matchLabels": name}
                peer = PodPeer(pairs_of(picked), pairs_of(name))
            found.append((peer, written, size))
    return found


def _block(ip: str) -> tuple[Peer, dict[str, Any], int]:
    block = prefix(ip)
    return BlockPeer(block), {"ipBlock": {"cidr": str(block) if "/" in str(block) else f"{block}/32"}}, 0


def _pods(peer: Peer) -> PodPeer | None:
    return peer if isinstance(peer, PodPeer) else None


def port_written(port: Port) -> dict[str, Any]:
    return {"protocol": port.protocol, "port": port.number}


def widened(policy: Policy, ask: Ask) -> list[Edit]:
    """Every single change by which a NetworkPolicy that isolates the subject comes to allow a connection."""
    direction, rules = ask.direction, policy.rules(ask.direction) or ()
    word = "from" if direction == "ingress" else "to"
    home = policy.subject.namespace or ""
    ports = Ports(ask.port.protocol, ask.port.number, ask.port.number)
    found = []
    for peer, written, labels in peers_for(ask.other, home):
        for at, rule in enumerate(rules):
            if rule.peers and (rule.ports is None or any(port_fits(one, ask) for one in rule.ports)):
                longer = replace(
                    rule, peers=(*rule.peers, peer), peer_paths=(*rule.peer_paths, f"{rule.path}.{word}[+]")
                )
                after = with_rules(policy, direction, (*rules[:at], longer, *rules[at + 1 :]))
                says = f"let {rule.path} name {peer} too"
                found.append(
                    Edit(policy.name, f"{rule.path}.{word}", "add", written, says, policy, after, labels, _pods(peer))
                )
        rule = PolicyRule(f"spec.{direction}[{len(rules)}]", (peer,), (ports,))
        says = f"add a rule: {word} {peer} at {ports}"
        value = {word: [written], "ports": [port_written(ask.port)]}
        after = with_rules(policy, direction, (*rules, rule))
        found.append(Edit(policy.name, f"spec.{direction}", "add", value, says, policy, after, labels + 1, _pods(peer)))
    return found


def with_port(world: PolicyWorld, policy: Policy, ask: Ask, fits) -> list[Edit]:
    """Where a rule's peers fit already, its list of ports may be made longer."""
    direction, rules = ask.direction, policy.rules(ask.direction) or ()
    ports = Ports(ask.port.protocol, ask.port.number, ask.port.number)
    found = []
    for at, rule in enumerate(rules):
        if rule.ports and fits(world, replace(rule, ports=None), ask):
            longer = replace(rule, ports=(*rule.ports, ports))
            after = with_rules(policy, direction, (*rules[:at], longer, *rules[at + 1 :]))
            says = f"let {rule.path} allow {ports} too"
            found.append(Edit(policy.name, f"{rule.path}.ports", "add", port_written(ask.port), says, policy, after))
    return found


def inserted(policy: Policy, at: int, ask: Ask, action: str) -> list[Edit]:
    """A rule of a cluster-wide policy, put before the one that decides. Its peers can be pods, or networks of egress."""
    direction, rules = ask.direction, policy.rules(ask.direction) or ()
    word = "from" if direction == "ingress" else "to"
    found = []
    for peer, written, labels in peers_for(ask.other, ""):
        if isinstance(peer, BlockPeer):
            if direction == "ingress":
                continue
            value: dict[str, Any] = {"networks": [written["ipBlock"]["cidr"]]}
        else:
            value = {"pods": written}
        protocol = {ask.port.protocol.lower(): {"destinationPort": {"number": ask.port.number}}}
        ports = Ports(ask.port.protocol, ask.port.number, ask.port.number)
        rule = PolicyRule(f"spec.{direction}[{at}]", (peer,), (ports,), action)  # type: ignore[arg-type]
        after = with_rules(policy, direction, (*rules[:at], rule, *rules[at:]))
        says = f"put a rule before spec.{direction}[{at}]: {action} {word} {peer} at {ports}"
        whole = {"action": action, word: [value], "protocols": [protocol]}
        found.append(
            Edit(policy.name, f"spec.{direction}[{at}]", "insert", whole, says, policy, after, labels, _pods(peer))
        )
    return found


def closed(world: PolicyWorld, subject: Who, direction: Direction) -> list[Edit]:
    """A new policy that selects the subject and allows nothing in one direction."""
    labels = {key: value for key, value in subject.labels.items() if key not in VOLATILE}
    type_ = direction.capitalize()
    found = []
    for size in range(bool(labels), min(len(labels), 4) + 1):
        for chosen in combinations(sorted(labels), size):
            picked = {key: labels[key] for key in chosen}
            spec = {"podSelector": {"matchLabels": picked} if picked else {}, "policyTypes": [type_]}
            name = _unused(world, subject.namespace, f"deny-{direction}")
            chosen_pods = PodPeer(pairs_of(picked), namespace=subject.namespace)
            bare = Policy(f"{subject.namespace}/{name}", "NetworkPolicy", "NetworkPolicy", chosen_pods)
            after = with_rules(bare, direction, ())
            value = {
                "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
                "metadata": {"name": name, "namespace": subject.namespace}, "spec": spec,
            }  # fmt: skip
            says = f"a new policy that allows no {direction} of {chosen_pods}"
            found.append(Edit(after.name, "", "create", value, says, None, after, size, chosen_pods))
    return found


def _unused(world: PolicyWorld, namespace: str, name: str) -> str:
    """A name that no policy of the namespace has."""
    taken = {policy.name for policy in world.by_namespace.get(namespace, ())}
    tried = (name, *(f"{name}-{number}" for number in range(2, len(taken) + 3)))
    return next(one for one in tried if f"{namespace}/{one}" not in taken)


def narrowed(policy: Policy, direction: Direction, at: int, ask: Ask, fits_peer) -> list[Edit]:
    """Every single removal by which one rule ceases to fit: of the rule, its only fitting peer, its only fitting port."""
    rules = policy.rules(direction) or ()
    rule = rules[at]
    found = [
        Edit(
            policy.name, rule.path, "remove", None, f"remove {rule.path}", policy,
            with_rules(policy, direction, (*rules[:at], *rules[at + 1 :])), 1,
        )
    ]  # fmt: skip
    peers = [place for place, one in enumerate(rule.peers or ()) if fits_peer(one)]
    if len(peers) == 1 and len(rule.peers or ()) > 1:
        place = peers[0]
        shorter = replace(rule, peers=_without(rule.peers, place), peer_paths=_without(rule.peer_paths, place))
        after = with_rules(policy, direction, (*rules[:at], shorter, *rules[at + 1 :]))
        path = rule.peer_paths[place]
        found.append(Edit(policy.name, path, "remove", None, f"remove {path}", policy, after))
    ports = [place for place, one in enumerate(rule.ports or ()) if port_fits(one, ask)]
    if len(ports) == 1 and len(rule.ports or ()) > 1:
        shorter = replace(rule, ports=_without(rule.ports, ports[0]))
        after = with_rules(policy, direction, (*rules[:at], shorter, *rules[at + 1 :]))
        path = f"{rule.path}.ports[{ports[0]}]"
        found.append(Edit(policy.name, path, "remove", None, f"remove {path}", policy, after))
    return found


def _without(listed: tuple | None, place: int) -> tuple:
    rows = listed or ()
    return (*rows[:place], *rows[place + 1 :])
