"""What verdicts cost: all pairs of ten thousand pods, one pair with its clauses, a cluster of the published limits."""

import json
import random
import resource
from functools import cache

from kubenet_course.kube.manifest.read import read_text
from kubenet_course.kube.policy.judge.decide import decide
from kubenet_course.kube.policy.judge.near import left_to_plugin, what_would_change
from kubenet_course.kube.policy.judge.values import Port
from kubenet_course.kube.policy.judge.world import PolicyWorld
from kubenet_course.kube.policy.pairs.matrix import PairMatrix
from tools.bench import Timed, measurement

LABELS = {"app": ("web", "db", "api", "cache", "queue"), "tier": ("front", "back", "mid"), "env": ("prod", "dev")}
TEAMS = "abcdef"
PORT = Port(80)


class Made:
    """Random pods with three labels each, and policies as mixed as people write them."""

    def __init__(self, pods: int, policies: int, namespaces: int, seed: int = 1):
        self.draw, self.count = random.Random(seed), namespaces
        items = [self.namespace(number) for number in range(namespaces)]
        items += [self.pod(number) for number in range(pods)]
        self.items = items + [self.policy(number) for number in range(policies)]

    def namespace(self, number: int) -> dict:
        metadata = {"name": f"ns{number}", "labels": {"team": self.draw.choice(TEAMS)}}
        return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}

    def home(self) -> str:
        return f"ns{self.draw.randrange(self.count)}"

    def pod(self, number: int) -> dict:
        labels = {key: self.draw.choice(values) for key, values in LABELS.items() if self.draw.random() < 0.8}
        metadata = {"name": f"p{number}", "namespace": self.home(), "labels": labels | {"pod": f"p{number}"}}
        ip = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
        return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "status": {"podIP": ip}}

    def selector(self) -> dict:
        draw, found = self.draw, {}
        if draw.random() < 0.8:
            key = draw.choice(list(LABELS))
            found["matchLabels"] = {key: draw.choice(LABELS[key])}
        if draw.random() < 0.3:
            key = draw.choice(list(LABELS))
            clause = {"key": key, "operator": draw.choice(("In", "NotIn")), "values": [draw.choice(LABELS[key])]}
            found["matchExpressions"] = [clause]
        return found

    def peer(self) -> dict:
        draw = self.draw
        chance = draw.random()
        if chance < 0.15:
            return {"ipBlock": {"cidr": f"10.{draw.randrange(3)}.{draw.randrange(256)}.0/24"}}
        if chance < 0.5:
            return {"podSelector": self.selector()}
        if chance < 0.8:
            space = {"matchLabels": {"team": draw.choice(TEAMS)}}
        else:
            space = {"matchLabels": {"kubernetes.io/metadata.name": self.home()}}
        return {"namespaceSelector": space, "podSelector": self.selector()}

    def rules(self, word: str) -> list[dict]:
        draw, found = self.draw, []
        for _ in range(draw.randrange(3)):
            rule: dict = {word: [self.peer() for _ in range(draw.randrange(1, 4))]}
            if draw.random() < 0.7:
                rule["ports"] = [{"protocol": "TCP", "port": draw.choice((80, 80, 443, 8080))}]
            found.append(rule)
        return found

    def policy(self, number: int) -> dict:
        types = self.draw.choice((["Ingress"], ["Egress"], ["Ingress", "Egress"]))
        spec = {"podSelector": self.selector(), "policyTypes": types}
        spec |= {"ingress": self.rules("from"), "egress": self.rules("to")}
        metadata = {"name": f"np{number}", "namespace": self.home()}
        return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


@cache
def made(pods: int, policies: int, namespaces: int) -> PolicyWorld:
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": Made(pods, policies, namespaces).items})
    return PolicyWorld(read_text(text))


@measurement("policy: 10,000 pods x 1,000 policies, every pair", figure=2.0)
def every_pair() -> Timed:
    world = made(10_000, 1_000, 100)
    return lambda: PairMatrix(world, PORT).combined


@measurement("policy: memory at its most, every pair, as text", figure=500, unit="MB")
def memory() -> Timed:
    world = made(10_000, 1_000, 100)

    def most() -> float:
        matrix = PairMatrix(world, PORT)
        for _ in matrix.text(matrix.combined, 2):
            pass
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    return most


@measurement("policy: one pair with its clauses and what would change it", figure=5e-3)
def one_pair() -> Timed:
    world = made(10_000, 1_000, 100)
    pods = list(world.pods.values())
    _ = world.by_namespace, world.groups("Admin")

    def why() -> None:
        verdict = decide(world, pods[17], pods[4711], PORT)
        what_would_change(world, pods[17], pods[4711], PORT, verdict.allowed)
        left_to_plugin(world, pods[17], pods[4711], PORT, verdict.allowed)

    return why


@measurement("policy: 150,000 pods under 5,000 policies, by class", figure=20.0)
def published_limits() -> Timed:
    world = made(150_000, 5_000, 500)
    return lambda: sum(members * reach for _, members, reach in PairMatrix(world, PORT).summary())
