"""What a probe's answer means (pkg/probe/http, tcp, exec, grpc; pkg/kubelet/prober/prober.go).

Every way of asking ends in a result and a sentence, as `kubectl describe` shows it after "probe failed:". The model's
timeline and the prober on real sockets both come here.
"""

from enum import Enum
from typing import NamedTuple

from ...linux.timeline import NEVER, SECOND
from .behaviour import Answer, Heard
from .spec import Probe
from .worker import ProbeResult

BODY_LIMIT = 10 * 1024  # bytes of an answer's body that are read; more is no mistake
REDIRECTS = 10  # that are followed, on the same host


class Said(Enum):
    """pkg/probe: what asking gave. A warning counts as a success."""

    SUCCESS = "success"
    WARNING = "warning"
    FAILURE = "failure"
    UNKNOWN = "unknown"  # the question could not be asked


class ProbeOutcome(NamedTuple):
    said: Said
    output: str = ""

    @property
    def result(self) -> ProbeResult:
        """What the worker hears."""
        if self.said is Said.UNKNOWN:
            return ProbeResult.ERROR
        return ProbeResult.FAILURE if self.said is Said.FAILURE else ProbeResult.SUCCESS


def http(status: int, body: str = "") -> ProbeOutcome:
    """200 to 299 is well. A redirect that was not followed (to another host) is a warning, and counts as well."""
    if 200 <= status < 300:
        return ProbeOutcome(Said.SUCCESS, body)
    if 300 <= status < 400:
        return ProbeOutcome(Said.WARNING, f"Probe terminated redirects, Response body: {body}")
    return ProbeOutcome(Said.FAILURE, f"HTTP probe failed with statuscode: {status}")


def follows(host: str, to_host: str, hops: int) -> bool:
    """A redirect is followed to the same host name only; `hops`: how many were followed before."""
    return host == to_host and hops < REDIRECTS


def executed(exit_code: int, output: str = "") -> ProbeOutcome:
    """An exec probe: the exit code."""
    return ProbeOutcome(Said.SUCCESS if exit_code == 0 else Said.FAILURE, output)


def grpc(status: str) -> ProbeOutcome:
    """grpc.health.v1: SERVING, and nothing else."""
    if status == "SERVING":
        return ProbeOutcome(Said.SUCCESS, "service healthy")
    return ProbeOutcome(Said.FAILURE, f'service unhealthy (responded with "{status}")')


REFUSED = {
    "httpGet": "connect: connection refused",
    "tcpSocket": "connect: connection refused",
    "exec": "exit status 1",
    "grpc": "connect: connection refused",
}

BROKEN = {
    "httpGet": "read: connection reset by peer",
    "tcpSocket": "read: connection reset by peer",
    "exec": "command terminated with exit code 137",
    "grpc": "health rpc probe failed: connection reset by peer",
}


def judged(probe: Probe, heard: Answer) -> tuple[ProbeOutcome, int]:
    """What a probe makes of a program's answer, and how long that takes in nanoseconds."""
    limit = probe.timeout * SECOND
    kind = probe.kind
    if heard.heard is Heard.REFUSED:
        return ProbeOutcome(Said.FAILURE, REFUSED[kind]), 0
    if kind == "tcpSocket":  # the kernel takes the connection, whatever the program does
        return ProbeOutcome(Said.SUCCESS), 0
    if heard.after >= limit or heard.after == NEVER:
        return ProbeOutcome(Said.FAILURE, late(kind, probe.timeout)), limit
    well = heard.heard is Heard.FINE
    if kind == "httpGet":
        return http(200 if well else 503), heard.after
    if kind == "grpc":
        return grpc("SERVING" if well else "NOT_SERVING"), heard.after
    return executed(0 if well else 1), heard.after


def late(kind: str, timeout: int) -> str:
    """What is said of an answer that did not come in time."""
    if kind == "exec":
        return f"command timed out after {timeout}s"
    if kind == "grpc":
        return f"timeout: health rpc did not complete within {timeout}s"
    return "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
