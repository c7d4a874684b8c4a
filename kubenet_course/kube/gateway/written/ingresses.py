"""What the API server refuses in an Ingress and an IngressClass (pkg/apis/networking/validation/validation.go)."""

import ipaddress
import re

from ...api.ingress import CLASS_ANNOTATION, HTTPPath, Ingress, IngressBackend, IngressClass
from ...manifest.decode import Wrong, shown
from . import words

_LABELS = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    f"end with an alphanumeric character (e.g. 'example.com', regex used for validation is '{_LABELS}')"
)
WILDCARD = (
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower "
    "case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', regex used "
    rf"for validation is '\*\.{_LABELS}')"
)
SEQUENCES, SUFFIXES = ("//", "/./", "/../", "%2f", "%2F"), ("/..", "/.")


def ingress(found: Ingress) -> None:
    words.dated(found.metadata)
    spec, annotated = found.spec, found.metadata.annotations.get(CLASS_ANNOTATION)
    if not spec.rules and spec.default_backend is None:
        raise Wrong("spec", "it has neither", "either `defaultBackend` or `rules` must be specified")
    if annotated is not None and spec.ingress_class_name is not None and annotated != spec.ingress_class_name:
        message = "must match `ingressClassName` when both are specified"
        raise Wrong(f"annotations.{CLASS_ANNOTATION}", f"it is {shown(annotated)}", message)
    if spec.default_backend is not None:
        _backend(spec.default_backend, "spec.defaultBackend")
    for index, rule in enumerate(spec.rules):
        path = f"spec.rules[{index}]"
        if rule.host:
            _host(rule.host, f"{path}.host")
        if rule.http is not None and not rule.http.paths:
            raise Wrong(f"{path}.http.paths", "it is empty", "Required value")
        for at, one in enumerate(rule.http.paths if rule.http else ()):
            _path(one, f"{path}.http.paths[{at}]")
    for index, tls in enumerate(spec.tls):
        for at, host in enumerate(tls.hosts):
            _subdomain(host, f"spec.tls[{index}].hosts[{at}]")
    if spec.ingress_class_name is not None:
        _subdomain(spec.ingress_class_name, "spec.ingressClassName", wildcards=False)


def _host(host: str, path: str) -> None:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        _subdomain(host, path)
    else:
        raise Wrong(path, f"it is {shown(host)}", "must be a DNS name, not an IP address")


def _subdomain(text: str, path: str, wildcards: bool = True) -> None:
    star = wildcards and "*" in text
    form, message = (rf"\*\.{_LABELS}", WILDCARD) if star else (_LABELS, SUBDOMAIN)
    if len(text) > 253:
        raise Wrong(path, f"it has {len(text)} characters", "must be no more than 253 characters")
    if not re.fullmatch(form, text):
        raise Wrong(path, f"it is {shown(text)}", message)


def _path(one: HTTPPath, path: str) -> None:
    if not one.path_type:
        raise Wrong(f"{path}.pathType", "it is missing", "Required value: pathType must be specified")
    exact = one.path_type != "ImplementationSpecific"
    if (exact or one.path) and not one.path.startswith("/"):
        raise Wrong(f"{path}.path", f"it is {shown(one.path)}", "must be an absolute path")
    for part in SEQUENCES if exact else ():
        if part in one.path:
            raise Wrong(f"{path}.path", f"it is {shown(one.path)}", f"must not contain '{part}'")
    for end in SUFFIXES if exact else ():
        if one.path.endswith(end):
            raise Wrong(f"{path}.path", f"it is {shown(one.path)}", f"cannot end with '{end}'")
    _backend(one.backend, f"{path}.backend")


def _backend(one: IngressBackend, path: str) -> None:
    if one.resource is not None and one.service is not None:
        raise Wrong(path, "it has both", "cannot set both resource and service backends")
    if one.resource is not None:
        for field, text in (("kind", one.resource.kind), ("name", one.resource.name)):
            if not text:
                raise Wrong(f"{path}.resource.{field}", "it is missing", "Required value")
        return
    if one.service is None:
        raise Wrong(path, "it names none", "resource or service backend is required")
    port = one.service.port
    if not one.service.name:
        raise Wrong(f"{path}.service.name", "it is missing", "Required value")
    if not re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?|[a-z0-9]([-a-z0-9]*[a-z0-9])?", one.service.name):
        message = "a DNS-1035 label must consist of lower case alphanumeric characters or '-'"
        raise Wrong(f"{path}.service.name", f"it is {shown(one.service.name)}", message)
    if port.name and port.number:
        raise Wrong(path, "it has both", "cannot set both port name & port number")
    if not port.name and not port.number:
        raise Wrong(path, "it has neither", "Required value: port name or number is required")
    if port.name and not re.fullmatch(r"(?=.*[a-z])(?!.*--)[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?", port.name):
        message = "must be at most 15 lower case alphanumeric characters or single hyphens, with at least one letter"
        raise Wrong(f"{path}.service.port.name", f"it is {shown(port.name)}", message)


def ingress_class(found: IngressClass) -> None:
    words.dated(found.metadata)
    if not found.spec.controller:
        raise Wrong("spec.controller", "it is missing", "Required value")
