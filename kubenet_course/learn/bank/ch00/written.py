"""Chapter 00: a rule to write, which stops one thing and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from msgspec import Struct

from ....linux.namespace.trace import Trace
from ....linux.packet.packet import tcp, udp
from ....linux.walk import send
from ....shell.lines import after as mended
from ....views.tables import show
from ...questions.kinds import Finding, Slip
from ...questions.kinds_made import Write, working
from ...worlds.worlds import Net, World, net
from .. import Chance, defined
from .seen import hooks, own


class Wanted(Struct, frozen=True):
    """What a rule has to stop, and what must go on: each packet with the sentence for a rule that fails there."""

    asks: str
    matches: tuple[str, ...]
    stopped: tuple[tuple[Callable[[Net, World], Trace], str], ...]
    free: tuple[tuple[Callable[[Net, World], Trace], str, int], ...]
    slips: tuple[tuple[str, int], ...]


def _web(of: Net, world: World) -> Trace:
    return of.sent(world)


def _other_port(of: Net, world: World) -> Trace:
    return of.sent(world, port=1 + of.port)


def _datagram(of: Net, world: World) -> Trace:
    return of.sent(world, proto=udp)


def _other_pod(of: Net, world: World) -> Trace:
    """Another pod on the client's node asks web."""
    name = f"pod-{of.here}0"
    return send(world, tcp(own(of, name), of.sport, of.web, of.port), at=name)


UDP_TOO = ("UDP is stopped too. Ports of TCP and ports of UDP have nothing to do with each other.", 62)
OTHERS_TOO = ("Another pod of the node cannot reach `web` any more. Your rule does not look at the source.", 0)


def _one_port(of: Net) -> Wanted:
    pair = f"-s {of.client}/32 -d {of.web}/32"
    port_too = (f"Port {1 + of.port} is stopped too. Only {of.port} should be.", 0)
    return Wanted(
        f"stop TCP connections from `client` ({of.client}) to port {of.port} of `web` ({of.web}). Everything else "
        "must go on",
        (f"{pair} -p tcp --dport {of.port}",),
        ((_web, f"The connection to port {of.port} still gets through."),),
        ((_other_port, *port_too), (_datagram, *UDP_TOO)),
        ((pair, 62),),
    )


def _all_udp(of: Net) -> Wanted:
    pair = f"-s {of.client}/32 -d {of.web}/32"
    return Wanted(
        f"stop all UDP packets from `client` ({of.client}) to `web` ({of.web}). TCP must go on",
        (f"{pair} -p udp",),
        ((_datagram, "A UDP packet still gets through."),),
        ((_web, "TCP is stopped too. A rule without `-p udp` matches every protocol.", 62),),
        ((pair, 62),),
    )


def _one_sender(of: Net) -> Wanted:
    pair = f"-s {of.client}/32 -d {of.web}/32"
    return Wanted(
        f"stop everything from `client` ({of.client}) to `web` ({of.web}). Other pods of the node must still reach "
        "`web`",
        (pair,),
        ((_web, "TCP still gets through."), (_datagram, "UDP still gets through.")),
        ((_other_pod, *OTHERS_TOO),),
        ((f"{pair} -p tcp", 62),),
    )


def _two_protocols(of: Net) -> Wanted:
    pair = f"-s {of.client}/32 -d {of.web}/32"
    port_too = (f"Port {1 + of.port} is stopped too. Only {of.port} should be.", 0)
    return Wanted(
        f"stop what `client` ({of.client}) sends to port {of.port} of `web` ({of.web}), over TCP and over UDP. Other "
        "ports must go "
        "on. You may need two rules, one on each line",
        (f"{pair} -p tcp --dport {of.port}", f"{pair} -p udp --dport {of.port}"),
        ((_web, "TCP still gets through."), (_datagram, "UDP still gets through.")),
        ((_other_port, *port_too),),
        ((f"{pair} -p tcp --dport {of.port}", 62),),
    )


@defined("00-rule", "A rule that stops one thing only")
def rule(chance: Chance) -> Write:
    of = net(chance)
    node, wanted = f"node-{of.here}", chance.turn(_one_port, _all_udp, _one_sender, _two_protocols)(of)
    lines = {
        chain: "\n".join(f"-A {chain} {one} -j DROP" for one in wanted.matches)
        for chain in ("FORWARD", "INPUT", "OUTPUT")
    }
    return Write(
        asks=f"`client` is on {node}, and `web` is on another node. On {node}, {wanted.asks}. Write what to add to "
             "the filter table.",
        starts="# a line like: -A CHAIN ... -j DROP\n",
        tests=partial(_stops_it, of, wanted),
        solution=lines["FORWARD"],
        slips=(
            Slip(lines["INPUT"], 60),
            Slip(lines["OUTPUT"], 60),
            *(Slip(f"-A FORWARD {match} -j DROP", belief) for match, belief in wanted.slips),
        ),
        because="A packet that a node carries for its pods is neither for the node nor from it. So it passes the "
                "chain FORWARD.",
        evidence=hooks(of.sent(_filtered(of, lines["FORWARD"])), node),
        hints=(
            f"Is the packet addressed to {node}, is it sent by {node}, or does {node} carry it for others?",
            ("The chain FORWARD sees what a node carries for others. Then say which packets: `-s`, `-d`, `-p`, "
            "`--dport`."),
            f"One right line begins with `-A FORWARD {wanted.matches[0]}`.",
        ),
    )  # fmt: skip


def _filtered(of: Net, text: str) -> World:
    """The world with lines in the filter table of the client's node."""
    lines = [line if "iptables" in line.split()[:2] else f"iptables {line}" for line in working(text)]
    return mended(of.world, "\n".join(lines), f"node-{of.here}")


def _stops_it(of: Net, wanted: Wanted, text: str) -> tuple[Finding, ...]:
    """What is wanted is stopped on the client's node, and everything else leaves it."""
    node, world = f"node-{of.here}", _filtered(of, text)
    lines, found = " ".join(working(text)), []
    for sent, said in wanted.stopped:
        if _reached(trace := sent(of, world), node):
            elsewhere = next((chain for chain in ("INPUT", "OUTPUT") if f"-A {chain} " in lines), "")
            why = f"It never passes {elsewhere} of {node}." if elsewhere else "No rule of yours matched it."
            found.append(Finding(False, f"{said} {why}", 60 if elsewhere else 62, hooks(trace, node)))
    for sent, said, belief in wanted.free:
        if not _reached(trace := sent(of, world), node):
            found.append(Finding(False, said, belief, show.rules(trace)))
    return tuple(found) or (Finding(True, ""),)


def _reached(trace: Trace, node: str) -> bool:
    """Whether the packet has left the node on its way."""
    return any((name, dev, way) == (node, "eth0", "out") for name, dev, way, _ in trace.frames)
