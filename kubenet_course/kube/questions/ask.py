"""Who asks whom, in the words of a cluster: `pod/default/client` asks `service/default/web:80`."""

from __future__ import annotations

import re

from ...errors import BadInput
from ...linux.namespace.choices import Choices, Seeded
from ...linux.namespace.memory import Memory
from ...linux.namespace.trace import Trace
from ...linux.netfilter.iptables.words import port
from ...linux.packet.address import Address, address, family
from ...linux.packet.packet import Packet, tcp, udp
from ...linux.walk import ask
from ..model import names
from ..model.cluster import Cluster
from ..model.world import World

WHO = "write pod/NAMESPACE/NAME, node/NAME or host/ADDRESS"
WHERE = "write ADDRESS:PORT, service/NAMESPACE/NAME:PORT or pod/NAMESPACE/NAME:PORT, and /udp behind it for UDP"
KINDS = {"svc": "service", "services": "service", "service": "service", "po": "pod", "pods": "pod", "pod": "pod"}
# web, web.default, web.default.svc, web.default.svc.cluster.local: a Service as DNS names it.
DNS_NAME = re.compile(r"(?P<name>[a-z]([-a-z0-9]*[a-z0-9])?)(\.(?P<ns>[a-z0-9-]+)(\.svc(\.[a-z0-9.-]+)?)?)?\.?")


def asker(world: World, who: str) -> str:
    """The namespace of the kernel that a sender's packets leave from."""
    kind, _, rest = who.partition("/")
    if kind == "pod" and rest.count("/") == 1:
        return world.of_pod(world.cluster.pod(*rest.split("/")))
    if kind == "node" and rest:
        return world.cluster.machine(rest).name
    if kind == "host" and rest:
        return f"host/{address(rest, 'from')}"
    if kind in world.cluster.beside and rest:
        return f"{kind}/{_in_other(world.cluster.beside[kind], rest)}"
    raise BadInput("from", f"{who!r} names nobody", WHO)


def _in_other(cluster: Cluster, who: str) -> str:
    """The namespace of a pod or a node in another cluster, as it is called there."""
    kind, _, rest = who.partition("/")
    if kind == "node":
        return cluster.machine(rest).name
    if kind == "pod" and rest.count("/") == 1:
        return names.pod_namespace(*cluster.pod(*rest.split("/")).key)
    raise BadInput(
        "from", f"{who!r} names nobody in the other cluster", "write CLUSTER/pod/NAMESPACE/NAME or CLUSTER/node/NAME"
    )


def outsiders(*named: str) -> tuple[Address, ...]:
    """The hosts outside that a question names: the world has to have them."""
    return tuple(address(who.removeprefix("host/"), "from") for who in named if who.startswith("host/"))


def destination(cluster: Cluster, where: str, of: int = 0) -> tuple[Address, int, str]:
    """Address, port and protocol that a destination means; of a dual-stack name those of family `of`, or of its first."""
    text, _, proto = where.rpartition("/") if where.endswith(("/tcp", "/udp", "/TCP", "/UDP")) else (where, "", "")
    host, number = _host_and_port(text)
    kind, _, name = host.partition("/")
    if kind in cluster.beside:
        return destination(cluster.beside[kind], where.partition("/")[2], of)
    kind = KINDS.get(kind, kind)
    if named := DNS_NAME.fullmatch(host):
        kind, name = "service", _named(cluster, named["name"], named["ns"])
    if kind == "service" and name.count("/") == 1 and not number:
        number, proto = _only_port(cluster, name)
    if not number:
        raise BadInput("to", f"{where!r} names no port", WHERE)
    if kind == "service" and name.count("/") == 1:
        return _of_service(cluster, name, number, proto.lower(), of)
    if kind == "pod" and name.count("/") == 1:
        ips = cluster.placed.addresses(cluster.pod(*name.split("/")))
        return _in_family(ips, of, host), port(number), proto.lower() or "tcp"
    return address(host.strip("[]"), "to"), port(number), proto.lower() or "tcp"


def _host_and_port(text: str) -> tuple[str, str]:
    """What stands before the last colon and behind it. An IPv6 address without brackets has no port."""
    host, _, number = text.rpartition(":") if ":" in text else (text, "", "")
    if number.endswith("]") or host.endswith(":"):
        return text.strip("[]"), ""
    return host, number


def _named(cluster: Cluster, name: str, namespace: str | None) -> str:
    """NAMESPACE/NAME of a Service by its DNS name; without a namespace it must be the only one of its name."""
    if namespace:
        return f"{namespace}/{name}"
    found = [one.key[0] for one in cluster.services if one.key[1] == name]
    if len(found) > 1:
        raise BadInput("to", f"{name!r} is a Service in {', '.join(found)}", f"write service/{found[0]}/{name}:PORT")
    return f"{found[0] if found else 'default'}/{name}"


def _only_port(cluster: Cluster, name: str) -> tuple[str, str]:
    """The port of a Service that has one."""
    ports = cluster.service(*name.split("/")).spec.ports
    if len(ports) != 1:
        has = ", ".join(f"{one.port}/{one.protocol}" for one in ports) or "none"
        raise BadInput("to", f"Service {name} has not one port but {has}", f"write service/{name}:PORT")
    return str(ports[0].port), ports[0].protocol.lower()


def _of_service(cluster: Cluster, name: str, number: str, proto: str, of: int) -> tuple[Address, int, str]:
    service = cluster.service(*name.split("/"))
    spec, ips = service.spec, service.cluster_ips
    if not ips:
        raise BadInput(
            "to", f"Service {name} has no address of its own", "ask one of its pods: pod/NAMESPACE/NAME:PORT"
        )
    for one in spec.ports:
        if number in (str(one.port), one.name) and proto in ("", one.protocol.lower()):
            return _in_family(ips, of, f"service/{name}"), one.port, one.protocol.lower()
    if number.isdecimal():  # a port that the Service does not have may be asked for all the same
        return _in_family(ips, of, f"service/{name}"), port(number), proto or "tcp"
    has = ", ".join(f"{one.port}/{one.protocol}" for one in spec.ports)
    raise BadInput("to", f"Service {name} has no port {number!r}", f"it has {has or 'none'}")


def _in_family(ips: list[Address] | tuple[Address, ...], of: int, name: str) -> Address:
    found = next((ip for ip in ips if not of or family(ip).number == of), None)
    if found is None:
        raise BadInput(
            "to", f"{name} has no address{f' of IPv{of}' if of else ''}", "name another, or write an address"
        )
    return found


def question(cluster: Cluster, where: str, sport: int = 40000, of: int = 0, payload: bytes = b"") -> Packet:
    """The first packet of a connection to a destination; the sender's address is left to its own kernel."""
    to, number, proto = destination(cluster, where, of)
    if proto not in ("tcp", "udp"):
        raise BadInput("to", f"{proto!r} is not followed here", WHERE)
    make = tcp if proto == "tcp" else udp
    return make(family(to).any, sport, to, number, payload=payload)


def led(cluster: Cluster, to: Address, choices: Choices) -> dict[Address, Address]:
    """To which node a load balancer leads a connection to one of its addresses: each of those that it may is as likely."""
    nodes = cluster.entrances.get(to, ())
    for number, node in enumerate(nodes[:-1]):
        if choices.happens(("load balancer", to, number), 1 / (len(nodes) - number)):
            return {to: node}
    return {to: nodes[-1]} if nodes else {}


def request(
    cluster: Cluster,
    who: str,
    where: str,
    sport: int = 40000,
    memory: Memory | None = None,
    choices: Choices | None = None,
    world: World | None = None,
) -> Trace:
    """One packet from `who` to `where`, and whatever comes back. Without a memory every kernel has just started."""
    packet, choices = question(cluster, where, sport), choices or Seeded()
    world = world or cluster.world(outsiders(who), led(cluster, packet.flow.dst, choices))
    return ask(world, packet, asker(world, who), memory, choices)
