"""What chapter 06 asks before it shows it."""

from ...questions.question import SO, Question, named

CALLERS = {"runtime": "the container runtime", "kubelet": "the kubelet"}

PREDICTIONS = (
    Question(
        "06-who",
        "A new pod is to get its network. Who starts the program that wires the pod?",
        {"the kubelet": 95, "the container runtime": SO, "nobody: it runs already, and waits for calls": 96},
        "The kubelet asks the container runtime for a sandbox, and no more. The runtime starts the plugins.",
        named(CALLERS),
    ),
    Question(
        "06-back",
        "The pod is deleted, and the runtime sends DEL. In which order does it call the three plugins?",
        {"bridge, portmap, bandwidth": 101, "bandwidth, portmap, bridge": SO, "all three at once": 100},
        "What was added last is taken away first.",
    ),
    Question(
        "06-left",
        "ADD has failed at the second of two plugins. What is left on the node?",
        {
            "nothing: the runtime undoes it": 97,
            "what bridge had done, address included": SO,
            "what each of the two had done": 100,
        },
        "The runtime stops at the first failure. Whoever sent the ADD must also send a DEL.",
        named({True: "what bridge had done, address included", False: "nothing: the runtime undoes it"}),
    ),
    Question(
        "06-power",
        "The pod is gone, and no DEL was ever sent. What about its address?",
        {"it is free at once": 30, "it is reserved until a DEL or GC names it": SO, "it is reserved for an hour": 30},
        "`host-local` keeps one file for each address, and only a DEL or a GC removes the file.",
        named({True: "it is reserved until a DEL or GC names it", False: "it is free at once"}),
    ),
)
