"""Chapter 00, one request and every hop: values to predict, each variant about another packet."""

from __future__ import annotations

from ....linux.packet.packet import tcp
from ....linux.verdicts import VERDICTS, verdict
from ....linux.walk import ask
from ....shell.lines import after as mended
from ...questions.evidence import ending, journey
from ...questions.kinds import Slip, Value
from ...questions.reading import ADDRESS, NUMBER, one_of
from ...worlds.worlds import Net, net
from .. import Chance, defined
from .seen import own, way_back


@defined("00-source", "Whose address is on the packet?")
def source(chance: Chance) -> Value:
    asked = chance.turn(_seen_by_web, _seen_by_client, _seen_on_one_node, _crossing)
    made: Value = asked(net(chance, is_same_node=asked is _seen_on_one_node))
    return made


def _seen_by_web(of: Net) -> Value:
    seen = journey(trace := of.asked())
    return Value(
        asks=f"The pod `client` ({of.client}, on node-{of.here}) opens a connection to `web` ({of.web}, port "
             f"{of.port}, on node-{of.there}). Which source address does `web` see?",
        answer=verdict(trace).seen_from,
        reads=ADDRESS,
        slips=(
            Slip(own(of, f"node-{of.here}"), 58,
                 f"This is the address of node-{of.here}. The node carries the packet, but it changes neither IP address.", seen),
            Slip(own(of, f"node-{of.there}", "cni0"), 58,
                 "This is the bridge beside `web`. It hands the packet over without changing it.", seen),
            Slip(own(of, f"node-{of.here}", "cni0"), 58,
                 "This is the client's gateway, the bridge of its node. It takes the packet, and changes neither IP "
                 "address.", seen),
            Slip(own(of, f"node-{of.there}"), 58,
                 f"This is the address of node-{of.there}. It carries the packet to `web`, and changes neither IP address.", seen),
            Slip(of.web, 0, "This is the destination. The question is where the packet comes from.", seen),
        ),
        because="Nothing on this path changes the source address. So `web` sees the address that the client has.",
        evidence=seen,
        hints=(
            "Look at each machine that the packet passes. Could it change the source?",
            "Two nodes carry the packet. If one of them changed an address, it would say “masquerade” or “SNAT”.",
            "No step on this path says that. So the source is still what the client wrote: its own address.",
        ),
    )  # fmt: skip


def _seen_by_client(of: Net) -> Value:
    seen = way_back(of, of.asked())
    return Value(
        asks=f"`client` ({of.client}, on node-{of.here}) connects to the pod `web` ({of.web}, on node-{of.there}), "
             "without a Service. `web` answers. Which source address does the answer have when `client` gets it?",
        answer=of.web,
        reads=ADDRESS,
        slips=(
            Slip(own(of, f"node-{of.there}"), 58, f"This is the address of node-{of.there}. It carries the answer "
                                                  "unchanged.", seen),
            Slip(own(of, f"node-{of.here}", "cni0"), 58, "This is the bridge beside the client. It changes no IP "
                                                         "address.", seen),
            Slip(own(of, f"node-{of.here}"), 58, f"This is the address of node-{of.here}. It carries the answer to "
                                                 "`client` unchanged.", seen),
            Slip(of.client, 0, "This is where the answer goes to. The question is where it comes from.", seen),
        ),
        because="The answer comes from the address that the client asked. No machine has changed anything, there or "
                "back.",
        evidence=seen,
        hints=(
            "Which address did the client ask?",
            "A node changes the source of an answer only if it changed the destination of the request.",
            "Here no Service was asked, so no node changed the request, and none changes the answer.",
        ),
    )  # fmt: skip


def _seen_on_one_node(of: Net) -> Value:
    seen = journey(trace := of.asked())
    return Value(
        asks=f"`client` ({of.client}) and `web` ({of.web}) run on the same node, node-{of.here}, and share its "
             "bridge. `client` "
        f"connects to `web`, port {of.port}. Which source address does `web` see?",
        answer=verdict(trace).seen_from,
        reads=ADDRESS,
        slips=(
            Slip(own(of, f"node-{of.here}", "cni0"), 63, "This is the bridge's own address. A bridge only looks at "
                                                         "MAC addresses.", seen),
            Slip(own(of, f"node-{of.here}"), 58, "This is the node's address. The packet never leaves the node.", seen),
            Slip(of.web, 0, "This is the destination. The question is where the packet comes from.", seen),
        ),
        because="The bridge sends the frame on as it is. So `web` sees the client's own address.",
        evidence=seen,
        hints=(
            "Both pods are on one bridge. What does a bridge look at?",
            "A bridge looks at MAC addresses only. Could it change an IP address?",
            "Nothing changes the source, so it is the client's own address.",
        ),
    )  # fmt: skip


def _crossing(of: Net) -> Value:
    seen = journey(of.asked())
    far = own(of, f"node-{of.there}")
    return Value(
        asks=f"`client` ({of.client}, on node-{of.here}) sends a packet to `web` ({of.web}, on node-{of.there}). "
             "Which **destination** IP "
        "address is on the packet while it crosses the network between the two nodes?",
        answer=of.web,
        reads=ADDRESS,
        slips=(
            Slip(far, 64, f"The packet is handed to node-{of.there}, so the frame carries that node's MAC address. "
                          "But look at the IP "
                 "addresses inside the frame.", seen),
            Slip(own(of, f"node-{of.here}", "cni0"), 64, "This is the client's gateway. Its IP address is never on "
                                                         "the packet.", seen),
            Slip(of.client, 0, "This is the source. The question is where the packet goes to.", seen),
        ),
        because="IP addresses name the two ends. The next machine on the way is named by the MAC address of the "
                "frame only.",
        evidence=seen,
        hints=(
            "A frame carries a packet. Which addresses belong to the frame, and which to the packet?",
            f"The frame is for node-{of.there}. Whom is the packet inside for?",
            "The packet is for `web`, from the first hop to the last.",
        ),
    )  # fmt: skip


WHERE = {"lan": "it crosses the network between the two nodes", "back": "`client` gets it"}


@defined("00-hops", "How many hops are left?")
def hops(chance: Chance) -> Value:
    place = chance.turn("far", "near", "lan", "back")
    of = net(chance, is_same_node=place == "near")
    trace = of.asked()
    seen = way_back(of, trace) if place == "back" else journey(trace)
    where = "the same node" if place == "near" else f"node-{of.there}"
    sent = f"`client` on node-{of.here} sends a packet to `web` on {where}. Its TTL is 64."
    if place == "back":
        sent = (
            f"`client` on node-{of.here} asks `web` on {where}, and `web` answers. The answer starts with a TTL of 64."
        )
    routers = {"far": 2, "near": 0, "lan": 1, "back": 2}[place]
    return Value(
        asks=f"{sent} Which TTL does the packet have when {WHERE.get(place, '`web` gets it')}?",
        answer=64 - routers,
        reads=NUMBER,
        slips=(
            Slip(64, 59, "Then no machine would have carried it yet. But each node carries it, as a router "
                         "does.", seen),
            Slip(63, 59 if routers else 63, "Then exactly one router would have had it. Count the kernels that look "
                                            "up a route.", seen),
            Slip(62, 59 if routers else 63, "Then two routers would have had it. A bridge is no router: it only "
                                            "looks at MAC addresses.", seen),
            Slip(61, 63, "Then three routers would have had it. The switch between the nodes takes nothing from the "
                         "TTL.", seen),
        ),
        because="Every kernel that carries a packet for others lowers the TTL by one. A bridge or a switch does not.",
        evidence=seen,
        hints=(
            "Which of them lowers the TTL, a bridge or a router?",
            "On one node a bridge joins both pods. Between two nodes each node's kernel looks up a route.",
            (f"Here {routers or 'no'} kernel{'s have' if routers == 2 else ' has'} looked up a route to send it on. "
            "Start from 64."),
        ),
    )  # fmt: skip


@defined("00-verdict", "Refused, lost or delivered?")
def ends(chance: Chance) -> Value:
    of = net(chance)
    wrong = chance.choice([port for port in (81, 1234, 8443, 9999) if port != of.port])
    told, because, trace, slips = chance.turn(_closed, _nobody, _dropped, _open)(of, wrong)
    shown = ending(trace)
    return Value(
        asks=f"{told} What becomes of the connection?",
        answer=verdict(trace).name,
        reads=one_of(VERDICTS),
        slips=tuple(Slip(name, belief, said, shown) for name, belief, said in slips),
        because=because,
        evidence=shown,
        hints=(
            "How far does the packet come? Follow it machine by machine.",
            "Does some machine send an answer, or does everybody keep silent? An answer may also be a “no”.",
            (
                f"It stops in {trace.steps[verdict(trace).step].namespace}. Think of what this machine says in such a "
                "case."
            ),
        ),
    )


def _closed(of: Net, wrong: int):
    told = f"`web` listens on port {of.port} only. `client` opens a TCP connection to {of.web}, port **{wrong}**."
    because = (
        "The packet reaches web's kernel. It finds no program on that port and says so at once, with a TCP reset (RST)."
    )
    return told, because, of.asked(port=wrong), (
        ("timeout", 13, "Silence would mean that somebody dropped the packet. Here it arrives."),
        ("unreachable", 13, "The machine is reached. Only the port has no program behind it."),
        ("delivered", 15, "The packet arrives at the machine, but a program must listen on that very port."),
    )  # fmt: skip


def _nobody(of: Net, wrong: int):
    gone = f"10.244.{of.there}.200"
    told = (
        f"`client` opens a TCP connection to {gone}. node-{of.there} has the block 10.244.{of.there}.0/24, but no "
        "pod has this address."
    )
    because = (
        f"node-{of.there} asks on its bridge who has {gone}. Nobody answers, so the node reports: host unreachable."
    )
    return told, because, ask(of.world, tcp(of.client, of.sport, gone, of.port), at="client"), (
        ("refused", 13, "To refuse, a machine with this address would have to say no. There is no such machine."),
        ("timeout", 13, "One machine does answer: the node that looked for the address in vain."),
        ("delivered", 61, "Nobody has this address, so no program can take the packet."),
    )  # fmt: skip


def _dropped(of: Net, wrong: int):
    rule = f"iptables -A FORWARD -d {of.web}/32 -p tcp -m tcp --dport {of.port} -j DROP"
    told = (
        f"`web` listens on port {of.port}. On node-{of.there} somebody has added the rule `{rule}`. `client` "
        "connects to `web`."
    )
    because = "DROP throws the packet away without a word. The client waits, asks again, and gives up at last."
    return told, because, of.asked(mended(of.world, rule, f"node-{of.there}")), (
        ("refused", 13, "The rule says DROP. With REJECT the node would send a “no”."),
        ("unreachable", 13, ("The node knows the way. It throws the packet away because of a rule, and reports "
                            "nothing.")),
        ("delivered", 60, "What a node carries for its pods passes FORWARD, and there the rule matches."),
    )  # fmt: skip


def _open(of: Net, wrong: int):
    told = (
        f"`web` listens on 0.0.0.0, port {of.port}. No node has rules. `client` opens a TCP connection to "
        f"{of.web}, port {of.port}."
    )
    because = "Both nodes know the way, nothing stops the packet, and a program listens on the port."
    return told, because, of.asked(), (
        ("refused", 15, "A kernel refuses where no program listens. Here one listens on this port."),
        ("timeout", 58, "Nothing is thrown away: both nodes have routes to each other's pods."),
        ("unreachable", 64, "Each machine knows the next one on the way, and the address exists."),
    )  # fmt: skip
