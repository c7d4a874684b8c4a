"""The configuration of portmap, read as the reference does (`plugins/meta/portmap/main.go`, parseConfig)."""

from typing import Any, NamedTuple

from ..bridge.config import COMMON
from ..bridge.masquerade import default_backend
from ..contract import decode
from ..contract.address import Cidr, parse_cidr
from ..contract.decode import Unreadable, listed, optional, struct
from ..contract.result import Result
from ..contract.spec import quoted, refused
from ..runtime.delegate import previous_result

MARK_BIT = 13  # Kubernetes uses 14 and 15

_MAPPING = struct(
    "main.PortMapEntry",
    {"hostPort": decode.integer, "containerPort": decode.integer, "protocol": decode.text, "hostIP": decode.text},
)
_PORTS = 'struct { PortMaps []main.PortMapEntry "json:\\"portMappings,omitempty\\"" }'
_CONF = struct(
    "main.PortMapConf",
    COMMON
    | {"snat": optional(decode.flag), "masqAll": decode.flag, "markMasqBit": optional(decode.integer)}
    | {"externalSetMarkChain": optional(decode.text), "backend": optional(decode.text)}
    | {name: optional(listed(decode.text, "[]string")) for name in ("conditionsV4", "conditionsV6")}
    | {"runtimeConfig": struct(_PORTS, {"portMappings": listed(_MAPPING, "[]main.PortMapEntry")})},
    within=dict.fromkeys(COMMON, "NetConf"),
)

Words = tuple[str, ...]


class Mapping(NamedTuple):
    """One host port that leads to one of the container's; an empty `host_ip` is every address of the node."""

    host_port: int
    container_port: int
    protocol: str
    host_ip: str


class PortMap(NamedTuple):
    """A portmap configuration with what the plugins before it answered."""

    name: str
    version: str
    mappings: tuple[Mapping, ...]
    snat: bool
    masquerade_all: bool
    mark_bit: int
    mark_chain: str
    conditions: dict[int, Words]
    backend: str
    result: Result | None
    pods: tuple[Cidr, ...]


def portmap_config(conf: Any, ifname: str) -> PortMap:
    """Reads a network configuration (plain values). Raises CniError (999) with the reference's sentence."""
    try:
        net = decode.unmarshal(conf, _CONF)
    except Unreadable as wrong:
        raise refused(f"failed to parse network configuration: {wrong}") from None
    try:
        result = previous_result(net)
    except Unreadable as wrong:
        raise refused(f"could not parse prevResult: {wrong}") from None
    bit, chain = net.get("markMasqBit"), net.get("externalSetMarkChain")
    if bit is not None and chain is not None:
        raise refused("Cannot specify externalSetMarkChain and markMasqBit", "leave one of them out")
    if bit is not None and not 0 <= bit <= 31:
        raise refused("MasqMarkBit must be between 0 and 31")
    backend = _backend(net)
    snat = net.get("snat")
    return PortMap(
        name=net.get("name", ""),
        version=net.get("cniVersion", ""),
        mappings=tuple(_mapping(each) for each in net.get("runtimeConfig", {}).get("portMappings", [])),
        snat=True if snat is None else snat,
        masquerade_all=net.get("masqAll", False),
        mark_bit=MARK_BIT if bit is None else bit,
        mark_chain=chain or "",
        conditions={4: tuple(net.get("conditionsV4") or ()), 6: tuple(net.get("conditionsV6") or ())},
        backend=backend,
        result=result,
        pods=pods_of(result, ifname) if result else (),
    )


def _backend(net: dict[str, Any]) -> str:
    """The program that is to hold the rules. Raises CniError (999) when options are written for the other one."""
    written: dict[str, list[str]] = {"iptables": [], "nftables": []}
    if net.get("externalSetMarkChain") is not None:
        written["iptables"].append("externalSetMarkChain")
    for name in ("conditionsV4", "conditionsV6"):
        first = (net.get(name) or [""])[0]
        if first:  # iptables: a hyphen, or "!" and a hyphen; nftables: neither
            written["iptables" if first == "!" or first.startswith("-") else "nftables"].append(name)
    backend: str = default_backend() if net.get("backend") is None else net["backend"]
    other = "nftables" if backend == "iptables" else "iptables"
    if written[other]:
        options = " ".join(written[other])
        raise refused(
            f"{backend} backend was requested but configuration contains {other}-specific options [{options}]"
        )
    if backend not in written:
        raise refused(f"unrecognized backend {quoted(backend)}", "write iptables or nftables, or leave it out")
    return backend


def _mapping(written: dict[str, Any]) -> Mapping:
    container, host = written.get("containerPort", 0), written.get("hostPort", 0)
    if container <= 0:
        raise refused(f"Invalid container port number: {container}")
    if host <= 0:
        raise refused(f"Invalid host port number: {host}")
    return Mapping(host, container, written.get("protocol", ""), written.get("hostIP", ""))


def pods_of(result: Result, ifname: str) -> tuple[Cidr, ...]:
    """The container's first address of each family, IPv4 first; addresses of other interfaces are passed over."""
    found: dict[int, Cidr] = {}
    interfaces = result["interfaces"]
    for each in result["ips"]:
        network, place = parse_cidr(each["address"]), each.get("interface")
        if network is None:
            continue
        if place is not None and 0 <= place < len(interfaces):
            interface = interfaces[place]
            if interface["name"] != ifname or not interface.get("sandbox"):
                continue
        found.setdefault(network.ip.version, network)
    return tuple(found[family] for family in sorted(found))
