"""What the API server refuses in a GatewayClass, a Gateway, a ListenerSet and a ReferenceGrant, in its words."""

import re

from ...api.gateway import (
    FromNamespaces,
    Gateway,
    GatewayClass,
    GrantFrom,
    GrantTo,
    Listener,
    ListenerSet,
    ReferenceGrant,
)
from ...manifest.decode import shown
from ...policy.written.validation import label_selector
from . import words
from .words import count, pattern, rule

_HOST_ADDRESS = re.compile(words.HOSTNAME)


def gateway_class(found: GatewayClass) -> None:
    words.dated(found.metadata)
    pattern(found.spec.controller_name, words.CONTROLLER, "spec.controllerName")


def gateway(found: Gateway) -> None:
    words.dated(found.metadata)
    words.name(found.spec.gateway_class_name, "spec.gatewayClassName")
    count(found.spec.addresses, 0, 16, "spec.addresses")
    for index, one in enumerate(found.spec.addresses):
        allowed = one.type != "Hostname" or not one.value or _HOST_ADDRESS.fullmatch(one.value) is not None
        message = f"Hostname value must be empty or contain only valid characters (matching {words.HOSTNAME})"
        rule(allowed, f"spec.addresses[{index}]", f"its value is {shown(one.value)}", message)
        if one.value:
            twice = (one.type, one.value) in [(other.type, other.value) for other in found.spec.addresses[:index]]
            rule(not twice, "spec.addresses", f"it has {one.value} twice", f"{one.type} values must be unique")
    _from(found.spec.allowed_listeners.namespaces, "spec.allowedListeners.namespaces")
    _listeners(found.spec.listeners)


def listener_set(found: ListenerSet) -> None:
    words.dated(found.metadata)
    parent = found.spec.parent_ref
    words.name(parent.name, "spec.parentRef.name")
    pattern(parent.group, words.GROUP, "spec.parentRef.group")
    pattern(parent.kind, words.KIND, "spec.parentRef.kind")
    _listeners(found.spec.listeners)


def _listeners(found: tuple[Listener, ...]) -> None:
    count(found, 1, 64, "spec.listeners")
    for index, one in enumerate(found):
        _listener(one, f"spec.listeners[{index}]")
    for index, one in enumerate(found):
        _tls(one)
        for other in found[:index]:
            what = f"two have the name {shown(one.name)}"
            rule(one.name != other.name, "spec.listeners", what, "Listener name must be unique within the Gateway")
            same = (one.port, one.protocol, one.hostname) == (other.port, other.protocol, other.hostname)
            what = f"{other.name} and {one.name} have the same"
            message = "Combination of port, protocol and hostname must be unique for each listener"
            rule(not same, "spec.listeners", what, message)


def _listener(one: Listener, path: str) -> None:
    pattern(one.name, words.SECTION, f"{path}.name")
    pattern(one.protocol, words.PROTOCOL, f"{path}.protocol")
    if one.hostname is not None:
        pattern(one.hostname, words.HOSTNAME, f"{path}.hostname")
    if one.tls is not None:
        refs = one.tls.certificate_refs
        count(refs, 0, 64, f"{path}.tls.certificateRefs")
        ends = one.tls.mode in ("", "Terminate")
        message = "certificateRefs or options must be specified when mode is Terminate"
        rule(not ends or bool(refs or one.tls.options), f"{path}.tls", "it has neither", message)
    allowed = one.allowed_routes
    _from(allowed.namespaces, f"{path}.allowedRoutes.namespaces")
    message = 'Unsupported value: "None": supported values: "All", "Selector", "Same"'
    rule(allowed.namespaces.from_ != "None", f"{path}.allowedRoutes.namespaces.from", 'it is "None"', message)
    count(allowed.kinds, 0, 8, f"{path}.allowedRoutes.kinds")
    for index, kind in enumerate(allowed.kinds):
        pattern(kind.kind, words.KIND, f"{path}.allowedRoutes.kinds[{index}].kind")
        pattern(kind.group, words.GROUP, f"{path}.allowedRoutes.kinds[{index}].group")


def _tls(one: Listener) -> None:
    """Which protocols may, and which must, say something of TLS. Letters of a core protocol may be small or large."""
    path, protocol, what = "spec.listeners", one.protocol.upper(), f"listener {shown(one.name)} is {one.protocol}"
    plain = protocol not in ("HTTP", "TCP", "UDP") or one.tls is None
    rule(plain, path, what, "tls must not be specified for protocols ['HTTP', 'TCP', 'UDP']")
    ends = protocol != "HTTPS" or one.tls is None or one.tls.mode in ("", "Terminate")
    rule(ends, path, what, "tls mode must be Terminate for protocol HTTPS")
    told = protocol != "TLS" or (one.tls is not None and one.tls.mode != "")
    rule(told, path, what, "tls mode must be set for protocol TLS")
    nameless = protocol not in ("TCP", "UDP") or not one.hostname
    rule(nameless, path, what, "hostname must not be specified for protocols ['TCP', 'UDP']")


def _from(found: FromNamespaces, path: str) -> None:
    if found.selector is not None:
        label_selector(found.selector, f"{path}.selector")


def reference_grant(found: ReferenceGrant) -> None:
    words.dated(found.metadata)
    ends: tuple[tuple[str, tuple[GrantFrom | GrantTo, ...]], ...] = (
        ("from", found.spec.sources),
        ("to", found.spec.to),
    )
    for field, rows in ends:
        count(rows, 1, 16, f"spec.{field}")
        for index, one in enumerate(rows):
            pattern(one.group, words.GROUP, f"spec.{field}[{index}].group")
            pattern(one.kind, words.KIND, f"spec.{field}[{index}].kind")
