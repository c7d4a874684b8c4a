"""Chapter 13: a cell of the matrix to predict, and what the client of a packet sees that no policy allows."""

from __future__ import annotations

from random import Random
from typing import Any

from msgspec import Struct

from ....data import data
from ....kube.model.cluster import cluster
from ....kube.policy.enforce.kernels import Enforced
from ....kube.questions.ask import request
from ....linux.namespace.memory import Memory
from ....linux.namespace.trace import Trace
from ....linux.verdicts import verdict
from ....views.policies.asked import asked, judged, selecting
from ....views.tables.table import Table, table
from ...questions.kinds import Slip, Value
from ...questions.reading import one_of
from ...worlds.shop import Tiers, shop, tiers
from .. import defined
from .texts import ANY, DNS, MONITORING, PROMETHEUS, api, deny, in_turn, joined, metrics, policy, rule, tier, web

ALLOWED, BY_EGRESS, BY_INGRESS, BY_BOTH = "allowed", "denied by egress", "denied by ingress", "denied by both"
ANSWERS = one_of((ALLOWED, BY_EGRESS, BY_INGRESS, BY_BOTH))


class Case(Struct, frozen=True):
    """Policies, a connection, the answer that a belief leads to and the belief; why it is so, and where to look."""

    policies: str
    line: str
    wrong: str
    belief: int
    because: str
    hint: str


def cases(of: Tiers) -> tuple[Case, ...]:
    """One for each thing that the chapter teaches."""
    empty = policy(of, "nothing-for-web", "web", policyTypes=["Ingress"], ingress=[])
    every = policy(of, "web-out", "web", policyTypes=["Egress"], egress=[{"ports": [{}]}])
    one_way = policy(of, "web-out", "web", policyTypes=["Egress"], egress=[rule("to", [tier("api")], of.api)])
    no_types = policy(of, "api-out", "api", egress=[rule("to", [tier("db")], of.db)])
    udp = policy(of, "all-dns", policyTypes=["Egress"], egress=[rule("to", [DNS], {"protocol": "UDP", "port": of.dns})])
    own = policy(of, "api-in", "api", policyTypes=["Ingress"], ingress=[rule("from", [ANY], of.api)])
    return (
        Case(metrics(of, MONITORING, PROMETHEUS), f"grafana -> web-1:{of.metrics}", BY_INGRESS, 45,
             "Each dash begins a peer of its own, and one peer is enough. grafana is in the namespace of the first "
             "peer.",
             "Count the dashes below `from`. How many peers are there?"),
        Case(metrics(of), f"grafana -> web-1:{of.metrics}", ALLOWED, 45,
             "There is one dash, so there is one peer, and both of its selectors must fit. grafana has another label.",
             "Count the dashes below `from`. How many peers are there?"),
        Case(joined(web(of), empty), f"gateway -> web-1:{of.web}", BY_INGRESS, 46,
             "Two policies select web-1. The first allows the connection. The second adds nothing, and it cannot take "
             "anything away.",
             "Which of the two policies could forbid what the other allows?"),
        Case(api(of, port=80), "visitor -> service api:80" if of.api == 80 else "web-1 -> service api:80", ALLOWED, 48,
             f"The Service's port 80 is gone when the policy is asked. The packet carries the pod's port, {of.api}.",
             "Which port does the packet carry when it reaches the pod's node?"),
        Case(joined(deny(of, "Ingress"), one_way), f"web-1 -> api-1:{of.api}", ALLOWED, 46,
             "The sender's egress is allowed. The receiver's ingress is a second question, and no rule there fits.",
             "Ask twice: may web-1 send this, and may api-1 receive it?"),
        Case(every, f"web-1 -> coredns:{of.dns}/UDP", ALLOWED, 53,
             "The rule has one port entry, which is empty. Its protocol has the default TCP, so it means every TCP "
             "port and no UDP port.",
             "Which protocol does a port entry mean that names none?"),
        Case(no_types, f"web-1 -> api-1:{of.api}", ALLOWED, 53,
             "`policyTypes` is absent. Then Ingress is always among them, and the policy has no rule for ingress.",
             "`policyTypes` is absent. Which two values does the API server fill in here?"),
        Case(deny(of), f"node/node-1 -> web-1:{of.web}", BY_INGRESS, 51,
             "web-1 runs on node-1. Traffic between a pod and its own node is always allowed, or the kubelet's probes "
             "would fail.",
             "On which node does web-1 run?"),
        Case(own, f"prometheus -> api-1:{of.api}", ALLOWED, 53,
             "An empty podSelector means all pods, but only those of the policy's own namespace.",
             "A podSelector without a namespaceSelector looks into one namespace. Into which?"),
        Case(udp,
             f"api-1 -> coredns:{of.dns}/TCP", ALLOWED, 49,
             "Only UDP is allowed. A DNS answer that does not fit into a UDP packet is asked for again over TCP.",
             "A port entry means one protocol."),
    )  # fmt: skip


def answer(world: Any, line: str) -> str:
    said = judged(world, line)
    egress, ingress = (any(end.allowed for end in ends) for ends in (said.egress, said.ingress))
    return {(1, 1): ALLOWED, (0, 1): BY_EGRESS, (1, 0): BY_INGRESS, (0, 0): BY_BOTH}[egress, ingress]


@defined("13-cell", "Predict a cell")
def cell(chance: Random) -> Value:
    turn = in_turn("13-cell", chance, 10)
    of = tiers(chance)
    case = cases(of)[turn]
    world = of.under(case.policies)
    seen, say, right = asked(world, case.line), selecting(world, case.line), answer(world, case.line)
    return Value(
        asks=f"These are all the policies of namespace `{of.namespace}`; the other namespaces have none. "
        f"Is **{case.line.replace('->', '→')}** allowed? If not, which direction denies it: the sender's egress, the "
        f"receiver's "
        "ingress, or both?",
        look=case.policies,
        answer=right,
        reads=ANSWERS,
        slips=tuple(
            Slip(one, case.belief if one == case.wrong else 0, _again(case, one, right), say)
            for one in ANSWERS.words
            if one != right
        ),
        because=case.because,
        evidence=seen,
        hints=(
            case.hint,
            (
                "First ask: which policies select the sender for egress, and which select the receiver for ingress? A pod "
                "that none selects is open."
            ),
            f"The answer begins with “{right.split()[0]}”. {case.because.split('. ')[0]}.",
        ),
    )


def _again(case: Case, said: str, right: str) -> str:
    """What to look at after a wrong answer: the side of the connection about which it is wrong."""
    who, _, to = case.line.partition(" -> ")
    egress, ingress = (BY_EGRESS, BY_BOTH), (BY_INGRESS, BY_BOTH)
    if said in egress and right not in egress:
        return (
            f"Look at the sender's side first. Which policy selects {who} for egress? A pod that none selects may send."
        )
    if said in ingress and right not in ingress and said != case.wrong:
        return f"Look at the receiver's side again: {to}. {case.hint}"
    return f"Look at the rules again. {case.hint}"


SEES = ("delivered", "timeout", "refused")


def _met(trace: Trace) -> Table:
    """The rules of policies that the packet met on the database's node."""
    met = [row.rule.text for one in trace.steps if one.stage == "filter FORWARD" and one.namespace == "node-2"
           for row in one.why if "KUBE-POL" in row.rule.text]  # fmt: skip
    rows = [(text,) for text in dict.fromkeys(met) or ("none",)]
    return table("Rules of policies that fitted it on node-2", ("rule",), rows, code=(0,))


@defined("13-client", "What does the client see?")
def client(chance: Random) -> Value:
    """The packet goes through the model's kernels, with the policy in their rules."""
    way = ("new", "known", "ignored", "allowed")[in_turn("13-client", chance, 4)]
    target = chance.choice(("DROP", "REJECT"))
    shop_ = cluster([str(data("policies/shop.yaml"))])
    world = shop(policy(Tiers(), "db", "db", policyTypes=["Ingress"], ingress=[rule("from", [tier("api")], 5432)]))
    who, sport = ("api-1" if way == "allowed" else "visitor"), chance.randrange(32768, 60999)
    asks = f"pod/{'shop' if who == 'api-1' else 'guest'}/{who}", "service/shop/db:5432"
    memory = Memory()
    if way == "known":
        request(shop_, *asks, sport=sport, memory=memory)
    kernels = shop_.world() if way == "ignored" else Enforced(shop_, world, target)
    trace = request(shop_, *asks, sport=sport, memory=memory, world=kernels)
    found = verdict(trace).name
    rules = _met(trace)
    seen = table(f"What became of the packet: {verdict(trace)}", rules.heads, rules.rows, code=(0,))
    story, because, belief = _stories(who, target)[way]
    return Value(
        asks=f"A policy of `shop` lets only pods with `tier: api` ask the database. {story} {_does(way, who)} "
        "What does its program see?",
        answer=found,
        reads=one_of(SEES),
        slips=tuple(
            Slip(
                one,
                belief if way != "new" else 13 if one != "delivered" else 50,
                _seen_instead(way, one),
                rules,
            )
            for one in SEES
            if one != found
        ),
        because=because,
        evidence=seen,
        hints=(
            "Is there a rule on db's node that this packet meets at all?",
            (
                "DROP says nothing to the sender. REJECT sends an answer back. An accepted packet gets the server's "
                "answer."
            ),
            because,
        ),
    )


def _does(way: str, who: str) -> str:
    if way == "known":
        return (
            f"`{who}` opened a connection to the Service `db`, port 5432, before the policy came. Now it sends one "
            f"more packet on it."
        )
    return f"`{who}` asks the Service `db`, port 5432."


def _seen_instead(way: str, said: str) -> str:
    """What disproves a wrong verdict, without the right one."""
    if way == "known":
        return "That may happen to a **new** connection. What does the kernel of the database's node know of this one?"
    if way == "ignored":
        return "A rule in the kernel would have to do that. Who has written one here?"
    if way == "allowed":
        return "The policy has a rule for ingress. Which label does it ask for, and which label has api-1?"
    return {
        "delivered": "For that a rule must let `visitor` in. Which label does the policy ask for?",
        "timeout": "The client waits only if nobody tells it anything. Does this target tell the sender anything?",
        "refused": "Somebody would have to send an error to the client. Does this target send one?",
    }[said]


def _stories(who: str, target: str) -> dict[str, tuple[str, str, int]]:
    """For each way: what the question tells, why it comes out so, and the belief that leads elsewhere."""
    known = f"The plugin enforces it with {target}, and accepts packets of known connections first."
    return {
        "new": (f"The plugin enforces it with {target}.", f"A new connection meets the rule, which is {target}.", 13),
        "known": (known, "The kernel knows the connection, and accepts its packets before it reads the rules of any policy.", 47),
        "ignored": ((f"The network plugin of this cluster does not implement NetworkPolicy; one that does would use "
        f"{target}."),
                    "The API server stores the policy. Nobody turns it into a rule.", 50),
        "allowed": (f"The plugin enforces it with {target}.", ("The rule for ingress fits: api-1 has the label, and "
        "the port is the pod's."), 46),
    }  # fmt: skip
