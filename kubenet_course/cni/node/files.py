"""Plugins as files: a Python text becomes an executable that any runtime can call, and a call by hand is one function.

Nothing here needs root. A plugin that somebody is still writing runs under a guard (`limited`): for a few seconds at most, and
without the network or other programs; that keeps accidents small, it is no prison.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from ...errors import BadInput
from ..contract.spec import CniError, refused

HERE = Path(__file__).resolve().parents[3]
NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.\-]*")
LIMIT = 5.0  # seconds for one call: a plugin may wait for something that never comes
TOO_LATE = 124  # the exit code then, as that of `timeout`
# A `#!` line cannot find a Python whose path has spaces in it: a shell reads this as a command, Python as a text.
BEGIN = """#!/bin/sh
'''exec' "{python}" "$0" "$@"
' '''
"""
GUARD = """
import sys
def _refuse(event, args):
    if event.startswith(("socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.kill", "shutil.")):
        raise PermissionError(f"a plugin on trial may not use {event}")
sys.addaudithook(_refuse)
"""


class Ran(Struct, frozen=True):
    """What came of one call by hand: the exit code and what was printed."""

    code: int
    stdout: str
    stderr: str = ""

    @property
    def answer(self) -> Any:
        """Standard output as plain values; its text where it is no JSON."""
        try:
            return json.loads(self.stdout or "null")
        except ValueError:
            return self.stdout

    def __str__(self) -> str:
        lines = [f"exit code {self.code}", self.stdout.rstrip() or "nothing on standard output"]
        return "\n".join([*lines, *([f"standard error: {self.stderr.rstrip()}"] if self.stderr.strip() else [])])

    __repr__ = __str__


def executable(directory: str | Path, name: str, source: str) -> Path:
    """Saves a Python text as a program of that name. Raises BadInput for a name that no plugin can have."""
    if not NAME.fullmatch(name):
        raise BadInput("plugin", f"{name!r} cannot name a plugin", "write letters, digits, '_', '.' and '-'")
    path = Path(directory) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{BEGIN.format(python=sys.executable)}{source.lstrip()}", encoding="utf-8")
    path.chmod(0o755)
    return path


def ours(directory: str | Path, plugin: str) -> Path:
    """One of the course's own plugins, `host-local`, `bridge` or `portmap`, under the name that the reference plugin has."""
    module = f"kubenet_course.cni.{plugin.replace('-', '_')}.plugin"
    return executable(
        directory, plugin, f"import sys\nsys.path.insert(0, {str(HERE)!r})\nfrom {module} import main\nmain()\n"
    )


def on_trial(directory: str | Path, name: str, source: str) -> Path:
    """Saves a text that somebody has just written, with the guard before it. Its errors name its own lines."""
    body = f"exec(compile({source!r}, {name!r}, 'exec'), {{'__name__': '__main__'}})\n"
    return executable(directory, name, GUARD + body)


def by_hand(path: str | Path, env: Mapping[str, str], conf: Any, limit: float = LIMIT) -> Ran:
    """Calls a plugin as a runtime does: this environment and no other, this input. `conf` is a text, or what becomes JSON."""
    text = conf if isinstance(conf, str) else json.dumps(conf)
    try:
        done = subprocess.run(
            [str(path)], env=dict(env), input=text, capture_output=True, text=True, timeout=limit, check=False
        )
    except subprocess.TimeoutExpired:
        return Ran(TOO_LATE, "", f"no answer after {limit:g} seconds")
    return Ran(done.returncode, done.stdout, done.stderr)


def limited(path: str, env: Mapping[str, str], conf: bytes) -> str:
    """A call under a time limit, for a runtime (`Runtime.run`). Raises the CniError that the plugin answered with."""
    done = by_hand(path, {name: value for name, value in env.items() if name.startswith("CNI_")}, conf.decode())
    if done.code == 0:
        return done.stdout
    answer = done.answer
    if isinstance(answer, dict) and isinstance(answer.get("code"), int):
        raise CniError(answer["code"], str(answer.get("msg", "")), str(answer.get("details", "")))
    last = (done.stderr.strip().splitlines() or ["no error message"])[-1]
    raise refused(f"netplugin failed: {last}", f"exit status {done.code}; nothing that is an error object was printed")
