"""Chapter 01: the order in which containers start, and a sidecar that is in time."""

from __future__ import annotations

from functools import partial
from itertools import pairwise

from ....kube.questions.containers import INIT, MAIN, SIDECAR, Containers, containers
from ....views.tables.table import Table
from ...questions.kinds import Finding, Slip
from ...questions.kinds_lists import Order, Swap
from ...questions.kinds_made import Repair, working
from ...worlds.worlds import delivered
from .. import Chance, defined
from .pods import HEAD, LOCALHOST, Manifest, Pod, named, pod, roles, server, taken, task


@defined("01-start", "Which container starts when?")
def start(chance: Chance) -> Order:
    """The sidecar between two tasks, before them, behind them, and two sidecars around a task."""
    first, second = chance.sample(("fetch", "migrate", "unpack", "warm-up"), 2)
    early, late = chance.sample(("forwarder", "proxy", "metrics"), 2)
    main = chance.choice(("web", "api", "worker"))
    case, *listed = chance.turn(
        ("a sidecar stands between two tasks", first, early, second),
        ("a sidecar stands before two tasks", early, first, second),
        ("a sidecar stands behind two tasks", first, second, early),
        ("two sidecars stand around a task", early, first, late),
    )
    texts = [_listed(name, name in (early, late)) for name in listed]
    text = f"{HEAD}  initContainers:\n{''.join(texts)}  containers:\n{server(main, '0.0.0.0:8080')}"
    of = containers(text)
    shown = roles(of)
    return Order(
        asks=f"In the pod below {case}. The pod is created, runs for a day, and is deleted. In which order does this "
        "happen?",
        look=Manifest(text),
        events=of.events,
        swaps=_too_early(of, main, shown),
        because="Init containers start one by one: a task must end, a sidecar must only start. At the end it goes "
        "the other way round.",
        evidence=shown,
        hints=(
            "First the pod needs a network. Which container holds it? A sidecar has `restartPolicy: Always`.",
            (
                "Then comes the list `initContainers`, from top to bottom. A sidecar has its place in this list like "
                "the "
                "others."
            ),
            f"The init containers are {', '.join(listed)}. When the pod ends, `{main}` is told before every sidecar.",
        ),
    )


def _listed(name: str, is_sidecar: bool) -> str:
    return server(name, f"127.0.0.1:{9000 + len(name)}", "restartPolicy: Always") if is_sidecar else task(name)


def _too_early(of: Containers, main: str, shown: Table) -> tuple[Swap, ...]:
    """An event before the one on which it depends: at the end, among the init containers, and before the pod's network."""
    begun = {one.name: next(event for event in of.events if event.split()[0] == one.name) for one in of.init_containers}
    stays = [one.name for one in of.init_containers if of.role(one) == SIDECAR]
    names = list(begun)
    return (
        *(Swap(f"{name} is told to end", f"{main} is told to end", 68,
               "A sidecar goes on until the containers that it serves have ended, here "
               f"`{main}`.", shown) for name in stays[-1:]),
        *(Swap(f"{stays[0]} is told to end", f"{name} is told to end", 68,
               f"The sidecar that started last, `{name}`, is told to end first.", shown) for name in stays[1:]),
        *(Swap(begun[then], begun[first], 68, f"`{then}` stands behind `{first}` in the list, and waits for it.", shown)
          for first, then in pairwise(names)),
        Swap(f"{main} starts", begun[names[-1]], 68, f"`{main}` is a main container. It waits for all init "
                                                     "containers.", shown),
        Swap(of.events[1], of.events[0], 65, "Before the pod has a network, no container can join it.", shown),
    )  # fmt: skip


def _in_time(of: Pod, text: str) -> tuple[Finding, ...]:
    """The forwarder listens already when migrate runs, and migrate has ended when web starts."""
    found = named(text, "migrate", "forwarder", "web")
    shown, by_name = roles(found), {one.name: one for one in found.in_order}
    role = {name: found.role(one) for name, one in by_name.items()}
    if role["migrate"] != INIT or role["web"] != MAIN:
        said = (
            "`migrate` must have ended before `web` starts. So `migrate` must be an init container, and `web` a "
            "main container."
        )
        return (Finding(False, said, 68, shown),)
    if role["forwarder"] == MAIN:
        said = (
            "`forwarder` is still a main container. Main containers start when every init container has ended, "
            "and `migrate` needs it earlier."
        )
        return (Finding(False, said, 68, shown),)
    if role["forwarder"] == INIT:
        said = (
            "`forwarder` is now a task that must end before the next container may start. It never ends, so "
            "nothing behind it starts."
        )
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
        return (Finding(False, f"Clients ask for `web` at {of.own}:{of.web} and do not find it.", 0, taken(web)),)
    return (Finding(True, ""),)


def _manifests(of: Pod) -> tuple[str, tuple[tuple[str, str], ...], tuple[tuple[str, int], ...]]:
    """The manifest that works, four broken ones with what is seen of each, and what people write instead."""
    local = f"{LOCALHOST}:{of.logs}"
    migrate = f'  - name: migrate\n    image: busybox:1.37\n    command: ["wget", "-qO-", "http://{local}"]\n'
    web, forwarder = server("web", f"0.0.0.0:{of.web}"), server("forwarder", local)
    always = server("forwarder", local, "restartPolicy: Always")
    elsewhere = server("forwarder", f"{of.own}:{of.logs}", "restartPolicy: Always")

    def text(init: str, main: str = web) -> str:
        return f"{HEAD}  initContainers:\n{init}  containers:\n{main}"

    seen = (
        (text(migrate, web + forwarder), f"`migrate` sends a line to `forwarder` at {local}, and is refused each time"),
        (text(forwarder + migrate), "`forwarder` runs, but `migrate` never starts"),
        (text(migrate + always), f"`migrate` asks for {local} and is refused, though `forwarder` is a sidecar"),
        (text(elsewhere + migrate), f"`forwarder` runs before `migrate`, but `migrate` is refused at {local}"),
    )
    wrong = (
        (text(migrate, forwarder + web), 68),
        (text(forwarder + migrate), 68),
        (text(migrate + always), 68),
        (text(migrate, web + always), 68),
        (text(always, web + migrate), 68),
        (text(elsewhere + migrate), 66),
    )
    return text(always + migrate), seen, wrong


@defined("01-sidecar", "A task that nobody listens to")
def sidecar(chance: Chance) -> Repair:
    """The forwarder is a main container, a task, a sidecar that stands too low, and one that listens elsewhere."""
    of = pod(chance)
    solved, seen, wrong = _manifests(of)
    starts, told = chance.turn(*seen)
    return Repair(
        asks=f"The pod `shop` hangs while it starts: {told}. Change the manifest so that `forwarder` listens on "
        f"{LOCALHOST}:{of.logs} before `migrate` runs, and stays. `web` must still start last.",
        look=roles(containers(starts)),
        starts=starts,
        tests=partial(_in_time, of),
        solution=solved,
        slips=tuple(Slip(one, belief) for one, belief in wrong if working(one) != working(starts)),
        because="A sidecar is an init container that stays. What stands behind it in the list finds it running.",
        evidence=roles(containers(solved)),
        hints=(
            "Which containers have started when `migrate` runs, and where do they listen?",
            "What must run before an init container must itself be an init container, and stand above it.",
            "An init container with `restartPolicy: Always` does not have to end. It stays while the others go on.",
        ),
    )
