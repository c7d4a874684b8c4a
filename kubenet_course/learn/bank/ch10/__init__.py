"""The exercises of chapter 10, the other proxies, in the order in which they are shown."""

from . import config, cost, moves, next_one, nodes, streams, which

EXERCISES = (
    cost.cost,
    next_one.next_one,
    nodes.nodes,
    streams.streams,
    moves.moves,
    config.config,
    which.which,
)
