"""The runtime's side of CNI: chains of plugins, called as containerd and CRI-O call them.

ADD goes through the list, each plugin getting the result of the one before; CHECK and DEL get the cached result of ADD; DEL
goes backwards and stops at the first failure. Real system: `containernetworking/cni/libcni/api.go`, SPEC.md sections 2-4.
"""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ..contract.conflist import ConfList
from ..contract.decode import Unreadable
from ..contract.result import Result, as_version
from ..contract.spec import (
    CniError,
    Code,
    at_least,
    container_id_error,
    ifname_error,
    network_name_error,
    quoted,
    refused,
)
from .cache import Attachment, forget, keep, kept_attachments, kept_result
from .delegate import call_plugin, find, result_of

CACHE_DIR = "/var/lib/cni"
PATH = ("/opt/cni/bin", "/usr/lib/cni")

Run = Callable[[str, Mapping[str, str], bytes], str]  # a plugin's path, its environment, its input -> its output


class Runtime(NamedTuple):
    """Where plugins are looked for and results are kept; `find` finds a plugin, `run` starts it; others may stand in."""

    path: tuple[str, ...] = PATH
    cache_dir: str = CACHE_DIR
    run: Run = call_plugin
    find: Callable[[str, Sequence[str]], str] = find

    def add(self, network: ConfList, attachment: Attachment) -> dict[str, Any]:
        """ADD through the chain; returns the last result in the network's version, and keeps it.

        Raises CniError as the failing plugin answered; the plugins before it are not undone: that is for DEL.
        """
        refuse_names(network, attachment)
        answer: dict[str, Any] | None = None
        for plugin in network.plugins:
            try:
                output = self._call("ADD", network, plugin, attachment, answer)
                answer = _as_network(result_of(output, network.version), network)
            except CniError as wrong:
                raise _of(plugin, "add", wrong) from None
            except Unreadable as wrong:
                raise _of(plugin, "add", refused(str(wrong))) from None
        keep(self.cache_dir, network, attachment, answer or {})
        return answer or {}

    def check(self, network: ConfList, attachment: Attachment) -> None:
        """CHECK through the chain. Raises CniError of the first plugin that finds something amiss."""
        if not at_least(network.version, "0.4.0"):
            told = f"configuration version {quoted(network.version)} does not support the CHECK command"
            raise CniError(Code.INCOMPATIBLE_VERSION, told, "CHECK exists from 0.4.0 on")
        if network.disable_check:
            return
        cached = kept_result(self.cache_dir, network, attachment)
        for plugin in network.plugins:
            self._call("CHECK", network, plugin, attachment, cached)

    def delete(self, network: ConfList, attachment: Attachment) -> None:
        """DEL, last plugin first, with the cached result from 0.4.0 on; then the cache forgets.

        Raises CniError of the first plugin that fails; those before it in the list are then not called.
        """
        cached = kept_result(self.cache_dir, network, attachment) if at_least(network.version, "0.4.0") else None
        for plugin in reversed(network.plugins):
            try:
                self._call("DEL", network, plugin, attachment, cached)
            except CniError as wrong:
                raise _of(plugin, "delete", wrong) from None
        forget(self.cache_dir, network, attachment)

    def collect(self, network: ConfList, valid: Sequence[tuple[str, str]]) -> list[str]:
        """GC: DEL for every kept attachment that is not valid, then GC to each plugin from 1.1.0 on.

        `valid` are (container, interface). Goes on after failures and returns their sentences.
        """
        if network.disable_gc:
            return []
        failures = []
        for stale in kept_attachments(self.cache_dir, network.name):
            if stale.key not in valid:
                try:
                    self.delete(network, stale)
                except CniError as wrong:
                    told = f"failed to delete stale attachment {stale.container_id} {stale.ifname}"
                    failures.append(f"{told}: {wrong}")
        if at_least(network.version, "1.1.0"):
            living = [{"containerID": container, "ifname": ifname} for container, ifname in valid]
            for plugin in network.plugins:
                conf = network.for_plugin(
                    plugin, **dict.fromkeys(("cni.dev/valid-attachments", "cni.dev/attachments"), living)
                )
                failures += self._told(plugin, "GC", conf)
        return failures

    def status(self, network: ConfList) -> None:
        """STATUS to each plugin, from 1.1.0 on. Raises CniError of the first that is not ready for ADD."""
        if at_least(network.version, "1.1.0"):
            for plugin in network.plugins:
                self._plain("STATUS", plugin, network.for_plugin(plugin))

    def versions(self, plugin: str) -> tuple[str, ...]:
        """VERSION: which versions of the contract a plugin speaks."""
        answer = json.loads(self._plain("VERSION", {"type": plugin}, {"cniVersion": "1.1.0"}))
        return tuple(answer["supportedVersions"])

    def _told(self, plugin: dict[str, Any], command: str, conf: dict[str, Any]) -> list[str]:
        try:
            self._plain(command, plugin, conf)
        except CniError as wrong:
            return [f"failed to {command} plugin {plugin['type']}: {wrong}"]
        return []

    def _plain(self, command: str, plugin: dict[str, Any], conf: dict[str, Any]) -> str:
        """A call that is about no container."""
        return self.run(self.find(plugin["type"], self.path), self._env(command, None), json.dumps(conf).encode())

    def _call(
        self,
        command: str,
        network: ConfList,
        plugin: dict[str, Any],
        attachment: Attachment,
        prev: dict[str, Any] | None,
    ) -> str:
        conf = network.for_plugin(plugin, **({"prevResult": prev} if prev else {}))
        able = plugin.get("capabilities") or {}
        offered = {name: value for name, value in attachment.capabilities if able.get(name) is True}
        if offered:
            conf["runtimeConfig"] = offered
        return self.run(self.find(plugin["type"], self.path), self._env(command, attachment), json.dumps(conf).encode())

    def _env(self, command: str, attachment: Attachment | None) -> dict[str, str]:
        about = attachment or Attachment("", "", "")
        args = ";".join(f"{key}={value}" for key, value in about.args)
        named = {"COMMAND": command, "CONTAINERID": about.container_id, "NETNS": about.netns, "IFNAME": about.ifname}
        named |= {"ARGS": args, "PATH": os.pathsep.join(self.path)}
        return {**os.environ, **{f"CNI_{name}": value for name, value in named.items()}}


def refuse_names(network: ConfList, attachment: Attachment) -> None:
    """Raises CniError for names that no plugin would take."""
    errors = (
        container_id_error(attachment.container_id),
        network_name_error(network.name),
        ifname_error(attachment.ifname),
    )
    for error in filter(None, errors):
        raise error


def _as_network(result: Result, network: ConfList) -> dict[str, Any]:
    return as_version(result, network.version)


def _of(plugin: dict[str, Any], verb: str, wrong: CniError) -> CniError:
    name = plugin.get("name")
    told = f"type={quoted(plugin['type'])}" + (f" name={quoted(name)}" if isinstance(name, str) and name else "")
    return CniError(wrong.code, f"plugin {told} failed ({verb}): {wrong.msg}", wrong.details)
