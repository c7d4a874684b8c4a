"""Chapter 08: which phase? From the containers' states and the restart policy, as the kubelet computes it."""

from __future__ import annotations

from random import Random

from msgspec import Struct

from ....kube.kubelet.phase import phase
from ....kube.kubelet.printed import printed
from ....kube.kubelet.spec import (
    Condition,
    Container,
    ContainerState,
    ContainerStatus,
    PodSpec,
    Running,
    Terminated,
    Waiting,
)
from ....views.tables.table import Table, table
from ...questions.kinds import Slip, Value
from ...questions.reading import one_of
from .. import defined
from .lives import one_of_kinds

PHASES = ("Pending", "Running", "Succeeded", "Failed", "Unknown")
RUNS = ContainerState(running=Running())


class Story(Struct, frozen=True):
    """What stands in a pod's status, told in a sentence. `slips`: a wrong phase, its belief, what disproves it."""

    told: str
    policy: str
    states: dict[str, tuple[ContainerState, ContainerState]]
    slips: tuple[tuple[str, int, str], ...]
    because: str
    init: tuple[str, ...] = ()
    is_ready: bool = True
    is_deleted: bool = False


def _ended(code: int) -> ContainerState:
    return ContainerState(terminated=Terminated(exit_code=code, reason="Completed" if code == 0 else "Error"))


def _waits(reason: str) -> ContainerState:
    return ContainerState(waiting=Waiting(reason=reason))


NOTHING = ContainerState()
STORIES = (
    Story("A program crashes again and again.", "Always", {"web": (_waits("CrashLoopBackOff"), _ended(1))},
          (("Failed", 41, "Failed means that no container will run again. This one will, after its back-off."),
           ("Pending", 41, "It has run before, and the kubelet will start it again: the pod is past Pending.")),
          "A container that ended and will run again counts as running. CrashLoopBackOff is its reason for waiting."),
    Story("The readiness probe fails all the time.", "Always", {"web": (RUNS, NOTHING)},
          (("Pending", 182, "Readiness has no say in the phase. The container runs."),
           ("Failed", 182, "Nothing has ended. A probe changes conditions, not the phase.")),
          "The container runs, and that alone decides. The condition Ready is False.", is_ready=False),
    Story("The pod is being deleted. Its program still finishes its work.", "Always", {"web": (RUNS, NOTHING)},
          (("Succeeded", 41, "It has not ended yet."), ("Failed", 41, ("It has not ended yet, and being deleted is no "
              "failure."))),
          "Terminating is what kubectl prints for a pod with a deletionTimestamp. The phase stays Running until the "
          "end.",
          is_deleted=True),
    Story("A job's container has ended well.", "OnFailure", {"job": (_ended(0), NOTHING)},
          (("Running", 41, "With OnFailure a container that ended with 0 is not started again."),
           ("Failed", 0, "Its exit code is 0.")),
          "All containers have ended with 0, and none will be started again."),
    Story("Of two containers one ended with 0, the other with 1.", "Never",
          {"copy": (_ended(0), NOTHING), "send": (_ended(1), NOTHING)},
          (("Succeeded", 0, "All of them would have to end with 0."), ("Running", 41, ("With Never nothing is started "
              "again."))),
          "All have ended for good, and one of them in failure."),
    Story("Of two containers one has ended with 1, the other still runs.", "Never", {"send": (_ended(1), NOTHING),
        "serve": (RUNS, NOTHING)},
          (("Failed", 0, "Failed is said only when all of them have ended."), ("Unknown", 41, ("Nothing sets Unknown "
              "any more."))),
          "One container runs, so the pod runs.", is_ready=False),
    Story("The image of the only container cannot be fetched.", "Always",
          {"web": (_waits("ImagePullBackOff"), NOTHING)},
          (("Failed", 41, "Nothing has run and nothing has ended. The kubelet goes on trying."),
           ("Unknown", 41, "The kubelet knows exactly how it stands. Nothing sets Unknown any more.")),
          "The container was never started, so the pod is not past Pending. ImagePullBackOff is a reason.",
          is_ready=False),
    Story("An init container crashes again and again; the main container has never started.", "Always",
          {"migrate": (_waits("CrashLoopBackOff"), _ended(1)), "web": (_waits("PodInitializing"), NOTHING)},
          (("Running", 41, "The pod runs only when its init containers have done their work."),
           ("Failed", 41, "With Always the init container is tried again.")),
          "Until all init containers have ended well the pod is Pending. kubectl prints Init:CrashLoopBackOff.",
          init=("migrate",), is_ready=False),
)  # fmt: skip


def _status(story: Story) -> tuple[ContainerStatus, ...]:
    return tuple(
        ContainerStatus(name, now, before, restart_count=int(before is not NOTHING), container_id="containerd://1")
        for name, (now, before) in story.states.items()
    )


def _spec(story: Story) -> PodSpec:
    made = {name: Container(name=name) for name in story.states}
    first = tuple(made[name] for name in story.init)
    return PodSpec(
        tuple(one for name, one in made.items() if name not in story.init), first, restart_policy=story.policy
    )


def _word(state: ContainerState) -> str:
    if state.running is not None:
        return "running"
    if state.terminated is not None:
        return f"terminated, exit code {state.terminated.exit_code}"
    return f"waiting, {state.waiting.reason}" if state.waiting is not None else ""


def _look(story: Story) -> Table:
    rows = [
        (name, "init" if name in story.init else "main", _word(now), _word(before))
        for name, (now, before) in story.states.items()
    ]
    caption = f"Containers; restartPolicy {story.policy}" + ("; deletionTimestamp set" if story.is_deleted else "")
    return table(caption, ("container", "kind", "state", "lastState"), rows)


@defined("08-phase", "Which phase?")
def phases(chance: Random) -> Value:
    story = one_of_kinds(chance, STORIES, 1)
    spec, statuses = _spec(story), _status(story)
    found = phase(spec, statuses, has_initialized=not story.init)
    held = (
        Condition(type="Ready", status=str(story.is_ready)),
        Condition(type="Initialized", status=str(not story.init)),
    )
    shown = printed(spec, found, statuses, held, story.is_deleted)
    evidence = table("Two words for one pod", ("status.phase", "STATUS in kubectl get pods"), [(found, shown)])
    return Value(
        asks=f"{story.told} Which word stands in `status.phase`?",
        look=_look(story),
        answer=found,
        reads=one_of(PHASES),
        slips=tuple(Slip(word, belief, said, evidence) for word, belief, said in story.slips),
        because=story.because,
        evidence=evidence,
        hints=(
            (
                "There are five phases: Pending, Running, Succeeded, Failed, Unknown. Which of them can be left out at "
                "once?"
            ),
            "Two questions decide. Have all containers started at least once? Will any of them run, or run again?",
            f"What kubectl prints is `{shown}`. The phase knows nothing of probes, of back-offs and of deletions.",
        ),
    )
