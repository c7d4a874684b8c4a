"""What chapter 11 asks before it shows it."""

from ...questions.question import NONE, SO, Question, named

PREDICTIONS = (
    Question(
        "11-seen",
        "A stranger asks port 30080 of node-1. The pod runs on node-2. Which address does the pod see as the sender's?",
        {
            "203.0.113.5, the stranger's": 11,
            "192.168.1.11, node-1's": SO,
            "192.168.1.12, node-2's": NONE,
            "10.96.0.80, the Service's": 1,
        },
        "node-1 replaces the source by its own address. Otherwise node-2 would send the answer straight to the stranger, "
        "from an address that the stranger never asked.",
        named({"192.168.1.11": "192.168.1.11, node-1's", "203.0.113.5": "203.0.113.5, the stranger's"}),
    ),
    Question(
        "11-silent",
        "The Service has externalTrafficPolicy Local. The stranger asks node-1 again, and the only pod runs on node-2. "
        "What does the stranger notice?",
        {
            "an answer, as before": NONE,
            "connection refused": 12,
            "nothing: the connection times out": SO,
            "an answer from node-2": NONE,
        },
        "Local means that a node uses its own pods only. node-1 has none, so its rules drop the packet and say nothing.",
        named(
            {
                "timeout": "nothing: the connection times out",
                "refused": "connection refused",
                "answered": "an answer, as before",
            }
        ),
    ),
    Question(
        "11-health",
        "The policy is Local, and the only pod runs on node-2. A balancer asks both nodes on the health port. What do they say?",
        {
            "both say 200, because both nodes are well": NONE,
            "node-1 says 503 and node-2 says 200": SO,
            "node-1 does not answer at all": NONE,
        },
        "The health port does not ask whether the node is well. kube-proxy on each node counts its own ready pods of "
        "the Service. With none it answers 503, and the balancer leaves the node out.",
        named(
            {(503, 200): "node-1 says 503 and node-2 says 200", (200, 200): "both say 200, because both nodes are well"}
        ),
    ),
    Question(
        "11-inside",
        "A pod on node-1 asks the balancer's address, 198.51.100.10. Its ipMode is VIP. Which way does the packet take?",
        {
            "out to the balancer, and back in": 210,
            "node-1 leads it to a pod at once; the balancer never sees it": SO,
            "it is dropped, because the address belongs to the outside": NONE,
        },
        "kube-proxy has written rules for the balancer's address too. The node translates it like a ClusterIP.",
        named(
            {
                False: "node-1 leads it to a pod at once; the balancer never sees it",
                True: "out to the balancer, and back in",
            }
        ),
    ),
    Question(
        "11-forwarded",
        "A client at 127.0.0.1 writes the header `X-Forwarded-For: 203.0.113.66` into its own request. What does the "
        "backend behind the proxy read in that header?",
        {
            "127.0.0.1": 216,
            "203.0.113.66": 216,
            "203.0.113.66, 127.0.0.1": SO,
            "nothing: the proxy removes the header": NONE,
        },
        "The proxy adds the address that it sees at the end of the list. What stands before it was written by somebody else.",
    ),
    Question(
        "11-rule",
        "The request is for three.example.com/cart/7, with the header `beta: yes`. Which rule answers?",
        {
            "the first in the file, PathPrefix /": 212,
            "PathPrefix /cart": SO,
            "PathPrefix / with the header beta": NONE,
        },
        "A longer path counts more than a header. Where a rule stands in the file is asked last of all.",
        named(
            {1: "PathPrefix /cart", 0: "the first in the file, PathPrefix /", 2: "PathPrefix / with the header beta"}
        ),
    ),
    Question(
        "11-grant",
        "The API server has accepted the new route. What does the client hear that asks for shop.example.com/pay?",
        {
            "200, from the Service pay": 211,
            "404, because the route is not attached": NONE,
            "500, because the route may not name that Service": SO,
        },
        "The route is attached and its rule fits. Its backend is in another namespace, and nobody there has allowed that.",
        named({500: "500, because the route may not name that Service", 200: "200, from the Service pay"}),
    ),
    Question(
        "11-tls",
        "A balancer passes TLS on without opening it. What can it read of a request?",
        {
            "the host name and the path": 215,
            "the host name only": SO,
            "nothing at all": NONE,
        },
        "The name stands in the first message, before anything is encrypted. The path comes later, and is encrypted.",
        named(
            {
                (True, False): "the host name only",
                (True, True): "the host name and the path",
                (False, False): "nothing at all",
            }
        ),
    ),
)
