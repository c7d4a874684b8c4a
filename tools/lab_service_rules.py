"""Rules for a few Services, shaped as kube-proxy shapes them in iptables mode but short: for the scenarios of data/scenarios/."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

CLUSTER = {4: "10.244.0.0/16", 6: "fd00:10:244::/56"}
HOST_BITS = {4: 32, 6: 128}
WHOLE = {4: "255.255.255.255", 6: "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}  # the mask of one address


class Service(Struct, frozen=True):
    """A Service as its rules need it. Endpoints are (address, port)."""

    name: str
    address: str
    port: int
    endpoints: Sequence[tuple[str, int]] = ()
    proto: str = "tcp"
    node_port: int = 0
    local_only: bool = False  # externalTrafficPolicy Local, where no endpoint is local
    affinity: int = 0  # seconds


def service_rules(services: Sequence[Service], of: int = 4, fully: bool = True) -> str:
    """The nat and filter tables as iptables-restore takes them. `fully`: masquerading draws its port at random."""
    chains: dict[str, list[str]] = {
        name: [] for name in ("KUBE-MARK-MASQ", "KUBE-NODEPORTS", "KUBE-POSTROUTING", "KUBE-SERVICES")
    }
    filters: dict[str, list[str]] = {"KUBE-SERVICES": [], "KUBE-FORWARD": []}
    for service in services:
        _one(service, of, chains, filters)
    chains["KUBE-MARK-MASQ"] = ["-j MARK --set-xmark 0x4000/0x4000"]
    chains["KUBE-SERVICES"] += ["-m addrtype --dst-type LOCAL -j KUBE-NODEPORTS"]
    chains["KUBE-POSTROUTING"] = [
        "-m mark ! --mark 0x4000/0x4000 -j RETURN",
        "-j MARK --set-xmark 0x4000/0x0",
        "-j MASQUERADE" + " --random-fully" * fully,
    ]
    filters["KUBE-FORWARD"] = [
        "-m conntrack --ctstate INVALID -j DROP",
        "-m mark --mark 0x4000/0x4000 -j ACCEPT",
        "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    ]
    nat = [f"-A {hook} -j KUBE-SERVICES" for hook in ("PREROUTING", "OUTPUT")] + ["-A POSTROUTING -j KUBE-POSTROUTING"]
    begun = [f"-A {hook} -m conntrack --ctstate NEW -j KUBE-SERVICES" for hook in ("FORWARD", "OUTPUT")]
    return _table("nat", chains, nat) + _table("filter", filters, [*begun, "-A FORWARD -j KUBE-FORWARD"])


def _one(service: Service, of: int, chains: dict[str, list[str]], filters: dict[str, list[str]]) -> None:
    name = service.name.upper()
    to = f"-d {service.address}/{HOST_BITS[of]} -p {service.proto} -m {service.proto} --dport {service.port}"
    if not service.endpoints:
        filters["KUBE-SERVICES"].append(f"{to} -j REJECT")
        return
    chains["KUBE-SERVICES"].append(f"{to} -j KUBE-SVC-{name}")
    ends = [f"KUBE-SEP-{name}-{number}" for number in range(len(service.endpoints))]
    chosen = [f"! -s {CLUSTER[of]} {to} -j KUBE-MARK-MASQ"]
    if service.affinity:
        recent = "-m recent --rcheck --seconds {} --reap --name {} --mask {} --rsource -j {}"
        chosen += [recent.format(service.affinity, end, WHOLE[of], end) for end in ends]
    for number, (end, (address, at)) in enumerate(zip(ends, service.endpoints, strict=True)):
        left = len(ends) - number
        chosen.append(f"-m statistic --mode random --probability {1 / left:.11f} -j {end}" if left > 1 else f"-j {end}")
        place = f"[{address}]:{at}" if of == 6 else f"{address}:{at}"
        seen = f" -m recent --set --name {end} --mask {WHOLE[of]} --rsource" if service.affinity else ""
        chains[end] = [
            f"-s {address}/{HOST_BITS[of]} -j KUBE-MARK-MASQ",
            f"-p {service.proto}{seen} -m {service.proto} -j DNAT --to-destination {place}",
        ]
    chains[f"KUBE-SVC-{name}"] = chosen
    if service.node_port:
        port = f"-p {service.proto} -m {service.proto} --dport {service.node_port}"
        chains["KUBE-NODEPORTS"].append(f"{port} -j KUBE-EXT-{name}")
        chains[f"KUBE-EXT-{name}"] = ["-j KUBE-MARK-MASQ", f"-j KUBE-SVC-{name}"]
        if service.local_only:
            chains[f"KUBE-EXT-{name}"] = [f"-s {CLUSTER[of]} -j KUBE-SVC-{name}"]
            filters.setdefault("KUBE-EXTERNAL-SERVICES", []).append(f"{port} -m addrtype --dst-type LOCAL -j DROP")


def _table(name: str, chains: dict[str, list[str]], first: list[str]) -> str:
    hooks = [
        f"-A {hook} -j KUBE-EXTERNAL-SERVICES" for hook in ("INPUT", "FORWARD") if "KUBE-EXTERNAL-SERVICES" in chains
    ]
    rules = [f"-A {chain} {rule}" for chain, own in chains.items() for rule in own]
    return "\n".join([f"*{name}", *(f":{chain} - [0:0]" for chain in chains), *hooks, *first, *rules, "COMMIT", ""])
