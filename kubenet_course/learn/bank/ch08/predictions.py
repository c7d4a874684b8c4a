"""What chapter 08 asks before it shows it."""

from ...questions.question import SO, Question, named

PREDICTIONS = (
    Question(
        "08-restart",
        "The program hangs from second 31 on. The liveness probe asks every 10 s, gives each answer 1 s, and may "
        "fail 3 times. The pod's "
        "grace period is 30 s. When does the next container start?",
        {
            "second 41, at the first failure": 39,
            "second 61, at the third failure": 181,
            "second 71, at the fourth failure": 180,
            "second 91, 30 s after the third failure": SO,
        },
        "Three questions fail, and the third failure is known in second 61. Then the kubelet sends SIGTERM, which a "
        "program that hangs does not hear. "
        "After the grace period of 30 s it sends SIGKILL, and starts the next container at once.",
        named({
            41: "second 41, at the first failure", 61: "second 61, at the third failure",
            71: "second 71, at the fourth failure", 91: "second 91, 30 s after the third failure",
        }),
    ),
    Question(
        "08-waits",
        "The program needs 40 seconds until it listens. What does the liveness probe do until then?",
        {
            "It waits until the program has answered once": 38,
            "It fails, and the container is restarted before it ever listens": SO,
            "It fails, but only readiness counts while a pod is not ready": 38,
        },
        "Liveness and readiness run side by side, and neither waits for the other. The third failure comes in second "
        "30.",
        named({True: "It fails, and the container is restarted before it ever listens", False: "It waits until the "
            "program has answered once."}),
    ),
    Question(
        "08-database",
        "For two minutes each answer of the database takes 3 s. Both probes ask it, with the default timeout of 1 s. "
        "What becomes of the container?",
        {
            "Nothing: the pod leaves its Service for two minutes and comes back": 37,
            "It is restarted once, and then the database answers": 37,
            "It is restarted again and again while the database is slow": SO,
        },
        "To the kubelet a slow database looks like a program that hangs. The restart changes nothing about the "
        "database, so the next probes fail too.",
        named({
            0: "Nothing: the pod leaves its Service for two minutes and comes back",
            1: "It is restarted once, and then the database answers",
            2: "It is restarted again and again while the database is slow",
        }),
    ),
    Question(
        "08-rollout",
        "The new image starts, and answers every request with 503. The pods have a readiness probe. What becomes of "
        "the rollout?",
        {
            "It goes through, and then the new pods fail": 44,
            "It stops, and the old pods serve on": SO,
            "It stops, and goes back to the old image by itself": 44,
        },
        "The first new pod never becomes ready, so no old pod may go. Nobody rolls back: the Deployment waits for "
        "you.",
        named({True: "It goes through, and then the new pods fail", False: "It stops, and the old pods serve on"}),
    ),
    Question(
        "08-leaving",
        "The pod is deleted in second 60. Its program closes its port at SIGTERM. Other pods of the Service are "
        "ready. Are requests lost?",
        {
            "No: the pod is taken out of its Service before SIGTERM": 42,
            "No: the kubelet waits until all nodes have heard": 42,
            "Yes, until the clients' node has heard of the deletion": SO,
        },
        "The deletion is told to the kubelet and to the nodes at the same time, and nobody waits for anybody. The "
        "port is closed at once, the news needs "
        "three seconds here.",
        named({True: "Yes, until the clients' node has heard of the deletion", False: "No: the pod is taken out of "
            "its Service before SIGTERM."}),
    ),
    Question(
        "08-listed",
        "web-2 is being deleted, and still serves. Does it stand in the EndpointSlice?",
        {
            "No, it was taken out at once": 43,
            "Yes: not ready, but serving and terminating": SO,
            "Yes, as ready as before, until it has ended": 42,
        },
        "An endpoint that terminates is never ready, so no new connection goes there while another one is ready. "
        "Serving keeps what its probe says.",
        named({(False, True, True): "Yes: not ready, but serving and terminating", (True, True, False):
            "Yes, as ready as before, until it has ended"}),
    ),
)  # fmt: skip
