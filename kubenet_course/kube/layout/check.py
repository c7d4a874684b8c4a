"""What a cluster cannot be in its surroundings. Each refusal says why, and the smallest change that would make it work."""

from __future__ import annotations

from itertools import combinations
from typing import Any

from ...errors import BadInput
from ...linux.namespace.overhead import overhead
from ...linux.packet.address import FAMILIES, address, prefix
from ..api.layout import Layout
from ..model.ranges import overlap
from .addresses import network_of, nth
from .machines import egress
from .plan import Plan
from .ranges import Claim, claims, free_beside

SMALLEST = {4: 68, 6: 1280}  # the MTU that each family asks of every link (RFC 791; RFC 8200 section 5)


def fits(cluster: Any, layout: Layout | None) -> None:
    """Raises BadInput for what this cluster cannot be in its surroundings, if it has any."""
    if layout is None:
        return
    where, plan = cluster.objects.where(layout), Plan(cluster, layout.spec)
    _one_link(plan, where)
    _usable(plan, where)
    _large_enough(plan, where)
    _hosts_apart(plan, where)
    _ways_out(plan, where)
    if layout.spec.overlap == "refused":
        _apart(list(claims(plan)), where)


def _one_link(plan: Plan, where: str) -> None:
    """A host route names the next machine on the link; a node behind a router is on no common link."""
    own = [leg for leg in plan.legs if not leg.name]
    if len(own) < 2 or plan.cluster.backend != "host-gw" or plan.spec.layout == "flat":
        return
    one, other = (next(iter(leg.lan.machines)) for leg in own[:2])
    right = "let flannel's backend be vxlan, or write layout: flat, whose routers know every block"
    raise BadInput(
        f"{where}: spec.nodeSubnets", f"a router lies between {one} and {other}, and host routes need one link", right
    )


def _usable(plan: Plan, where: str) -> None:
    """In a subnet of its own no node has the first address or, in IPv4, the last."""
    for leg in plan.legs:
        for machine in leg.lan.machines.values():
            for of, ip in machine.ips.items():
                block = leg.lan.ranges[of]
                last = nth(block, ~block.mask & 0xFFFFFFFF) if of == 4 else ""
                if ip in (block.first, last) and block.length < FAMILIES[of].bits - 1:
                    right = "write a larger subnet, or give the node another address"
                    raise BadInput(
                        f"{where}: spec.nodeSubnets", f"{ip} of {machine.name} is no usable address in {block}", right
                    )


def _large_enough(plan: Plan, where: str) -> None:
    """Pods have what the network between the nodes leaves after the tunnel's headers."""
    most = max(overhead("vxlan", of) for of in plan.families) if plan.cluster.backend == "vxlan" else 0
    for of in plan.families:
        left = plan.spec.mtu - most
        if left < SMALLEST[of]:
            what = f"{FAMILIES[of].name} needs {SMALLEST[of]} bytes on every link, and pods would have {left}"
            what += f": {plan.spec.mtu} less {most} for the tunnel" if most else ""
            raise BadInput(f"{where}: spec.mtu", what, f"write mtu: {SMALLEST[of] + most} or more")


def _hosts_apart(plan: Plan, where: str) -> None:
    """A network's first address is the router's, and hosts outside have none of the cluster's addresses."""
    gates = {nth(prefix(text), 1): one.name for one in plan.networks for text in one.ranges}
    for ip in plan.homes:
        if ip in gates:
            right = f"write {nth(next(prefix(text) for one in plan.networks for text in one.ranges if ip in prefix(text)), 9)}"
            raise BadInput(f"{where}: spec.networks", f"{ip} is the router's own address in {gates[ip]}", right)


def _ways_out(plan: Plan, where: str) -> None:
    """Gateways and second interfaces are about pods, nodes and networks that are there."""
    for at, gateway in enumerate(plan.spec.egress_gateways):
        path = f"{where}: spec.egressGateways[{at}]"
        try:
            machine = plan.cluster.machine(gateway.node)
            _ = [list(egress.pods_of(plan.cluster, gateway, of)) for of in plan.families]
        except BadInput as error:
            raise BadInput(f"{path}.{error.where}", error.what, error.right) from None
        ranges = next(leg.lan.ranges for leg in plan.legs if gateway.node in leg.lan.machines)
        if gateway.address and not any(address(gateway.address) in block for block in ranges.values()):
            right = f"write an address in {', '.join(map(str, ranges.values()))}, the network of {machine.name}"
            raise BadInput(f"{path}.address", f"{gateway.address} is none that {machine.name} could have", right)
    for at, second in enumerate(plan.spec.second_interfaces):
        path = f"{where}: spec.secondInterfaces[{at}]"
        try:
            plan.cluster.machine(second.node)
            network_of(plan.spec, second.network, address(second.address))
        except BadInput as error:
            raise BadInput(f"{path}.{error.where}", error.what, error.right) from None
        except LookupError:
            known = ", ".join(f"{one.name} {one.ranges[0]}" for one in plan.spec.networks) or "none"
            what = f"{second.address} lies in no range of a network {second.network!r}"
            raise BadInput(f"{path}.address", what, f"write an address of one of the networks: {known}") from None


def _apart(known: list[Claim], where: str) -> None:
    for one, other in combinations(known, 2):
        if overlap(one.block, other.block) and one.clashes(other):
            blocks = tuple(claim.block for claim in known)
            right = f"write {free_beside(other.block, blocks)} for {other}"
            if one.pods and other.pods:
                right += f", or let {one.owner} or {other.owner} be an island"
            raise BadInput(
                where, f"{one}, {one.block}, and {other}, {other.block}, share addresses, {one.why(other)}", right
            )
