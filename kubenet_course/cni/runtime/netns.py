"""Network namespaces by path, as a runtime names them. Real system: `containernetworking/plugins/pkg/ns`."""

import os
import subprocess

from ..contract.skel import in_reference_words
from ..contract.spec import CniError, quoted, refused
from .machine import MODEL

_OURS = "/proc/self/ns/net"


class Gone(CniError):
    """The path leads nowhere: the namespace was removed, which is no error for DEL."""


def require(path: str) -> None:
    """Raises CniError (999) unless the path leads to a network namespace; Gone when it leads nowhere."""
    if (model := MODEL.get()) is not None:
        model.require_netns(path)
        return
    try:
        device = os.stat(path).st_dev
    except OSError as failure:
        told = f"failed to Statfs {quoted(path)}: {in_reference_words(failure)}"
        if isinstance(failure, FileNotFoundError):
            raise Gone(999, told, "give the path of a network namespace, such as /var/run/netns/NAME") from None
        raise refused(told) from None
    if device != os.stat(_OURS).st_dev:
        magic = subprocess.run(["stat", "-f", "-c", "%t", path], capture_output=True, text=True, check=False)
        told = f"unknown FS magic on {quoted(path)}: {magic.stdout.strip()}"
        raise refused(told, "give the path of a network namespace, such as /var/run/netns/NAME")


def opened(path: str) -> None:
    """The same for ADD and CHECK, whose message says what was attempted."""
    try:
        require(path)
    except CniError as wrong:
        raise refused(f"failed to open netns {quoted(path)}: {wrong.msg}", wrong.details) from None
