"""What chapter 00 asks before it shows it."""

from ...questions.question import SO, Question, named

WHO = {"10.244.1.2": "the client's own", "192.168.1.11": "node-1's", "10.96.1.1": "the Service's"}

PREDICTIONS = (
    Question(
        "00-seen",
        "`client` asks the Service `web`. Which source address will the pod behind the Service see?",
        {"the client's own": SO, "node-1's": 58, "the Service's": 1},
        "Nothing on this path changes the source. Nodes change it only in a few cases, which chapter 03 shows.",
        named(WHO),
    ),
    Question(
        "00-drawn",
        "Two pods stand behind `web`. How is the one that answers chosen?",
        {
            "in turn": 3,
            "by chance, once for each connection": SO,
            "by chance, for each packet": 4,
            "the nearer one, always": 105,
        },
        "The first packet of a connection is given to one of the pods by chance. The node remembers that choice, and "
        "every "
        "later packet of the same connection goes to the same pod.",
        named({(2, 1): "by chance, once for each connection", (2, 2): "by chance, for each packet"}),
    ),
)
