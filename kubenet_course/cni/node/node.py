"""A node with a container runtime and plugins, and every call between them kept: the CNI contract, played on the model.

    node = Node()
    node.sandbox("web")
    node.add(network, "web")       # an Answer: the calls, the commands, the result or the error

The runtime is `cni.runtime`, which calls real plugins as well: those that it finds in a directory of its `path` run as
processes; the model's own stand in `BIN` and run here, on the model's kernel.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import tempfile
import weakref
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any

from msgspec import Struct

from ..contract import skel
from ..contract.conflist import ConfList, conflist
from ..contract.result import printed
from ..contract.spec import CniError
from ..runtime import delegate
from ..runtime.cache import Attachment
from ..runtime.machine import MODEL
from ..runtime.runtime import Run, Runtime
from .kernel import UPLINK, NodeConsole, Typed
from .plugins import Stores, plugins

BIN = "/opt/cni/bin"  # where the model's own plugins are
NETNS = "/var/run/netns/"
VARIABLES = ("COMMAND", "CONTAINERID", "NETNS", "IFNAME", "ARGS", "PATH")


class Called(Struct, frozen=True):
    """One call of a plugin: who called, the environment and the input, what it answered and what it ran. Calls stand in the order
    in which they began; `depth` is 1 for those that another plugin made."""

    caller: str
    plugin: str
    env: Mapping[str, str]
    conf: Any
    output: str
    error: CniError | None
    typed: tuple[Typed, ...]
    depth: int = 0
    began: int = 0  # how many commands the node had seen before it, and after it
    ended: int = 0

    @property
    def answer(self) -> Any:
        """The output as plain values, or its text where it is no JSON."""
        try:
            return json.loads(self.output or "null")
        except ValueError:
            return self.output

    @property
    def given(self) -> list[str]:
        """What the runtime adds to a plugin's own configuration, as far as it did."""
        return [name for name in ("prevResult", "runtimeConfig") if isinstance(self.conf, dict) and name in self.conf]

    @property
    def verb(self) -> str:
        return self.env.get("CNI_COMMAND", "")


class Answer(Struct, frozen=True):
    """What came of one verb: every call, and the result of the chain, or the error that the runtime hands to the kubelet."""

    verb: str
    calls: tuple[Called, ...]
    result: Any = None
    error: CniError | None = None

    @property
    def container(self) -> str:
        """Whom it was about; empty where no plugin was called, or for no container."""
        return next((one.env["CNI_CONTAINERID"] for one in self.calls if one.env["CNI_CONTAINERID"]), "")

    @property
    def typed(self) -> tuple[Typed, ...]:
        """All commands, in order."""
        return tuple(one for call in self.calls for one in call.typed)

    def __str__(self) -> str:
        if self.error is not None:
            return printed(self.error.as_json())
        return printed(self.result) if self.result else f"{self.verb}: done, and nothing to say."

    __repr__ = __str__


class Node(NodeConsole):
    """A node with a runtime. `path` are directories with real plugins, asked before the model's own; `run` starts those."""

    def __init__(
        self, name: str = "node-1", path: Sequence[str | os.PathLike[str]] = (), run: Run = delegate.call_plugin
    ):
        super().__init__(name)
        self._run = run
        if self(UPLINK).refused:
            raise AssertionError("the node's own cable was refused")
        self._stores = Stores()
        self._plugins = plugins(self._stores)
        self._calls: list[Called | None] = []
        self._env: list[tuple[str, Mapping[str, str]]] = []
        self._offered: dict[str, dict[str, Any]] = {}
        self.runtime = Runtime((*(os.fspath(each) for each in path), BIN), self._folder(), self._start, self._find)

    def _folder(self) -> str:
        """A cache of its own, which goes when the node goes."""
        cache = tempfile.mkdtemp(prefix="kubenet-cni-")
        weakref.finalize(self, shutil.rmtree, cache, True)
        return cache

    def __deepcopy__(self, memo: dict[int, Any]) -> Node:
        """A copy keeps its own cache: a DEL that is tried on the copy does not make this node forget its results."""
        made = object.__new__(type(self))
        memo[id(self)] = made
        for name, value in vars(self).items():
            setattr(made, name, deepcopy(value, memo))
        cache = made._folder()
        shutil.copytree(self.runtime.cache_dir, cache, dirs_exist_ok=True)
        made.runtime = made.runtime._replace(cache_dir=cache)
        return made

    def sandbox(self, name: str, listens: str = "") -> str:
        """What a runtime does before it calls a plugin: a network namespace with lo up. Returns its path."""
        self(f"ip netns add {name}\nip -n {name} link set lo up")
        if listens:
            self.listen(name, listens)
        return NETNS + name

    def held(self, network: str) -> dict[str, str]:
        """Which addresses the model's host-local has given in a network, and to whom."""
        store = self._stores.of.get(network)
        return {address: owner for address, (owner, _) in store.owners.items()} if store else {}

    def add(self, network: ConfList | dict[str, Any], container: str, **offered: Any) -> Answer:
        """ADD through the chain. `offered` are capabilities, portMappings=[...]; CHECK and DEL offer them again."""
        self._offered[container] = offered
        return self._answered("ADD", lambda: self.runtime.add(_read(network), self._attachment(container)))

    def check(self, network: ConfList | dict[str, Any], container: str) -> Answer:
        """CHECK through the chain, with the result that ADD left in the cache."""
        return self._answered("CHECK", lambda: self.runtime.check(_read(network), self._attachment(container)))

    def delete(self, network: ConfList | dict[str, Any], container: str) -> Answer:
        """DEL, last plugin first."""
        return self._answered("DEL", lambda: self.runtime.delete(_read(network), self._attachment(container)))

    def collect(self, network: ConfList | dict[str, Any], living: Sequence[str]) -> Answer:
        """GC: whoever is not among the living (containers, each with eth0) is taken away."""

        def collected() -> None:
            failures = self.runtime.collect(_read(network), [(each, "eth0") for each in living])
            if failures:
                raise CniError(999, "; ".join(failures))

        return self._answered("GC", collected)

    def status(self, network: ConfList | dict[str, Any]) -> Answer:
        """STATUS of each plugin."""
        return self._answered("STATUS", lambda: self.runtime.status(_read(network)))

    def versions(self, plugin: str) -> Answer:
        """VERSION of one plugin; the result is what it speaks."""
        return self._answered("VERSION", lambda: {"supportedVersions": list(self.runtime.versions(plugin))})

    def call(self, plugin: str, env: Mapping[str, str], conf: dict[str, Any]) -> Answer:
        """One plugin by hand: any environment, any input, no chain and no cache. The result is what it printed."""

        def one() -> Any:
            self._start(self._find(plugin, self.runtime.path), {"CNI_PATH": BIN, **env}, json.dumps(conf).encode())

        answer = self._answered(env.get("CNI_COMMAND", ""), one)
        return Answer(answer.verb, answer.calls, answer.calls[0].answer if answer.calls else None, answer.error)

    def delegated(self, command: str, plugin: str, conf: bytes) -> str:
        """A plugin calls another, with its own environment."""
        caller, env = self._env[-1]
        return self._start(self._find(plugin, self.runtime.path), {**env, "CNI_COMMAND": command}, conf, caller)

    def _attachment(self, container: str) -> Attachment:
        """The interface eth0 of a container whose sandbox has its name."""
        return Attachment(container, NETNS + container, "eth0", (), tuple(self._offered.get(container, {}).items()))

    def _answered(self, verb: str, ask: Callable[[], Any]) -> Answer:
        self._calls = []
        result, error = None, None
        try:
            result = ask()
        except CniError as wrong:
            error = wrong
        return Answer(verb, tuple(call for call in self._calls if call is not None), result, error)

    def _find(self, plugin: str, paths: Sequence[str]) -> str:
        real = [each for each in paths if each != BIN]
        try:
            return delegate.find(plugin, real)
        except CniError:
            if plugin in self._plugins and BIN in paths:
                return f"{BIN}/{plugin}"
            return delegate.find(plugin, paths)

    def _start(self, path: str, env: Mapping[str, str], conf: bytes, caller: str = "runtime") -> str:
        """One call, kept whatever comes of it."""
        name, place, depth = os.path.basename(path), len(self._calls), len(self._env)
        self._calls.append(None)
        began, output, error = len(self.typed), "", None
        self._env.append((name, env))
        try:
            output = self._modelled(name, env, conf) if path.startswith(BIN) else self._run(path, env, conf)
        except CniError as wrong:
            error = wrong
        self._env.pop()
        own = {f"CNI_{each}": env.get(f"CNI_{each}", "") for each in VARIABLES}
        inner = {id(one) for call in self._calls[place + 1 :] if call for one in call.typed}
        typed = tuple(one for one in self.typed[began:] if id(one) not in inner)
        asked, ended = json.loads(conf), len(self.typed)
        self._calls[place] = Called(caller, name, own, asked, output, error, typed, depth, began, ended)
        if error is not None:
            raise error
        return output

    def _modelled(self, name: str, env: Mapping[str, str], conf: bytes) -> str:
        """A plugin of the model, called through the same skeleton as its executable."""
        stdout = io.StringIO()
        token = MODEL.set(self)
        try:
            code = skel.answer(name, self._plugins[name], env, io.BytesIO(conf), stdout, io.StringIO())
        finally:
            MODEL.reset(token)
        if code:
            answer = json.loads(stdout.getvalue())
            raise CniError(answer["code"], answer["msg"], answer.get("details", ""))
        return stdout.getvalue()


def _read(network: ConfList | dict[str, Any]) -> ConfList:
    """A conflist as it stands in a file, read as a runtime reads it. Raises BadInput."""
    return network if isinstance(network, ConfList) else conflist(json.dumps(network))
