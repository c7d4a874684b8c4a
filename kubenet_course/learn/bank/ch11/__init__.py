"""The exercises of chapter 11, From outside, in the order in which they are shown."""

from . import made, order, routing, source

EXERCISES = (
    source.source,
    source.told,
    order.order,
    routing.rule,
    routing.whom,
    made.attach,
    made.translate,
)
