"""Real frames of this machine's kernel, as JSON: what `wire` must read and write again byte for byte.

    python -m tools.record_wire > data/reference/wire/kernel-frames.json      (Linux, iproute2; root or not)

Three namespaces in a row (pod, node, far), private to this process and gone with it: they ping, ask closed and open
ports, send too much and too far, and tunnel. Nothing is sent outside them.
"""

import ctypes
import fcntl
import json
import os
import platform
import select
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

LIBC = ctypes.CDLL(None, use_errno=True)
SO_NO_CHECK = 11
SIOCETHTOOL, OFFLOADS = 0x8946, (0x17, 0x19, 0x1F, 0x24, 0x2C)  # checksums, scatter, TSO, GSO, GRO (linux/ethtool.h)
LINKS = ("pod", "eth0", "node", "pod0"), ("node", "far0", "far", "eth0")
ADDRESSES = {
    ("pod", "eth0"): ("10.244.1.10/24", "fd00:10:244:1::a/64"),
    ("node", "pod0"): ("10.244.1.1/24", "fd00:10:244:1::1/64"),
    ("node", "far0"): ("10.244.2.1/24", "fd00:10:244:2::1/64"),
    ("far", "eth0"): ("10.244.2.10/24", "fd00:10:244:2::a/64"),
}
# Name, underlay, and the options under test: checksums on and off, IANA's and Linux's port, both families.
TUNNELS = (
    ("vx0", 4, ("dstport", "8472", "noudpcsum")),
    ("vx1", 4, ("dstport", "4789", "udpcsum")),
    ("vx2", 6, ("dstport", "8472", "udp6zerocsumtx", "udp6zerocsumrx")),
    ("vx3", 6, ("dstport", "4789", "noudp6zerocsumtx")),
)


def run(*argv: str, stdin: str = "") -> None:
    subprocess.run(argv, input=stdin, text=True, check=True, stdout=subprocess.DEVNULL)


def inside(namespace: str) -> None:
    """Moves this thread; sockets opened from now on belong to that namespace."""
    with open(f"/run/netns/{namespace}") as handle:
        if LIBC.setns(handle.fileno(), 0):
            raise OSError(ctypes.get_errno(), f"cannot enter {namespace}")


def bare(device: str) -> None:
    """Switches every offload off, so that what is captured is what would be on a wire."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for command in OFFLOADS:
            value = ctypes.create_string_buffer(struct.pack("II", command, 0))
            fcntl.ioctl(any_socket, SIOCETHTOOL, struct.pack("16sP", device.encode(), ctypes.addressof(value)))


def build() -> None:
    run("mount", "-t", "tmpfs", "tmpfs", "/run")
    for namespace in ("pod", "node", "far"):
        run("ip", "netns", "add", namespace)
        run("ip", "-n", namespace, "link", "set", "lo", "up")
        run("ip", "netns", "exec", namespace, "sysctl", "-w", "net.ipv6.conf.default.accept_dad=0")
    for near, device, far, peer in LINKS:
        run("ip", "link", "add", device, "netns", near, "type", "veth", "peer", "name", peer, "netns", far)
    for (namespace, device), addresses in ADDRESSES.items():
        for each in addresses:
            run("ip", "-n", namespace, "addr", "add", each, "dev", device, *(["nodad"] if ":" in each else []))
        run("ip", "-n", namespace, "link", "set", device, "up")
        inside(namespace)
        bare(device)
    for namespace, of, hop in (("pod", "4", "10.244.1.1"), ("pod", "6", "fd00:10:244:1::1"),
                               ("far", "4", "10.244.2.1"), ("far", "6", "fd00:10:244:2::1")):  # fmt: skip
        run("ip", "-n", namespace, f"-{of}", "route", "add", "default", "via", hop)
    run("ip", "-n", "node", "link", "set", "far0", "mtu", "1300")
    sysctl = ("ipv4.ip_forward=1", "ipv6.conf.all.forwarding=1", "ipv4.icmp_ratelimit=0", "ipv6.icmp.ratelimit=0")
    run("ip", "netns", "exec", "node", "sysctl", "-w", *(f"net.{setting}" for setting in sysctl))
    run("ip", "netns", "exec", "far", "sysctl", "-w", *(f"net.{setting}" for setting in sysctl[2:]))
    run("ip", "netns", "exec", "pod", "sysctl", "-w", "net.ipv4.ping_group_range=0 0")
    for number, (name, of, options) in enumerate(TUNNELS):
        tunnel(number, name, of, options)


def tunnel(number: int, name: str, of: int, options: tuple[str, ...]) -> None:
    ends = ("pod", "10.244.1.10", "fd00:10:244:1::a"), ("node", "10.244.1.1", "fd00:10:244:1::1")
    for (namespace, *mine), (_, *other) in zip(ends, ends[::-1], strict=True):
        pick = 0 if of == 4 else 1
        where = ("local", mine[pick], "remote", other[pick], "dev", "eth0" if namespace == "pod" else "pod0")
        run("ip", "-n", namespace, "link", "add", name, "type", "vxlan", "id", str(4096 + number), *where, *options)
        run("ip", "-n", namespace, "addr", "add", f"192.168.{number}.{1 if namespace == 'pod' else 2}/24", "dev", name)
        run("ip", "-n", namespace, "link", "set", name, "up")
        inside(namespace)
        bare(name)


def captures() -> dict[socket.socket, str]:
    sockets = {}
    for namespace in ("pod", "node", "far"):
        inside(namespace)
        sockets[socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))] = namespace
    return sockets


def heard(sockets: dict[socket.socket, str], seconds: float) -> Iterator[dict[str, str]]:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        for each in select.select(sockets, [], [], left)[0]:
            data, (device, _, kind, *_) = each.recvfrom(65536)
            if device != "lo":
                yield {"namespace": sockets[each], "device": device, "direction": "out" if kind == 4 else "in",
                       "hex": data.hex()}  # fmt: skip


def ping(to: str, size: int = 56, tos: int = 0) -> Callable[[], None]:
    """An echo request from a ping socket, whose identifier and checksum are the kernel's."""

    def send() -> None:
        inside("pod")
        proto, kind = (socket.IPPROTO_ICMPV6, 128) if ":" in to else (socket.IPPROTO_ICMP, 8)
        with socket.socket(socket.AF_INET6 if ":" in to else socket.AF_INET, socket.SOCK_DGRAM, proto) as sender:
            if tos:
                sender.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, tos)
            sender.sendto(struct.pack("!BBHHH", kind, 0, 0, 0, 1) + bytes(i % 251 for i in range(size)), (to, 0))
            select.select([sender], [], [], 1)

    return send


def datagram(to: str, size: int, port: int = 9999, **options: int) -> Callable[[], None]:
    """One UDP datagram from the pod; socket options by their names, which tell the level too."""

    def send() -> None:
        inside("pod")
        with socket.socket(socket.AF_INET6 if ":" in to else socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for name, value in options.items():
                level = {"IP_": socket.IPPROTO_IP, "IPV": socket.IPPROTO_IPV6}.get(name[:3], socket.SOL_SOCKET)
                sender.setsockopt(level, getattr(socket, name, globals().get(name)), value)
            sender.sendto(bytes(i % 251 for i in range(size)), (to, port))

    return send


def connection(to: str, port: int) -> Callable[[], None]:
    """A TCP conversation with the far end, or the refusal of a closed port."""

    def talk() -> None:
        kind = socket.AF_INET6 if ":" in to else socket.AF_INET
        inside("far")
        listener = socket.create_server(("::" if ":" in to else "0.0.0.0", 8080), family=kind)
        inside("pod")
        with listener, socket.socket(kind, socket.SOCK_STREAM) as client:
            client.settimeout(1)
            if client.connect_ex((to, port)) == 0:
                server, _ = listener.accept()
                with server:
                    client.sendall(b"GET / HTTP/1.1\r\nHost: web\r\n\r\n")
                    server.recv(100)
                    server.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
                    client.recv(100)

    return talk


def raw(to: str, proto: int, content: bytes) -> Callable[[], None]:
    def send() -> None:
        inside("pod")
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, proto) as sender:
            sender.sendto(content, (to, 0))

    return send


FAR4, FAR6 = "10.244.2.10", "fd00:10:244:2::a"
TIMESTAMP = bytes.fromhex("0d00f2fd00010001000000000000000000000000")  # type 13; 0xf2fd makes the sum right
STORIES: dict[str, Callable[[], None]] = {
    "a ping to the far end, neighbours unknown": ping(FAR4),
    "a ping to the far end, neighbours unknown, IPv6": ping(FAR6),
    "a ping with TOS": ping(FAR4, tos=0x48),
    "a ping with odd length": ping(FAR6, size=33),
    "a closed UDP port": datagram(FAR4, 9),
    "a closed UDP port, IPv6": datagram(FAR6, 9),
    "a closed UDP port, quote cut": datagram(FAR4, 1001),
    "a closed UDP port, quote cut, IPv6": datagram(FAR6, 1239),
    "a datagram without checksum": datagram(FAR4, 600, SO_NO_CHECK=1),
    "too many hops": datagram(FAR4, 700, IP_TTL=1),
    "too many hops, IPv6": datagram(FAR6, 700, IPV6_UNICAST_HOPS=1),
    "too big": datagram(FAR4, 1401),
    "too big, IPv6": datagram(FAR6, 1401),
    "a conversation": connection(FAR4, 8080),
    "a conversation, IPv6": connection(FAR6, 8080),
    "a closed TCP port": connection(FAR4, 81),
    "a closed TCP port, IPv6": connection(FAR6, 81),
    "a protocol without ports": raw(FAR4, 47, bytes(8)),
    "a timestamp request": raw(FAR4, 1, TIMESTAMP),
    "fragments": datagram(FAR4, 2000, IP_MTU_DISCOVER=0),
    **{f"a ping through tunnel {name}": ping(f"192.168.{n}.2") for n, (name, *_) in enumerate(TUNNELS)},
}
IP_MTU_DISCOVER = 10  # linux/in.h; 0 lets the kernel cut


def record() -> dict[str, object]:
    build()
    time.sleep(0.6)  # for the multicast reports of the devices
    sockets, frames = captures(), {}
    for story, tell in STORIES.items():
        tell()
        for frame in heard(sockets, 0.12):
            frames.setdefault(frame["hex"], {"story": story, **frame})  # where it was seen first is enough
    made = {"kernel": platform.release(), "machine": platform.machine(), "date": time.strftime("%Y-%m-%d")}
    return {**made, "frames": list(frames.values())}


def written(recorded: dict[str, object]) -> str:
    """JSON with a line for each frame."""
    frames = ",\n".join(json.dumps(frame) for frame in recorded.pop("frames"))
    return f'{json.dumps(recorded)[:-1]}, "frames": [\n{frames}\n]}}'


if __name__ == "__main__":
    if sys.argv[1:] != ["--private"]:
        argv = ["unshare", "-n", "-m", *(["-U", "-r"] if os.geteuid() else []), "--fork", "--kill-child"]
        argv += [sys.executable, "-m", "tools.record_wire", "--private"]
        sys.exit(subprocess.run(argv, env={**os.environ, "LC_ALL": "C"}).returncode)
    print(written(record()))
