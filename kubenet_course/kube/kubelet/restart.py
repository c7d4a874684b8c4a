"""Whether an ended container runs again, and how long it waits (pkg/api/v1/pod/util.go, client-go flowcontrol.Backoff).

The first restart comes at once; then 10 s, 20 s, 40 s and so on up to 300 s, counted from the end of the last run. Ten
minutes of peace since the last start, and it begins anew. A node may have a lower maximum (KEP-5593), and then the first
wait is no longer than that.
"""

import msgspec

from ...linux.timeline import SECOND
from .spec import ALWAYS, ON_FAILURE, Container, PodSpec, RestartRule

FIRST, LONGEST, PEACE = 10 * SECOND, 300 * SECOND, 600 * SECOND
RESTART, RESTART_ALL = "Restart", "RestartAllContainers"
RESTARTING_ALL = "RestartingAllContainers"  # the reason of a container that was removed for another's sake


def matching_rule(container: Container, exit_code: int) -> RestartRule | None:
    """The first rule that an exit code meets."""
    for rule in container.restart_policy_rules:
        if rule.exit_codes is None:
            continue
        listed = exit_code in rule.exit_codes.values
        if listed if rule.exit_codes.operator == "In" else not listed:
            return rule
    return None


def should_restart(container: Container, pod: PodSpec, exit_code: int) -> bool:
    """Rules of the container first, then its own policy, then the pod's."""
    policy = pod.restart_policy
    if container.restart_policy is not None:
        rule = matching_rule(container, exit_code)
        if rule is not None and rule.action in (RESTART, RESTART_ALL):
            return True
        policy = container.restart_policy
    return policy == ALWAYS or (policy == ON_FAILURE and exit_code != 0)


def restarts_all(container: Container, exit_code: int) -> bool:
    """Whether this end restarts the whole pod in place, with its address and its sandbox kept."""
    rule = matching_rule(container, exit_code)
    return rule is not None and rule.action == RESTART_ALL


class BackOff(msgspec.Struct, frozen=True):
    """How long the next end of a container must wait, and when it was last started by a restart."""

    wait: int = 0  # 0: it was never restarted
    started: int = 0


def may_start(back_off: BackOff, finished: int) -> int:
    """The earliest time for a container that ended at `finished`: at once, or after its wait."""
    return finished if not back_off.wait or _expired(back_off, finished) else finished + back_off.wait


def started(back_off: BackOff, finished: int, now: int, longest: int = LONGEST) -> BackOff:
    """A restart, at `now`, of what ended at `finished`: the next wait is twice as long."""
    if not back_off.wait or _expired(back_off, finished):
        return BackOff(min(FIRST, longest), now)
    return BackOff(min(back_off.wait * 2, longest), now)


def _expired(back_off: BackOff, finished: int) -> bool:
    return finished - back_off.started > PEACE
