"""Network configurations as a runtime finds them: a list of plugins with one name and one version.

Real system: `containernetworking/cni/libcni/conf.go`; which file a runtime takes: `containerd/go-cni`, `cri-o/ocicni`.
"""

import json
import os
from typing import Any, NamedTuple

from ...errors import BadInput
from . import decode
from .decode import Unreadable
from .spec import CURRENT, OLDEST, at_least, network_name_error, numbers_of

DIRECTORY = "/etc/cni/net.d"
_TRUTH = {"true": True, "false": False}


class ConfList(NamedTuple):
    """One network: its plugins in order, each with its own configuration (plain values)."""

    name: str
    version: str
    plugins: tuple[dict[str, Any], ...]
    disable_check: bool = False
    disable_gc: bool = False
    written: bytes = b""  # the file's own bytes, which a runtime keeps beside each result

    def for_plugin(self, plugin: dict[str, Any], **more: Any) -> dict[str, Any]:
        """What one plugin gets on standard input: its own part, the list's name and version, and what the call adds."""
        return plugin | {"name": self.name, "cniVersion": self.version} | more


def conflist(document: bytes | str, where: str = "network configuration", directory: str = "") -> ConfList:
    """Reads a .conflist, or a .conf as a list of one. Raises BadInput naming the place, the fault and what is right.

    Further plugins may stand in `directory`, in a folder of the network's name, one .conf file each.
    """
    try:
        written = decode.parse(document)
    except Unreadable as wrong:
        raise BadInput(where, f"is no JSON: {wrong}", "write one JSON object") from None
    if not isinstance(written, dict):
        raise BadInput(where, "is not a JSON object", 'write {"cniVersion": ..., "name": ..., "plugins": [...]}')
    if "plugins" not in written and "type" in written:
        written = {"name": written.get("name"), "cniVersion": written.get("cniVersion", ""), "plugins": [written]}
        document = json.dumps(written, sort_keys=True, separators=(",", ":"))  # as libcni makes a list of it
    name = written.get("name")
    if not isinstance(name, str) or network_name_error(name):
        raise BadInput(f"{where}: name", f"{name!r} cannot name a network", "use letters, digits, '_', '.' and '-'")
    check, gc, inlined = (
        _truth(written, key, where) for key in ("disableCheck", "disableGC", "loadOnlyInlinedPlugins")
    )
    beside = _beside(os.path.join(directory, name)) if directory and not inlined else []
    plugins = written.get("plugins", [])
    if not isinstance(plugins, list) or not (plugins or beside):
        raise BadInput(f"{where}: plugins", "no plugins in list", "list at least one object with a type")
    for number, plugin in enumerate(plugins):
        _refuse_untyped(plugin, f"{where}: plugins[{number}]")
    own = document.encode() if isinstance(document, str) else bytes(document)
    return ConfList(name, _version(written, where), (*plugins, *beside), check, gc, own)


def _beside(folder: str) -> list[dict[str, Any]]:
    """The plugins of a network's folder, in the order of their files' names."""
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    found = []
    for path in (os.path.join(folder, name) for name in names if name.endswith(".conf")):
        try:
            found.append(decode.parse(_content(path)))
        except Unreadable as wrong:
            raise BadInput(path, f"is no JSON: {wrong}", "write one JSON object") from None
        _refuse_untyped(found[-1], path)
    return found


def _refuse_untyped(plugin: Any, where: str) -> None:
    if not isinstance(plugin, dict) or not isinstance(plugin.get("type"), str) or not plugin["type"]:
        raise BadInput(where, "missing 'type'", "name the plugin's executable")


def _truth(written: dict[str, Any], key: str, where: str) -> bool:
    value = written.get(key, False)
    value = _TRUTH.get(value.lower(), value) if isinstance(value, str) else value
    if not isinstance(value, bool):
        raise BadInput(f"{where}: {key}", f"{value!r} is no truth value", "write true or false")
    return value


def _version(written: dict[str, Any], where: str) -> str:
    """`cniVersion`, or the newest of `cniVersions` that this runtime speaks."""
    several = written.get("cniVersions") or []
    if not isinstance(several, list):
        raise BadInput(f"{where}: cniVersions", f"{several!r} is no list", 'write ["0.4.0", "1.0.0"]')
    offered = [written.get("cniVersion", ""), *several]
    known = []
    for version in offered:
        try:
            if version and at_least(CURRENT, version):
                known.append(version)
        except (ValueError, AttributeError):
            told = f"one of 0.1.0 to {CURRENT}"
            raise BadInput(f"{where}: cniVersion", f"{version!r} is no version", f"write {told}") from None
    if len(offered) == 1:
        return written.get("cniVersion") or OLDEST
    return max(known, key=numbers_of) if known else OLDEST


def read_conflist(path: str) -> ConfList:
    """Reads a file. Raises BadInput as `conflist` does, and when the file cannot be read."""
    return conflist(_content(path), path, os.path.dirname(path) or ".")


def _content(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as failure:
        raise BadInput(path, (failure.strerror or "cannot be read").lower(), "give a .conflist file") from None


def first_of(directory: str = DIRECTORY) -> str:
    """The file that a Kubernetes runtime takes: the first in lexical order that is a network configuration.

    Raises BadInput when there is none; the kubelet then says "cni config uninitialized" and the node is NotReady.
    """
    names = sorted(os.listdir(directory)) if os.path.isdir(directory) else []
    for name in names:
        path = os.path.join(directory, name)
        if name.endswith((".conflist", ".conf", ".json")) and not os.path.isdir(path):
            return path
    raise BadInput(directory, "no network configuration found (cni config uninitialized)", "put a .conflist there")


def as_text(network: ConfList) -> str:
    """The list as a .conflist file's text."""
    document = {"cniVersion": network.version, "name": network.name, "plugins": list(network.plugins)}
    return json.dumps(document, indent=2)
