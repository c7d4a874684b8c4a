"""Chapter 13: of four policies the smallest that does what is wanted, as examinations ask."""

from __future__ import annotations

from random import Random
from typing import Any

from msgspec import Struct

from ....views.policies.asked import asked
from ...questions.kinds_lists import Choose, Statement
from ...worlds.shop import Tiers, pairs, tiers
from .. import defined
from .texts import (
    ANY,
    DNS,
    GATEWAY,
    MONITORING,
    PROMETHEUS,
    Part,
    api,
    deny,
    in_turn,
    joined,
    policy,
    rule,
    specs,
    tier,
)  # fmt: skip

NAMES = ("allow-a", "allow-b", "allow-c", "allow-d")
EVERYWHERE: Part = {"namespaceSelector": {}}


class Wrong(Struct, frozen=True):
    """A policy that does not do it, the belief behind it, and what is wrong with it."""

    text: str
    belief: int
    said: str


class Task(Struct, frozen=True):
    """What is wanted, a connection that shows it, the policy that does it, and three that do not."""

    wanted: str
    line: str
    right: str
    others: tuple[Wrong, ...]
    is_api_open: bool = False  # whether another policy lets api receive already

    def named(self, names: list[str]) -> list[str]:
        """The four policies under their names, the right one first."""
        texts = (self.right, *(one.text for one in self.others))
        return [text.replace("name: chosen,", f"name: {name},") for name, text in zip(names, texts, strict=True)]


@defined("13-minimal", "The smallest of four")
def minimal(chance: Random) -> Choose:
    case = in_turn("13-minimal", chance, 4)
    of = tiers(chance)
    task, names = TASKS[case](of), chance.sample(NAMES, 4)
    base = joined(deny(of), api(of)) if task.is_api_open else deny(of)
    wanted = pairs(of, of.under(base, task.right))
    statements = [Statement(f"`{names[0]}`", True)]
    for name, one in zip(names[1:], task.others, strict=True):
        world = of.under(base, one.text)
        who, to, port = next(pair for pair, said in pairs(of, world).items() if said is not wanted[pair])
        evidence = asked(world, f"{who} -> {to}:{port}", caption=f"With {name}")
        statements.append(Statement(f"`{name}`", belief=one.belief, said=one.said, evidence=evidence))
    return Choose(
        asks=f"All pods of `{of.namespace}` are under a default deny for ingress and egress. {task.wanted} Which one "
        f"of these "
        "policies allows that, and nothing else? Of each you see the name and the spec.",
        look=specs(joined(*sorted(task.named(names), key=lambda text: text.split("name: ")[1]))),
        statements=tuple(statements),
        because="The task is met, and no other pair of pods has gained anything.",
        evidence=asked(of.under(base, task.right), task.line),
        hints=(
            "For each policy ask two things: does it allow what the task wants, and whom else does it let through?",
            "Look at the dashes in the list of peers, at empty selectors, at the ports, and at the direction.",
            f"It is not `{names[1]}`. {task.others[0].said}",
        ),
    )


def _chosen(of: Tiers, way: str, selects: str, *rules: Part) -> str:
    spec: dict[str, Any] = {way: list(rules)}
    return policy(of, "chosen", selects, policyTypes=[way.capitalize()], **spec)


def _metrics(of: Tiers) -> Task:
    both = {**MONITORING, **PROMETHEUS}
    return Task(
        f"Only Prometheus, in namespace `monitoring`, shall read port {of.metrics} of the database.",
        f"prometheus -> db-0:{of.metrics}",
        _chosen(of, "ingress", "db", rule("from", [both], of.metrics)),
        (
            Wrong(_chosen(of, "ingress", "db", rule("from", [MONITORING, PROMETHEUS], of.metrics)), 45,
                  "Two dashes make two peers: every pod of `monitoring` may come in."),
            Wrong(_chosen(of, "ingress", "db", rule("from", [both])), 53, "Without `ports` every port is open to "
            "Prometheus."),
            Wrong(_chosen(of, "ingress", "", rule("from", [both], of.metrics)), 53,
                  "An empty podSelector in `spec` selects every pod of the namespace, not only the database."),
        ),
    )  # fmt: skip


def _service(of: Tiers) -> Task:
    return Task(
        f"The pods of namespace `edge` shall reach web through the Service `web`, port 80. The pods listen on "
        f"{of.web}.",
        "gateway -> service web:80",
        _chosen(of, "ingress", "web", rule("from", [GATEWAY], of.web)),
        (
            Wrong(_chosen(of, "ingress", "web", rule("from", [GATEWAY], 80)), 48,
                  "80 is the port of the Service. When the policy is asked, the packet carries the pod's port."),
            Wrong(_chosen(of, "ingress", "web", rule("from", [EVERYWHERE], of.web)), 53,
                  "An empty namespaceSelector means every namespace."),
            Wrong(_chosen(of, "egress", "web", rule("to", [GATEWAY], of.web)), 46,
                  "This is the other direction: it lets web open connections to `edge`."),
        ),
    )  # fmt: skip


def _names(of: Tiers) -> Task:
    udp, tcp = ({"protocol": one, "port": of.dns} for one in ("UDP", "TCP"))
    return Task(
        "All its pods shall look up names at the DNS pods of kube-system, over UDP and TCP, and no more.",
        f"web-1 -> coredns:{of.dns}/UDP",
        _chosen(of, "egress", "", rule("to", [DNS], udp, tcp)),
        (
            Wrong(_chosen(of, "egress", "", rule("to", [DNS], udp)), 49,
                  "TCP is missing. An answer that does not fit into UDP is asked for again over TCP."),
            Wrong(_chosen(of, "egress", "", rule("to", [ANY], udp, tcp)), 53,
                  "A podSelector alone looks into the policy's own namespace, and the DNS pods are not there."),
            Wrong(_chosen(of, "egress", "", {}), 53, "An empty rule allows everything."),
        ),
    )  # fmt: skip


def _request(of: Tiers) -> Task:
    return Task(
        f"web shall ask api at port {of.api}. Another policy lets api receive it already.",
        f"web-1 -> api-1:{of.api}",
        _chosen(of, "egress", "web", rule("to", [tier("api")], of.api)),
        (
            Wrong(_chosen(of, "egress", "api", rule("to", [tier("web")], of.api)), 47,
                  "It lets api open connections to web. Answers need no rule, and requests go the other way."),
            Wrong(_chosen(of, "egress", "web", rule("to", (), of.api)), 53, "A rule without `to` leads everywhere."),
            Wrong(_chosen(of, "egress", "web", rule("to", [tier("api")], 80)), 48, "80 is the Service's port, not the "
            "pod's."),
        ),
        is_api_open=True,
    )  # fmt: skip


TASKS = (_metrics, _service, _names, _request)
