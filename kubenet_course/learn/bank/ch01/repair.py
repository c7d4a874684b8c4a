"""Chapter 01: two containers that want one port."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ....kube.manifest.read import read_text
from ....kube.questions.containers import INIT, Containers, containers
from ....linux.namespace.bind import Bound
from ....linux.namespace.netns import Netns
from ....views.tables.binds import binds
from ...questions.kinds import Finding, Slip
from ...questions.kinds_made import Repair, working
from ...worlds.worlds import delivered
from .. import Chance, defined
from .pods import HEAD, LOCALHOST, Pod, declares, named, pod, roles, server, taken


def _fits(of: Pod, before: Containers, text: str) -> tuple[Finding, ...]:
    """Both programs listen; web is found from outside, forwarder from inside only."""
    found = named(text, "web", "forwarder")
    inside, told = of.started(found)
    shown = binds(told)
    refused = [one for one in told if one.error]
    if refused:
        return (Finding(False, *_refusal(refused[0], before, found), shown),)
    wrong = []
    if listener_of(inside, of.web) != "web" or not delivered(of.asked(inside, "client", of.own, of.web)):
        wrong.append(Finding(False, f"Clients ask for `web` at {of.own}:{of.web} and do not find it there.", 0, shown))
    near = of.asked(inside, "shop", LOCALHOST, of.logs)
    if "forwarder" in (one.name for one in found.in_order if found.role(one) == INIT):
        said = "An init container must end before the main containers start. Then nobody takes the log lines."
        wrong.append(Finding(False, said, 68, roles(found)))
    elif listener_of(inside, of.logs) != "forwarder" or not delivered(near):
        said = f"`web` sends its lines to {LOCALHOST}:{of.logs}, and `forwarder` is not found there."
        wrong.append(Finding(False, said, 66, taken(near)))
    far = of.asked(inside, "client", of.own, of.logs)
    if delivered(far):
        said = f"The pod `client` finds {of.own}:{of.logs} too. Only this pod should be able to send log lines."
        wrong.append(Finding(False, said, 56, taken(far)))
    if read_text(text).pods[0].spec.host_network:
        said = f"With hostNetwork the pod uses its node's addresses and ports. Nobody finds it at {of.own} any more."
        wrong.append(Finding(False, said, 0, shown))
    return tuple(wrong) or (Finding(True, ""),)


def _refusal(one: Bound, before: Containers, after: Containers) -> tuple[str, int]:
    """Why a program is refused still, and the belief behind what was tried."""
    if one.by is None:
        return f"`{one.wanted.program}` wants {one.wanted.address}, which no device of the pod has.", 0
    met = f"`{one.wanted.program}` still meets `{one.by.program}` on port {one.wanted.port}"
    if one.wanted.address != one.by.address:
        return f"{met}. 0.0.0.0 stands for every address of the pod, so also for the other one's.", 56
    declared = [[port.container_port for program in of.in_order for port in program.ports] for of in (before, after)]
    if declared[0] != declared[1]:
        return f"{met}. `containerPort` is only a note. The program does what its `args` say.", 15
    return f"{met}. Both containers are in one network namespace.", 55


def listener_of(ns: Netns, port: int) -> str:
    """Which program has a TCP port; nobody's name is empty."""
    return next((one.program for one in ns.sockets if one.proto == "tcp" and one.port == port), "")


@defined("01-repair", "Two programs, one port")
def repair(chance: Chance) -> Repair:
    of = pod(chance)
    limits = ("resources:", "  limits:", f"    memory: {chance.choice((128, 256, 512))}Mi")
    everywhere, local = f"0.0.0.0:{of.web}", f"{LOCALHOST}:{of.logs}"
    web = server("web", everywhere, *declares(of.web))

    def text(forwarder: str, *lines: str, first: str = web) -> str:
        return f"{HEAD}  containers:\n{first}{server('forwarder', forwarder, *lines, *limits)}"

    own, front = f"{of.own}:{of.logs}", server("web", f"{LOCALHOST}:{of.web}", *declares(of.web))
    starts, told = chance.turn(
        (text(everywhere, *declares(of.logs)),
         ("The container `forwarder` restarts again and again. Somebody has already changed its containerPort, and it "
         "did not help")),
        (text(f"{LOCALHOST}:{of.web}", *declares(of.logs)),
         "The container `forwarder` restarts again and again, although it listens on localhost only"),
        (text(own, *declares(of.logs)), "Both containers run, but `web` cannot deliver its log lines"),
        (text(local, *declares(of.logs), first=front), ("Both containers run, but the pod `client` is refused when it "
                                                       "asks for `web`")),
    )  # fmt: skip
    before, solved = containers(starts), text(local, *declares(of.logs))
    return Repair(
        asks=f"This is about the pod `shop` ({of.own}). {told}. Change the manifest so that three things hold: the "
        "pod `client` finds "
        f"`web` at {of.own}:{of.web}, `web` finds `forwarder` at {local}, and `client` does not find `forwarder`.",
        look=binds(of.started(before)[1]),
        starts=starts,
        tests=partial(_fits, of, before),
        solution=solved,
        slips=tuple(Slip(one, belief) for one, belief in _wrong(of, text, solved) if working(one) != working(starts)),
        because="A program listens where its own arguments tell it to. Only the flag `-listen=` could move it.",
        evidence=binds(of.started(containers(solved))[1]),
        hints=(
            "Where does each program listen? Look at the table above the manifest, then at `args`.",
            "The port that a manifest declares does not move a program. Here the flag `-listen=` does.",
            f"`web` must listen on {everywhere}, for everybody. `forwarder` must listen on {local}, for this pod only.",
        ),
    )


def _wrong(of: Pod, text: Callable[..., str], solved: str) -> tuple[tuple[str, int], ...]:
    """What people write instead, and the belief behind it."""
    everywhere, local, noted = f"0.0.0.0:{of.web}", f"{LOCALHOST}:{of.logs}", declares(of.logs)
    web = server("web", everywhere, *declares(of.web))
    return (
        (text(everywhere, *declares(of.logs + 1)), 15),
        (text(f"{LOCALHOST}:{of.web}", *noted), 56),
        (text(f"0.0.0.0:{of.logs}", *noted), 56),
        (text(f"{of.own}:{of.logs}", *noted), 66),
        (text(everywhere, *noted, "restartPolicy: Always"), 55),
        (text(local, first=server("web", f"0.0.0.0:{of.logs + 1}")), 0),
        (f"{HEAD}  initContainers:\n{server('forwarder', local)}  containers:\n{web}", 68),
        (solved.replace("spec:", "spec:\n  hostNetwork: true"), 0),
    )
