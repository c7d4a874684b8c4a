"""What chapter 06 asks before it shows it."""

from ...questions.question import SO, Question, named

CALLERS = {"runtime": "the container runtime", "kubelet": "the kubelet"}

PREDICTIONS = (
    Question(
        "06-who",
        "A new pod needs its network. Who starts the program that wires it?",
        {"the kubelet": 95, "the container runtime": SO, "nobody: the program runs already and waits for calls": 96},
        "The kubelet asks the container runtime for a sandbox. The runtime makes the sandbox and starts the plugins for it.",
        named(CALLERS),
    ),
    Question(
        "06-back",
        "The pod is deleted. The runtime sends DEL to the three plugins of the chain. In which order does it call them?",
        {"bridge, portmap, bandwidth": 101, "bandwidth, portmap, bridge": SO, "all three at once": 100},
        "What was added last is taken away first. So each plugin still finds what it had built upon.",
    ),
    Question(
        "06-left",
        "ADD has succeeded at bridge and failed at portmap. No other call was sent yet. What is left on the node?",
        {
            "nothing: a failed ADD undoes itself": 97,
            "the cable and the address that bridge made": SO,
            "the cable, the address, and the rules of portmap": 100,
        },
        "The chain stops at the first failure, and nothing of it is undone. The runtime has to send a DEL as well.",
        named({True: "the cable and the address that bridge made", False: "nothing: a failed ADD undoes itself"}),
    ),
    Question(
        "06-power",
        "A pod is gone after a power failure, and nobody has sent DEL. What about its address?",
        {"it is free at once": 30, "it stays reserved until a DEL or GC": SO, "it is free after an hour": 30},
        "`host-local` keeps one file for each address. Only a DEL or a GC removes the file.",
        named({True: "it stays reserved until a DEL or GC", False: "it is free at once"}),
    ),
)
