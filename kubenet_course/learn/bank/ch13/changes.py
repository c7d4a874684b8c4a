"""Chapter 13: policies to judge. Where is the hole, and what does a change change?"""

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
    GATEWAY,
    MONITORING,
    PROMETHEUS,
    Part,
    api,
    application,
    db,
    deny,
    diff,
    in_turn,
    joined,
    metrics,
    policy,
    rule,
    specs,
    tier,
    web,
)  # fmt: skip

NAMES = ("default-deny", "web", "api", "db", "allow-metrics")
WIDE: Part = {"protocol": "TCP", "port": 1024, "endPort": 9999}


def _holes(of: Tiers) -> tuple[tuple[str, str, str, str], ...]:
    """Policies with a hole, its policy, a connection that it lets through, and why. Only ingress is restricted here."""
    everywhere: Part = {"namespaceSelector": {}}
    return (
        (_incoming(of, db=_in(of, "db", tier("api"), everywhere, port=of.db)), "db", f"visitor -> db-0:{of.db}",
         "An empty namespaceSelector means every namespace, so this peer is every pod of the cluster."),
        (_incoming(of, metrics=metrics(of, everywhere, port=WIDE)), "allow-metrics",
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
    parts = {
        "deny": deny(of, "Ingress"),
        "web": _in(of, "web", GATEWAY, port=of.web),
        "api": _in(of, "api", tier("web"), port=of.api),
        "db": _in(of, "db", tier("api"), port=of.db),
        "metrics": metrics(of),
        **other,
    }
    return joined(*parts.values())


@defined("13-hole", "Find the hole")
def hole(chance: Random) -> Value:
    case = in_turn("13-hole", chance, 4)
    of = tiers(chance)
    text, name, line, why = _holes(of)[case]
    world = of.under(text)
    seen = asked(world, line)
    return Value(
        asks=f"Somebody has found that **{line.replace('->', '→')}** goes through. It should not. These are the "
        f"policies of "
        f"`{of.namespace}`, and they are all enforced. Of each you see the name and the spec. Which policy lets it in?",
        look=specs(text),
        answer=name,
        reads=one_of(NAMES),
        slips=tuple(
            Slip(one, 46 if one == "default-deny" else 0, _innocent(one, line), _without(of, text, one, line))
            for one in NAMES
            if one != name
        ),
        because=why,
        evidence=seen,
        hints=(
            "Only a policy that selects the receiver for ingress can let anybody in. Which ones do?",
            ("Policies add up, so each rule can be looked at alone. Which rule fits the sender, and which fits the "
            "port?"),
            why,
        ),
    )  # fmt: skip


def _innocent(name: str, line: str) -> str:
    """Why a policy is not the one that lets a connection in."""
    receiver = line.partition(" -> ")[2].partition(":")[0]
    if name == "default-deny":
        return "It has no rule, so it lets nobody in. It cannot keep out whom another policy lets in, either."
    if name not in ("allow-metrics", receiver.partition("-")[0]):
        return f"`{name}` selects the pods with `tier: {name}`. Is the receiver one of them?"
    return f"`{name}` selects the receiver. But do its peers fit the sender, and its ports the port?"


def _without(of: Tiers, text: str, name: str, line: str) -> Table:
    """What becomes of the connection when one policy is taken away."""
    left = joined(*(one for one in text.split("---\n") if f"name: {name}," not in one))
    return asked(of.under(left), line, caption=f"Without the policy {name}")


def _changes(of: Tiers) -> tuple[tuple[str, str], ...]:
    """What a colleague makes of the policies, and says of it."""
    everybody_there = {"namespaceSelector": {"matchLabels": {"purpose": "monitoring"}}}
    return (
        (application(of, metrics=metrics(of, MONITORING, PROMETHEUS)), "“Makes the list of peers easier to read.”"),
        (application(of, web=web(of, 80), api=api(of, 80)), "“Uses the port that everybody knows.”"),
        (application(of, dns=""), "“Removes a policy that has nothing to do with our tiers.”"),
        (application(of, db=db(of, tier("api"), everybody_there)), "“Prometheus needs the database for its report.”"),
        (application(of, metrics=metrics(of, port=WIDE)), "“Room for the metrics of new programs.”"),
    )


@defined("13-review", "A colleague's change")
def review(chance: Random) -> Choose:
    case = in_turn("13-review", chance, 5)
    of = tiers(chance)
    before = application(of)
    after, about = _changes(of)[case]
    old, new = pairs(of, of.under(before)), pairs(of, of.under(after))
    changed = [pair for pair in old if old[pair] is not new[pair]]
    shown = chance.sample(changed, min(2, len(changed)))
    near = [pair for pair in old if old[pair] is new[pair] and any(len({*pair} & {*other}) == 2 for other in changed)]
    kept = chance.sample([pair for pair in near if {*pair[:2]} & {"web-1", "api-1", "db-0"}], 3)
    evidence = _table(changed, new)
    return Choose(
        asks=f"A colleague sends this change of the policies of `{of.namespace}`, with the words {about} Which of "
        f"these verdicts does it change? Mark **all**.",
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
        because="The change was tried on every pair of pods and every port. `kubenet policy diff` does the same with "
        "two files.",
        evidence=evidence,
        hints=(
            "Which rule does the change touch, and for which direction?",
            ("For each of the connections: does that rule fit it before the change, and does it fit after? Does "
            "another rule fit it anyway?"),
            (f"Of the {len(shown) + len(kept)} verdicts {len(shown)} {'changes' if len(shown) == 1 else 'change'}. "
             f"{_said(shown[0])} is one that does."),
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
