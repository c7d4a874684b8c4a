"""Chapter 01: who finds whom, inside a pod and from outside."""

from __future__ import annotations

from msgspec import Struct

from ....linux.namespace.bind import in_turn
from ....linux.namespace.netns import Socket
from ....linux.namespace.trace import Trace
from ....linux.packet.packet import tcp
from ....linux.walk import ask
from ....views.tables.binds import binds
from ...questions.kinds_lists import Choose, Statement
from ...worlds.clusters import small_world
from ...worlds.worlds import PORTS, World, changed, delivered
from .. import Chance, defined
from .pods import taken
from .recall import ANY, LOCALHOST


class Neighbours(Struct, frozen=True):
    """The pod `shop`, in which web and forwarder listen, and the pod `client` beside it on the node."""

    world: World
    own: str
    far: str
    held: tuple[Socket, Socket]

    def asked(self, at: str, to: str, port: int) -> Trace:
        """Somebody in a pod asks for a port."""
        src = to if to == LOCALHOST else {"shop": self.own, "client": self.far}[at]
        return ask(changed(self.world, "shop", sockets=self.held), tcp(src, 40000, to, port), at)

    def told(self, text: str, at: str, to: str, port: int, said: str) -> Statement:
        """Somebody is found somewhere: whether that is so is for the packet to say."""
        trace = self.asked(at, to, port)
        return Statement(text, True) if delivered(trace) else Statement(text, False, 66, said, taken(trace))

    def apart(self, port: int) -> Statement:
        """What nobody says who knows that the containers share everything."""
        near = self.asked("shop", LOCALHOST, port)
        if delivered(near):
            text = f"For `web`, {LOCALHOST}:{port} is a port of its own container, so nobody is there."
            return Statement(
                text, False, 55, "The two containers share lo, and everything that listens on it.", taken(near)
            )
        text = f"`web` needs another address than {self.own} to find `forwarder`, as that one is its own."
        said = "The address belongs to the pod, so both containers have it."
        return Statement(text, False, 55, said, taken(self.asked("shop", self.own, port)))


def _neighbours(chance: Chance) -> Neighbours:
    """Forwarder on localhost, on the pod's address, on all; and a web server that listens on localhost by mistake."""
    port, logs = chance.sample(PORTS, 2)
    world = small_world({chance.randrange(1, 6): chance.sample(("client", "shop", "other"), 3)}, warm=True)
    own, far = (world[name].devices["eth0"].addresses[0].address for name in ("shop", "client"))
    front, place = chance.turn((ANY, LOCALHOST), (ANY, own), (LOCALHOST, ANY), (own, LOCALHOST))
    held = Socket("tcp", front, port, "web"), Socket("tcp", place, logs, "forwarder")
    return Neighbours(world, own, far, held)


def _on(one: Socket, own: str) -> str:
    where = {ANY: "every address", LOCALHOST: "localhost only", own: "the pod's address only"}[one.address]
    return f"{where} ({one.address}:{one.port})"


@defined("01-reach", "Who is found where?")
def reach(chance: Chance) -> Choose:
    of = _neighbours(chance)
    own, (web, forwarder) = of.own, of.held
    port, logs, place = web.port, forwarder.port, forwarder.address
    only = "It listens on {} only. The packet comes in for another address, and finds nobody."
    return Choose(
        asks=f"In the pod `shop` ({own}) the container `web` listens on {_on(web, own)}, and `forwarder` on "
             f"{_on(forwarder, own)}. "
        f"The pod `client` ({of.far}) is on the same node. Mark **all** that hold.",
        several=True,
        statements=(
            of.told(f"`web` finds `forwarder` at {LOCALHOST}:{logs}.", "shop", LOCALHOST, logs, only.format(place)),
            of.told(f"`client` finds `forwarder` at {own}:{logs}.", "client", own, logs, only.format(place)),
            of.told(f"`client` finds `forwarder` at {LOCALHOST}:{logs}.", "client", LOCALHOST, logs,
                    f"{LOCALHOST} in `client` means the pod `client`. The packet never leaves its namespace."),
            of.told("`forwarder` finds `web` at "
                    f"{LOCALHOST}:{port}.", "shop", LOCALHOST, port, only.format(web.address)),
            of.told(f"`client` finds `web` at {own}:{port}.", "client", own, port, only.format(web.address)),
            of.apart(logs),
        ),
        because="A packet finds a program by network namespace, address and port. It does not matter in which "
                "container the program runs.",
        evidence=binds(in_turn(of.world["shop"], of.held), "Who listens in the pod"),
        hints=(
            f"Ask of each packet: in which network namespace is it when it looks for {LOCALHOST}?",
            (f"A program on {ANY} gets what comes for any address of the pod. Any other address gets only its own "
            "packets."),
            "Two containers of a pod share one namespace. Two pods have two.",
        ),
    )  # fmt: skip
