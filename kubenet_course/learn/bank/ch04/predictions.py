"""What chapter 04 asks before it shows it."""

from ...questions.question import NONE, SO, Question, named

PREDICTIONS = (
    Question(
        "04-isolated",
        "The cluster is isolated. `client` sends a packet to the laptop in the office. What happens?",
        {
            "node-1 does not let the packet out": 140,
            "the router drops the packet": 140,
            "the laptop gets it, and its answer is lost": SO,
            "the laptop gets it, and its answer comes back": 141,
        },
        "The way out needs routes to the laptop, and everybody has those. The way back needs a "
        "route to the pod, and no router "
        "has one.",
        named(
            {
                (True, False): "the laptop gets it, and its answer is lost",
                (True, True): "the laptop gets it, and its answer comes back",
            }
        ),
    ),
    Question(
        "04-island",
        "The cluster is an island. `client` sends a packet to the laptop in the office. Which "
        "source address does the laptop see?",
        {
            "10.244.1.2, the address of client": 141,
            "192.168.1.11, the address of node-1": SO,
            "198.51.100.1, the address of the border": 143,
        },
        "node-1 masquerades the packet. It does not pass the border, because the office is on the near side of it.",
        named(
            {
                "10.244.1.2": "10.244.1.2, the address of client",
                "192.168.1.11": "192.168.1.11, the address of node-1",
                "198.51.100.1": "198.51.100.1, the address of the border",
            }
        ),
    ),
    Question(
        "04-nonmasq",
        "The agent's list now says `nonMasqueradeCIDRs: [10.0.0.0/8]`. The laptop has 10.20.0.9. "
        "`client` sends it a packet once "
        "more. What happens?",
        {
            "as before: the laptop sees node-1": 22,
            "the laptop sees client, and its answer comes back": 141,
            "the laptop sees client, and its answer is lost": SO,
        },
        "The list is compared with the destination. 10.20.0.9 is in 10.0.0.0/8, so the packet "
        "leaves with the pod's own "
        "address, and no router has a route to that.",
        named(
            {
                ("192.168.1.11", True): "as before: the laptop sees node-1",
                ("10.244.1.2", True): "the laptop sees client, and its answer comes back",
                ("10.244.1.2", False): "the laptop sees client, and its answer is lost",
            }
        ),
    ),
    Question(
        "04-border",
        "The cluster is flat, and its pods have private addresses. `client` sends a packet to the "
        "partner on the internet. Which "
        "source address does the partner see?",
        {
            "10.244.1.2, the address of client": 142,
            "192.168.1.11, the address of node-1": NONE,
            "198.51.100.1, the address of the border": SO,
        },
        "Nothing inside translates. But the internet has no route to 10.244.1.2, so the border "
        "puts its own public address in.",
        named(
            {
                "10.244.1.2": "10.244.1.2, the address of client",
                "192.168.1.11": "192.168.1.11, the address of node-1",
                "198.51.100.1": "198.51.100.1, the address of the border",
            }
        ),
    ),
    Question(
        "04-overlap",
        "Both clusters are flat and use 10.244.0.0/16. The router's table takes one row for each block, "
        "and east came first. `web-1` of west has the same address as `client` of east. The laptop "
        "sends a packet to `web-1` of west. Who gets it?",
        {
            "web-1 of west, whom the laptop meant": 28,
            "client of east": SO,
            "both of them": NONE,
            "nobody: the router drops it": 144,
        },
        "The router has one route to this block, and it leads to east. It does not know that there is a "
        "second pod with the same address.",
        named(
            {
                "pod/default/client": "client of east",
                "west/pod/default/web-1": "web-1 of west, whom the laptop meant",
                "": "nobody: the router drops it",
            }
        ),
    ),
    Question(
        "04-ports",
        "Ten pods of one node open 6,000 connections each to one port of the partner, 60,000 "
        "together. node-1 masquerades them "
        "with its one address. Does each get a port?",
        {
            "yes, because 60,000 is less than 64,512": 145,
            "no, some are dropped although ports are still free": SO,
            "yes, because each pod has ports of its own": 146,
        },
        "The kernel looks for a free port at some places only. When most ports are taken, it gives "
        "up now and then, and the packet "
        "is dropped.",
        named(
            {
                "some dropped": "no, some are dropped although ports are still free",
                "all opened": "yes, because 60,000 is less than 64,512",
            }
        ),
    ),
    Question(
        "04-allow",
        "The cluster is an island. The office's firewall lets in 192.168.1.11, the address of "
        "node-1, and nobody else. Who "
        "reaches the laptop?",
        {
            "client alone": 147,
            "every pod of node-1": SO,
            "every pod of the cluster": NONE,
        },
        "The firewall sees a node's address and no pod's. All pods of node-1 look alike to it, and "
        "so does node-1 itself.",
        named(
            {
                (True, False, False): "client alone",
                (True, True, False): "every pod of node-1",
                (True, True, True): "every pod of the cluster",
            }
        ),
    ),
)
