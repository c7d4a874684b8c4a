"""A pod whose probes go to a real server: the kubelet's model runs in real time, only the answers are not its own.

The timeline is the model's. It is let run up to the real time again and again; a question that a worker asks goes out on
a real socket, and its answer is heard when it comes.
"""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from ...kube.kubelet.behaviour import Behaviour
from ...kube.kubelet.event import Event, Settings
from ...kube.kubelet.life import Box, Pod
from ...kube.kubelet.outcome import ProbeOutcome
from ...kube.kubelet.probing import probe_of
from ...kube.kubelet.spec import GRPC, Container, Exec, HTTPGet, PodSpec, Probe, TCPSocket
from ...kube.kubelet.sync import create
from ...kube.kubelet.worker import ProbeKind
from ...linux.timeline import SECOND, Timeline
from .ask import ask
from .targets import LOOPBACK, Target, free_port

AT_ONCE = Settings(schedules_after=0, sandbox_after=0, pulls_after=0, relist=0)  # no delays but real ones
LONGEST_NAP = 0.25


class Live:
    """One pod with one container, its server, and all that happened. `run` it within an event loop."""

    def __init__(self, name: str, container: Container, behaviour: Behaviour, folder: Path | None = None) -> None:
        self.timeline = Timeline()
        self.began = time.monotonic_ns()
        self.target = Target(free_port(), self.clock, folder)
        self.events: list[Event] = []
        self.asking: set[asyncio.Task[None]] = set()
        spec = PodSpec(containers=(self._aimed(container),))
        self.pod = create(self.timeline, name, spec, {container.name: behaviour}, AT_ONCE)
        self.pod.tell = self._told
        self.pod.asks = self._ask

    def clock(self) -> int:
        """Nanoseconds since this pod was created."""
        return time.monotonic_ns() - self.began

    async def run(self, seconds: float) -> list[Event]:
        """Lives for some seconds of real time; then the server is closed. Returns what happened."""
        self.began = time.monotonic_ns()
        until = round(seconds * SECOND)
        while (now := self.clock()) < until:
            self.timeline.run(now)
            ahead = min(self.timeline.next, until) - self.clock()
            await asyncio.sleep(min(max(ahead, 0) / SECOND, LONGEST_NAP))
        self.target.stop()
        for task in self.asking:
            task.cancel()
        await asyncio.gather(*self.asking, return_exceptions=True)
        return self.events

    def _aimed(self, container: Container) -> Container:
        """The container's probes, aimed at the real server; only our own program is ever run."""
        probes = {
            f"{kind.value}_probe": self._aim(getattr(container, f"{kind.value}_probe"), kind) for kind in ProbeKind
        }
        return msgspec.structs.replace(container, **probes)

    def _aim(self, probe: Probe | None, kind: ProbeKind) -> Probe | None:
        if probe is None:
            return None
        port = self.target.port
        aims: dict[str, Callable[[], Probe]] = {
            "httpGet": lambda: msgspec.structs.replace(probe, http_get=HTTPGet(path=f"/{kind.value}", port=port)),
            "tcpSocket": lambda: msgspec.structs.replace(probe, tcp_socket=TCPSocket(port=port)),
            "grpc": lambda: msgspec.structs.replace(probe, grpc=GRPC(port=port, service=kind.value)),
            "exec": lambda: msgspec.structs.replace(probe, exec=Exec(command=self.target.command(kind.value))),
        }
        return aims[probe.kind]()

    def _ask(self, pod: Pod, box: Box, kind: ProbeKind, hear: Callable[[ProbeOutcome], None]) -> None:
        async def asks() -> None:
            said = await ask(probe_of(box, kind), box.spec, LOOPBACK)
            self.timeline.run(self.clock())
            hear(said)

        task = asyncio.ensure_future(asks())
        self.asking.add(task)
        task.add_done_callback(self.asking.discard)

    def _told(self, event: Event) -> None:
        """The server starts and stops with the container's process."""
        self.events.append(event)
        process = self.pod.boxes[0].process
        if event.what == "container":
            self.target.stop()
            if process is not None:
                self.target.start(process)
        elif event.what == "signal" and process is not None:
            self.target.process = process
