"""What the API server refuses in a reference to a backend."""

from ...api.routes import BackendReference
from . import words
from .words import pattern, rule


def backend(one: BackendReference, path: str) -> None:
    words.name(one.name, f"{path}.name")
    pattern(one.group, words.GROUP, f"{path}.group")
    pattern(one.kind, words.KIND, f"{path}.kind")
    if one.namespace:
        pattern(one.namespace, words.NAMESPACE, f"{path}.namespace")
    needs = one.group == "" and one.kind == "Service"
    rule(not needs or one.port is not None, path, "port is missing", "Must have port for Service reference")
