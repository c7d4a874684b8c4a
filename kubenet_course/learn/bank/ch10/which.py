"""Chapter 10: which mode for which cluster? Each mode has what it cannot do, and that decides more often than speed."""

from __future__ import annotations

from msgspec import Struct

from ....views.tables.table import Table, table
from ...facts import fact
from ...questions.kinds_lists import Choose, Statement
from .. import Chance, defined

CHOICES = {
    "iptables": "iptables mode",
    "nftables": "nftables mode",
    "ipvs": "IPVS mode",
    "none": "No mode of kube-proxy decides this: something else is needed.",
}
FACTS = ("nftables-stable", "nftables-kernel", "ipvs-deprecated", "ipvs-gate-off", "iptables-default")


class Cluster(Struct, frozen=True):
    """What a cluster is like, what fits it, and for each other choice the belief and why it does not."""

    told: str
    right: str
    wrong: dict[str, tuple[int, str]]
    because: str
    hint: str


CLUSTERS = (
    Cluster(
        "New cluster, Kubernetes 1.37, nodes with Linux 6.8. It will have 12,000 Services, and "
        "programs in it open thousands of new connections per second. Somebody read in an old blog "
        "post that IPVS is the fastest.",
        "nftables",
        {"ipvs": (6, "It was the answer for many Services once. Look at what is said about it since 1.35."),
         "iptables": (194, ("It works. But each new connection is compared with rule after rule, "
                            "12,000 of them for the last Service.")),
         "none": (0, "The modes of kube-proxy differ in how they find one of many Services.")},
        "One look into a map takes as long for 12,000 Services as for ten, the kernel is new "
        "enough, and this mode has a future.",
        "Which two modes find a Service with one look, and which of the two is not deprecated?",
    ),
    Cluster(
        "The nodes run a distribution with Linux 4.18, and will for two more years. There are 150 "
        "Services. Kubernetes is 1.36.",
        "iptables",
        {"nftables": (6, "It needs a newer kernel than this one."),
         "ipvs": (6, "It would run, but it is deprecated, and with 150 Services there is nothing to win."),
         "none": (0, "One mode of kube-proxy runs on such a kernel.")},
        "nftables mode needs Linux 5.13. With 150 Services the list of iptables mode costs next to "
        "nothing.",
        "Which kernel does nftables mode need?",
    ),
    Cluster(
        "A gRPC service has 20 pods. Its clients keep one channel each for days, and some pods "
        "have five times the load of others. The team asks which mode spreads the **requests**.",
        "none",
        {"ipvs": (191, "Least connection counts connections of one node. These connections are all open already."),
         "nftables": (4, "It draws a pod for each connection, as iptables mode does."),
         "iptables": (4, "It draws a pod for each connection, and the connections stay for days.")},
        "Every mode spreads connections. Requests are spread by a client that knows all pods (a "
        "headless Service), by a proxy that reads HTTP/2, or by servers that end their connections "
        "now and then.",
        "What does a Service spread, requests or connections?",
    ),
    Cluster(
        "On every node a container runtime fetches images from `127.0.0.1:30500`, the NodePort of "
        "a registry in the cluster. This cannot be changed this year. The nodes run Linux 6.1, "
        "with 80 Services.",
        "iptables",
        {"nftables": (195, "Where does it answer NodePorts? Not on 127.0.0.1."),
         "ipvs": (7, "It does not answer NodePorts on 127.0.0.1 either."),
         "none": (195, "One of the modes can do it.")},
        "Only iptables mode answers NodePorts on 127.0.0.1. It is a reason to stay for a while, "
        "and to plan the change.",
        "Which mode answers NodePorts on 127.0.0.1?",
    ),
    Cluster(
        "A cluster in IPVS mode, 900 Services, Linux 5.15 on all nodes, Kubernetes 1.36. Nobody "
        "has chosen a scheduler. The team plans the next two years.",
        "nftables",
        {"ipvs": (6, "It is deprecated since 1.35, and from 1.40 on it is off unless somebody switches it on."),
         "iptables": (6, "It would work. But iptables is not developed further, and the default changes too."),
         "none": (0, "Another mode of kube-proxy can do all that this cluster needs.")},
        "The kernel is new enough, and nftables mode finds a Service with one look as IPVS does. "
        "`kubenet proxy diff` shows what the change means for this cluster's flows.",
        "What becomes of IPVS mode within these two years?",
    ),
    Cluster(
        "Half of the pods run on strong machines, half on weak ones. The team wants the strong "
        "ones to get three times as many **connections**, and asks for a scheduler with weights.",
        "none",
        {"ipvs": (193, "IPVS has weights. Who sets them, and to which value?"),
         "nftables": (3, "It draws, and every pod has the same chance."),
         "iptables": (3, "It draws, and every pod has the same chance.")},
        "kube-proxy gives every pod the weight 1 in every mode. Run more pods on the strong "
        "machines, or use a proxy that knows weights, such as a Gateway with several Services "
        "behind one route.",
        "Which weight does kube-proxy give to a pod?",
    ),
)  # fmt: skip


def facts() -> Table:
    rows = [(fact(name).statement, fact(name).versions) for name in FACTS]
    return table("What holds for which version", ("statement", "versions"), rows)


@defined("10-mode", "Which mode for this cluster?")
def which(chance: Chance) -> Choose:
    of = chance.turn(*CLUSTERS)
    shown = facts()
    return Choose(
        asks=f"{of.told} What do you recommend?",
        statements=tuple(
            Statement(text, True)
            if name == of.right
            else Statement(text, belief=of.wrong[name][0], said=of.wrong[name][1], evidence=shown)
            for name, text in CHOICES.items()
        ),
        because=of.because,
        evidence=shown,
        hints=(
            "Ask first what a mode cannot do at all: on this kernel, with these clients.",
            of.hint,
            f"{of.because.split('. ')[0].rstrip('.')}.",
        ),
    )
