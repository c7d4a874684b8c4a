"""The folder of networks as containerd reads it: the first file by name is the node's network, if its content fits its name.

A `.conflist` holds a list of plugins; a `.conf` or `.json` holds one plugin. Real system: `containerd/go-cni` (opts.go) and
`containernetworking/cni/libcni` (conf.go). The words are those of containerd 1.6.20, recorded in November 2026; releases before
libcni knew "missing 'type'" said "network type not found in FILE" of a list in a `.conf`.
"""

import os
from typing import Any

from ...errors import BadInput
from ..contract import decode
from ..contract.conflist import DIRECTORY, first_of
from ..contract.decode import Unreadable

OK = "OK"
_LIST, _CONF = "error parsing configuration list: ", "error parsing configuration: "
_NAMED: dict[str, decode.Shape] = {"name": decode.text, "type": decode.text, "cniVersion": decode.text}


def load_status(directory: str | os.PathLike[str] = DIRECTORY) -> str:
    """`OK`, or why there is no network: `lastCNILoadStatus` of `crictl info`."""
    directory = os.fspath(directory)
    try:
        path = first_of(directory)
    except BadInput:
        return _failed(f"no network config found in {directory}: cni plugin not initialized")
    is_list = path.endswith(".conflist")
    try:
        _refuse(_content(path), is_list)
    except Unreadable as wrong:
        return _failed(f"failed to load CNI config {'list ' * is_list}file {path}: {wrong}: invalid cni config")
    return OK


def _failed(why: str) -> str:
    return f"cni config load failed: {why}: failed to load cni config"


def _content(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as failure:
        raise Unreadable(f"error reading {path}: {(failure.strerror or 'input/output error').lower()}") from None


def _refuse(document: bytes, is_list: bool) -> None:
    """Raises Unreadable with libcni's sentence for what it does not take."""
    try:
        written = decode.parse(document)
    except Unreadable as wrong:
        raise Unreadable(f"{_LIST if is_list else _CONF}{wrong}") from None
    if is_list:
        _refuse_list(written)
    else:
        _refuse_plugin(written)  # one without a name is taken, and refused at its first ADD


def _refuse_list(written: Any) -> None:
    try:
        found = decode.unmarshal(written, decode.mapped(decode.anything, "map[string]interface {}"))
    except Unreadable as wrong:
        raise Unreadable(f"{_LIST}{wrong}") from None
    for key in ("name", "plugins"):
        if key not in found:
            raise Unreadable(_LIST + ("no name" if key == "name" else "no 'plugins' key"))
    if not isinstance(found["name"], str):
        raise Unreadable(f"{_LIST}invalid name type {_go_type(found['name'])}")
    if not isinstance(found["plugins"], list):
        raise Unreadable(f"{_LIST}invalid 'plugins' type {_go_type(found['plugins'])}")
    if not found["plugins"]:
        raise Unreadable(f"{_LIST}no plugins in list")
    for number, plugin in enumerate(found["plugins"]):
        try:
            _refuse_plugin(plugin)
        except Unreadable as wrong:
            raise Unreadable(f"failed to parse plugin config {number}: {wrong}") from None


def _refuse_plugin(written: Any) -> None:
    try:
        found = decode.unmarshal(written, decode.struct("types.NetConf", _NAMED))
    except Unreadable as wrong:
        raise Unreadable(f"{_CONF}{wrong}") from None
    if not found.get("type"):
        raise Unreadable(f"{_CONF}missing 'type'")


def _go_type(value: Any) -> str:
    """The name that Go gives to the type of a JSON value (`%T`)."""
    if value is None:
        return "<nil>"
    kinds: dict[type, str] = {bool: "bool", str: "string", list: "[]interface {}", dict: "map[string]interface {}"}
    return kinds.get(type(value), "float64")
