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
        "`client` has a route, so it asks on its link for the MAC address of 10.244.1.11. Nobody on that link answers.",
        said_by_ping,
    ),
    Question(
        "02-hears",
        "Who gets the question of `client` for the MAC address of 10.244.1.11?",
        {"web-1 alone": 70, "web-1 and other": 106, "web-1, other and node-1": SO},
        "The question goes to everybody on the link. node-1 is on this link too, by its bridge.",
    ),
    Question(
        "02-aged",
        "`client` pings `web-1` again, to the MAC address that it has. What comes in at `other`?",
        {"nothing": 71, "a question for the MAC": 76, "the ping itself": SO},
        "The bridge no longer knows the port of this MAC address. So it sends the frame out of every port, except the one "
        "where the frame came in.",
        named({(False, False): "nothing", (True, True): "a question for the MAC", (True, False): "the ping itself"}),
    ),
    Question(
        "02-netfilter",
        "With the switch on: as whose frame, and with which TTL, does the request reach `web-1`?",
        {"the MAC of client, TTL 64": SO, "the MAC of cni0, TTL 63": 63, "the MAC of cni0, TTL 64": 57},
        "The rules translated the packet inside the bridge, and the bridge carried it all the same. No machine routed it.",
    ),
    Question(
        "02-routed",
        "`client` asks for the MAC address of 169.254.1.1. Who gets the question?",
        {"node-1 alone": SO, "node-1 and web-1": 74, "nobody: no machine has that address": 70},
        "node-1 is at the other end of that cable, and nobody else is.",
        named({("node-1",): "node-1 alone", ("node-1", "web-1"): "node-1 and web-1"}),
    ),
)
