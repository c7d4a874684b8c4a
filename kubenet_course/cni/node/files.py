"""Plugins as files: a Python text becomes an executable that any runtime can call, and a call by hand is one function.

Nothing here needs root. A plugin that somebody is still writing (`on_trial`) runs apart, as `trial.run` has it: within limits,
without the network, other programs, or files but its own.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...errors import BadInput
from ...trial.run import TOO_LATE, Limits, Ran, run
from ..contract.spec import CniError, refused

HERE = Path(__file__).resolve().parents[3]
NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.\-]*")
LIMIT = 5.0  # seconds for one call: a plugin may wait for something that never comes
SOURCE = ".on-trial"  # the suffix of a text that runs apart
REFUSES = "raise SystemExit('this plugin is on trial: only the course runs it')\n"
# A `#!` line cannot find a Python whose path has spaces in it: a shell reads this as a command, Python as a text.
BEGIN = """#!/bin/sh
'''exec' "{python}" "$0" "$@"
' '''
"""


def executable(directory: str | Path, name: str, source: str, beside: str | None = None) -> Path:
    """Saves a Python text as a program of that name. Raises BadInput for a name that no plugin can have.

    `beside` is a text that is kept next to it and is no program.
    """
    if not NAME.fullmatch(name):
        raise BadInput("plugin", f"{name!r} cannot name a plugin", "write letters, digits, '_', '.' and '-'")
    path = Path(directory) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{BEGIN.format(python=sys.executable)}{source.lstrip()}", encoding="utf-8")
    path.chmod(0o755)
    if beside is not None:
        path.with_suffix(SOURCE).write_text(beside, encoding="utf-8", errors="replace")
    return path


def ours(directory: str | Path, plugin: str) -> Path:
    """One of the course's own plugins, `host-local`, `bridge` or `portmap`, under the name that the reference plugin has."""
    module = f"kubenet_course.cni.{plugin.replace('-', '_')}.plugin"
    return executable(
        directory, plugin, f"import sys\nsys.path.insert(0, {str(HERE)!r})\nfrom {module} import main\nmain()\n"
    )


def on_trial(directory: str | Path, name: str, source: str) -> Path:
    """Saves a text that somebody has just written where a runtime finds it. It is run by `tried` and `limited` alone."""
    return executable(directory, name, REFUSES, source)


def tried(path: str | Path, env: Mapping[str, str], conf: Any) -> Ran:
    """Calls a plugin that is on trial: its text runs apart. Its errors name its own lines. Raises trial.run.Unasked."""
    text = conf if isinstance(conf, str) else json.dumps(conf)
    source = Path(path).with_suffix(SOURCE).read_text(encoding="utf-8", errors="replace")
    return run(source, Path(path).name, env, text, Limits(seconds=LIMIT))


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
    named = {name: value for name, value in env.items() if name.startswith("CNI_")}
    on_trial = Path(path).with_suffix(SOURCE).exists()
    done = tried(path, named, conf.decode()) if on_trial else by_hand(path, named, conf.decode())
    if done.code == 0:
        return done.stdout
    answer = done.answer
    if isinstance(answer, dict) and isinstance(answer.get("code"), int):
        raise CniError(answer["code"], str(answer.get("msg", "")), str(answer.get("details", "")))
    if done.stopped:
        raise refused(f"netplugin failed: {done.stopped}", f"exit status {done.code}")
    last = (done.stderr.strip().splitlines() or ["no error message"])[-1]
    raise refused(f"netplugin failed: {last}", f"exit status {done.code}; nothing that is an error object was printed")
