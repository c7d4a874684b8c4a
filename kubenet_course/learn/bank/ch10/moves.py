"""Chapter 10: what does a flow come to when kube-proxy changes its mode? Both modes are asked in the model."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from ....kube.questions.ask import request
from ....linux.namespace.memory import Memory
from ....linux.namespace.trace import Trace
from ....linux.verdicts import verdict
from ....views.tables.table import Table, table
from ...questions.evidence import ending
from ...questions.kinds import Slip, Value
from ...questions.reading import one_of
from ...worlds.modes import in_mode
from ...worlds.service_cluster import service_cluster
from .. import Chance, defined

DELIVERED, REFUSED, NOWHERE, SILENT = "delivered", "refused", "unreachable", "timeout"
ENDS = one_of((DELIVERED, REFUSED, NOWHERE, SILENT))


class Way(Struct, frozen=True):
    """Who asks what, told in words; the beliefs behind wrong verdicts, and why it is so."""

    who: str
    where: str
    told: str
    wrong: dict[str, tuple[int, str]]
    because: str
    hint: str


def _loopback(port: int, number: int) -> Way:
    return Way(
        "node/node-1", f"127.0.0.1:{number}",
        f"A program of node-1 itself, in its network, asks `127.0.0.1:{number}`, the NodePort of "
        "`web`.",
        {DELIVERED: (195, ("iptables mode does that, with a switch of the kernel that it sets for "
                           "this purpose.")),
         SILENT: (7, "Nobody drops the packet. It stays on the device lo, and no program listens there.")},
        "Only iptables mode answers NodePorts on 127.0.0.1. In nftables mode the packet reaches "
        "node-1's own programs, none of which listens on this port, so the kernel refuses.",
        "Which addresses does nftables mode take for NodePorts? Is 127.0.0.1 one of them?",
    )  # fmt: skip


def _further(port: int, number: int) -> Way:
    return Way(
        "pod/default/client", f"10.244.1.1:{number}",
        f"The pod `client` on node-1 asks `10.244.1.1:{number}`: its gateway, which is the address "
        "of node-1's bridge, at the NodePort of `web`.",
        {DELIVERED: (195, ("iptables mode answers on every address of the node. nftables mode is "
                           "choosier.")),
         SILENT: (13, "The packet arrives at node-1, and its kernel says no. That is not silence.")},
        "nftables mode answers NodePorts on the node's primary address alone, here 192.168.1.11, "
        "unless `nodePortAddresses` names more. On 10.244.1.1 nobody listens.",
        "A node has several addresses. On which of them does nftables mode answer NodePorts?",
    )  # fmt: skip


def _wrong_port(port: int, number: int) -> Way:
    return Way(
        "pod/default/client", f"10.96.1.1:{port + 1}",
        f"By mistake the pod `client` asks the ClusterIP of `web` at port **{port + 1}**. The "
        f"Service has only the port {port}.",
        {NOWHERE: (195, ("That is what happens in iptables mode: the packet leaves untranslated, "
                         "and nobody has the address.")),
         DELIVERED: (15, "No rule translates this port."),
         SILENT: (13, "One rule of nftables mode is about just this case, and it does not drop.")},
        "nftables mode has a rule for packets to a ClusterIP whose port no Service has: it rejects "
        "them. The client learns at once that it made a mistake.",
        "nftables mode knows the ClusterIPs of all Services. What does it do with a packet to one "
        "of them that fits no port?",
    )  # fmt: skip


def _primary(port: int, number: int) -> Way:
    return Way(
        "host/203.0.113.5", f"192.168.1.11:{number}",
        f"A stranger from outside asks `192.168.1.11:{number}`: node-1's primary address, at the "
        "NodePort of `web`.",
        {REFUSED: (195, "Some addresses of the node stop answering NodePorts. This one does not."),
         SILENT: (12, "The Service's policy is Cluster, so every node takes strangers.")},
        "On the node's primary address NodePorts work in every mode.",
        "Which of its addresses does a node never lose for NodePorts?",
    )  # fmt: skip


@defined("10-moves", "From iptables to nftables")
def moves(chance: Chance) -> Value:
    port, number = chance.choice((80, 443, 8443)), chance.randrange(30001, 32767)
    way = chance.turn(_loopback, _further, _wrong_port, _primary)(port, number)
    made = service_cluster(2, node_port=number, port=port, address="10.96.1.1")
    traces = {mode: asked(in_mode(made, mode), way.who, way.where) for mode in ("iptables", "nftables")}
    ends = {mode: verdict(one).name for mode, one in traces.items()}
    before = table(
        "In iptables mode, today", ("who asks", "asks", "comes to"), [(way.who, way.where, ends["iptables"])]
    )
    shown: Table = ending(traces["nftables"], "In nftables mode the packet ends here")
    return Value(
        asks=f"node-1 has the addresses 192.168.1.11 (primary) and 10.244.1.1. {way.told} Today "
             "kube-proxy works in iptables mode, and the table below says what comes of it. What "
             "comes of it in **nftables** mode, with nothing else changed?",
        look=before,
        answer=ends["nftables"],
        reads=ENDS,
        slips=tuple(Slip(end, n, said, before) for end, (n, said) in way.wrong.items() if end != ends["nftables"]),
        because=way.because,
        evidence=shown,
        hints=(
            ("Does a rule of nftables mode fit this packet at all? If none does, it goes its usual "
             "way."),
            way.hint,
            way.because,
        ),
    )  # fmt: skip


def asked(made: Any, who: str, where: str) -> Trace:
    """One packet, in kernels that know nobody yet."""
    return request(made, who, where, memory=Memory())
