"""Chapter 13: policies to judge. Where is the hole, what does a change change, which policy is the smallest that does it?"""

from __future__ import annotations

from random import Random

from ....views.policies.asked import asked
from ....views.tables.table import Table, table
from ...questions.kinds import Slip, Value
from ...questions.kinds_lists import Choose, Statement
from ...questions.reading import one_of
from ...worlds.shop import Tiers, pairs, tiers
from .. import defined
from .texts import (
    ANY,
    GATEWAY,
    MONITORING,
    PROMETHEUS,
    Part,
    api,
    application,
    db,
    deny,
    diff,
    dns,
    joined,
    metrics,
    policy,
    rule,
    specs,
    tier,
    web,
)  # fmt: skip

NAMES = ("default-deny", "web", "api", "db", "allow-metrics")


def _holes(of: Tiers) -> tuple[tuple[str, str, str, str], ...]:
    """Policies with a hole, its policy, a connection that it lets through, and why. Only ingress is restricted here."""
    everywhere = {"namespaceSelector": {}}
    return (
        (_incoming(of, db=_in(of, "db", tier("api"), everywhere, port=of.db)), "db", f"visitor -> db-0:{of.db}",
         "An empty namespaceSelector means every namespace, so this peer is every pod of the cluster."),
        (_incoming(of, metrics=metrics(of, everywhere, port={"protocol": "TCP", "port": 1024, "endPort": 9999})), "allow-metrics",
         f"visitor -> db-0:{of.db}",
         "The range of ports from 1024 to 9999 holds the database's port, and the peer is every pod of the cluster."),
        (_incoming(of, metrics=metrics(of, MONITORING, PROMETHEUS)), "allow-metrics", f"grafana -> db-0:{of.metrics}",
         "Two dashes make two peers. The first one is every pod of namespace monitoring."),
        (_incoming(of, api=_in(of, "api", port=of.api)), "api", f"visitor -> api-1:{of.api}",
         "The rule has no `from`. A rule without peers fits everybody."),
    )  # fmt: skip


def _in(of: Tiers, name: str, *peers: Part, port: int) -> str:
    return policy(of, name, name, policyTypes=["Ingress"], ingress=[rule("from", peers, port)])


def _incoming(of: Tiers, **other: str) -> str:
    """The application with policies for ingress alone; `other` replaces some."""
    parts = {"deny": deny(of, "Ingress"), "web": _in(of, "web", GATEWAY, port=of.web), "api": _in(of, "api", tier("web"), port=of.api),
             "db": _in(of, "db", tier("api"), port=of.db), "metrics": metrics(of), **other}  # fmt: skip
    return joined(*parts.values())


@defined("13-hole", "Find the hole")
def hole(chance: Random) -> Value:
    of = tiers(chance)
    text, name, line, why = chance.choice(_holes(of))
    world = of.under(text)
    seen = asked(world, line)
    return Value(
        asks=f"Somebody has found that **{line.replace('->', '→')}** goes through. It should not. These are the policies of "
        f"`{of.namespace}`, and they are all enforced. Of each you see the name and the spec. Which policy lets it in?",
        look=specs(text),
        answer=name,
        reads=one_of(NAMES),
        slips=tuple(
            Slip(one, 46, f"Without `{one}` the connection would still be allowed. A policy only adds.", _without(of, text, one, line))
            for one in NAMES
            if one != name
        ),
        because=why,
        evidence=seen,
        hints=(
            "Only a policy that selects the receiver for ingress can let anybody in. Which ones do?",
            "Policies add up, so each rule can be looked at alone. Which rule fits the sender, and which fits the port?",
            why,
        ),
    )  # fmt: skip


def _without(of: Tiers, text: str, name: str, line: str) -> Table:
    """What becomes of the connection when one policy is taken away."""
    left = joined(*(one for one in text.split("---\n") if f"name: {name}," not in one))
    return asked(of.under(left), line, caption=f"Without the policy {name}")


@defined("13-review", "A colleague's change")
def review(chance: Random) -> Choose:
    of = tiers(chance)
    before = application(of)
    after, about = chance.choice(
        (
            (application(of, metrics=metrics(of, MONITORING, PROMETHEUS)), "“Makes the list of peers easier to read.”"),
            (application(of, web=web(of, 80), api=api(of, 80)), "“Uses the port that everybody knows.”"),
            (application(of, dns=""), "“Removes a policy that has nothing to do with our tiers.”"),
            (application(of, db=db(of, tier("api"), {"namespaceSelector": {"matchLabels": {"purpose": "monitoring"}}})),
             "“Prometheus needs the database for its report.”"),
            (application(of, metrics=metrics(of, port={"protocol": "TCP", "port": 1024, "endPort": 9999})), "“Room for the metrics of new programs.”"),
        )
    )  # fmt: skip
    old, new = pairs(of, of.under(before)), pairs(of, of.under(after))
    changed = [pair for pair in old if old[pair] is not new[pair]]
    shown = chance.sample(changed, min(2, len(changed)))
    near = [pair for pair in old if old[pair] is new[pair] and any(len({*pair} & {*other}) == 2 for other in changed)]
    kept = chance.sample([pair for pair in near if {*pair[:2]} & {"web-1", "api-1", "db-0"}], 3)
    evidence = _table(changed, new)
    return Choose(
        asks=f"A colleague sends this change of the policies of `{of.namespace}`, with the words {about} Which of these verdicts does it change? Mark **all**.",
        look=diff(before, after),
        several=True,
        statements=tuple(
            [Statement(_said(pair), True) for pair in shown]
            + [
                Statement(_said(pair), belief=46, said=f"{_said(pair)} stays as it is: "
                          f"{'allowed' if old[pair] else 'denied'} before and after.",
                          evidence=asked(of.under(after), _line(pair), caption="After the change"))
                for pair in kept
            ]
        ),
        because="The change was tried on every pair of pods and every port. `kubenet policy diff` does the same with two files.",
        evidence=evidence,
        hints=(
            "Which rule does the change touch, and for which direction?",
            "For each of the connections: does that rule fit it before the change, and does it fit after? Does another rule fit it anyway?",
            f"{len(shown)} of the five change. {_said(shown[0])} is one of them.",
        ),
    )  # fmt: skip


def _line(pair: tuple[str, str, str]) -> str:
    return f"{pair[0]} -> {pair[1]}:{pair[2]}"


def _said(pair: tuple[str, str, str]) -> str:
    return f"{pair[0]} → {pair[1]}, port {pair[2]}"


def _table(changed: list[tuple[str, str, str]], new: dict[tuple[str, str, str], bool | None]) -> Table:
    rows = [(_said(pair), "allowed" if new[pair] else "denied") for pair in changed[:8]]
    more = f", {len(changed)} in all" if len(changed) > 8 else ""
    return table(f"Verdicts that the change changes{more}", ("connection", "now"), rows)


@defined("13-minimal", "The smallest of four")
def minimal(chance: Random) -> Choose:
    of = tiers(chance)
    task, line, right, others = chance.choice(_tasks(of))
    base = joined(deny(of), api(of)) if "api receive" in task else deny(of)
    wanted = pairs(of, of.under(base, right))
    names = chance.sample(("allow-a", "allow-b", "allow-c", "allow-d"), 4)
    named = [
        text.replace("name: chosen,", f"name: {name},")
        for name, text in zip(names, (right, *(one for one, *_ in others)), strict=True)
    ]
    statements = [Statement(f"`{names[0]}`", True)]
    for name, (text, belief, said) in zip(names[1:], others, strict=True):
        found = pairs(of, of.under(base, text))
        apart = next((pair for pair in wanted if wanted[pair] is not found[pair]), None)
        assert apart is not None, (task, name)
        evidence = asked(of.under(base, text), _line(apart), caption=f"With {name}")
        statements.append(Statement(f"`{name}`", belief=belief, said=said, evidence=evidence))
    return Choose(
        asks=f"All pods of `{of.namespace}` are under a default deny for ingress and egress. {task} Which one of these policies allows that, and nothing else?",
        look=specs(joined(*sorted(named, key=lambda text: text.split("name: ")[1]))),
        statements=tuple(statements),
        because="The task is met, and no other pair of pods has gained anything.",
        evidence=asked(of.under(base, right), line),
        hints=(
            "For each policy ask two things: does it allow what the task wants, and whom else does it let in?",
            "Look at the dashes below the list of peers, at empty selectors, and at the direction.",
            "Three of them fail: one allows nothing that is wanted, or the wrong direction; the others allow too much.",
        ),
    )  # fmt: skip


Others = tuple[tuple[str, int, str], ...]


def _tasks(of: Tiers) -> tuple[tuple[str, str, str, Others], ...]:
    """A task, a connection that shows it, the policy that meets it, and three that do not."""
    both = {**MONITORING, **PROMETHEUS}

    def into(name: str, *peers: dict, port: int = 0) -> str:
        return policy(
            of, "chosen", name, policyTypes=["Ingress"], ingress=[rule("from", peers, *([port] if port else []))]
        )

    return (
        (f"Only Prometheus, in namespace `monitoring`, shall read port {of.metrics} of the database.", f"prometheus -> db-0:{of.metrics}",
         into("db", both, port=of.metrics),
         ((into("db", MONITORING, PROMETHEUS, port=of.metrics), 45, "Two dashes make two peers: every pod of `monitoring` may come in."),
          (into("db", both), 53, "Without `ports` every port is open to Prometheus."),
          (into("", both, port=of.metrics), 53, "An empty podSelector in `spec` selects every pod of the namespace, not only the database."))),
        (f"The pods of namespace `edge` shall reach web through the Service `web`, port 80. The pods listen on {of.web}.", "gateway -> service web:80",
         into("web", GATEWAY, port=of.web),
         ((into("web", GATEWAY, port=80), 48, "80 is the port of the Service. When the policy is asked, the packet carries the pod's port."),
          (into("web", {"namespaceSelector": {}}, port=of.web), 53, "An empty namespaceSelector means every namespace."),
          (policy(of, "chosen", "web", policyTypes=["Egress"], egress=[rule("to", [GATEWAY], of.web)]), 46,
           "This is the other direction: it lets web send to `edge`."))),
        ("All pods of the namespace shall look up names, over UDP and TCP, and no more.", f"web-1 -> coredns:{of.dns}/UDP",
         dns(of).replace("allow-dns", "chosen"),
         ((policy(of, "chosen", policyTypes=["Egress"], egress=[rule("to", [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}],
                                                                      {"protocol": "UDP", "port": of.dns})]), 49, "TCP is missing: an answer that does not fit into UDP is asked for again over TCP."),
          (policy(of, "chosen", policyTypes=["Egress"], egress=[rule("to", [ANY], {"protocol": "UDP", "port": of.dns}, {"protocol": "TCP", "port": of.dns})]), 53,
           "A podSelector alone looks into the policy's own namespace, and the DNS pods are not there."),
          (policy(of, "chosen", policyTypes=["Egress"], egress=[{}]), 53, "An empty rule allows everything."))),
        (f"web shall ask api at port {of.api}. Another policy lets api receive it already.", f"web-1 -> api-1:{of.api}",
         joined(policy(of, "chosen", "web", policyTypes=["Egress"], egress=[rule("to", [tier("api")], of.api)])),
         ((policy(of, "chosen", "api", policyTypes=["Egress"], egress=[rule("to", [tier("web")], of.api)]), 47,
           "It lets api open connections to web. Answers need no rule, and requests go the other way."),
          (policy(of, "chosen", "web", policyTypes=["Egress"], egress=[rule("to", (), of.api)]), 53, "A rule without `to` leads everywhere."),
          (policy(of, "chosen", "web", policyTypes=["Egress"], egress=[rule("to", [tier("api")], 80)]), 48, "80 is the Service's port, not the pod's."))),
    )  # fmt: skip
