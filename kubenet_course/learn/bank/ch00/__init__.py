"""The exercises of chapter 00, one request and every hop, in the order in which they are shown."""

from . import made, recall, repair

EXERCISES = (
    recall.source,
    recall.hops,
    recall.ends,
    recall.first_frame,
    recall.between_nodes,
    recall.bridge,
    recall.two_layers,
    made.way,
    made.arp,
    made.rule,
    made.route,
    repair.repair,
    repair.gateway,
)
