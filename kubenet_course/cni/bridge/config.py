"""The configuration of the bridge plugin, read as the reference does (`plugins/main/bridge`, loadNetConf)."""

import re
from typing import Any, NamedTuple

from ..contract import decode
from ..contract.args import arguments
from ..contract.decode import Unreadable, listed, mapped, optional, struct
from ..contract.result import DNS
from ..contract.spec import IFNAME_LIMIT, ifname_error, quoted, refused

# What every plugin's configuration holds, beside its own fields (`types.NetConf` of the reference).
COMMON = {
    "cniVersion": decode.text,
    "name": decode.text,
    "type": decode.text,
    "capabilities": mapped(decode.flag, "map[string]bool"),
    "ipam": struct("types.IPAM", {"type": decode.text}),
    "dns": DNS,
    "prevResult": optional(mapped(decode.anything, "map[string]interface {}")),
}
_TRUNK = struct("main.VlanTrunk", {name: optional(decode.integer) for name in ("minID", "maxID", "id")})
_FLAGS = (
    "isGateway",
    "isDefaultGateway",
    "forceAddress",
    "ipMasq",
    "hairpinMode",
    "promiscMode",
    "preserveDefaultVlan",
)
_LATER_FLAGS = ("macspoofchk", "enabledad", "disableContainerInterface", "portIsolation")
_ARGS = 'struct { Cni main.BridgeArgs "json:\\"cni,omitempty\\"" }'
_CONF = struct(
    "main.NetConf",
    COMMON
    | dict.fromkeys(_FLAGS + _LATER_FLAGS, decode.flag)
    | {"bridge": decode.text, "mtu": decode.integer, "vlan": decode.integer, "ipMasqBackend": optional(decode.text)}
    | {"vlanTrunk": optional(listed(optional(_TRUNK), "[]*main.VlanTrunk"))}
    | {"args": struct(_ARGS, {"cni": struct("main.BridgeArgs", {"mac": decode.text})})}
    | {"runtimeConfig": struct('struct { Mac string "json:\\"mac,omitempty\\"" }', {"mac": decode.text})},
    within=dict.fromkeys(COMMON, "NetConf"),
)
_MAC = re.compile(
    r"([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}|([0-9a-fA-F]{2}-){5}[0-9a-fA-F]{2}|([0-9a-fA-F]{4}\.){2}[0-9a-fA-F]{4}"
)


class Bridge(NamedTuple):
    """What a bridge network is to be. `mtu` 0 leaves the kernel's; `vlan` 0 is none; `mac` is the pod's, or empty."""

    name: str
    version: str
    bridge: str
    ipam: str
    gateway: bool
    default_gateway: bool
    force_address: bool
    masquerade: bool
    masquerade_backend: str | None
    mtu: int
    hairpin: bool
    promiscuous: bool
    vlan: int
    trunk: tuple[int, ...]
    vlan_filtering: bool
    preserve_default_vlan: bool
    detect_duplicates: bool
    container_down: bool
    isolated: bool
    spoof_check: bool
    mac: str
    dns: dict[str, Any] | None
    prev_result: dict[str, Any] | None


def bridge_config(conf: Any, args: str = "") -> Bridge:
    """Reads a network configuration (plain values) and CNI_ARGS. Raises CniError (999)."""
    try:
        net = decode.unmarshal(conf, _CONF)
    except Unreadable as wrong:
        raise refused(f"failed to load netconf: {wrong}") from None
    vlan = net.get("vlan", 0)
    if not 0 <= vlan <= 4094:
        raise refused(f"invalid VLAN ID {vlan} (must be between 0 and 4094)")
    trunk = _trunk(net.get("vlanTrunk") or [])
    mac = arguments(args, {"MAC": decode.text}).get("MAC", "")
    mac = net.get("args", {}).get("cni", {}).get("mac") or mac
    mac = net.get("runtimeConfig", {}).get("mac") or mac
    dns = net.get("dns", {})
    return Bridge(
        name=net.get("name", ""),
        version=net.get("cniVersion", ""),
        bridge=net.get("bridge", "cni0"),
        ipam=net.get("ipam", {}).get("type", ""),
        gateway=net.get("isGateway", False) or net.get("isDefaultGateway", False),
        default_gateway=net.get("isDefaultGateway", False),
        force_address=net.get("forceAddress", False),
        masquerade=net.get("ipMasq", False),
        masquerade_backend=net.get("ipMasqBackend"),
        mtu=max(0, net.get("mtu", 0)),
        hairpin=net.get("hairpinMode", False),
        promiscuous=net.get("promiscMode", False),
        vlan=vlan,
        trunk=trunk,
        vlan_filtering=vlan != 0 or net.get("vlanTrunk") is not None,
        preserve_default_vlan=net.get("preserveDefaultVlan", True),
        detect_duplicates=net.get("enabledad", False),
        container_down=net.get("disableContainerInterface", False),
        isolated=net.get("portIsolation", False),
        spoof_check=net.get("macspoofchk", False),
        mac=_colons(mac),
        dns=dns if dns.get("domain") or set(dns) - {"domain"} else None,
        prev_result=net.get("prevResult"),
    )


def refuse_contradictions(conf: Bridge) -> None:
    """What ADD refuses before it touches anything. Raises CniError (999)."""
    if conf.ipam and conf.container_down:
        raise refused("cannot use IPAM when DisableContainerInterface flag is set")
    if conf.hairpin and conf.promiscuous:
        raise refused("cannot set hairpin mode and promiscuous mode at the same time")


def refuse_bridge(name: str) -> None:
    """Raises CniError (999) when no device can have the bridge's name, in the reference's or the kernel's words."""
    if not name:
        why = "LinkAttrs.Name cannot be empty"
    elif len(name.encode()) > IFNAME_LIMIT:
        why = "numerical result out of range"
    elif ifname_error(name):
        why = "invalid argument"
    else:
        return
    advice = f"name the bridge with 1 to {IFNAME_LIMIT} letters, none of them / or : or a space"
    raise refused(f"failed to create bridge {quoted(name)}: could not add {quoted(name)}: {why}", advice)


def _colons(mac: str) -> str:
    """A MAC as the kernel's tools read it; the reference reads dashes and dots, too."""
    if not _MAC.fullmatch(mac):
        return mac
    digits = re.sub("[-:.]", "", mac).lower()
    return ":".join(digits[at : at + 2] for at in range(0, 12, 2))


def refuse_mac(mac: str) -> None:
    """Raises CniError (999) when the wanted MAC is none."""
    if mac and not _MAC.fullmatch(mac):
        raise refused(f"failed to make veth pair: address {mac}: invalid MAC address")


def _trunk(written: list[dict[str, int | None] | None]) -> tuple[int, ...]:
    vlans: set[int] = set()
    for item in filter(None, written):
        low, high, one = item.get("minID"), item.get("maxID"), item.get("id")
        if low is not None and high is not None:
            _refuse_outside(low, "minID")
            _refuse_outside(high, "maxID")
            if high < low:
                raise refused("minID is greater than maxID in trunk parameter")
            vlans.update(range(low, high + 1))
        elif low is not None or high is not None:
            missing = "maxID" if high is None else "minID"
            raise refused(f"minID and maxID should be configured simultaneously, {missing} is missing")
        if one is not None:
            _refuse_outside(one, "id")
            vlans.add(one)
    return tuple(sorted(vlans))


def _refuse_outside(vlan: int, name: str) -> None:
    if not 0 < vlan <= 4094:
        raise refused(f"incorrect trunk {name} parameter")
