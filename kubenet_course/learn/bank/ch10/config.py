"""Chapter 10: a KubeProxyConfiguration to write. The model runs a cluster with it and asks the flows that matter."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from msgspec import Struct

from ....errors import BadInput
from ....kube.model.cluster import Cluster, checked
from ....kube.questions.ask import request
from ....linux.namespace.memory import Memory
from ....linux.namespace.trace import Trace
from ....linux.verdicts import verdict
from ....views.tables.table import Table, table
from ...questions.evidence import ending
from ...questions.kinds import Finding, Slip
from ...questions.kinds_made import Write
from ...worlds.modes import configured
from ...worlds.service_cluster import service_cluster
from .. import Chance, defined

HEAD = """apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
clusterCIDR: 10.244.0.0/16
"""
LEFT = "Something under `ipvs:` is left, which the new mode does not read."
LOOPBACK, GATEWAY, PRIMARY = "127.0.0.1", "10.244.1.1", "192.168.1.11"
NODE, CLIENT, STRANGER = "node/node-1", "pod/default/client", "host/203.0.113.5"


class Flow(Struct, frozen=True):
    """Who asks which address at the NodePort, and whether it shall be answered."""

    who: str
    address: str
    answered: bool
    belief: int = 0


class Task(Struct, frozen=True):
    """What is wanted: the mode, the flows, and more to look at in the configuration itself."""

    asks: str
    starts: str
    solution: str
    modes: tuple[str, ...]
    flows: tuple[Flow, ...]
    wrong: tuple[tuple[str, int], ...]
    because: str
    hints: tuple[str, str, str]
    says: Callable[[Cluster], str] = lambda _: ""


def _everywhere(number: int) -> Task:
    starts = f"{HEAD}mode: nftables\n"
    return Task(
        f"The cluster has moved to nftables mode. An old client asks `{GATEWAY}:{number}`, an "
        "address of node-1's bridge, and is refused since then. Write the configuration so that "
        "NodePorts are answered on **every** address of a node again. The mode stays nftables. "
        "(127.0.0.1 will not come back: nftables mode never answers there.)",
        starts,
        f'{starts}nodePortAddresses: ["0.0.0.0/0"]\n',
        ("nftables",),
        (Flow(CLIENT, GATEWAY, True, 195), Flow(STRANGER, PRIMARY, True)),
        ((f'{HEAD}mode: iptables\nnodePortAddresses: ["0.0.0.0/0"]\n', 0),
         (f'{starts}nodePortAddresses: ["primary"]\n', 195), (f'{starts}nodePortAddresses: ["10.244.0.0/16"]\n', 0)),
        "`nodePortAddresses` is a list of ranges. A node answers NodePorts on those of its "
        "addresses that lie in one of them. 0.0.0.0/0 holds every IPv4 address.",
        ("One field names the addresses on which NodePorts are answered.",
         "The field is `nodePortAddresses`, a list of ranges. Which range holds all addresses?",
         'Write `nodePortAddresses: ["0.0.0.0/0"]` as one more line.'),
    )  # fmt: skip


def _not_local(number: int) -> Task:
    starts = f"{HEAD}mode: iptables\n"
    return Task(
        f"A scanner reports that every node answers NodePorts on {LOOPBACK}, and that kube-proxy "
        "has set the kernel switch `route_localnet` for it. Nobody needs that. Write the "
        f"configuration so that `{LOOPBACK}:{number}` is no longer answered, and all other "
        "addresses still are. The mode stays iptables.",
        starts,
        f"{starts}iptables:\n  localhostNodePorts: false\n",
        ("iptables",),
        (Flow(NODE, LOOPBACK, False, 7), Flow(CLIENT, GATEWAY, True), Flow(STRANGER, PRIMARY, True)),
        ((f"{HEAD}mode: nftables\n", 195), (f'{starts}nodePortAddresses: ["192.168.1.0/24"]\n', 0),
         (f"{starts}iptables:\n  localhostNodePorts: true\n", 0)),
        "`iptables.localhostNodePorts` decides it. With false kube-proxy leaves the switch alone, "
        "and the other addresses stay as they were.",
        ("Settings that belong to one mode stand under a key with the mode's name.",
         "Look for a field of `iptables:` whose name says localhost.",
         "Write `iptables:` and below it, moved in by two spaces, `localhostNodePorts: false`."),
    )  # fmt: skip


def _one_network(number: int) -> Task:
    starts = f"{HEAD}mode: iptables\n"
    return Task(
        "NodePorts shall be answered only on the network between the machines, 192.168.1.0/24: "
        f"not on the bridge's address `{GATEWAY}:{number}`, and not on {LOOPBACK}. Write the "
        "configuration. The mode may be iptables or nftables.",
        starts,
        f'{starts}nodePortAddresses: ["192.168.1.0/24"]\n',
        ("iptables", "nftables"),
        (Flow(STRANGER, PRIMARY, True), Flow(CLIENT, GATEWAY, False, 195), Flow(NODE, LOOPBACK, False, 7)),
        ((f"{starts}iptables:\n  localhostNodePorts: false\n", 0),
         (f'{starts}nodePortAddresses: ["203.0.113.0/24"]\n', 0),
         (f'{starts}nodePortAddresses: ["0.0.0.0/0"]\n', 195)),
        "`nodePortAddresses` names the ranges of a node's **own** addresses on which it answers, "
        "not those of the clients. (nftables mode without the field does the same here, since it "
        "takes the primary address alone.)",
        ("One field names the addresses of the node on which NodePorts are answered.",
         ("The field is `nodePortAddresses`. Does it hold the addresses of clients or those of the "
          "node?"),
         'Write `nodePortAddresses: ["192.168.1.0/24"]` as one more line.'),
    )  # fmt: skip


def _move(number: int) -> Task:
    starts = f"{HEAD}mode: ipvs\nipvs:\n  scheduler: rr\n"
    return Task(
        "The cluster still works in IPVS mode, which is deprecated. Its nodes run Linux 6.1. "
        "Write the configuration for the mode that takes its place. NodePorts shall be answered "
        f"on `{PRIMARY}:{number}` and not on {LOOPBACK}. Leave nothing in the configuration that "
        "the new mode does not read.",
        starts,
        f"{HEAD}mode: nftables\n",
        ("nftables",),
        (Flow(STRANGER, PRIMARY, True), Flow(NODE, LOOPBACK, False, 7)),
        ((f"{HEAD}mode: iptables\n", 6),
         (f"{HEAD}mode: nftables\nipvs:\n  scheduler: lc\n", 6), (f"{HEAD}mode: ipvs\n", 6)),
        "nftables mode takes the place of IPVS: it is as fast with many Services, and it is "
        "developed further. It has no schedulers, so `ipvs:` goes.",
        ("Which mode is recommended for new kernels?",
         "nftables mode needs Linux 5.13 or newer, which these nodes have.",
         ("Change `mode: ipvs` to `mode: nftables`, and take out the two lines about the scheduler.")),
        says=lambda made: LEFT if _has_ipvs(made) else "",
    )  # fmt: skip


def _has_ipvs(made: Cluster) -> bool:
    return made.proxy.ipvs != type(made.proxy.ipvs)()


@defined("10-config", "Write the configuration of kube-proxy")
def config(chance: Chance) -> Write:
    number = chance.randrange(30001, 32767)
    task = chance.turn(_everywhere, _not_local, _one_network, _move)(number)
    return Write(
        asks=task.asks,
        starts=task.starts,
        tests=partial(tested, task=task, number=number),
        solution=task.solution,
        slips=tuple(Slip(text, belief) for text, belief in task.wrong),
        because=task.because,
        evidence=met(task.solution, task, number),
        hints=task.hints,
    )


def made_with(text: str, number: int) -> Cluster:
    return checked(configured(service_cluster(2, node_port=number, address="10.96.1.1"), text))


def tested(text: str, task: Task, number: int) -> tuple[Finding, ...]:
    """The mode first; then each flow that does not come out as it shall."""
    made = made_with(text, number)
    if made.proxy.cluster_cidr != "10.244.0.0/16":
        raise BadInput("clusterCIDR", "it is not what it was", "leave the line clusterCIDR: 10.244.0.0/16 as it stands")
    if made.mode not in task.modes:
        belief = 6 if made.mode == "ipvs" or "ipvs" in task.starts else 195
        said = f"The mode is {made.mode} now. The task asks for {' or '.join(task.modes)}."
        return (Finding(False, said, belief, table("What is written", ("field", "value"), [("mode", made.mode)])),)
    found = [_flow(made, flow, number) for flow in task.flows]
    if said := task.says(made):
        found.append(Finding(False, said, 6, table("What is left", ("field",), [("ipvs",)])))
    return tuple(found)


def _flow(made: Cluster, flow: Flow, number: int) -> Finding:
    trace = _asked(made, flow, number)
    end = verdict(trace).name
    if (end == "delivered") == flow.answered:
        return Finding(True, "")
    wanted = "it shall be answered" if flow.answered else "it shall not be answered"
    said = f"{flow.who} asks {flow.address}:{number}, and {wanted}. It comes to: {end}."
    return Finding(False, said, flow.belief, ending(trace))


def _asked(made: Cluster, flow: Flow, number: int) -> Trace:
    return request(made, flow.who, f"{flow.address}:{number}", memory=Memory())


def met(text: str, task: Task, number: int) -> Table:
    """What each flow comes to under a configuration."""
    made = made_with(text, number)
    rows = [(flow.who, f"{flow.address}:{number}", verdict(_asked(made, flow, number)).name) for flow in task.flows]
    return table("What comes of it", ("who asks", "asks", "verdict"), rows, code=(0, 1))
