"""Chapter 07: a connection that opens and then hangs, and a tunnel that leads to a machine that has gone."""

from __future__ import annotations

from functools import partial

from msgspec import Struct

from ....linux.conversation import Conversation
from ....linux.namespace.netns import Netns
from ....linux.namespace.trace import Trace
from ....linux.packet.packet import ping
from ....linux.verdicts import verdict
from ....linux.walk import ask
from ....shell.console import Console
from ....views.tables.segments import segments
from ....views.tables.table import Table, table
from ...questions.kinds import Finding, Slip
from ...questions.kinds_made import Repair
from ...questions.reading import Unreadable
from ...worlds.overlay import CLAMP, CLIENT, NODES, WEB, fetch, hardened, overlay, tunnel_mac
from .. import Chance, defined

CLAMPS = f"iptables -t mangle {CLAMP}"
CURES = {
    "icmp": "ip netns exec node-2 iptables -D OUTPUT 1",
    "clamp": f"ip netns exec node-2 {CLAMPS}",
    "pods": "ip -n web link set eth0 mtu 1450",
}


class Case(Struct, frozen=True):
    """What may not be touched, what therefore helps, and why."""

    forbids: str
    right: str
    because: str
    banned: tuple[str, ...]
    only: str = ""  # a word that each line must have


CASES = (
    Case("You may change anything on the nodes and in the pods.", "icmp",
         "node-2 knows that the answer is too long for the tunnel. Now it may tell `web` so, and "
         "`web` sends shorter segments.",
         ()),
    Case("The pods cannot be changed today, and the security team insists that nodes send no ICMP.", "clamp",
         "The node lowers the segment size in the handshake, so that nobody ever sends a segment "
         "that is too long.",
         ("-D OUTPUT", "-F", "-n web", "-n client")),
    Case("The nodes belong to somebody else. You can change the pods only.", "pods",
         "With the right MTU the kernel of `web` never makes a packet that is too long for the "
         "tunnel.",
         (), "-n web"),
    Case("Rules in the table mangle are forbidden, and the pods cannot be changed.", "icmp",
         "node-2 knows that the answer is too long for the tunnel. Now it may tell `web` so, and "
         "`web` sends shorter segments.",
         ("mangle", "-n web", "-n client")),
)  # fmt: skip
STARTS = "# ip netns exec node-2 iptables ...\n# ip -n web link set eth0 ...\n"


@defined("07-cure", "The handshake works, the answer hangs")
def cure(chance: Chance) -> Repair:
    case = chance.turn(*CASES)
    size = chance.randrange(5, 20) * 1000
    begun = hardened(overlay(1500))
    return Repair(
        asks=f"`client` ({CLIENT}) on node-1 asks `web` ({WEB}) on node-2 for a page of {size:,} "
        "bytes. The connection "
        f"opens, and then nothing comes. A page of 200 bytes comes at once. {case.forbids} Write "
        "one or two lines, as on "
        "node-1, so that the page comes, and so that everything that worked still works.",
        look=_facts(_built(begun, "")),
        starts=STARTS,
        tests=partial(_cured, begun, case, size),
        solution=CURES[case.right],
        slips=_wrong_cures(case),
        because=case.because,
        evidence=_told(fetch(_built(begun, CURES[case.right]), size)),
        hints=(
            "Which packets are lost: all of them, or the long ones? Who throws them away, and who should be told?",
            (
                "The pods believe that 1500 bytes fit. The tunnel takes 1450. Somebody has to know "
                "this before the packet is sent."
            ),
            f"Look at {_where(case.right)}.",
        ),
    )


def _where(right: str) -> str:
    return {"icmp": "the rule of node-2 in OUTPUT: `iptables -D OUTPUT 1` deletes it",
            "clamp": "the target TCPMSS with `--clamp-mss-to-pmtu`, in the chain FORWARD of the table mangle of node-2",
            "pods": "the MTU of the eth0 of `web`"}[right]  # fmt: skip


def _wrong_cures(case: Case) -> tuple[Slip, ...]:
    """More room in the wrong place, the wrong end, and what is forbidden here."""
    lines = {"ip netns exec node-2 iptables -A OUTPUT -p icmp -j ACCEPT": 224, "ip -n web link set eth0 mtu 1500": 33}
    lines |= dict.fromkeys(CURES.values(), 0)
    right = {CURES[name] for name in CURES if not _forbidden(case, CURES[name])}
    slips = [Slip(line, 0 if _forbidden(case, line) else belief) for line, belief in lines.items() if line not in right]
    return tuple(slips)


def _forbidden(case: Case, line: str) -> bool:
    return any(word in line for word in case.banned) or bool(case.only and case.only not in line)


def _built(begun: str, text: str) -> dict[str, Netns]:
    """The world after some more lines."""
    console = Console("node-1")
    console(begun)
    if text.strip():
        answer = console(text)
        if answer.refused:
            last = answer.done[-1]
            raise Unreadable(f"Line {last.line}: {' '.join(last.said)}")
    return dict(console.world)


def _cured(begun: str, case: Case, size: int, text: str) -> tuple[Finding, ...]:
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    for line in lines:
        if _forbidden(case, line):
            said = f"`{line.strip()}` changes something that may not be changed here. {case.forbids}"
            return (Finding(False, said, evidence=_facts(_built(begun, ""))),)
    world = _built(begun, text)
    big = fetch(world, size)
    if len(big.got) < size:
        belief = 33 if "mtu" in text else 224
        return (
            Finding(False, f"The page still does not come: {len(big.got):,} of {size:,} bytes.", belief, _told(big)),
        )
    small = fetch(world, 200)
    if len(small.got) < 200 or verdict(ask(world, ping(CLIENT, WEB), "client")).name != "delivered":
        return (Finding(False, "Now a short answer or a ping gets lost, which worked before."),)
    return (Finding(True, ""),)


def _told(told: Conversation) -> Table:
    return segments(told, "web", "eth0", "What passed the eth0 of web")


def _facts(world: dict[str, Netns]) -> Table:
    places = ("client eth0", "node-1 flannel.1", "node-1 eth0", "node-2 flannel.1", "web eth0")
    rows = [(one, "MTU", str(world[one.split()[0]].devices[one.split()[1]].mtu)) for one in places]
    rows += [(name, "iptables -S OUTPUT", "-A OUTPUT -p icmp -j DROP") for name in ("node-1", "node-2")]
    return table("What you find", ("where", "what", "is"), rows, code=(1, 2))


# -- a stale entry -----------------------------------------------------------------------------------------------------

OLD, NEW_MAC = "192.168.1.99", "02:00:0a:f4:02:99"
FDB, NEIGHBOUR = f"{tunnel_mac(2)} dev flannel.1", f"10.244.2.0 lladdr {tunnel_mac(2)} dev flannel.1 nud permanent"
STALE = {
    "fdb": ("node-2 was replaced last night and got a new address in the LAN.",
            (f"bridge fdb del {FDB} dst {NODES[2]}\nbridge fdb append {FDB} dst {OLD} self "
            "permanent\n"),
            (f"bridge fdb del {FDB} dst {OLD}\nbridge fdb append {FDB} dst {NODES[2]} self "
            "permanent"),
            "The FDB entry of flannel.1 still named the old machine as the tunnel's other end."),
    "neigh": ("node-2 was installed anew, and its tunnel device got a new MAC address.",
              f"ip neigh replace 10.244.2.0 lladdr {NEW_MAC} dev flannel.1 nud permanent\n",
              f"ip neigh replace {NEIGHBOUR}",
              ("The neighbour entry of the gateway 10.244.2.0 had another MAC address than node-2 "
              "has, so no FDB entry fitted.")),
    "route": ("Somebody has cleaned up the routes of node-1 by hand.",
              "ip route del 10.244.2.0/24\n",
              "ip route add 10.244.2.0/24 via 10.244.2.0 dev flannel.1 onlink",
              ("Without the route node-1 does not know that the pods of node-2 are behind the "
              "tunnel.")),
    "back": ("node-1 was replaced last night, and got a new address in the LAN.",
             (f"bridge -n node-2 fdb del {tunnel_mac(1)} dev flannel.1 dst {NODES[1]}\n"
             f"bridge -n node-2 fdb append {tunnel_mac(1)} dev flannel.1 dst {OLD} self "
             "permanent\n"),
             (f"bridge -n node-2 fdb del {tunnel_mac(1)} dev flannel.1 dst {OLD}\n"
             f"bridge -n node-2 fdb append {tunnel_mac(1)} dev flannel.1 dst {NODES[1]} self "
             "permanent"),
             ("The question arrived. The answer was sent to the machine that had been node-1 "
             "before.")),
}  # fmt: skip


@defined("07-stale", "One of three entries is wrong")
def stale(chance: Chance) -> Repair:
    what = chance.turn(*STALE)
    story, breaks, right, because = STALE[what]
    begun = overlay(1450) + breaks
    return Repair(
        asks=f"{story} Since then `client` ({CLIENT}) gets no answer from `web` ({WEB}). Three "
        "kinds of entries lead a packet "
        "into the tunnel: a route, a neighbour entry and an FDB entry, and both nodes have them. "
        "Find the one that is wrong, "
        "and write the lines that mend it, as on node-1.",
        look=_entries(_built(begun, "")),
        starts="# ip route ...   ip neigh replace ... nud permanent\n"
        "# bridge fdb del ...   bridge fdb append ... self permanent\n"
        "# for node-2: ip -n node-2 ...   bridge -n node-2 ...\n",
        tests=partial(_reaches, begun),
        solution=right,
        slips=tuple(Slip(other[2], 225) for name, other in STALE.items() if name != what and name != "route"),
        because=because,
        evidence=_entries(_built(begun, right)),
        hints=(
            ("Follow the packet: which route, then which MAC address for its gateway, then which "
            "machine for that MAC address?"),
            ("Compare each entry with the first table: which address and which MAC address does "
            "the other node really have?"),
            because,
        ),
    )  # fmt: skip


def _entries(world: dict[str, Netns]) -> Table:
    """Who has what, and what each node has written down about the other."""
    rows = []
    for name in ("node-1", "node-2"):
        ns = world[name]
        own = ns.devices["eth0"].addresses[0].address
        rows.append((name, "is", f"{own} in the LAN, flannel.1 has {ns.devices['flannel.1'].mac}"))
        rows += [(name, "ip route", str(row)) for row in ns.routes if row.dev == "flannel.1"]
        rows += [
            (name, "ip neigh", f"{row.address} lladdr {row.mac}") for row in ns.neighbours if row.dev == "flannel.1"
        ]
        rows += [(name, "bridge fdb", f"{row.mac} dst {row.dst}") for row in ns.fdb if row.dst]
    return table("Both nodes", ("node", "command", "says"), rows, code=(1, 2))


def _reaches(begun: str, text: str) -> tuple[Finding, ...]:
    world = _built(begun, text)
    if len(fetch(world, 3000, 5).got) == 3000:
        return (Finding(True, ""),)
    trace, shown = ask(world, ping(CLIENT, WEB), "client"), _entries(world)
    found = verdict(trace)
    if found.name == "delivered":
        said = "The question arrives now. The answer does not come back."
        return (Finding(False, said, 225, shown),)
    return (Finding(False, f"The packet still does not arrive. {_lost(trace)}", 225, shown),)


def _lost(trace: Trace) -> str:
    """Where a packet was last seen, or why the machine that had it could not send it on."""
    ends = [step for step in trace.steps if step.end in ("dropped", "no-route", "unreachable")]
    return f"It ends in {ends[0].namespace}: {ends[0].said}." if ends else "Nobody answers."
