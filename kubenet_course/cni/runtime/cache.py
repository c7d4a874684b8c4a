"""What a runtime keeps of ADD until DEL: one file for each attachment, in the form of libcni's cache.

Real system: `containernetworking/cni/libcni/api.go` (cachedInfo), usually below /var/lib/cni/results.
"""

import base64
import json
import os
from typing import Any, NamedTuple

from ..contract.conflist import ConfList, as_text
from ..contract.decode import Unreadable
from ..contract.result import as_version, read
from ..contract.spec import quoted, refused

KIND = "cniCacheV1"


class Attachment(NamedTuple):
    """One interface of one container: what a call is about."""

    container_id: str
    netns: str
    ifname: str
    args: tuple[tuple[str, str], ...] = ()
    capabilities: tuple[tuple[str, Any], ...] = ()  # what the runtime offers: ("portMappings", [...])

    @property
    def key(self) -> tuple[str, str]:
        """What names an attachment within its network."""
        return self.container_id, self.ifname


def file_of(cache_dir: str, network: str, attachment: Attachment) -> str:
    """Where an attachment is kept."""
    return os.path.join(cache_dir, "results", f"{network}-{attachment.container_id}-{attachment.ifname}")


def keep(cache_dir: str, network: ConfList, attachment: Attachment, answer: dict[str, Any]) -> None:
    """Keeps what ADD answered. Raises CniError (999) when it cannot be written."""
    kept = {
        "kind": KIND,
        "containerId": attachment.container_id,
        "config": base64.b64encode(network.written or as_text(network).encode()).decode(),
        "ifName": attachment.ifname,
        "networkName": network.name,
        "netns": attachment.netns,
        "cniArgs": [list(pair) for pair in attachment.args],
        "capabilityArgs": dict(attachment.capabilities),
        "result": answer,
    }
    path = file_of(cache_dir, network.name, attachment)
    try:
        os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
        with os.fdopen(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
            json.dump({name: value for name, value in kept.items() if value}, file)
    except OSError as failure:
        told = f"failed to set network {quoted(network.name)} cached result: {failure}"
        raise refused(told, "give the cache a directory that may be written") from None


def forget(cache_dir: str, network: ConfList, attachment: Attachment) -> None:
    """Forgets an attachment; one that was not kept is forgotten already."""
    try:
        os.unlink(file_of(cache_dir, network.name, attachment))
    except OSError:
        return


def kept_result(cache_dir: str, network: ConfList, attachment: Attachment) -> dict[str, Any] | None:
    """What ADD answered, in the network's version; None when nothing readable is kept."""
    kept = _read(file_of(cache_dir, network.name, attachment))
    if kept is None or not isinstance(kept.get("result"), dict):
        return None
    try:
        return as_version(read(kept["result"], kept["result"].get("cniVersion", "")), network.version)
    except Unreadable:
        return None


def kept_attachments(cache_dir: str, network: str) -> list[Attachment]:
    """The attachments of a network that ADD made and no DEL has undone."""
    directory = os.path.join(cache_dir, "results")
    names = sorted(os.listdir(directory)) if os.path.isdir(directory) else []
    found = filter(None, (_read(os.path.join(directory, name)) for name in names))
    return [_attachment(each) for each in found if each.get("networkName") == network]


def _read(path: str) -> dict[str, Any] | None:
    try:
        with open(path, encoding="utf-8") as file:
            kept = json.load(file)
    except (OSError, ValueError):
        return None
    return kept if isinstance(kept, dict) and kept.get("kind") == KIND else None


def _attachment(kept: dict[str, Any]) -> Attachment:
    args = tuple((str(key), str(value)) for key, value in kept.get("cniArgs") or ())
    capabilities = tuple((kept.get("capabilityArgs") or {}).items())
    return Attachment(kept["containerId"], kept.get("netns", ""), kept["ifName"], args, capabilities)
