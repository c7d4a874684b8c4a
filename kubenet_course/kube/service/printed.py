"""An EndpointSlice as the API server prints it."""

import msgspec

from ..api.objects import EndpointSlice


def as_kubernetes(found: EndpointSlice) -> dict:
    """Plain values: null and empty fields left out, lists that mean something kept."""
    return {
        "apiVersion": found.api_version,
        "kind": "EndpointSlice",
        "metadata": {
            "name": found.metadata.name,
            "namespace": found.metadata.namespace,
            "labels": dict(found.metadata.labels),
        },
        "addressType": found.address_type,
        "endpoints": [_bare(msgspec.to_builtins(one)) for one in found.endpoints],
        "ports": None if found.ports is None else [_bare(msgspec.to_builtins(one), ("name",)) for one in found.ports],
    }


def _bare(value: dict, kept: tuple[str, ...] = ()) -> dict:
    found = {
        name: _bare(one) if isinstance(one, dict) else list(one) if isinstance(one, tuple) else one
        for name, one in value.items()
    }
    return {name: one for name, one in found.items() if name in kept or one not in (None, "", {}, [])}
