"""An API server that keeps Nodes, and the node IPAM controller beside it: stop it, change the world, start it again.

A controller never hears "give n5 a block". It hears that something about n5 changed, looks at what is, and does what is
missing. `NodeWorld.trace` shows that line by line: when, what was heard, what was done about it.
"""

from msgspec import Struct

from ...linux.timeline import Timeline
from .kcm_flags import ControllerExit, Flags, configured
from .node_api import already_exists, not_found, refused
from .node_ipam import Allocator, Assigned, Failed, Outcome, PodCIDRs, release_node, start, sync, undo
from .workqueue import WorkQueue

MICROSECOND = 1_000  # the work queue counts in these, the clock in nanoseconds
SETTLE = 2_000_000  # microseconds that the world is left alone after each thing that is done to it


class Deed(Struct, frozen=True, gc=False):
    """One turn of the controller. `at`: microseconds since the story began; `outcome` is the row that says why."""

    at: int
    heard: str
    node: str
    outcome: Outcome | str

    def __str__(self) -> str:
        return f"{self.at / 1e6:9.3f}s  {self.heard:<7} {self.node}: {self.outcome}"


class Event(Struct, frozen=True):
    """An Event as the API server keeps it: one object a node and reason, counted up.

    A controller that started anew writes a new one, and so does a node that was deleted and is back: another uid.
    """

    node: str
    reason: str
    message: str
    type: str
    count: int


class NodeWorld:
    """Nodes in the API server, and a controller that is running, stopped, or gone with an error.

    `nodes`: name -> podCIDRs, as the API server stores them. `error`: what made the controller exit, or None.
    """

    def __init__(self, flags: Flags, settle: int = SETTLE):
        self.flags, self.settle = flags, settle
        self.nodes: dict[str, PodCIDRs] = {}
        self.clock = Timeline()
        self.error: str | None = None
        self.trace: list[Deed] = []
        self.allocator: Allocator | None = None
        self.waiting: dict[str, Failed] = {}
        self._queue = WorkQueue()
        self._starts = 0
        self._uids: dict[str, int] = {}
        self._counts: dict[tuple[int, int, str, str], int] = {}

    @property
    def now(self) -> int:
        """Microseconds since the story began."""
        return self.clock.now // MICROSECOND

    @property
    def events(self) -> list[Event]:
        """What `kubectl get events` shows of the controller, oldest first."""
        said = "Node {} status is now: {}"
        return [Event(node, why, said.format(node, why), "Normal", n) for (_, _, node, why), n in self._counts.items()]

    def start(self) -> None:
        """Start the controller: it reads every node, then looks at each. It may refuse; then `error` says why."""
        self.stop()
        self._starts += 1
        self.error = None
        try:
            configuration = configured(self.flags)
            self.allocator = start(configuration, self.nodes) if configuration else None
        except ControllerExit as refusal:
            self.error = str(refusal)
            return
        for name in sorted(self.nodes):  # DEV-15
            self._sync("listed", name)
        self._let_time_pass()

    def stop(self) -> None:
        """Stop the controller. All that it remembers is gone; the nodes and their blocks are not."""
        self.allocator = None
        self.waiting.clear()
        self._queue = WorkQueue()

    def create(self, name: str, pod_cidrs: PodCIDRs = ()) -> str:
        """A node registers, perhaps with podCIDRs of its own. Returns the API server's refusal, or ""."""
        if name in self.nodes:
            return already_exists(name)
        if refusal := refused(name, pod_cidrs):
            return refusal
        self.nodes[name] = pod_cidrs
        self._uids[name] = self._uids.get(name, 0) + 1
        self._sync("added", name)
        self._let_time_pass()
        return ""

    def delete(self, name: str) -> str:
        """A node is deleted. Returns the API server's refusal, or ""."""
        if name not in self.nodes:
            return not_found(name)
        pod_cidrs = self.nodes.pop(name)
        if self.allocator:
            said = release_node(self.allocator, name, pod_cidrs)
            self.trace.append(Deed(self.now, "deleted", name, said or f"free again: {', '.join(pod_cidrs) or 'none'}"))
            self.waiting.pop(name, None)
            self._queue.forget(name)
        self._let_time_pass()
        return ""

    def _sync(self, heard: str, name: str) -> None:
        """One turn: look at the node as it is now, act, and remember to come back if it did not work."""
        if not self.allocator:
            return
        outcome = sync(self.allocator, name, self.nodes[name])
        if isinstance(outcome, Assigned):
            outcome = self._written_down(name, outcome)
        self.trace.append(Deed(self.now, heard, name, outcome))
        if isinstance(outcome, Failed):
            self.waiting[name] = outcome
            self._queue.add_rate_limited(name, self.now)
            if outcome.reason:
                key = (self._starts, self._uids[name], name, outcome.reason)
                self._counts[key] = self._counts.get(key, 0) + 1
        elif name in self.waiting:
            del self.waiting[name]
            self._queue.forget(name)

    def _written_down(self, name: str, assigned: Assigned) -> Outcome:
        """The patch to the API server. It refuses only what is no CIDR: a mask longer than an address."""
        pod_cidrs = assigned.pod_cidrs
        if "<nil>" in pod_cidrs and self.allocator:
            undo(self.allocator, assigned)
            return Failed(f"failed to patch node CIDR: {refused(name, pod_cidrs)}", "CIDRAssignmentFailed")
        self.nodes[name] = pod_cidrs
        return assigned

    def _let_time_pass(self) -> None:
        """The settling time, with the retries that fall due in it, and then on until nobody waits for what is free (DEV-14)."""
        until = self.now + self.settle
        while self.allocator and (due := self._queue.next_due()) is not None:
            if due > until and not self._somebody_could_be_served():
                break
            when, name = self._queue.pop()
            self.clock.run(when * MICROSECOND)
            if name in self.nodes:
                self._sync("retry", name)
        self.clock.run(until * MICROSECOND)

    def _somebody_could_be_served(self) -> bool:
        free = self.allocator and all(pool.taken < pool.blocks for pool in self.allocator.pools)
        return bool(free) and any(failed.reason == "CIDRNotAvailable" for failed in self.waiting.values())
