"""What chapter 01 asks before it shows it."""

from ...questions.question import SO, Question, named

PREDICTIONS = (
    Question(
        "01-second",
        "`web` has started and listens. What becomes of `forwarder`, the next to start?",
        {"it listens too, in its own container": 55, "it is told: address in use": SO, "it is given another port": 15},
        "Both containers are in one network namespace, and a namespace has one list of listeners.",
        named({"EADDRINUSE": "it is told: address in use", "": "it listens too, in its own container"}),
    ),
    Question(
        "01-localhost",
        "`web` listens on 0.0.0.0:8080. Can another program listen on 127.0.0.1:8080?",
        {"yes, that is another address": 56, "no, it is taken": SO},
        "0.0.0.0 stands for all addresses of a namespace, and 127.0.0.1 is one of them.",
        named({"EADDRINUSE": "no, it is taken", "": "yes, that is another address"}),
    ),
    Question(
        "01-outside",
        "`client` connects to 10.244.1.11, port 9090. What becomes of the connection?",
        {"the forwarder takes it": 66, "it is refused": SO, "it is lost, and times out": 13},
        "The packet reaches the pod. No program there listens on 10.244.1.11, port 9090, so the pod's kernel refuses "
        "it.",
        named(
            {"delivered": "the forwarder takes it", "refused": "it is refused", "timeout": "it is lost, and times out"}
        ),
    ),
)
