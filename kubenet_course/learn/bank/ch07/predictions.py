"""What chapter 07 asks before it shows it."""

from ...questions.question import SO, Question, named

NO_ANSWER, EVERY, BUT_THE_FIRST = "no answer at all", "an answer to every ping", "an answer to all but the first"
SILENCE = "nothing: no answer, and no error"


def answered(output: object) -> str:
    """How many of three pings were answered."""
    came = {"0 received": NO_ANSWER, "2 received": BUT_THE_FIRST, "3 received": EVERY}
    return next((said for words, said in came.items() if words in str(output)), str(output))


def complained(output: object) -> str:
    """What ping complains of, if it complains."""
    lines = ("Destination Host Unreachable", "Network is unreachable")
    return next((line for line in lines if line in str(output)), SILENCE)


PREDICTIONS = (
    Question(
        "07-outer",
        "`client` pings `web`. A switch between the nodes looks at the frame that leaves node-1. "
        "Which IP addresses does it see in the "
        "first IP header?",
        {
            "10.244.1.10 to 10.244.2.10": 220,
            "192.168.1.11 to 192.168.1.12": SO,
            "10.244.1.0 to 10.244.2.0": 221,
        },
        "node-1 has put the whole frame of the ping into a packet of its own, from node to node. "
        "The pods' addresses stand "
        "further behind, where no switch or router looks.",
    ),
    Question(
        "07-second",
        "The pods believe in an MTU of 1500, and the tunnel takes 1450. `client` sends three "
        "pings with 1450 bytes of content, and does "
        "not forbid to cut them. What comes back?",
        {
            NO_ANSWER: 33,
            EVERY: 229,
            BUT_THE_FIRST: SO,
        },
        "The kernel of `client` forbids routers to cut the first packet, because it still "
        "believes that it fits. node-1 throws it away "
        "and tells the right size. From then on the kernel of `client` cuts such packets itself.",
        answered,
    ),
    Question(
        "07-hangs",
        "Somebody has told the nodes to send no ICMP. `client` connects to `web` and asks for a "
        "page of 20,000 bytes. What does "
        "`client` get within 30 seconds?",
        {
            "no connection": 33,
            "a connection, and not a single byte": SO,
            "a connection, and the beginning of the page": 230,
            "a connection, and the whole page, slowly": 224,
        },
        "The handshake and the request are short, so they fit. All segments of the answer are as "
        "long as `web` believes to be allowed. "
        "node-2 throws each of them away, and `web` never learns why.",
        named({(True, 0): "a connection, and not a single byte", (True, 20_000): "a connection, and the whole page, slowly",
               (False, 0): "no connection"}),
    ),
    Question(
        "07-gone",
        "The FDB entry of node-1 leads to 192.168.1.99, a machine that has been switched off. "
        "`client` pings `web`. What does ping say?",
        {
            "Destination Host Unreachable": 231,
            "Network is unreachable": 225,
            SILENCE: SO,
        },
        "node-1 has done its work: it has wrapped the packet and sent it to the LAN. That nobody "
        "there has 192.168.1.99 is a matter "
        "of the outer packet, and its sender is node-1. Nobody tells `client`.",
        complained,
    ),
)  # fmt: skip
