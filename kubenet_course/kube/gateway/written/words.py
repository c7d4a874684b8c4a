"""The patterns and the words of the Gateway API's schema, which the API server says when it refuses a value.

config/crd/standard/*.yaml of sigs.k8s.io/gateway-api; a refusal by a pattern is worded in kube-openapi's validation/errors.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime

from ...api.gateway import DatedMetadata
from ...manifest.decode import Wrong, shown

_LABELS = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
HOSTNAME = rf"^(\*\.)?{_LABELS}$"
PRECISE_HOSTNAME = rf"^{_LABELS}$"
SECTION = rf"^{_LABELS}$"
GROUP = rf"^$|^{_LABELS}$"
KIND = r"^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$"
NAMESPACE = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
HEADER_NAME = r"^[A-Za-z0-9!#$%&'*+\-.^_\x60|~]+$"
DURATION = r"^([0-9]{1,5}(h|m|s|ms)){1,4}$"
PROTOCOL = rf"^[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?$|{_LABELS}\/[A-Za-z0-9]+$"
CONTROLLER = rf"^{_LABELS}\/[A-Za-z0-9\/\-._~%!$&'()*+,;=:]+$"
# How long a value of each pattern may be.
LONGEST = {HOSTNAME: 253, GROUP: 253, KIND: 63, NAMESPACE: 63, HEADER_NAME: 256, PROTOCOL: 255, CONTROLLER: 253}


def pattern(text: str, wanted: str, path: str) -> None:
    """Raises Wrong where a value does not have the form that the schema asks."""
    most = LONGEST.get(wanted, 253)
    if len(text) > most:
        raise Wrong(path, f"it has {len(text)} characters", f"Too long: may not be more than {most} bytes")
    if not text and wanted != GROUP:
        raise Wrong(path, "it is empty", f"{path} in body should be at least 1 chars long")
    if not re.fullmatch(wanted, text):
        raise Wrong(path, f"it is {shown(text)}", f"{path} in body should match '{wanted}'")


def name(text: str, path: str) -> None:
    """An ObjectName: any text of 1 to 253 characters."""
    if not 1 <= len(text) <= 253:
        raise Wrong(path, f"it is {shown(text)}", f"{path} in body should be at least 1 chars long")


def count(listed: Sequence[object], least: int, most: int, path: str) -> None:
    """How many entries a list may have."""
    if len(listed) < least:
        raise Wrong(path, f"it has {len(listed)}", f"{path} in body should have at least {least} items")
    if len(listed) > most:
        raise Wrong(path, f"it has {len(listed)}", f"Too many: {len(listed)}: must have at most {most} items")


def unique(keys: Iterable[str], path: str, key: str = "") -> None:
    """A list of the type `map` (or `set`): no two entries have the same key. Letters count as they are written."""
    seen: set[str] = set()
    for index, one in enumerate(keys):
        if one in seen:
            said = f'{{"{key}":{shown(one)}}}' if key else shown(one)
            raise Wrong(f"{path}[{index}]", f"it has {shown(one)} again", f"Duplicate value: {said}")
        seen.add(one)


def rule(holds: bool, path: str, what: str, message: str) -> None:
    """A rule of the schema in CEL (x-kubernetes-validations), with its own message."""
    if not holds:
        raise Wrong(path, what, message)


def dated(metadata: DatedMetadata) -> None:
    """A creationTimestamp is a time as RFC 3339 has it."""
    text = metadata.creation_timestamp
    if text and moment(text) is None:
        said = f'parsing time {shown(text)} as "2006-01-02T15:04:05Z07:00": cannot parse it'
        raise Wrong("metadata.creationTimestamp", f"it is {shown(text)}", said)


def moment(text: str) -> datetime | None:
    """A time with its zone; None where it is none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
