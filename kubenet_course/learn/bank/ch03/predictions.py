"""What chapter 03 asks before it shows it."""

from ...questions.question import SO, Question, named

RULES = {(): "it keeps all three rules", (2,): "it may break rule 2 or 3", (3,): "it may break rule 2 or 3"}
NODES = {"192.168.1.11": "node-1's", "192.168.1.12": "node-2's", "10.244.1.2": "client's own"}
SOURCES = {"10.244.1.1": "10.244.1.1, of its bridge", "10.244.1.3": "web-1's own"}

PREDICTIONS = (
    Question(
        "03-node",
        "node-1 pings web-1, a pod of its own. Which source address does web-1 see?",
        {"192.168.1.11": 23, "10.244.1.1, of its bridge": SO, "web-1's own": 58, "either, by chance": 23},
        "The packet leaves by cni0, so it carries the address of cni0. Nothing was translated: node-1 sent it that way.",
        named(SOURCES),
    ),
    Question(
        "03-green",
        "A monitoring page shows: every ping is answered. What do you know of this cluster?",
        {"it keeps all three rules": 80, "it may break rule 2 or 3": SO, "it keeps rules 1 and 2 for certain": 80},
        "This cluster answers every ping, and breaks rule 2.",
        named(RULES),
    ),
    Question(
        "03-host",
        "client, on node-1, asks agent, on node-2. Which source address does agent see?",
        {"client's own": 81, "node-1's": SO, "node-2's": 81},
        "agent's address is a node's address. So flannel's rule takes the packet for one that leaves the range of the pods, "
        "and masquerades it.",
        named(NODES),
    ),
)
