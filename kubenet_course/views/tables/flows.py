"""What another mode of kube-proxy changes for a cluster, as a table: `kubenet proxy diff` for a notebook."""

from __future__ import annotations

from collections.abc import Sequence

from ...kube.model.cluster import Cluster
from ...kube.questions.migration import Migration
from ...kube.questions.service_flows import FlowResult
from .table import Table, table


def flows(before: Cluster, after: Cluster, node: str = "") -> Table:
    """Every flow to a Service that comes out differently, seen from a node (the first, unless it is named).

    Those who ask the same, with the same two outcomes, share a row.
    """
    found = list(Migration(before, after, node).flows())
    changed = [one for one in found if one is not None]
    alike: dict[tuple[str, ...], list[str]] = {}
    for one in changed:
        key = (one.flow.where, _told(one.before), _told(one.after), one.because.partition(" (")[0])
        alike.setdefault(key, []).append(one.flow.who.rpartition("/")[2])
    rows = [(where, ", ".join(who), *rest) for (where, *rest), who in alike.items()]
    caption = (
        f"From {before.mode} to {after.mode}: {len(changed)} flows change, {len(found) - len(changed)} stay as they are"
    )
    return table(caption, ("what is asked", "by whom", before.mode, after.mode, "because"), rows)


def _told(results: Sequence[FlowResult]) -> str:
    """The first verdict, with all servers that have it and all senders that they see."""
    said = [one for one in results if one.verdict == results[0].verdict]
    seen = ", ".join(dict.fromkeys(one.seen_from for one in said if one.seen_from))
    return f"{said[0].verdict}, seen from {seen}" if seen else said[0].verdict
