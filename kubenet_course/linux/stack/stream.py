"""One end of a TCP connection that carries data: what is sent, what is under way, what has come (net/ipv4/tcp_output.c,
tcp_input.c, tcp_timer.c). Positions count from the first sequence number of their direction, which has position 0.

Segments are sent in bursts, as a kernel hands them to a device: a burst ends with PSH, and is cut anew where the way's MTU
shrinks. What is left out of a real sender is said in DEV-42.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..packet.packet import Flow
from ..timeline import MILLISECOND, NEVER, SECOND

MASK = 0xFFFFFFFF
FIRST_WINDOW = 10  # segments (RFC 6928; TCP_INIT_CWND)
FIRST_WAIT, LONGEST_WAIT = 204 * MILLISECOND, 120 * SECOND  # TCP_RTO_MIN and a tick of 4 ms, TCP_RTO_MAX
SYN_WAIT, LINEAR_SYNS, MOST_SYNS = SECOND, 4, 6  # TCP_TIMEOUT_INIT, tcp_syn_linear_timeouts, tcp_syn_retries
MOST_RETRIES = 15  # tcp_retries2
UNSAID = {4: 536, 6: 1220}  # the segment size of who offers none (RFC 9293 section 3.7.1)
SHARE = 3  # of the window that has to be free before a longer burst is sent (tcp_tso_win_divisor)


@dataclass(slots=True)
class Burst:
    """Bytes that were sent together: from and to which position, in segments of which size, and whether they count as lost."""

    start: int
    end: int
    mss: int
    lost: bool = False

    @property
    def segments(self) -> int:
        return -(-(self.end - self.start) // self.mss)


@dataclass(slots=True)
class Stream:
    """One end. `flow` is that of its own segments; `state` is open, asking, closed, refused or given up."""

    flow: Flow
    ours: int
    theirs: int
    mss: int
    window: int  # that the other side has announced
    receives: int  # the window that is announced
    program: Any = None
    memory: Any = None
    state: str = "open"
    data: bytearray = field(default_factory=bytearray)  # from position 1 on
    una: int = 1
    nxt: int = 1
    rcv: int = 1
    bursts: list[Burst] = field(default_factory=list)
    early: dict[int, bytes] = field(default_factory=dict)
    got: bytearray = field(default_factory=bytearray)
    cwnd: int = FIRST_WINDOW
    threshold: int = NEVER
    credit: int = 0
    loss: bool = False
    wait: int = FIRST_WAIT
    due: int = NEVER
    retries: int = 0
    held: int = (
        0  # up to where a program's own call has sent: what answers that is looked at together (tcp_add_backlog)
    )
    closes_at: int = NEVER  # when the program closes: behind all that its last words have set in motion
    closing: bool = False
    fin: int = -1  # the position of our FIN, once it was sent
    heard_fin: bool = False

    # -- what is to be sent ----------------------------------------------------------------------------------------------

    @property
    def under_way(self) -> int:
        """Segments that are neither acknowledged nor lost (tcp_packets_in_flight)."""
        return sum(burst.segments for burst in self.bursts if not burst.lost)

    def sends(self, now: int) -> list[tuple[str, int, bytes]]:
        """The segments that may leave now: flags, position, content. What was lost comes first."""
        out: list[tuple[str, int, bytes]] = []
        while (room := self.cwnd - self.under_way) > 0 and (lost := next((b for b in self.bursts if b.lost), None)):
            out += self._again(lost, room)
        while burst := self._next_burst():
            self.bursts.append(burst)
            self.nxt = burst.end
            out += self._segments(burst)
        if self.closing and self.fin < 0 and self.nxt > len(self.data):
            self.fin, self.nxt = self.nxt, self.nxt + 1
            out.append(("FA", self.fin, b""))
        if out and self.due == NEVER:
            self.due = now + self.wait
        return out

    def _next_burst(self) -> Burst | None:
        """New data: at most half of the window at a time, no small part of it if more can soon be sent (tcp_tso_should_defer)."""
        room = self.cwnd - self.under_way
        left = min(len(self.data) + 1, self.una + self.window) - self.nxt
        if room <= 0 or left <= 0 or any(burst.lost for burst in self.bursts):
            return None
        size = min(left, min(max(self.cwnd // 2, 1), room) * self.mss)
        share = min(self.window, self.cwnd * self.mss) // SHARE
        if not self.loss and self.bursts and room * self.mss < share:
            return None
        return Burst(self.nxt, self.nxt + size, self.mss)

    def _again(self, lost: Burst, room: int) -> list[tuple[str, int, bytes]]:
        """The first segments of what was lost, cut as they now have to be; the rest stays lost."""
        end = min(lost.end, lost.start + room * self.mss)
        sent, at = Burst(lost.start, end, self.mss), self.bursts.index(lost)
        rest = [Burst(end, lost.end, self.mss, True)] if end < lost.end else []
        self.bursts[at : at + 1] = [sent, *rest]
        return self._segments(sent)

    def _segments(self, burst: Burst) -> list[tuple[str, int, bytes]]:
        """A burst's segments; the last of several, and the last of all data, says PSH."""
        out = []
        for at in range(burst.start, burst.end, burst.mss):
            end = min(at + burst.mss, burst.end)
            pushes = end == burst.end and (burst.segments > 1 or end > len(self.data))
            ends = self.closing and end > len(self.data) and self.fin in (-1, end)
            if ends:  # a FIN joins the last of what has not left yet (tcp_send_fin)
                self.fin = end
                self.nxt = max(self.nxt, end + 1)
            flags = ("F" if ends else "") + ("P" if pushes or ends else "") + "A"
            out.append((flags, at, bytes(self.data[at - 1 : end - 1])))
        return out

    # -- what has come ---------------------------------------------------------------------------------------------------

    def acknowledged(self, position: int, now: int) -> None:
        """The other side has everything in front of a position (tcp_ack, tcp_slow_start, tcp_cong_avoid_ai)."""
        if not self.una < position <= self.nxt or position < self.held:
            return
        before = sum(burst.segments for burst in self.bursts)
        kept = [burst for burst in self.bursts if burst.end > position]
        for burst in kept:
            burst.start = max(burst.start, position)
        self.bursts, self.una = kept, position
        self._grow(before - sum(burst.segments for burst in kept))
        self.loss = self.loss and bool(self.bursts)
        self.retries, self.wait = 0, FIRST_WAIT
        self.due = now + self.wait if self.una < self.nxt else NEVER

    def _grow(self, segments: int) -> None:
        if self.cwnd < self.threshold:
            self.cwnd = min(self.cwnd + segments, self.threshold)
            return
        self.credit += segments
        if self.credit >= self.cwnd:
            self.credit, self.cwnd = self.credit - self.cwnd, self.cwnd + 1

    def takes(self, position: int, content: bytes) -> bytes:
        """What the program can now read; what came too early is kept until the gap is filled."""
        if position + len(content) <= self.rcv:
            return b""
        self.early[position] = content
        read = b""
        while self.rcv in self.early or any(at < self.rcv for at in self.early):
            at = min(self.early)
            part = self.early.pop(at)[self.rcv - at :]
            self.rcv, read = self.rcv + len(part), read + part
        self.got += read
        return read

    # -- trouble -----------------------------------------------------------------------------------------------------------

    def shrinks(self, mss: int) -> bool:
        """The way takes less: what is under way in longer segments is lost, and is sent again at once (tcp_simple_retransmit)."""
        if mss >= self.mss:
            return False
        self.mss = mss
        for burst in self.bursts:
            burst.lost = burst.lost or min(burst.mss, burst.end - burst.start) > mss
        self.loss, self.held = self.loss or any(burst.lost for burst in self.bursts), 0
        return True

    def times_out(self, now: int) -> bool:
        """Nothing was heard: everything counts as lost, one segment is tried (tcp_retransmit_timer). False: it has given up."""
        most = MOST_SYNS if self.state == "asking" else MOST_RETRIES
        if self.retries >= most:
            self.state, self.due = "given up", NEVER
            return False
        self.retries += 1
        linear = self.state == "asking" and self.retries <= LINEAR_SYNS
        self.wait = self.wait if linear else min(2 * self.wait, LONGEST_WAIT)
        if self.state != "asking":
            if not self.loss or self.retries == 1:
                self.threshold = max(self.under_way // 2, 2)
            self.cwnd, self.loss, self.held = 1, True, 0
            for burst in self.bursts:
                burst.lost = True
        self.due = now + self.wait
        return True


@dataclass(slots=True)
class Streams:
    """The connections of one kernel that carry data, by the flow of what comes in. Only a transfer switches them on."""

    on: bool = False
    ends: dict[Flow, Stream] = field(default_factory=dict)


def offered(options: bytes, of: int) -> int:
    """The segment size that a SYN offers (RFC 9293 section 3.7.1)."""
    at = 0
    while at + 4 <= len(options):
        if options[at] == 2:
            return int.from_bytes(options[at + 2 : at + 4], "big")
        at += 1 if options[at] in (0, 1) else max(options[at + 1], 2)
    return UNSAID[of]
