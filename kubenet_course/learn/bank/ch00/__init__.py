"""The exercises of chapter 00, one request and every hop, in the order in which they are shown."""

from . import choose, frames, made, recall, repair, routes, written

EXERCISES = (
    recall.source,
    recall.hops,
    recall.ends,
    frames.first_frame,
    frames.between_nodes,
    choose.bridge,
    choose.two_layers,
    made.way,
    made.arp,
    written.rule,
    routes.route,
    repair.repair,
    repair.gateway,
)
