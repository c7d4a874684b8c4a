"""What chapter 09 asks before it shows it."""

from ...questions.question import SO, Question, named

SEEN = {
    "10.244.1.10": "10.244.1.10, podA's own",
    "10.244.1.1": "10.244.1.1, node1's towards its pods",
    "192.168.60.11": "192.168.60.11, node1's on the network between the nodes",
}
ENDS = {
    ("refused", "timeout"): "the first client is refused, the second waits",
    ("refused", "refused"): "both clients are refused",
    ("timeout", "timeout"): "both clients wait",
    ("timeout", "refused"): "the first client waits, the second is refused",
}
SHARES = {"about a sixth": 1 / 6, "about a third": 1 / 3, "about a half": 1 / 2, "nearly all": 1.0}


def _near(share: float) -> str:
    """The choice that a measured share comes near; else the share itself."""
    return next((name for name, about in SHARES.items() if abs(share - about) < 0.02), f"{share:.1%}")


PREDICTIONS = (
    Question(
        "09-third",
        (
            "Three pods stand behind `web`. Their rules say 0.33333, then 0.5, and the last rule says no number. Of "
            "20,000 new connections, how many does the **third** pod get?"
        ),
        {"about a sixth": 2, "about a third": SO, "about a half": 2, "nearly all": 2},
        (
            "A rule is asked only if no earlier rule took the connection. The second rule takes a half of two thirds, "
            "which is one third. One third is left for the last rule, which takes it all."
        ),
        _near,
    ),
    Question(
        "09-gone",
        (
            "podB has an open connection through the Service, and it leads to podC. Now podC is deleted, and "
            "kube-proxy takes its rules away. podA is well. Where does node1 send the next packet of this connection?"
        ),
        {"to podA": 5, "to the address of podC": SO, "nowhere: a rule refuses it": 13},
        (
            "The kernel finds the connection in its memory and does not look at the rules. It translates as before, to "
            "an address that nobody has any more. Only a **new** connection is given to podA. kube-proxy never tries "
            "again for the old one."
        ),
        named({"10.244.2.10": "to the address of podC", "10.244.1.10": "to podA"}),
    ),
    Question(
        "09-timer",
        (
            "The timeout is 60 seconds. podB connects to the Service at 0, at 50 and at 100 seconds, each time anew. "
            "To which pod does the connection at 100 seconds go?"
        ),
        {
            "to the same pod as the first two": SO,
            "to a pod that is drawn anew": 14,
            "to the pod that is next in turn": 3,
        },
        (
            "Each new connection writes the time down again. At 100 seconds the last entry is 50 seconds old, which is "
            "less than 60."
        ),
        named({1: "to the same pod as the first two", 3: "to a pod that is drawn anew"}),
    ),
    Question(
        "09-ping",
        "The Service `ds` works: podB has just connected to it. Now podB runs `ping 10.96.10.12`. Who answers?",
        {
            "one of the two pods": 1,
            "node1, which has the rules": 1,
            "nobody": SO,
            "a rule of node1 refuses the ping": 13,
        },
        (
            "Every rule of the Service asks for TCP and port 80. A ping is ICMP and has no port. No rule matches, so "
            "nothing is translated, and no machine has the address 10.96.10.12. A silent ping says nothing about a "
            "Service."
        ),
        named({"timeout": "nobody", "unreachable": "nobody", "refused": "a rule of node1 refuses the ping"}),
    ),
    Question(
        "09-nobody",
        (
            "A stranger asks node-1 at a NodePort. First: no pod stands behind the Service. Second: a pod stands "
            "behind it, but on node-2, and the Service says `externalTrafficPolicy: Local`. What do the two clients see?"
        ),
        {
            "both clients are refused": 12,
            "the first client is refused, the second waits": SO,
            "the first client waits, the second is refused": 13,
            "both clients wait": 13,
        },
        (
            "For a Service without endpoints kube-proxy writes REJECT, and the sender is told. For a Service whose "
            "endpoints are all elsewhere it writes DROP, and nobody is told."
        ),
        named(ENDS),
    ),
    Question(
        "09-itself",
        (
            "podA asks the Service `ds`, and the draw falls on podA itself. Which source address does the program in "
            "podA see?"
        ),
        {
            "10.244.1.10, podA's own": 9,
            "10.244.1.1, node1's towards its pods": SO,
            "192.168.60.11, node1's on the network between the nodes": 23,
        },
        (
            "A masqueraded packet takes the address of the device by which it leaves. This one leaves towards podA, "
            "where node1 has the address 10.244.1.1."
        ),
        named(SEEN),
    ),
)
