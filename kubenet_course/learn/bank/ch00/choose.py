"""Chapter 00: statements about bridges, and about what stays and what changes on the way."""

from __future__ import annotations

from ....linux.namespace.trace import Trace
from ....shell.lines import after as mended
from ...questions.evidence import decisions, journey
from ...questions.kinds_lists import Choose, Statement
from ...worlds.worlds import Net, mac_of, net
from .. import Chance, defined
from .seen import way_back

FORWARDS = "It sends the frame on unchanged, by the port behind which it heard the destination's MAC address."
FLOODS = "It sends the frame out of every other port, as it has not heard the destination's MAC address yet."
HANDS_UP = "It gives the frame to the node's own kernel, which looks up a route for the packet inside."
ROUTES = "It looks up the IP address, as a router does, and lowers the TTL."
SIGNS = "It puts its own MAC address into the frame as the source."


@defined("00-bridge", "What does the bridge do?")
def bridge(chance: Chance) -> Choose:
    """Known, unknown, for the node itself, and what is learned: four frames that a bridge gets."""
    case = chance.turn("known", "unknown", "own", "learns")
    of = net(chance, is_same_node=case != "own")
    trace = {"known": of.asked_again, "own": of.asked}.get(case, lambda: _first_frame(of))()
    return _learns(of, trace) if case == "learns" else _does(of, case, trace)


def _first_frame(of: Net) -> Trace:
    """The client knows web's MAC address, and the bridge has heard nobody yet."""
    knows = f"ip -n client neigh replace {of.web} lladdr {mac_of(of.world, 'web')} dev eth0 nud permanent"
    return of.asked(mended(of.world, knows))


FRAMES = {
    "known": "`client` ({client}) and `web` ({web}) are on the same bridge, and have talked before. What does the "
    "bridge do with "
    "a frame from one to the other?",
    "unknown": "`client` ({client}) and `web` ({web}) are on the same bridge. The bridge has just been made and has "
    "not seen a "
    "frame. `client` knows web's MAC address and sends a frame to it. What does the bridge do with it?",
    "own": "`client` ({client}) sends a packet to `web` ({web}) on another node. The frame is addressed to the MAC "
    "address of the "
    "bridge itself, which is the client's gateway. What does the bridge do with it?",
}
REASONS = {
    "known": "A bridge decides by the destination's MAC address, and leaves the frame as it is.",
    "unknown": "A bridge that does not know a MAC address sends the frame everywhere. It will know more after the "
    "answer.",
    "own": "A bridge is a device of its node as well. What is addressed to its own MAC address is for the node.",
}
RIGHT = {"known": FORWARDS, "unknown": FLOODS, "own": HANDS_UP}
WRONG = {
    FORWARDS: (63, "It cannot have heard this MAC address behind one of its ports."),
    FLOODS: (63, "A bridge does this only for a MAC address that it has not heard. Here it knows it."),
    HANDS_UP: (63, "It does this only with frames that are addressed to its own MAC address."),
    ROUTES: (63, "A bridge never looks at IP addresses, and changes no TTL."),
    SIGNS: (57, "A bridge leaves the MAC addresses of a frame as they are. Only a router makes a new frame."),
}


def _does(of: Net, case: str, trace: Trace) -> Choose:
    asked = decisions(trace, ("br_handle_frame_finish",), "What the bridge decided")
    wrong = {text: known for text, known in WRONG.items() if text != RIGHT[case]}
    return Choose(
        asks=FRAMES[case].format(client=of.client, web=of.web),
        statements=(
            Statement(RIGHT[case], True),
            *(Statement(text, belief=belief, said=said, evidence=asked) for text, (belief, said) in wrong.items()),
        ),
        because=REASONS[case],
        evidence=asked,
        hints=(
            "A bridge looks at one thing only when it decides. What is it?",
            "It compares the destination's MAC address with its own, and with those that it has heard.",
            {"known": "It has heard this one.", "unknown": "It has heard none yet.", "own": "This one is its own."}[
                case
            ],
        ),
    )


def _learns(of: Net, trace: Trace) -> Choose:
    seen, learned = journey(trace), decisions(trace, ("br_handle_frame_finish",), "What the bridge decided")
    return Choose(
        asks=f"A new bridge gets its first frame. It comes from `client` ({of.client}) and is for `web` ({of.web}), "
             "on the same bridge. "
        "What does the bridge **learn** from this one frame?",
        statements=(
            Statement("Behind which of its ports the MAC address of `client` is.", True),
            Statement("Behind which of its ports the MAC address of `web` is.", belief=63, evidence=learned,
                      said="It has seen no frame from `web` yet. A destination tells nothing about where it is."),
            Statement("Which IP address belongs to the MAC address of `client`.", belief=63, evidence=seen,
                      said="A bridge does not look at IP addresses. The kernels of the pods keep such a list."),
            Statement("Nothing. Bridges are told by Kubernetes where each pod is.", belief=63, evidence=learned,
                      said="Nobody tells a bridge anything. It reads the source of every frame that it gets."),
        ),
        because="A bridge notes the source MAC address of each frame, and the port by which the frame came in.",
        evidence=learned,
        hints=(
            "A frame has two MAC addresses. Which one tells the bridge where somebody is?",
            "The frame came in by a certain port. Who must be behind that port?",
            "The sender is behind it, and the sender's MAC address is the source of the frame.",
        ),
    )  # fmt: skip


@defined("00-two-layers", "What stays, what changes")
def two_layers(chance: Chance) -> Choose:
    asked = chance.turn(_over_two_nodes, _over_one_bridge, _on_the_way_back, _what_the_client_knows)
    made: Choose = asked(net(chance, is_same_node=asked is _over_one_bridge))
    return made


def _over_two_nodes(of: Net) -> Choose:
    seen = journey(of.asked())
    return _several(f"A packet goes from `client` on node-{of.here} to `web` on node-{of.there}. Mark **all** that "
                    "hold.", seen, (
        Statement("Its IP addresses stay the same all the way.", True),
        Statement("Its frame has other MAC addresses on each link.", True),
        Statement("Both nodes look up a route for it.", True),
        Statement("`client` knows the MAC address of `web`.", belief=57, evidence=seen,
                  said="The client only needs the MAC address of its gateway."),
        Statement("The node replaces the pod's address by its own, as nobody outside knows the "
                  "pod's.", belief=58, evidence=seen,
                  said="Each node has routes to the other node's pods, so nothing has to be replaced."),
    ))  # fmt: skip


def _over_one_bridge(of: Net) -> Choose:
    seen = journey(of.asked())
    return _several(f"`client` and `web` are both on node-{of.here}, on one bridge. A packet goes from one to the "
                    "other. Mark **all** that hold.",
                    seen, (
        Statement("Its TTL is the same at both ends.", True),
        Statement("Its MAC addresses are the same at both ends.", True),
        Statement("`client` knows the MAC address of `web`.", True),
        Statement("The node looks up a route for it.", belief=63, evidence=seen,
                  said="The bridge passes it from port to port. The node's routes are not asked."),
        Statement("`web` sees the address of the node as the source.", belief=58, evidence=seen,
                  said="Nothing on this path changes the source address."),
    ))  # fmt: skip


def _on_the_way_back(of: Net) -> Choose:
    seen = way_back(of, of.asked())
    return _several(f"`client` on node-{of.here} has asked `web` on node-{of.there}. Now the **answer** travels. "
                    "Mark **all** that hold.", seen, (
        Statement(f"Its source is the address of `web`, {of.web}.", True),
        Statement("Each node needs a route for it, in the other direction than before.", True),
        Statement("Its TTL is two less when it arrives.", True),
        Statement("It finds its way back by the routes that the request used; no others are "
                  "needed.", belief=61, evidence=seen,
                  said=f"node-{of.there} looks up {of.client}, which is another line of its table than the request "
                       "needed."),
        Statement(f"Its source is node-{of.there}, as that node sends it over the LAN.", belief=58, evidence=seen,
                  said="The node carries the answer, but does not put its own address on it."),
    ))  # fmt: skip


def _what_the_client_knows(of: Net) -> Choose:
    seen = journey(of.asked())
    gateway = of.world["client"].routes[0].via
    return _several("`client` sends a packet to `web`, which is on another node. What does the client's kernel have "
                    "to know for that? "
                    "Mark **all** that it needs.", seen, (
        Statement(f"The IP address of `web`, {of.web}.", True),
        Statement(f"That everything outside of its own block goes to the gateway {gateway}.", True),
        Statement(f"The MAC address of the gateway {gateway}.", True),
        Statement("The MAC address of "
                  "`web`.", belief=57, evidence=seen, said="No frame of the client ever reaches web's link."),
        Statement("On which node `web` runs.", belief=59, evidence=seen,
                  said="The client hands the packet to its gateway. Finding the right node is the gateway's work."),
    ))  # fmt: skip


def _several(asks: str, seen: object, statements: tuple[Statement, ...]) -> Choose:
    return Choose(
        asks=asks,
        several=True,
        statements=statements,
        because="IP addresses name the two ends. MAC addresses name the two machines on one link, and a bridge does "
        "not end a link.",
        evidence=seen,
        hints=(
            "Ask of each statement: is it about the packet, or about the frame around it?",
            "A MAC address has a meaning on one link only. A router ends a link, a bridge does not.",
            "Three of the five hold.",
        ),
    )
