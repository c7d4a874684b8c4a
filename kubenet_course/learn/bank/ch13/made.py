"""Chapter 13: policies to write from requirements, and policies to repair."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from random import Random

from ....views.policies.asked import asked
from ....views.tables.table import Table, table
from ...questions.kinds import NO_BELIEF, Finding, Slip
from ...questions.kinds_made import Repair, Write
from ...worlds.shop import Tiers, pairs, tiers
from .. import defined
from .texts import (
    MONITORING,
    PROMETHEUS,
    application,
    db,
    deny,
    in_turn,
    joined,
    metrics,
    policy,
    rule,
    tier,
    web,
)  # fmt: skip

Verdicts = Mapping[tuple[str, str, str], bool | None]


SUSPECTS = ("visitor", "grafana")  # of what is open too far, the pairs that say the most come first


def compared(of: Tiers, text: str, wanted: Verdicts, others: str = "") -> tuple[Finding, ...]:
    """The first pair that is not as wanted, and how many more there are. `others`: policies that are there besides."""
    world = of.under(text, *([others] if others else []))
    found = pairs(of, world)
    wrong = [pair for pair, said in wanted.items() if found[pair] is not said]
    if not wrong:
        return _copied(of, text, others) or (Finding(True, ""),)
    wrong.sort(
        key=lambda pair: (not wanted[pair], SUSPECTS.index(pair[0]) if pair[0] in SUSPECTS else 2)
    )  # first what must work
    who, to, port = wrong[0]
    line = f"{who} -> {to}:{port}"
    must = "must be allowed, and is denied" if wanted[wrong[0]] else "must be denied, and is allowed"
    more = f" {len(wrong) - 1} more of the pairs that were asked are not as wanted." if len(wrong) > 1 else ""
    return (
        Finding(
            False,
            f"{line.replace('->', '→')} {must}.{more}",
            _belief(of, wrong[0], text, bool(wanted[wrong[0]])),
            asked(world, line),
        ),
    )


LABELS = ("app: prometheus", "app: grafana", "tier: web", "tier: api")


def _copied(of: Tiers, text: str, others: str) -> tuple[Finding, ...]:
    """What a pod of another namespace gains by copying a label. A selector without its namespace lets it in."""
    own = ("web-1", "api-1", "db-0")
    for label in LABELS:
        world = of.under(text, *([others] if others else []), visitor=label)
        for (who, to, port), is_allowed in pairs(of, world).items():
            if who == "visitor" and to in own and is_allowed:
                said = (
                    f"All pairs are as wanted. But suppose that `visitor`, in namespace guest, gets the label "
                    f"`{label}`: then visitor → {to}:{port} is allowed. Which namespace does this peer name?"
                )
                return (Finding(False, said, 53, asked(world, f"visitor -> {to}:{port}")),)
    return ()


def _belief(of: Tiers, pair: tuple[str, str, str], text: str, is_missing: bool) -> int:
    """What such a mistake most often comes from."""
    who, to, _ = pair
    if is_missing and to == "coredns":
        return 49
    if is_missing and re.search(r"port: 80\b", text):
        return 48
    if not is_missing and who == "grafana":
        return 45
    if not is_missing and who == "visitor":
        return 53
    return NO_BELIEF


def requirements(rows: list[tuple[str, str, str]]) -> Table:
    return table("Who may open a connection to whom", ("who", "to whom", "at which port of the pod"), rows)


def _wanted(of: Tiers, extra: str) -> tuple[str, list[tuple[str, str, str]], str]:
    """A reference solution, the requirements that it meets, and what is special about this variant."""
    rows = [
        ("the pods of namespace edge", "web", f"{of.web}/TCP"),
        ("web", "api", f"{of.api}/TCP"),
        ("api", "db", f"{of.db}/TCP"),
    ]
    parts: dict[str, str] = {"metrics": "", "dns": ""}
    said = "Nobody here looks up names."
    if extra in ("dns", "both"):
        del parts["dns"]
        rows.append(
            ("web, api and db", "DNS (label k8s-app: kube-dns in kube-system)", f"{of.dns}/UDP and {of.dns}/TCP")
        )
        said = "All three look up names."
    if extra in ("metrics", "both"):
        del parts["metrics"]
        rows.append(
            (
                "prometheus (label app: prometheus), in namespace monitoring, and no other pod",
                "web, api and db",
                f"{of.metrics}/TCP",
            )
        )
        said += " Their metrics are read."
    if extra == "admin":
        parts["db"] = db(of, tier("api"), {**MONITORING, "podSelector": {"matchLabels": {"app": "grafana"}}})
        rows.append(("grafana (label app: grafana), in namespace monitoring, and no other pod", "db", f"{of.db}/TCP"))
        said += " grafana draws its pictures from the database."
    return application(of, **parts), rows, said


@defined("13-tiers", "Three tiers, from requirements")
def tiers_(chance: Random) -> Write:
    extra = ("metrics", "dns", "both", "admin")[in_turn("13-tiers", chance, 4)]
    of = tiers(chance)
    right, rows, said = _wanted(of, extra)
    wanted = _about(pairs(of, of.under(right)))
    starts = deny(of)
    return Write(
        asks=f"Write the policies of namespace `{of.namespace}`. Its pods have the labels `tier: web`, `tier: api` "
        f"and `tier: db`. "
        f"Namespaces have a label `purpose`: edge, monitoring, guest. {said} Whatever the table does not name must be "
        f"denied. "
        "Put a line `---` between two manifests.",
        look=requirements(rows),
        starts=f"# Go on from here.\n{starts}",
        tests=lambda text: compared(of, text, wanted),
        solution=right,
        slips=(
            Slip(right.replace(f"port: {of.api}}}", "port: 80}"), 48),
            Slip(joined(starts, web(of), db(of))),
        ),
        because="Every pair of pods was asked at every port. Each connection of the table is allowed twice, once for "
        "its sender and once for its "
        "receiver, and nothing else is.",
        evidence=asked(of.under(right), f"gateway -> web-1:{of.web}", f"web-1 -> api-1:{of.api}", f"api-1 -> "
        f"db-0:{of.db}", f"visitor -> db-0:{of.db}"),
        hints=(
            ("Take one row of the table at a time. Which pod sends, and which receives? If policies of this namespace "
            "select both, both need a rule."),
            ("A selector for pods of another namespace needs namespaceSelector and podSelector in the same list "
            "element, with one dash."),
            (f"For the second row: an egress rule in a policy that selects tier web, to tier api, port {of.api}; and "
            f"an ingress rule in one that selects tier api."),
        ),
    )  # fmt: skip


def _about(verdicts: Verdicts) -> Verdicts:
    """Only pairs with an end in the application: what others do among themselves is not asked."""
    own = ("web-1", "api-1", "db-0")
    return {pair: said for pair, said in verdicts.items() if pair[0] in own or pair[1] in own}


FAULTS: dict[str, tuple[Callable[[Tiers], str], str]] = {
    "label": (
        lambda of: metrics(of, {"namespaceSelector": {"matchLabels": {"name": "monitoring"}}, **PROMETHEUS}),
        "Which labels does the namespace `monitoring` really have? The question names one of them.",
    ),
    "own": (lambda of: metrics(of, PROMETHEUS), "In which namespace does a podSelector alone look?"),
    "protocol": (
        lambda of: metrics(of, port={"protocol": "UDP", "port": of.metrics}),
        "Metrics are read over HTTP. Which protocol carries HTTP?",
    ),
    "service": (lambda of: metrics(of, port=80), "At which port do the pods listen for metrics?"),
    "sender": (
        lambda of: joined(metrics(of), deny(of, "Egress", namespace="monitoring")),
        "The receivers let Prometheus in. Is Prometheus itself allowed to send?",
    ),
}


@defined("13-monitoring", "Prometheus sees nothing")
def monitoring(chance: Random) -> Repair:
    fault = list(FAULTS)[in_turn("13-monitoring", chance, len(FAULTS))]
    of = tiers(chance)
    broken, hint = FAULTS[fault][0](of), FAULTS[fault][1]
    home = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": of.namespace}}}
    out = policy(
        of, "allow-scrape", namespace="monitoring", policyTypes=["Egress"], egress=[rule("to", [home], of.metrics)]
    )
    right = joined(broken, out) if fault == "sender" else metrics(of)
    others = application(of, metrics="")
    wanted = _about(pairs(of, of.under(application(of))))
    line = f"prometheus -> web-1:{of.metrics}"
    mended = of.under(others, right)
    return Repair(
        asks=f"Since the policies came, Prometheus reads no metrics from the pods of `{of.namespace}`, port "
        f"{of.metrics}. It runs in namespace "
        "`monitoring` (label `purpose: monitoring`) and has the label `app: prometheus`. Below is what was written "
        "for it. The other policies of "
        f"`{of.namespace}` are right and stay: a default deny, DNS, and one policy for each tier. Change the text so "
        f"that Prometheus can read "
        "again. No other pod may gain anything, not even one that is created later, and nothing that worked may "
        "break.",
        look=asked(of.under(others, broken), line, f"web-1 -> api-1:{of.api}", caption="With the policies as they are"),
        starts=broken,
        tests=lambda text: compared(of, text, wanted, others),
        solution=right,
        slips=(
            Slip(joined(right, policy(of, "open", policyTypes=["Ingress"], ingress=[{}])), 53),
            Slip(joined(right, metrics(of, MONITORING).replace("allow-metrics", "more-metrics")), 45),
            Slip(joined(right, metrics(of, {"namespaceSelector": {}, **PROMETHEUS}).replace("allow-", "more-")), 53),
        ),
        because="Prometheus may send, the pods may receive, at the port at which they listen. All other pairs are as "
        "before.",
        evidence=asked(mended, line, f"grafana -> web-1:{of.metrics}", f"visitor -> web-1:{of.metrics}"),
        hints=(
            "Look at the table: which direction denies, and which policy is named?",
            hint,
            "Compare each part of the rule with the pods: namespace label, pod label, protocol, port. One of them is "
            "not what the pods have."
            if fault != "sender"
            else "A second policy in namespace `monitoring` must allow the egress of Prometheus to this namespace.",
        ),
    )
