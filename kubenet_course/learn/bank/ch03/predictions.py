"""What chapter 03 asks before it shows it."""

from ...questions.question import SO, Question, named

RULES = {(): "it keeps all three rules", (2,): "it may break rule 2 or 3", (3,): "it may break rule 2 or 3"}
NODES = {"192.168.1.11": "node-1's", "192.168.1.12": "node-2's", "10.244.1.2": "client's own"}
SOURCES = {"10.244.1.1": "10.244.1.1, of its bridge", "10.244.1.3": "web-1's own"}
REPLACED = {
    ("203.0.113.5",): "only the one to 203.0.113.5",
    ("web-2", "203.0.113.5"): "those to web-2 and to 203.0.113.5",
    ("the Service", "203.0.113.5"): "those to the Service and to 203.0.113.5",
    (): "none of them",
}

PREDICTIONS = (
    Question(
        "03-node",
        "To the other nodes, node-1 is known as 192.168.1.11. Which source address does web-1 see?",
        {"192.168.1.11": 23, "10.244.1.1, of its bridge": SO, "web-1's own": 58, "either, by chance": 23},
        "The packet leaves by `cni0`, so node-1 sends it from the address of `cni0`. Nobody replaced anything.",
        named(SOURCES),
    ),
    Question(
        "03-masquerade",
        "For which of these connections does node-1 replace the source address?",
        {
            "only the one to 203.0.113.5": SO,
            "those to web-2 and to 203.0.113.5": 58,
            "those to the Service and to 203.0.113.5": 108,
            "none of them": 22,
        },
        "Pods know the addresses of pods, so nothing is replaced between them. A Service replaces the destination "
        "only. A machine "
        "outside has no route to a pod's address, so node-1 puts in its own.",
        named(REPLACED),
    ),
    Question(
        "03-green",
        "What do you know of a cluster in which every ping is answered?",
        {"it keeps all three rules": 80, "it may break rule 2 or 3": SO, "it keeps rules 1 and 2 for certain": 80},
        "An answer shows that the packets arrive, and no more. This cluster answers every ping, and it breaks rule 2.",
        named(RULES),
    ),
    Question(
        "03-host",
        "Which source address does `agent` see?",
        {"client's own": 81, "node-1's": SO, "node-2's": 81},
        "The address of `agent` is a node's address. flannel's rule leaves out only packets to the range of the pods, "
        "so it "
        "masquerades this one, with the address of node-1.",
        named(NODES),
    ),
)
