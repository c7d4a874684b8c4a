"""Chapter 01: the order in which containers start, and a sidecar that is in time."""

from __future__ import annotations

from functools import partial
from random import Random

from ....kube.questions.containers import INIT, MAIN, Containers, containers
from ...questions.kinds import Finding, Slip
from ...questions.kinds_lists import Order, Swap
from ...questions.kinds_made import Repair
from ...worlds.worlds import delivered
from .. import defined
from .pods import HEAD, LOCALHOST, Manifest, Pod, named, pod, roles, server, taken, task


@defined("01-start", "Which container starts when?")
def start(chance: Random) -> Order:
    first, second = chance.sample(("fetch", "migrate", "unpack", "warm-up"), 2)
    sidecar, main = chance.choice(("forwarder", "proxy", "metrics")), chance.choice(("web", "api", "worker"))
    listed = [task(first), task(second)]
    listed.insert(at := chance.randrange(3), server(sidecar, "127.0.0.1:9090", "restartPolicy: Always"))
    text = f"{HEAD}  initContainers:\n{''.join(listed)}  containers:\n{server(main, '0.0.0.0:8080')}"
    of = containers(text)
    shown = roles(of)
    begins, ends = of.events[1], f"{sidecar} is told to end"
    return Order(
        asks="The pod below is created, runs for a day, and is deleted. In which order does this happen? Look at where "
        f"`{sidecar}` stands, and at its `restartPolicy`.",
        look=Manifest(text),
        events=of.events,
        swaps=(
            Swap(f"{main} starts", f"{sidecar} starts", 68,
                 f"`{sidecar}` stands among the init containers; `{main}` waits for all of those.", shown),
            Swap(f"{second} runs and ends", f"{first} runs and ends", 68,
                 f"`{second}` stands behind `{first}` and waits for its end.", shown),
            Swap(ends, f"{main} is told to end", 68, f"A sidecar outlives those whom it serves: here `{main}`.", shown),
            Swap(begins, of.events[0], 65, "Before there is a namespace, there is nothing for a container to join.", shown),
        ),
        because="One by one in the order of the lists: a task must end, a sidecar only start. At the end the other way round.",
        evidence=shown,
        hints=(
            "First somebody has to hold the namespace.",
            "The list initContainers goes first, from top to bottom, with the sidecar at its place in it.",
            f"The sidecar stands at place {at + 1} of three. At the end the main container goes before it.",
        ),
    )  # fmt: skip


def _in_time(of: Pod, text: str) -> tuple[Finding, ...]:
    """The forwarder listens already when migrate runs, and migrate has ended when web starts."""
    found = named(text, "migrate", "forwarder", "web")
    shown, by_name = roles(found), {one.name: one for one in found.in_order}
    role = {name: found.role(one) for name, one in by_name.items()}
    if role["migrate"] != INIT or role["web"] != MAIN:
        said = "`migrate` is a task that must have ended before `web` starts: one init container, one main container."
        return (Finding(False, said, 68, shown),)
    if role["forwarder"] == MAIN:
        said = "`forwarder` is a main container still. Those start when every init container has ended, and `migrate` waits for it."
        return (Finding(False, said, 68, shown),)
    if role["forwarder"] == INIT:
        said = "`forwarder` is a task now, which must end before the next may run. It never ends, so nothing behind it starts."
        return (Finding(False, said, 68, shown),)
    at = found.init_containers.index(by_name["migrate"])
    by_then, _ = of.started(Containers(init_containers=found.init_containers[:at]))
    asked = of.asked(by_then, "shop", LOCALHOST, of.logs)
    if not delivered(asked):
        late = found.init_containers.index(by_name["forwarder"]) > at
        why = "`forwarder` stands behind it" if late else "`forwarder` listens elsewhere"
        said = f"When `migrate` runs, nobody listens on {LOCALHOST}:{of.logs}: {why}."
        return (Finding(False, said, 68 if late else 66, shown if late else taken(asked)),)
    web = of.asked(of.started(found)[0], "client", of.own, of.web)
    if not delivered(web):
        return (Finding(False, f"Callers ask for `web` at {of.own}:{of.web}, and do not find it.", 0, taken(web)),)
    return (Finding(True, ""),)


@defined("01-sidecar", "A task that nobody listens to")
def sidecar(chance: Random) -> Repair:
    of = pod(chance)
    local = f"{LOCALHOST}:{of.logs}"
    migrate = f'  - name: migrate\n    image: busybox:1.37\n    command: ["wget", "-qO-", "http://{local}"]\n'
    web, forwarder = server("web", f"0.0.0.0:{of.web}"), server("forwarder", local)
    always = server("forwarder", local, "restartPolicy: Always")

    def text(init: str, main: str = web) -> str:
        return f"{HEAD}  initContainers:\n{init}  containers:\n{main}"

    starts, solved = text(migrate, web + forwarder), text(always + migrate)
    return Repair(
        asks=f"The pod `shop` hangs while it starts: `migrate` sends a line to `forwarder` at {local}, and is refused each time. "
        "Mend the manifest, so that `forwarder` listens before `migrate` runs, and stays. `web` is still to start last.",
        look=roles(containers(starts)),
        starts=starts,
        tests=partial(_in_time, of),
        solution=solved,
        slips=(
            Slip(text(migrate, forwarder + web), 68),
            Slip(text(forwarder + migrate), 68),
            Slip(text(migrate + always), 68),
            Slip(text(migrate, web + always), 68),
            Slip(text(always, web + migrate), 68),
            Slip(text(server("forwarder", f"{of.own}:{of.logs}", "restartPolicy: Always") + migrate), 66),
        ),
        because="A native sidecar is an init container that stays: what stands behind it in the list finds it running.",
        evidence=roles(containers(solved)),
        hints=(
            "Which containers have started when `migrate` runs?",
            "What shall run before an init container must be an init container, and stand above it.",
            "An init container with `restartPolicy: Always` need not end; it stays while the others go on.",
        ),
    )
