"""What chapter 13 asks before it shows it."""

from ...questions.question import SO, Question, named

GRAFANA = {
    ("prometheus -> web-1:9100",): "only Prometheus, as before",
    ("prometheus -> web-1:9100", "grafana -> web-1:9100"): "Prometheus and grafana",
    (): "nobody any more",
}

PREDICTIONS = (
    Question(
        "13-probe",
        "All pods of `shop` are under a default deny for ingress and egress. Which of these still works?",
        {
            "web-1 looks up a name": 49,
            "the kubelet of node-1 probes web-1": SO,
            "Prometheus reads the metrics of web-1": 46,
            "none of them": 51,
        },
        "A pod's own node may always reach it, so that the kubelet's probes work. Names and metrics are connections "
        "like all others: the "
        "first is the egress of web-1, the second is its ingress, and no policy allows them.",
        named({("node/node-1 -> web-1:8080",): "the kubelet of node-1 probes web-1"}),
    ),
    Question(
        "13-dash",
        "Somebody puts a dash before `podSelector`, too. Which pods of namespace monitoring may now read the metrics "
        "of web-1?",
        {"only Prometheus, as before": 45, "Prometheus and grafana": SO, "nobody any more": 45},
        "With two dashes the list has two peers, and one of them is enough. The first peer is every pod of namespace "
        "monitoring.",
        named(GRAFANA),
    ),
    Question(
        "13-denied",
        "One policy lets the gateway in. A second one selects the same pod and has an empty list of ingress rules. "
        "May the gateway still come in?",
        {
            "no, the second policy denies it": 46,
            "yes, the first policy is enough": SO,
            "that depends on which of them is older": 46,
        },
        "A NetworkPolicy cannot deny. Each one only adds what it allows, and the order does not matter.",
        named({"allowed": "yes, the first policy is enough", "denied": "no, the second policy denies it"}),
    ),
    Question(
        "13-port",
        "The policy of api allows port 80 from web. web-1 asks the Service `api`, port 80, and the pod listens on "
        "8080. What does web-1 see?",
        {"the answer of api-1": 48, "nothing: the connection times out": SO, "the connection is refused": 13},
        "web-1's node replaces the Service's address and port first. The policy is asked after that, and sees port "
        "8080.",
        named(
            {
                "timeout": "nothing: the connection times out",
                "delivered": "the answer of api-1",
                "refused": "the connection is refused",
            }
        ),
    ),
    Question(
        "13-existing",
        "visitor has an open connection to the database. Now the policy comes, and the plugin writes its rules. What "
        "becomes of visitor's next packet?",
        {"it is dropped, like those of new connections": 47, "it arrives, because the kernel knows its connection": SO},
        "These rules accept the packets of known connections before anything else. Other plugins forget such "
        "connections when a policy changes: "
        "the API leaves it open.",
        named(
            {
                "delivered": "it arrives, because the kernel knows its connection",
                "timeout": "it is dropped, like those of new connections",
            }
        ),
    ),
)
