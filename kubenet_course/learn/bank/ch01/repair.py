"""Chapter 01: two containers that want one port."""

from __future__ import annotations

from functools import partial
from random import Random

from ....kube.manifest.read import read_text
from ....kube.questions.containers import INIT, Containers, containers
from ....linux.namespace.bind import Bound
from ....linux.namespace.netns import Netns
from ....views.tables.binds import binds
from ...questions.kinds import Finding, Slip
from ...questions.kinds_made import Repair
from ...worlds.worlds import delivered
from .. import defined
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
        wrong.append(Finding(False, f"Callers ask for `web` at {of.own}:{of.web}, and do not find it there.", 0, shown))
    near = of.asked(inside, "shop", LOCALHOST, of.logs)
    if "forwarder" in (one.name for one in found.in_order if found.role(one) == INIT):
        said = "An init container must end before the main containers start; then nobody takes log lines."
        wrong.append(Finding(False, said, 68, roles(found)))
    elif listener_of(inside, of.logs) != "forwarder" or not delivered(near):
        said = f"`web` sends its lines to {LOCALHOST}:{of.logs}, and `forwarder` is not found there."
        wrong.append(Finding(False, said, 66, taken(near)))
    far = of.asked(inside, "client", of.own, of.logs)
    if delivered(far):
        said = f"The pod `client` finds {of.own}:{of.logs} too. Log lines are to be taken from this pod only."
        wrong.append(Finding(False, said, 56, taken(far)))
    if read_text(text).pods[0].spec.host_network:
        said = f"With hostNetwork the pod has its node's addresses and ports; nobody finds it at {of.own}."
        wrong.append(Finding(False, said, 0, shown))
    return tuple(wrong) or (Finding(True, ""),)


def _refusal(one: Bound, before: Containers, after: Containers) -> tuple[str, int]:
    """Why a program is refused still, and the belief behind what was tried."""
    if one.by is None:
        return f"`{one.wanted.program}` wants {one.wanted.address}, which no device of the pod has.", 0
    met = f"`{one.wanted.program}` still meets `{one.by.program}` on port {one.wanted.port}"
    if one.wanted.address != one.by.address:
        return f"{met}: 0.0.0.0 holds every address of the pod, and so the other one's too.", 56
    declared = [[port.container_port for program in of.in_order for port in program.ports] for of in (before, after)]
    if declared[0] != declared[1]:
        return f"{met}. `containerPort` is a note for people; the program reads its args.", 15
    return f"{met}. Nothing about their network is apart.", 55


def listener_of(ns: Netns, port: int) -> str:
    """Which program has a TCP port; nobody's name is empty."""
    return next((one.program for one in ns.sockets if one.proto == "tcp" and one.port == port), "")


@defined("01-repair", "Two programs, one port")
def repair(chance: Random) -> Repair:
    of = pod(chance)
    limits = ("resources:", "  limits:", f"    memory: {chance.choice((128, 256, 512))}Mi")
    everywhere, local = f"0.0.0.0:{of.web}", f"{LOCALHOST}:{of.logs}"
    web = server("web", everywhere, *declares(of.web))

    def text(forwarder: str, *lines: str, first: str = web) -> str:
        return f"{HEAD}  containers:\n{first}{server('forwarder', forwarder, *lines, *limits)}"

    starts = text(everywhere, *declares(of.logs))
    before, solved = containers(starts), text(local, *declares(of.logs))
    as_task = f"{HEAD}  initContainers:\n{server('forwarder', local)}  containers:\n{web}"
    return Repair(
        asks=f"In the pod `shop` ({of.own}) the container `forwarder` restarts again and again. Its containerPort has been changed "
        f"already, in vain. Mend the manifest: the pod `client` must find `web` at {of.own}:{of.web}, `web` must find "
        f"`forwarder` at {local}, and `client` must not find `forwarder`.",
        look=binds(of.started(before)[1]),
        starts=starts,
        tests=partial(_fits, of, before),
        solution=solved,
        slips=(
            Slip(text(everywhere, *declares(of.logs + 1)), 15),
            Slip(text(f"{LOCALHOST}:{of.web}", *declares(of.logs)), 56),
            Slip(text(f"0.0.0.0:{of.logs}", *declares(of.logs)), 56),
            Slip(text(f"{of.own}:{of.logs}", *declares(of.logs)), 66),
            Slip(text(everywhere, *declares(of.logs), "restartPolicy: Always"), 55),
            Slip(text(local, first=server("web", f"0.0.0.0:{of.logs + 1}")), 0),
            Slip(as_task, 68),
            Slip(solved.replace("spec:", "spec:\n  hostNetwork: true"), 0),
        ),
        because="Where a program listens is between the program and the kernel. Only its own flag moved it.",
        evidence=binds(of.started(containers(solved))[1]),
        hints=(
            "Who is refused, and who has what it wants? Look at the table, then at `args`.",
            "The port that a manifest declares moves no program. Here `-listen=` does.",
            f"`forwarder` is to listen on {local}: on localhost, so that only this pod finds it.",
        ),
    )
