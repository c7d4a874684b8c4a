"""What chapter 05 asks before it shows it."""

from ...questions.question import SO, Question, named

BOTH = (True, True)
FATES = {
    BOTH: "pods reach each other, and a new node gets a block",
    (True, False): "pods reach each other, and a new node gets no block",
    (False, False): "pods no longer reach each other",
    (False, True): "pods no longer reach each other",
}

PREDICTIONS = (
    Question(
        "05-mask",
        "A node has the block 10.244.7.0/24. How many addresses are in it?",
        {"2^24 = 16,777,216": 25, "2^(32-24) = 256": SO, "24": 25},
        "The first 24 bits are the same in all addresses of the block. The other 8 bits can differ, so there are 2^8 addresses.",
        named({256: "2^(32-24) = 256"}),
    ),
    Question(
        "05-more-nodes",
        "The range stays 10.244.0.0/16. Which node mask makes room for 300 nodes?",
        {
            "a longer mask, /26": SO,
            "a shorter mask, /22": 25,
            "none: only a larger range helps": 25,
        },
        "A longer mask means smaller blocks. More of them fit into the same range.",
        named({"/26": "a longer mask, /26", "/22": "a shorter mask, /22"}),
    ),
    Question(
        "05-freed",
        "node-2 had 10.244.1.0/24. node-2 is deleted, then node-4 joins. Which block does node-4 get?",
        {"10.244.1.0/24": 85, "10.244.3.0/24": SO, "10.244.4.0/24": 107},
        "The controller searches on behind the block that it gave last. A block that was freed rests until the search comes round.",
    ),
    Question(
        "05-stopped",
        "kube-controller-manager is stopped. Then node-4 joins. What happens?",
        {FATES[BOTH]: 87, FATES[True, False]: SO, FATES[False, False]: 87},
        "The kernels of the nodes have their routes, and they carry every packet. Nobody decides anything new, so node-4 waits.",
        named(FATES),
    ),
)
