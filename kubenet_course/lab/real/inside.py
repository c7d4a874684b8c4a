"""The process inside the private namespaces: builds, listens, sends, hears, and tells what it heard. Started by `run`.

It reads one job from standard input, a line of JSON, and ends when that is done or when standard input ends: whoever
started it holds the other end, so that nothing outlives a parent that was killed.
"""

from __future__ import annotations

import errno
import json
import os
import platform
import socket
import struct
import threading
import time
from typing import Any

from .carry_out import CommandRefused, carry_out, has_link_local, is_ready
from .listen import Ears, Heard
from .places import Places

READY_WITHIN = 2.0  # seconds for all links to come up
SETTLED = 0.02  # seconds of silence after which the building is over
STAY_OPEN: list[socket.socket] = []  # of programs that wait for an answer
DISCOVERS = ("dont", "want", "do")  # IP_PMTUDISC_DONT, WANT, DO: 0, 1, 2 (linux/in.h)
IPPROTO_RAW = socket.IPPROTO_RAW


def _leash() -> None:
    """Waits for the end of standard input, then ends everything at once."""
    while os.read(0, 4096):
        pass
    os._exit(3)


def _wait_until_ready(job: dict[str, Any], places: Places) -> None:
    until = time.monotonic() + READY_WITHIN
    for name, devices in job["ready"].items():
        with places.inside(name):
            while time.monotonic() < until:
                ready = [is_ready(device) for device in devices]  # every one is asked: a bridge waits for its ports
                if all(ready) and has_link_local(job["link_local"].get(name, ())):
                    break
                time.sleep(0.002)


def _send(sending: dict[str, Any], places: Places) -> str:
    """Sends one packet or frame. What the kernel told the sender: the name of an error, or nothing."""
    data = bytes.fromhex(sending["hex"])
    with places.inside(sending["namespace"]):
        if sending["device"]:
            with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as wire:
                wire.bind((sending["device"], 0))
                wire.send(data)
            return ""
        family = socket.AF_INET6 if ":" in sending["dst"] else socket.AF_INET
        if sending["discovers"]:
            return _send_by_program(family, sending, data)
        with socket.socket(family, socket.SOCK_RAW, IPPROTO_RAW) as raw:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            try:
                raw.sendto(data, (sending["dst"], 0))
            except OSError as error:
                return errno.errorcode.get(error.errno or 0, str(error.errno))
    return ""


def _send_by_program(family: int, sending: dict[str, Any], data: bytes) -> str:
    """Sends through a socket whose kernel writes the IP header, and UDP's; what becomes of what is too long is its affair."""
    is4, is_udp = family == socket.AF_INET, sending["proto"] == socket.IPPROTO_UDP
    level, header = (socket.IPPROTO_IP, 20) if is4 else (socket.IPPROTO_IPV6, 40)
    own = socket.socket(family, socket.SOCK_DGRAM if is_udp else socket.SOCK_RAW, sending["proto"])
    STAY_OPEN.append(own)
    own.setsockopt(level, 10 if is4 else 23, DISCOVERS.index(sending["discovers"]))  # IP_MTU_DISCOVER of both
    tos = data[1] if is4 else (data[0] << 4 | data[1] >> 4) & 255
    own.setsockopt(level, socket.IP_TOS if is4 else socket.IPV6_TCLASS, tos)
    own.setsockopt(level, socket.IP_TTL if is4 else socket.IPV6_UNICAST_HOPS, data[8] if is4 else data[7])
    own.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    source = socket.inet_ntop(family, data[12:16] if is4 else data[8:24])
    sport, dport, skipped = (*struct.unpack_from("!HH", data, header), header + 8) if is_udp else (0, 0, header)
    own.bind((source, sport))
    try:
        own.sendto(data[skipped:], (sending["dst"], dport))
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error.errno))
    return ""


def _told(heard: list[Heard], number: int) -> list[tuple[int, str, str, str, str]]:
    return [(number, *where, data.hex()) for *where, data in heard]  # type: ignore[misc]


def perform(job: dict[str, Any]) -> dict[str, Any]:
    """The whole story: what was heard after each sending, what senders were told, and how long the parts took."""
    began = time.monotonic()
    places = Places()
    carry_out(job["commands"], places)
    _wait_until_ready(job, places)
    ears = Ears(places)
    ears.hear(job["hear"], job["at_once"])
    for one in job["sockets"]:
        ears.listen(*one)
    ears.gather(SETTLED, READY_WITHIN)
    carry_out(job["forget"], places)  # what bridges learned from the devices' own reports
    built = time.monotonic()
    frames, errors = [], {}
    for number, sending in enumerate(job["sendings"], 1):
        if sending["pause"]:
            frames += _told(ears.gather(sending["pause"], sending["pause"]), number - 1)
        if error := _send(sending, places):
            errors[number] = error
        frames += _told(ears.gather(job["quiet"], job["most"]), number)
    frames += _told(ears.gather(job["quiet"] * 2, job["most"]), len(job["sendings"]))
    times = {"build": built - began, "send": time.monotonic() - built}
    return {"kernel": platform.release(), "frames": frames, "errors": errors, "times": times}


def main() -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # one CPU does every hop, in order
    line = bytearray()
    while not line.endswith(b"\n"):
        more = os.read(0, 1 << 16)
        if not more:
            return
        line += more
    threading.Thread(target=_leash, daemon=True).start()
    try:
        answer = perform(json.loads(line))
    except (CommandRefused, OSError) as error:
        answer = {"refused": str(error)}
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
