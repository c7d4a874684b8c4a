"""What chapter 05 asks before it shows it."""

from ...questions.question import SO, Question, named

BOTH = (True, True)
FATES = {
    BOTH: "packets flow, and a new node gets its block",
    (True, False): "packets flow, and a new node gets no block",
    (False, False): "no packet arrives any more",
    (False, True): "no packet arrives any more",
}

PREDICTIONS = (
    Question(
        "05-mask",
        "A node has the block 10.244.7.0/24. How many addresses are in it?",
        {"2^24 = 16,777,216": 25, "2^(32-24) = 256": SO, "24": 25},
        "24 bits are the same in all its addresses. The other 8 bits number the addresses: 2^8 of them.",
        named({256: "2^(32-24) = 256"}),
    ),
    Question(
        "05-more-nodes",
        "The range stays. Which node mask makes room for 300 nodes?",
        {
            "a longer mask, /26": SO,
            "a shorter mask, /22": 25,
            "a shorter cluster mask only: the node mask has no say": 25,
        },
        "A longer mask means smaller blocks, and so more of them.",
        named({"/26": "a longer mask, /26", "/22": "a shorter mask, /22"}),
    ),
    Question(
        "05-freed",
        "node-2 had 10.244.1.0/24. node-2 is deleted, then node-4 joins. Which block does node-4 get?",
        {"10.244.1.0/24": 85, "10.244.3.0/24": SO, "10.244.4.0/24": 107},
        "The controller goes on searching behind the block that it gave last.",
    ),
    Question(
        "05-stopped",
        "kube-controller-manager is stopped. What becomes of the pods, and of a node that joins?",
        {FATES[BOTH]: 87, FATES[True, False]: SO, FATES[False, False]: 87},
        "The nodes' kernels have their routes already, and no packet ever visits a controller. Only new decisions are missing.",
        named(FATES),
    ),
)
