"""Run within `unshare -n -m`: pods as network namespaces around one router, rules loaded, every pair asked at once.

Reads a JSON story from standard input, {"pods": {name: address}, "port": N, "loads": [a shell script, ...]}, and
answers for each script who received whose datagram.
"""

import ctypes
import json
import os
import select
import socket
import subprocess
import sys

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000


def enter(path):
    descriptor = os.open(path, os.O_RDONLY)
    if LIBC.setns(descriptor, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), f"setns {path}")
    os.close(descriptor)


def cable(number, ip):
    """A pod with one address, whose every packet goes to the router."""
    return (BOTH + (SIX if ":" in ip else FOUR)).format(name=f"p{number}", end=f"v{number}", ip=ip)


BOTH = """
ip netns add {name}
ip link add {end} type veth peer name eth0 netns {name}
ip link set {end} up
ip -n {name} link set lo up
ip -n {name} link set eth0 up
"""
FOUR = """
echo 1 > /proc/sys/net/ipv4/conf/{end}/proxy_arp
echo 0 > /proc/sys/net/ipv4/neigh/{end}/proxy_delay
ip route add {ip}/32 dev {end}
ip -n {name} addr add {ip}/32 dev eth0
ip -n {name} route add default dev eth0
"""
SIX = """
ip addr add fe80::1/64 dev {end} nodad
ip route add {ip}/128 dev {end}
ip -n {name} addr add fe80::2/64 dev eth0 nodad
ip -n {name} addr add {ip}/128 dev eth0 nodad
ip -n {name} route add default via fe80::1 dev eth0
"""
ROUTER = """
mount -t tmpfs tmpfs /run
mkdir -p /run/netns
ip link set lo up
echo 1 > /proc/sys/net/ipv4/ip_forward
echo 1 > /proc/sys/net/ipv6/conf/all/forwarding
"""


def main():
    story = json.load(sys.stdin)
    pods = list(story["pods"].items())
    built = ROUTER
    built += "".join(cable(number, ip) for number, (_, ip) in enumerate(pods))
    subprocess.run(["sh", "-e", "-c", built], check=True, stdout=subprocess.DEVNULL)
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    ears, mouths = [], []
    for number, (_, ip) in enumerate(pods):
        enter(f"/run/netns/p{number}")
        for made, port in ((ears, story["port"]), (mouths, 0)):
            made.append(socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_DGRAM))
            made[-1].bind((ip, port))
    LIBC.setns(home, CLONE_NEWNET)
    json.dump([heard(pods, ears, mouths, story["port"], script) for script in story["loads"]], sys.stdout)


def heard(pods, ears, mouths, port, script):
    """Loads rules and asks every pair. A datagram that nobody answers stays NEW, so the next rules judge it again."""
    subprocess.run(["sh", "-e", "-c", script], check=True, stdout=subprocess.DEVNULL)
    for (name, _), mouth in zip(pods, mouths, strict=True):
        for _, ip in pods:
            mouth.sendto(name.encode(), (ip, port))
    found = set()
    while ready := select.select(ears, [], [], 0.4)[0]:
        for ear in ready:
            found.add((ear.recv(100).decode(), pods[ears.index(ear)][0]))
    return sorted(found)


if __name__ == "__main__":
    main()
