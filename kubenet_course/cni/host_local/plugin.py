"""`kubenet-host-local`: gives pods addresses of a node's own ranges, as the reference plugin does and in its store."""

import sys
from typing import Any

from ..contract import skel
from ..contract.result import Result
from ..contract.skel import Call, in_reference_words
from ..contract.spec import CURRENT, refused
from .config import Ipam, ipam_config
from .policy import Given, give_all, take_back
from .store import Store

_DNS = {"nameserver": "nameservers", "search": "search", "options": "options"}


def add(call: Call) -> Result:
    """ADD: one address from every range set, with its gateway and the configured routes."""
    ipam = ipam_config(call.conf, call.args)
    dns = resolver_of(ipam.resolv_conf) if ipam.resolv_conf else {}
    store = Store(ipam.name, ipam.data_dir)
    with store:
        given = give_all(store, call.container_id, call.ifname, ipam.range_sets, ipam.requested)
    return result_of(ipam, given, dns)


def result_of(ipam: Ipam, given: list[Given], dns: dict[str, Any]) -> Result:
    """What an IPAM plugin answers: addresses, routes and resolver, and no interface."""
    ips = [{"address": f"{each.address}/{each.prefix}", "gateway": each.gateway} for each in given]
    return {"cniVersion": CURRENT, "ips": ips, "routes": ipam.routes, "dns": dns}


def check(call: Call) -> None:
    """CHECK: something is reserved for this interface, whatever it is."""
    ipam = ipam_config(call.conf, call.args)
    store = Store(ipam.name, ipam.data_dir)
    with store:
        if not store.has(call.container_id, call.ifname):
            raise refused(f"host-local: Failed to find address added by container {call.container_id}")


def delete(call: Call) -> None:
    """DEL: frees what this interface has; nothing to free is no error."""
    ipam = ipam_config(call.conf, call.args)
    store = Store(ipam.name, ipam.data_dir)
    with store:
        take_back(store, call.container_id, call.ifname, len(ipam.range_sets))


def collect(call: Call) -> None:
    """GC: frees what belongs to no living attachment; without a list of the living it frees nothing.

    The reference plugin leaves GC to the runtime's DELs, as of 1.9.1 (DEV-16); SPEC.md section 2 asks for this.
    """
    living = living_of(call.conf)
    if living is None:
        return
    ipam = ipam_config(call.conf, call.args)
    store = Store(ipam.name, ipam.data_dir)
    with store:
        store.keep_only(living)


def living_of(conf: Any) -> set[tuple[str, str]] | None:
    """The attachments that GC's configuration names as valid; None when it has no such list."""
    listed = conf.get("cni.dev/valid-attachments", conf.get("cni.dev/attachments"))
    if not isinstance(listed, list):
        return None
    return {(str(each.get("containerID")), str(each.get("ifname"))) for each in listed if isinstance(each, dict)}


def resolver_of(path: str) -> dict[str, Any]:
    """The resolver that a resolv.conf describes. Raises CniError (999) when the file cannot be read."""
    dns: dict[str, Any] = {}
    try:
        with open(path, "rb") as file:
            text = file.read().decode(errors="replace")
    except OSError as failure:
        verb = "read" if isinstance(failure, IsADirectoryError) else "open"
        raise refused(
            f"{verb} {path}: {in_reference_words(failure)}", "give ipam.resolvConf a file that this plugin may read"
        ) from None
    for words in (line.split() for line in text.split("\n")):
        if len(words) < 2 or words[0][0] in "#;":
            continue
        if words[0] == "domain":
            dns["domain"] = words[1]
        elif words[0] in _DNS:
            values = words[1:2] if words[0] == "nameserver" else words[1:]
            dns.setdefault(_DNS[words[0]], []).extend(values)
    return {name: dns[name] for name in ("nameservers", "domain", "search", "options") if name in dns}


COMMANDS = {"ADD": add, "CHECK": check, "DEL": delete, "GC": collect}


def main() -> None:
    """The executable: one call, one exit code."""
    sys.exit(skel.plugin_main("host-local", COMMANDS))


if __name__ == "__main__":
    main()
