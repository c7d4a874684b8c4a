"""What a person writes made into values: files into a world, `pod/x/a` into an end of a connection, `80/TCP` into a port."""

from collections.abc import Iterable

from ....errors import BadInput
from ....linux.packet.address import address
from ...api.objects import Service
from ...manifest.collection import Objects
from ...manifest.read import read
from ..judge.values import PROTOCOLS, Port
from ..judge.world import PolicyWorld, Who
from .validation import outside


def world_of(paths: Iterable[str], as_written: bool = False) -> tuple[PolicyWorld, list[str]]:
    """A world from files. `as_written`: an exception outside its block is judged and told, not refused."""
    objects = read(paths)
    return PolicyWorld(objects), refuse_outside(objects, as_written)


def refuse_outside(objects: Objects, as_written: bool = False) -> list[str]:
    told = []
    for policy in objects.policies:
        for wrong in outside(policy):
            where = f"{objects.where(policy)}: {wrong.path}"
            if not as_written:
                raise BadInput(where, wrong.what, wrong.right)
            told.append(f"{where}: {wrong.what}; the API server refuses it, here it takes nothing away")
    return told


def port_of(text: str, where: str = "--port") -> Port:
    """`80/TCP`; TCP where no protocol is said."""
    number, _, protocol = text.partition("/")
    protocol = (protocol or "TCP").upper()
    if not (number.isascii() and number.isdecimal() and 1 <= int(number) <= 65535) or protocol not in PROTOCOLS:
        raise BadInput(where, f"{text!r} is not a port", "write a number from 1 to 65535 and TCP, UDP or SCTP: 80/TCP")
    return Port(int(number), protocol)


def who_of(world: PolicyWorld, text: str, where: str) -> Who:
    kind, _, name = text.partition("/")
    if kind == "pod" and name.count("/") == 1:
        if name not in world.pods:
            near = [one for one in world.pods if one.startswith(f"{name.partition('/')[0]}/")] or list(world.pods)
            right = f"name one of {', '.join(near[:9]) or 'none: the files hold no pod that runs'}"
            raise BadInput(where, f"there is no running pod {name}", right)
        return world.pods[name]
    if kind == "node" and name and "/" not in name:
        homes = {one.node for one in world.pods.values() if one.node}
        if name not in world.nodes and name not in homes:
            known = ", ".join(sorted({*world.nodes, *homes})[:9])
            raise BadInput(
                where, f"there is no node {name!r}", f"name one of {known or 'none: the files hold no node'}"
            )
        return world.nodes.get(name) or Who("node", name, node=name)
    if kind == "host" and name:
        return host(world, name, where)
    right = "write pod/NAMESPACE/NAME, node/NAME or host/ADDRESS"
    raise BadInput(where, f"{text!r} names nobody", right)


def host(world: PolicyWorld, text: str, where: str) -> Who:
    """A machine by its address. The address of a pod or a node is that pod or node."""
    ip = address(text, where)
    service = next((one for one in world.objects.services if ip in one.cluster_ips), None)
    if service is not None:
        name = "/".join(service.key)
        said = f"{ip} is the address of Service {name}, and policies see the pods behind it"
        raise BadInput(where, said, f"write service/{name}" if where == "--to" else "name a pod, a node or a host")
    node = world.node_at(ip)
    known = next((one for one in world.pods.values() if ip in one.addresses and not one.host_network), None)
    return known or node or Who("host", ip, addresses=(ip,))


def backends(world: PolicyWorld, text: str, port: Port, where: str) -> list[tuple[Who, Port]]:
    """Where a Service's port leads: its pods, each with the port behind it. Policies see these, never the Service."""
    service = _service(world, text, where)
    ports = [one for one in service.spec.ports if (one.port, one.protocol) == (port.number, port.protocol)]
    if not ports:
        has = ", ".join(f"{one.port}/{one.protocol}" for one in service.spec.ports) or "none"
        raise BadInput("--port", f"Service {text} has no port {port}", f"write one of {has}")
    if not service.spec.selector:
        raise BadInput(where, f"Service {text} has no selector", "name the pods or hosts behind it")
    chosen = service.spec.selector.items()
    pods = [
        pod
        for pod in world.pods.values()
        if pod.namespace == service.metadata.namespace and chosen <= pod.labels.items()
    ]
    behind = [(pod, _target(pod, ports[0].target_port, port)) for pod in pods]
    found = [(pod, at) for pod, at in behind if at is not None]
    if not found:
        raise BadInput(where, f"no running pod stands behind Service {text} at {port}", "name a Service that has pods")
    return found


def _service(world: PolicyWorld, text: str, where: str) -> Service:
    found = next((one for one in world.objects.services if "/".join(one.key) == text), None)
    if found is None:
        known = ", ".join("/".join(one.key) for one in world.objects.services[:9])
        raise BadInput(
            where, f"there is no Service {text}", f"name one of {known or 'none: the files hold no Service'}"
        )
    return found


def _target(pod: Who, target: int | str | None, port: Port) -> Port | None:
    if isinstance(target, str):
        numbers = [number for name, protocol, number in pod.ports if (name, protocol) == (target, port.protocol)]
        return Port(numbers[0], port.protocol) if numbers else None
    return Port(target or port.number, port.protocol)
