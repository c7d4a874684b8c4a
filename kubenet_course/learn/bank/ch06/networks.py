"""The networks that the exercises of chapter 06 are about, and what a pod on them can do."""

from __future__ import annotations

import json
from collections.abc import Sequence
from random import Random
from typing import Any

from msgspec import Struct

from ....cni.contract.conflist import conflist
from ....cni.node.node import Answer, Node
from ....cni.runtime.kubelet import sandbox_event
from ....errors import BadInput
from ....linux.namespace.trace import Trace
from ....linux.packet.packet import tcp
from ....linux.verdicts import verdict
from ....linux.walk import ask
from ...questions.kinds import Finding
from ...questions.reading import Unreadable

OUTSIDE, NODE, ROUTER = "203.0.113.9", "192.168.1.11", "192.168.1.1"
# A host port that leads to the pod; no host port at all; a host port that the pod itself can use; pods that show their own address.
WISHES = ("port", "plain", "hairpin", "own")
PODS = ("web-1", "shop-1", "api-1", "mail-1")


class Net(Struct, frozen=True):
    """A node's block, its bridge, a pod that listens on tcp `port`, and the host port that is to lead there.

    `wish` is what the network has to do besides giving an address: see WISHES.
    """

    block: int
    bridge: str
    pod: str
    port: int
    host_port: int
    wish: str = "port"

    @property
    def subnet(self) -> str:
        return f"10.244.{self.block}.0/24"

    @property
    def gateway(self) -> str:
        return f"10.244.{self.block}.1"

    @property
    def ports(self) -> list[dict[str, Any]]:
        return [{"hostPort": self.host_port, "containerPort": self.port, "protocol": "tcp"}]

    def network(self, more: Sequence[str] = ("portmap",), **bridge: Any) -> dict[str, Any]:
        """A conflist that works: bridge with host-local, then what follows it."""
        able = {"portmap": {"portMappings": True}, "bandwidth": {"bandwidth": True}}
        first = {"type": "bridge", "bridge": self.bridge, "isDefaultGateway": True, "ipMasq": True}
        ipam = {"type": "host-local", "subnet": self.subnet}
        chained = [{"type": name, "capabilities": able[name]} for name in more]
        return {"cniVersion": "1.1.0", "name": "podnet", "plugins": [first | {"ipam": ipam} | bridge, *chained]}


def drawn(chance: Random) -> Net:
    """A network with numbers of its own."""
    port, host_port = chance.choice((80, 443, 5432, 9090)), chance.randrange(8000, 8999)
    return Net(chance.randrange(1, 250), chance.choice(("cni0", "br0", "pods0")), chance.choice(PODS), port, host_port)


def as_text(network: Any) -> str:
    """A conflist as one writes it in a file."""
    return json.dumps(network, indent=2)


def read(text: str) -> dict[str, Any]:
    """What was written, as a runtime reads it. Raises Unreadable with a sentence for what is not a JSON object."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    try:
        written = json.loads("\n".join(lines))
    except ValueError as wrong:
        raise Unreadable(f"This is not JSON: {wrong}.") from None
    if not isinstance(written, dict):
        raise Unreadable("A conflist is one JSON object, between { and }.")
    return written


class Tried(Struct, frozen=True):
    """What came of a pod on a network: the answer to ADD, and the pod's connections."""

    answer: Answer | None
    refused: str = ""
    outward: Trace | None = None
    inward: Trace | None = None
    itself: Trace | None = None
    pod: str = "the pod"

    @property
    def error(self) -> str:
        """What stops the pod, as its event says it; empty when nothing does."""
        if self.answer is None:
            return self.refused
        return sandbox_event(self.answer.container or self.pod, self.answer.error) if self.answer.error else ""


def tried(of: Net, network: dict[str, Any]) -> Tried:
    """ADD of the pod; then it asks a host outside, and a neighbour of the node asks its host port."""
    try:
        conflist(json.dumps(network))
    except BadInput as wrong:
        return Tried(None, f"The runtime does not take this file: {wrong}")
    node = Node()
    node.sandbox(of.pod, f"tcp 0.0.0.0:{of.port} web")
    answer = node.add(network, of.pod, portMappings=of.ports)
    if answer.error:
        return Tried(answer, pod=of.pod)
    node.listen("outside", "tcp 0.0.0.0:443 far")
    own = next((each.address for each in node.world[of.pod].devices["eth0"].addresses if ":" not in each.address), "")
    inward = ask(node.world, tcp(ROUTER, 40000, NODE, of.host_port), at="outside")
    outward = ask(node.world, tcp(own, 40001, OUTSIDE, 443), at=of.pod) if own else None
    itself = ask(node.world, tcp(own, 40002, NODE, of.host_port), at=of.pod) if own else None
    return Tried(answer, "", outward, inward, itself)


def arrived(trace: Trace | None, at: str) -> bool:
    """Whether the packet came to a program there."""
    return trace is not None and verdict(trace).name == "delivered" and verdict(trace).delivered_to.startswith(at)


def back(trace: Trace | None, at: str) -> bool:
    """Whether an answer came back to who asked."""
    return trace is not None and any(
        (one.namespace, one.stage, one.end) == (at, "local_deliver", "local") for one in trace.steps
    )


def wrong(said: str, belief: int, evidence: object) -> Finding:
    """A finding that something does not hold."""
    return Finding(False, said, belief, evidence)
