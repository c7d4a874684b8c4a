"""The plugins of the model's node.

`bridge` and `portmap` are the real ones' own functions, on the model's kernel; `host-local` keeps its reservations in memory;
`bandwidth` checks and passes on, since the model has no queues (DEV-19).
"""

from __future__ import annotations

from hashlib import sha512
from typing import Any

from ...linux.namespace.macs import made_mac
from ..bridge import plugin as plugin_bridge
from ..bridge.config import COMMON
from ..contract import decode
from ..contract.decode import struct
from ..contract.result import Result
from ..contract.skel import Call, Commands
from ..contract.spec import refused
from ..host_local.config import ipam_config
from ..host_local.plugin import living_of, result_of
from ..host_local.policy import Remembered, give_all, take_back
from ..portmap import plugin as plugin_portmap
from ..runtime.delegate import previous_result

IFB_NAME = 15  # characters of the device that reference bandwidth makes for what leaves the pod: bwp and a digest
GIGABYTES_4 = 8 * (2**32 - 1)
_LIMITS = struct(
    "main.BandwidthEntry",
    {f"{way}{what}": decode.integer for way in ("ingress", "egress") for what in ("Rate", "Burst")},
)
_RUNTIME = 'struct { Bandwidth *main.BandwidthEntry "json:\\"bandwidth,omitempty\\"" }'
_CONF = struct(
    "main.PluginConf",
    COMMON
    | {f"{way}{what}": decode.integer for way in ("ingress", "egress") for what in ("Rate", "Burst")}
    | {"runtimeConfig": struct(_RUNTIME, {"bandwidth": _LIMITS})},
)


class Stores:
    """The reservations of the node's networks, in memory; one store for each network's name, as on disk."""

    def __init__(self) -> None:
        self.of: dict[str, Remembered] = {}

    @property
    def commands(self) -> Commands:
        """What the model's host-local does for each verb. Each reserves or frees in the store of its network."""
        return {"ADD": self._add, "CHECK": self._check, "DEL": self._delete, "GC": self._collect}

    def _add(self, call: Call) -> Result:
        ipam = ipam_config(call.conf, call.args)
        store = self.of.setdefault(ipam.name, Remembered())
        given = give_all(store, call.container_id, call.ifname, ipam.range_sets, ipam.requested)
        return result_of(ipam, given, {})

    def _check(self, call: Call) -> None:
        ipam = ipam_config(call.conf, call.args)
        if not self.of.setdefault(ipam.name, Remembered()).held_by(call.container_id, call.ifname):
            raise refused(f"host-local: Failed to find address added by container {call.container_id}")

    def _delete(self, call: Call) -> None:
        ipam = ipam_config(call.conf, call.args)
        store = self.of.setdefault(ipam.name, Remembered())
        take_back(store, call.container_id, call.ifname, len(ipam.range_sets))

    def _collect(self, call: Call) -> None:
        living = living_of(call.conf)
        store = self.of.get(ipam_config(call.conf, call.args).name)
        for owner in [] if living is None or store is None else [each for each in store.held if each not in living]:
            store.release(*owner)  # type: ignore[union-attr]


def bandwidth(call: Call) -> Result | None:
    """ADD of bandwidth: refuses what the reference refuses, and passes the result on; a limit on what leaves adds its device."""
    conf = _bandwidth_of(call)
    result = previous_result(call.conf)
    limits = {name: value for name, value in conf.items() if value}
    if limits and result is None:
        raise refused("must be called as chained plugin", "put it behind the plugin that makes the interface")
    if result is not None and conf.get("egressRate"):
        name = f"bwp{sha512((call.conf['name'] + call.container_id).encode()).hexdigest()}"[:IFB_NAME]
        made = {"name": name, "mac": made_mac("node-1", name)}
        return {**result, "interfaces": [*result["interfaces"], made]}
    return result


def _bandwidth_of(call: Call) -> dict[str, Any]:
    """The limits, in bits a second and bits; what the runtime gives stands before what is written."""
    net = decode.unmarshal(call.conf, _CONF)
    given = net.get("runtimeConfig", {}).get("bandwidth") or net
    limits = {
        f"{way}{what}": given.get(f"{way}{what}", 0) for way in ("ingress", "egress") for what in ("Rate", "Burst")
    }
    for way in ("ingress", "egress"):
        rate, burst = limits[f"{way}Rate"], limits[f"{way}Burst"]
        if bool(rate) != bool(burst):
            told = ("rate", "burst") if burst else ("burst", "rate")
            raise refused(f"if {told[1]} is set, {told[0]} must also be set")
        if burst >= GIGABYTES_4:
            raise refused("burst cannot be more than 4GB")
    return limits


def plugins(stores: Stores) -> dict[str, Commands]:
    """Every plugin by its type, the course's own under their own names too."""
    found: dict[str, Commands] = {
        "bridge": plugin_bridge.COMMANDS,
        "portmap": plugin_portmap.COMMANDS,
        "host-local": stores.commands,
    }
    found |= {f"kubenet-{name}": commands for name, commands in found.items()}
    return found | {"bandwidth": {"ADD": bandwidth, "CHECK": lambda call: None, "DEL": lambda call: None}}
