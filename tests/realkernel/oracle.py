"""Starting the worker in private namespaces, and talking to it."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

NEEDED = (
    "unshare",
    "mount",
    "ip",
    "nft",
    "iptables-restore",
    "ip6tables-restore",
    "iptables-save",
    "conntrack",
    "ipset",
)
# Where this package is found under the name that it was imported by, "tests.realkernel" or "realkernel".
HERE = Path(__file__).resolve().parents[(__package__ or "").count(".") + 1]


class RefusedRules(ValueError):
    """iptables-restore did not accept the rule set; the message is its own."""


def _private(*argv: str) -> list[str]:
    """The command in private namespaces with an empty /run: as root, or as root of a user namespace of one's own."""
    user = [] if os.geteuid() == 0 else ["-U", "-r"]
    shell = 'mount -t tmpfs tmpfs /run && exec "$@"'
    return ["unshare", *user, "--fork", "--kill-child", "-n", "-m", "sh", "-c", shell, "sh", *argv]


@functools.cache
def missing() -> str | None:
    """One line that says why the real kernel cannot be asked here, or None when it can."""
    absent = [name for name in NEEDED if shutil.which(name) is None]
    if not sys.platform.startswith("linux"):
        return "this is not Linux"
    if absent:
        return f"not installed: {', '.join(absent)}"
    probe = "ip netns add probe && ip netns exec probe iptables -t nat -A POSTROUTING -j MASQUERADE"
    done = subprocess.run(_private("sh", "-c", probe), capture_output=True, text=True)
    if done.returncode != 0:
        return f"no private network namespace with iptables: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}"
    return None


class RealKernel:
    """A worker that stands ready with the topology built; a context manager, so that it ends."""

    def __init__(self) -> None:
        self._worker: subprocess.Popen[str] | None = None

    def __enter__(self) -> RealKernel:
        argv = _private(sys.executable, "-m", __package__ + ".worker")
        self._worker = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=HERE)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._worker
        self._worker.kill()
        self._worker.communicate()

    def _read(self) -> dict[str, Any]:
        assert self._worker and self._worker.stdout
        line = self._worker.stdout.readline()
        if not line:
            raise RuntimeError("the worker in the namespaces ended; its last words are on standard error")
        return json.loads(line)

    def ask(self, case: dict[str, Any]) -> dict[str, Any]:
        """The case with the kernel's answers. RefusedRules when iptables-restore refuses its rules."""
        assert self._worker and self._worker.stdin
        print(json.dumps(case), file=self._worker.stdin, flush=True)
        answer = self._read()
        if "refused" in answer:
            raise RefusedRules(answer["refused"])
        return answer
