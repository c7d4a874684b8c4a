"""What chapter 10 asks before it shows it."""

from ...questions.question import SO, Question, named

HALF = 50  # per cent


def _share(percent: int) -> str:
    """The choice that a share in per cent stands for."""
    return "more than half of them" if percent > HALF else "about a quarter of them" if percent > 15 else "nearly none"


PREDICTIONS = (
    Question(
        "10-later",
        (
            "A cluster in iptables mode has 1,000 Services. A pod opens a connection to the last "
            "one in the list and sends five packets on it. How many of the five does the kernel "
            "compare with the rules of all these Services?"
        ),
        {"all five": 194, "only the first one": SO, "every packet until the server answers": 194},
        (
            "The first packet is compared with rule after rule. Then the kernel remembers the "
            "connection. All later packets are found in that memory, and it does not matter how "
            "many Services there are."
        ),
        named({1: "only the first one", 5: "all five"}),
    ),
    Question(
        "10-broken",
        (
            "Pod 2 is broken: it answers each request at once, with an error. The three other pods "
            "work. One node sends 240 short requests, and the scheduler is `nq`, never queue. How "
            "many of the requests does the broken pod get?"
        ),
        {"nearly none": 191, "about a quarter of them": 3, "more than half of them": SO},
        (
            "The broken pod is done at once, so it is nearly always idle, and `nq` looks for idle "
            "pods. It counts open connections only. It does not know whether a pod does its work "
            "well."
        ),
        _share,
    ),
    Question(
        "10-rr",
        (
            "On each of 40 nodes one agent opens one connection to a Service with four pods, and "
            "keeps it. The scheduler is `rr`, round robin. How many of the 40 connections does the "
            "pod with most of them get?"
        ),
        {"about 10": 190, "about 20": 190, "all 40": SO},
        (
            "Each node takes turns by itself. For each of them it is the first connection, and it "
            "goes to the pod that stands first in the list. kube-proxy sorts the list in the same "
            "way on all nodes."
        ),
        named({10: "about 10", 20: "about 20", 40: "all 40"}),
    ),
    Question(
        "10-requests",
        (
            "A Service takes turns between three pods. A client sends 30 requests over HTTP/2. How "
            "many of the three pods answer at least one of them?"
        ),
        {"only one of them": SO, "two of them": 4, "all three": 4},
        "The client opened one connection, and so the Service chose once. The 30 requests are 30 "
        "streams on this connection.",
        named({1: "only one of them", 2: "two of them", 3: "all three"}),
    ),
    Question(
        "10-joined",
        (
            "Now the Service has two pods, and the same client sends 30 requests. After ten of "
            "them somebody scales the Deployment to four, and the new pods become ready. How many "
            "of the twenty requests that follow do the **new** pods get?"
        ),
        {"none": SO, "about ten, their equal share": 192, "all of them, since they are idle": 191},
        "The connection stays with its pod. A Service offers new pods for new connections, and this client opens none.",
        named({0: "none", 10: "about ten, their equal share", 20: "all of them, since they are idle"}),
    ),
    Question(
        "10-dead",
        (
            "Two pods stand behind `web`. The program in one of them has just crashed, and the "
            "control plane has not noticed yet: both pods are still in the EndpointSlice. What "
            "becomes of **new** connections, in iptables and in nftables mode?"
        ),
        {
            "all are answered: the node tries the other pod": 5,
            "a half of them is refused": SO,
            "all are refused until the EndpointSlice changes": 13,
        },
        (
            "The draw falls on the dead pod in half of the cases. Its kernel refuses, and the node "
            "passes the refusal on. No rule is read a second time. The client has to try again; "
            "then it draws anew."
        ),
        named(
            {
                ("delivered", "refused"): "a half of them is refused",
                ("delivered",): "all are answered: the node tries the other pod",
                ("refused",): "all are refused until the EndpointSlice changes",
            }
        ),
    ),
    Question(
        "10-localhost",
        (
            "A container runtime on node-1 fetches images from `127.0.0.1:30080`, the NodePort of "
            "a registry in the cluster. In iptables mode that works. What happens in nftables mode?"
        ),
        {"it works as before": 195, "the connection is refused": SO, "the connection times out": 7},
        (
            "nftables mode answers NodePorts on the node's primary address, and never on "
            "127.0.0.1. So the packet reaches the node's own programs. None of them listens on "
            "this port, and the kernel refuses."
        ),
        named(
            {
                "delivered": "it works as before",
                "refused": "the connection is refused",
                "timeout": "the connection times out",
            }
        ),
    ),
)
