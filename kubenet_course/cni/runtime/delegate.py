"""One plugin calls another, as bridge calls its IPAM plugin: the same environment, the same configuration, its answer.

Real system: `containernetworking/cni/pkg/invoke` (find.go, raw_exec.go, exec.go).
"""

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from ..contract import decode
from ..contract.decode import Unreadable
from ..contract.result import MIDDLE, NEW, OLD, Result, read
from ..contract.spec import OLDEST, CniError, Code, quoted, refused
from .machine import MODEL

_ERROR = decode.struct("types.Error", {"code": decode.integer, "msg": decode.text, "details": decode.text})


def find(plugin: str, paths: Sequence[str]) -> str:
    """The first file of that name in the directories of CNI_PATH. Raises CniError (999) when there is none."""
    if not plugin:
        raise refused("no plugin name provided")
    if os.sep in plugin:
        raise refused(f"invalid plugin name: {plugin}")
    for directory in paths:
        path = os.path.join(directory, plugin)
        try:
            if stat.S_ISREG(os.stat(path).st_mode):
                return path
        except OSError:
            continue
    raise refused(f"failed to find plugin {quoted(plugin)} in path [{' '.join(paths)}]")


def call_plugin(path: str, env: Mapping[str, str], conf: bytes) -> str:
    """Runs a plugin and returns its standard output. Raises the CniError that it answered with.

    Of one that answered nothing the code is 0, as the reference's. What a successful one wrote to standard error goes on.
    """
    try:
        done = subprocess.run([path], env=dict(env), input=conf, capture_output=True, check=False)
    except OSError as failure:
        why = f"fork/exec {path}: {(failure.strerror or '').lower()}"
        raise CniError(Code.UNKNOWN, f"netplugin failed with no error message: {why}") from None
    out, err = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
    if done.returncode == 0:
        sys.stderr.write(err)
        return out
    status = f"exit status {done.returncode}"
    if done.returncode < 0:
        status = f"signal: {(signal.strsignal(-done.returncode) or '').lower()}"
    if not out:
        told = f"failed: {quoted(err)}: {status}" if err else f"failed with no error message: {status}"
        raise CniError(Code.UNKNOWN, f"netplugin {told}")
    try:
        answer = decode.unmarshal(decode.parse(out), _ERROR)
    except Unreadable as wrong:
        told = f"netplugin failed but error parsing its diagnostic message {quoted(out)}: {wrong}"
        raise CniError(Code.UNKNOWN, told) from None
    raise CniError(answer.get("code", Code.UNKNOWN), answer.get("msg", ""), answer.get("details", ""))


def result_of(output: str, version: str) -> Result:
    """What a plugin answered to ADD, in the newest form; an answer without a version has the configuration's."""
    try:
        document = decode.parse(output)
    except Unreadable as wrong:
        raise refused(f"failed to unmarshal raw result: {wrong} result {output}") from None
    document = document if isinstance(document, dict) else {}
    answered = document.get("cniVersion")
    return read(document, answered if isinstance(answered, str) and answered else version or OLDEST)


def delegated(command: str, plugin: str, conf: bytes, env: Mapping[str, str] | None = None) -> str:
    """Lets another plugin answer this call; CNI_PATH says where it is looked for."""
    if env is None and (model := MODEL.get()) is not None:
        return model.delegated(command, plugin, conf)
    env = os.environ if env is None else env
    path = find(plugin, [each for each in env.get("CNI_PATH", "").split(os.pathsep) if each])
    return call_plugin(path, {**env, "CNI_COMMAND": command}, conf)


def previous_result(conf: dict[str, Any]) -> Result | None:
    """The `prevResult` of a configuration, in the newest form; None when it has none.

    Raises Unreadable when it does not fit the configuration's version, which is what it must be written in.
    """
    document = conf.get("prevResult")
    if document is None:
        return None
    version = conf.get("cniVersion") or OLDEST
    try:
        result = read(document, version)
        written = document.get("cniVersion") or version
        for family in (("", *OLD), MIDDLE, NEW):
            if version in family and written not in family:
                supported = " ".join(family)
                raise Unreadable(f"result type supports [{supported}] but unmarshalled CNIVersion is {quoted(written)}")
    except Unreadable as wrong:
        raise Unreadable(f"could not parse prevResult: {wrong}") from None
    return result
