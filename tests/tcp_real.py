"""A real TCP transfer in private namespaces: a client asks, a server answers with so many bytes and closes. Started with a job
on standard input (see `tcp_story`); prints what each side got, and every segment that passed a device, with its time."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import socket
import struct
import sys
import time

from kubenet_course.lab.real.carry_out import carry_out
from kubenet_course.lab.real.inside import _wait_until_ready
from kubenet_course.lab.real.places import Places
from kubenet_course.lab.real.ring import BLOCK, BLOCKS, HEADER, LINK, LINK_AT, OURS, SLOT, SLOTS, Ring

OUTGOING, ETH_P_ALL = 4, 3
# No clock in the segments, no selective answers, no scaled windows, no probes before the time is out.
PINS = {
    "tcp_timestamps": 0, "tcp_sack": 0, "tcp_window_scaling": 0, "tcp_early_retrans": 0, "tcp_ecn": 0, "tcp_no_metrics_save": 1,
    "tcp_congestion_control": "reno", "tcp_mtu_probing": 0, "tcp_frto": 0, "tcp_recovery": 0,
}  # fmt: skip


class Timed(Ring):
    """The frames with the time at which each passed."""

    def timed(self):
        while True:
            start = self.at * SLOT
            status, _, here, mac, _ = HEADER.unpack_from(self.memory, start)
            if not status & OURS:
                return
            seconds, nanos = struct.unpack_from("=II", self.memory, start + 16)
            device, _, kind = LINK.unpack_from(self.memory, start + LINK_AT)[2:5]
            yield seconds * 10**9 + nanos, device, kind, self.memory[start + mac : start + mac + here]
            self.memory[start : start + 4] = bytes(4)
            self.at = (self.at + 1) % SLOTS


def perform(job: dict) -> dict:
    places, heard, rings = Places(), [], []
    carry_out(job["commands"], places)
    for name in job["ready"]:
        with places.inside(name):
            for pin, value in PINS.items():
                with contextlib.suppress(FileNotFoundError), open(f"/proc/sys/net/ipv4/{pin}", "w") as file:
                    file.write(str(value))
    _wait_until_ready(job, places)
    for name in job["ready"]:
        with places.inside(name):
            ear = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
            rings.append((name, dict(socket.if_nameindex()), Timed(ear), ear))
    family = socket.AF_INET6 if ":" in job["to"] else socket.AF_INET
    with places.inside(job["server"]):
        listening = socket.socket(family, socket.SOCK_STREAM)
    listening.bind((job["to"], job["port"]))
    listening.listen(1)
    with places.inside(job["client"]):
        client = socket.socket(family, socket.SOCK_STREAM)
    client.bind((job["from"], job["sport"]))
    for one in (listening, client):
        one.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        client.connect((job["to"], job["port"]))
    got, told = talk(job, listening, client)
    for name, devices, ring, _ in rings:
        for when, device, kind, data in ring.timed():
            if devices[device] != "lo":
                heard.append((when, name, devices[device], "out" if kind == OUTGOING else "in", data.hex()))
    return {"got": got, "told": told, "frames": sorted(heard, key=lambda row: row[0])}


def talk(job: dict, listening: socket.socket, client: socket.socket) -> tuple[int, str]:
    """The client asks as soon as it is connected; the server answers and closes. What the client got, and how it ended."""
    waiting = selectors.DefaultSelector()
    waiting.register(listening, selectors.EVENT_READ)
    waiting.register(client, selectors.EVENT_WRITE)
    until, got, asked, answer = time.monotonic() + job["seconds"], 0, False, bytes(job["size"])
    while (left := until - time.monotonic()) > 0:
        for key, _ in waiting.select(left):
            if key.fileobj is listening:
                server = listening.accept()[0]
                server.setblocking(False)
                waiting.register(server, selectors.EVENT_READ)
            elif key.fileobj is client and not asked:
                client.send(job["says"].encode())
                waiting.modify(client, selectors.EVENT_READ)
                asked = True
            elif key.fileobj is client:
                try:
                    more = client.recv(1 << 16)
                except OSError as error:
                    return got, type(error).__name__
                got += len(more)
                if not more:
                    client.close()
                    time.sleep(0.3)
                    return got, "closed"
            else:
                server.recv(1 << 16)
                waiting.unregister(server)
                server.send(answer)
                server.close()
    return got, "nothing more"


def main() -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    print(json.dumps(perform(json.loads(sys.stdin.readline()))), flush=True)


if __name__ == "__main__":
    assert BLOCK and BLOCKS
    main()
