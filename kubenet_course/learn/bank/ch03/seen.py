"""Chapter 03: which source address a server sees, asked from a pod, a node, a pod on the host's network, or from outside."""

from __future__ import annotations

from random import Random

from ....kube.model.cluster import Cluster
from ....kube.questions.ask import request
from ....kube.questions.connectivity import addresses
from ....linux.verdicts import verdict, way_there
from ....views.tables.table import Table, table
from ...questions.evidence import decisions
from ...questions.kinds import Slip, Value
from ...questions.reading import ADDRESS
from ...questions.turn import turn
from .. import defined
from .worlds import PORT, made

ADDRESSED = ("route_output", "nat OUTPUT", "nat PREROUTING", "nat POSTROUTING", "local_deliver")
STRANGER = "203.0.113.5"


@defined("03-seen", "Which source address does the server see?")
def seen(chance: Random) -> Value:
    how = turn(chance, ("pod", "outside", "node", "service", "host"), 886)
    here, there, third = sorted(chance.sample(range(1, 7), 3), key=lambda _: chance.random())
    node_port = chance.randrange(30000, 32768)
    backend = chance.choice(("host-gw", "host-gw", "vxlan"))
    pods = {here: ["web"], there: ["client"], third: ["agent"]}
    cluster = made(dict(sorted(pods.items())), backend=backend, host=("agent",), port=node_port)
    entry = chance.choice((here, there, third))
    node = cluster.machines[f"node-{entry}"].ips[4]
    web = cluster.placed.addresses(cluster.pod("default", "web"))[0]
    who, where, said = _ways(here, there, third, entry, web, node, node_port)[how]
    trace = request(cluster, who, where)
    shown = decisions(way_there(trace), ADDRESSED, "What was decided about its addresses")
    answer = verdict(trace).seen_from
    return Value(
        asks=f"`web` runs on node-{here}. {said}. Which source address does `web` see?",
        look=_known(cluster),
        answer=answer,
        reads=ADDRESS,
        slips=tuple(Slip(ip, belief, why, shown) for ip, belief, why in _beliefs(cluster, how, entry, here, web)),
        because=BECAUSE[how],
        evidence=shown,
        hints=(
            "Is this one of the three cases in which a node masquerades a packet? Between pods nobody does.",
            (
                "A node has several addresses. It sends from the address of the device by which the packet leaves. The "
                "same holds for a pod on "
                "its network."
            ),
            "By which device does it leave: `cni0` towards the node's own pods, "
            + ("`flannel.1` towards pods of other nodes." if backend == "vxlan" else "`eth0` towards other nodes.")
            + " When a machine outside asks a NodePort, the node puts in this same address.",
        ),
    )


BECAUSE = {
    "pod": "Between pods nobody replaces an address: `web` sees the pod's own.",
    "service": "Only the destination is translated on the way through a Service. The source stays the pod's own.",
    "node": "A node has several addresses. It sends from the address of the device by which the packet leaves.",
    "host": "On the host's network a pod has no address of its own. It sends as its node does.",
    "outside": "The node masquerades what comes in by a NodePort. It uses the address of the device by which it sends "
    "the packet on.",
}


def _ways(
    here: int, there: int, third: int, entry: int, web: str, node: str, node_port: int
) -> dict[str, tuple[str, str, str]]:
    """The ways of asking `web`: who asks, whom, and in words."""
    return {
        "pod": ("pod/default/client", f"{web}:{PORT}", f"The pod `client` on node-{there} asks `web` at {web}"),
        "service": ("pod/default/client", "service/default/web:80", (f"The pod `client` on node-{there} asks the "
        f"Service `web`")),
        "node": (f"node/node-{entry}", f"{web}:{PORT}", f"A program on node-{entry} itself asks `web` at {web}"),
        "host": ("pod/default/agent", f"{web}:{PORT}",
                 f"The pod `agent` on node-{third}, which is on its host's network, asks `web` at {web}"),
        "outside": (f"host/{STRANGER}", f"{node}:{node_port}", (f"{STRANGER} asks node-{entry} at its NodePort "
        f"{node_port}")),
    }  # fmt: skip


def _masked(entry: int, here: int) -> str:
    """Why the stranger's address does not stay."""
    if entry == here:
        return (
            "kube-proxy marks every connection that comes in by a NodePort for masquerading, before it picks a pod. "
            "It does so for "
            "pods of its own node as well."
        )
    return (
        f"If it stayed, node-{here} would send the answer past node-{entry}, from an address that {STRANGER} never "
        f"asked. So "
        f"node-{entry} puts its own address in."
    )


def _known(cluster: Cluster) -> Table:
    """Every device with an address that a server might see, and every pod's address."""
    world = cluster.world()
    rows = [
        (name, device.name, own.address)
        for name in cluster.machines
        for device in world[name].devices.values()
        if device.kind != "lo"
        for own in device.addresses
        if own.address in addresses(world[name], 4)
    ]
    pods = [pod for pod in cluster.placed.pods.values() if not pod.spec.host_network]
    rows += [(pod.metadata.name, "eth0", cluster.placed.addresses(pod)[0]) for pod in pods]
    return table("Who has which address", ("machine or pod", "device", "address"), rows, code=(2,))


def _beliefs(cluster: Cluster, how: str, entry: int, here: int, web: str) -> list[tuple[str, int, str]]:
    """Wrong answers for this way of asking. Whichever of them happens to be right here is none."""
    client = cluster.placed.addresses(cluster.pod("default", "client"))[0]
    home = cluster.machines[cluster.pod("default", "client").spec.node_name]
    agent = cluster.machines[cluster.pod("default", "agent").spec.node_name]
    asked = cluster.machines[f"node-{entry}"]
    service = cluster.service("default", "web").spec.cluster_ips[0]
    found = {
        "pod": [(home.ips[4], 58, "The client's node carries the packet. It does not change the source."),
                (home.gateway(4), 22, ("That would be so if the node masqueraded packets between pods. Rule 2 forbids "
                "this."))],
        "service": [(home.ips[4], 108, ("The node replaces the destination of this packet. Nothing replaces its "
        "source.")),
                    (service, 1, "The Service was the destination. Nobody sends from its address.")],
        "node": [(asked.ips[4], 23, "That is its address on the LAN, and the packet does not leave by that device."),
                 (asked.gateway(4), 23, "That is its address towards its own pods only, and `web` is elsewhere.")],
        "host": [(agent.ips[4], 23, "That is the node's address on the LAN, and the packet leaves by another device."),
                 (agent.gateway(4), 81, ("That is the node's address on its bridge, towards its own pods. This packet "
                 "leaves by another device.")),
                 (client, 81, "That is another pod.")],
        "outside": [(STRANGER, 11, _masked(entry, here)),
                    (asked.ips[4], 23, ("That is where it was asked, and not the device by which it sends the packet "
                    "on.")),
                    (asked.gateway(4), 23, "That is its address towards its own pods only, and `web` is elsewhere.")],
    }  # fmt: skip
    own = cluster.machines[f"node-{here}"]
    told = (
        f"That is an address of node-{here}, where `web` runs. It hands this packet over, and puts no other source in."
    )
    beside = [(ip, 0, told) for ip in (own.ips[4], own.gateway(4)) if ip not in {one[0] for one in found[how]}]
    return [*found[how], *beside, (web, 0, "That is the server itself.")]
