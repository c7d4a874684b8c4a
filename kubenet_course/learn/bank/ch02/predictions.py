"""What chapter 02 asks before it shows it."""

from ...questions.question import SO, Question, named

PINGS = {"64 bytes from 10.244.1.11": 75, "Network is unreachable": 73, "Destination Host Unreachable": SO}


def said_by_ping(output: object) -> str:
    """Which of the three well-known lines a ping printed."""
    return next((line for line in PINGS if line in str(output)), str(output))


PREDICTIONS = (
    Question(
        "02-no-bridge",
        "`client` pings 10.244.1.11, which is `web-1`. What does ping say?",
        PINGS,
        "`client` has a route, so it asks on its link for the MAC address of 10.244.1.11. Its cable ends at the node "
        "and leads "
        "to no other pod, so nobody answers.",
        said_by_ping,
    ),
    Question(
        "02-hears",
        "`client` asks for the MAC address of 10.244.1.11. Who hears this question?",
        {"web-1 alone": 70, "web-1 and other": 106, "web-1, other and node-1": SO},
        "The question goes to everybody on the link. node-1 is on this link too, because its bridge is a device of "
        "node-1.",
    ),
    Question(
        "02-aged",
        "`client` pings `web-1` again. It uses the MAC address that it still knows. What comes in at `other`?",
        {"nothing": 71, "a question for the MAC address": 76, "the ping itself": SO},
        "The bridge has forgotten which port leads to this MAC address. So it sends the frame out of every port, "
        "except the one "
        "where the frame came in.",
        named({(False, False): "nothing", (True, True): "a question for the MAC address", (True, False): "the ping itself"}),
    ),
    Question(
        "02-netfilter",
        "The setting is 1. `client` sends the request with a TTL of 64. With which sender's MAC address and which TTL "
        "does it "
        "reach `web-1`?",
        {
            "the MAC address of client, TTL 64": SO,
            "the MAC address of cni0, TTL 63": 63,
            "the MAC address of cni0, TTL 64": 57,
        },
        "The rules replaced the destination while the packet was still in the bridge. The new destination is behind a "
        "port of "
        "the same bridge, so the bridge carried the frame there. Nobody routed it: the sender's MAC address and the "
        "TTL stay.",
    ),
    Question(
        "02-hairpin",
        "Hairpin mode is off, as it is on every new port. What becomes of the request?",
        {
            "it ends at the bridge": SO,
            "client gets it and answers itself": 9,
            "client gets it and refuses it": 9,
        },
        "The frame would have to leave by the port where it came in. A bridge does not send it back there, and tells "
        "nobody. So "
        "the client waits until it gives up.",
        named({("timeout", "node-1"): "it ends at the bridge", ("delivered",): "client gets it and answers itself"}),
    ),
    Question(
        "02-routed",
        "`client` asks for the MAC address of 169.254.1.1. Who hears this question?",
        {"node-1 alone": SO, "node-1 and web-1": 74, "nobody: no machine has that address": 70},
        "node-1 is at the other end of the client's cable, and nobody else is.",
        named({("node-1",): "node-1 alone", ("node-1", "web-1"): "node-1 and web-1"}),
    ),
)  # fmt: skip
