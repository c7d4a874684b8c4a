"""What a plugin answers after ADD, and the same answer in every version that a runtime may ask for.

A result is a plain dict in the form of SPEC.md 1.1.0: `interfaces`, `ips` (address, gateway, interface), `routes`,
`dns`. Addresses in it are canonical text. Real system: `containernetworking/cni/pkg/types/{020,040,100}`.
"""

import json
import re
from typing import Any

from . import decode
from .address import Address, Cidr
from .decode import Shape, Unreadable, apart, listed, optional, struct
from .spec import CURRENT, OLDEST, VERSIONS, quoted

Result = dict[str, Any]

_ESCAPED = re.compile("[<>&\u2028\u2029\ud800-\udfff]")

OLD, MIDDLE, NEW = VERSIONS[:2], VERSIONS[2:5], VERSIONS[5:]  # ip4 and ip6; ips with their version; ips without it


def _cidr_text(at: decode.At, value: Any) -> str:
    network: Cidr | None = decode.cidr(at, value)
    return str(network)


def _ip_text(at: decode.At, value: Any) -> str | None:
    address: Address | None = decode.ip(at, value)
    return str(address) if address else None


ROUTE_FIELDS: dict[str, Shape] = {
    "dst": _cidr_text,
    "gw": _ip_text,
    "mtu": decode.integer,
    "advmss": decode.integer,
    "priority": decode.integer,
    "table": optional(decode.integer),
    "scope": optional(decode.integer),
}
_route = apart(struct("types.route", ROUTE_FIELDS))
_INTERFACE_FIELDS: dict[str, Shape] = dict.fromkeys(("name", "mac", "sandbox", "socketPath", "pciID"), decode.text) | {
    "mtu": decode.integer
}
_texts = listed(decode.text, "[]string")
DNS = struct("types.DNS", {"nameservers": _texts, "domain": decode.text, "search": _texts, "options": _texts})
_IP_FIELDS: dict[str, Shape] = {
    "interface": optional(decode.integer),
    "address": _cidr_text,
    "gateway": _ip_text,
}


def route_of(at: decode.At, value: Any) -> dict[str, Any] | None:
    """One route of a result or of an IPAM configuration; a destination left out prints as the reference prints it."""
    if value is None:
        return None
    fields = {"dst": "<nil>"} | _route(at, value)
    return _tidy({name: fields.get(name) for name in ROUTE_FIELDS})


_family = optional(
    apart(
        struct(
            "types020.ipConfig",
            {"ip": _cidr_text, "gateway": _ip_text, "routes": listed(route_of, "[]types.Route")},
        )
    )
)
_OLD_RESULT = struct("types020.Result", {"cniVersion": decode.text, "ip4": _family, "ip6": _family, "dns": DNS})


def _result(types: str) -> Shape:
    interface, ip = f"{types}.Interface", f"{types}.IPConfig"
    return struct(
        f"{types}.Result",
        {"cniVersion": decode.text, "dns": DNS, "routes": listed(route_of, "[]*types.Route")}
        | {"interfaces": listed(optional(struct(interface, _INTERFACE_FIELDS)), f"[]*{interface}")}
        | {"ips": listed(optional(apart(struct(ip, _IP_FIELDS))), f"[]*{ip}")},
    )


_SHAPES = dict.fromkeys(OLD, _OLD_RESULT) | dict.fromkeys(MIDDLE, _result("types040"))
_SHAPES |= dict.fromkeys(NEW, _result("types100"))


def _tidy(fields: dict[str, Any]) -> dict[str, Any]:
    """Empty values are left out of the answer; a table or scope of 0 was said and stays."""
    return {
        name: value
        for name, value in fields.items()
        if value or (name in ("table", "scope", "interface") and value == 0)
    }


def read(document: dict[str, Any], version: str) -> Result:
    """A result that a plugin answered in `version`, in the newest form.

    Raises Unreadable when a field does not fit or the version is not one that results exist in.
    """
    version = version or OLDEST
    if version not in VERSIONS:
        raise Unreadable(f"unsupported CNI result version {quoted(version)}")
    fields = decode.unmarshal(document, _SHAPES[version])
    answer: Result = {
        "cniVersion": CURRENT,
        "interfaces": [],
        "ips": [],
        "routes": [],
        "dns": _tidy(fields.get("dns", {})),
    }
    if version in OLD:
        for family in filter(None, (fields.get("ip4"), fields.get("ip6"))):
            answer["ips"].append(_tidy({"address": family.get("ip", "<nil>"), "gateway": family.get("gateway")}))
            answer["routes"] += family.get("routes", [])
        return answer
    answer["interfaces"] = [{"name": ""} | _tidy(each or {}) for each in fields.get("interfaces", [])]
    answer["ips"] = [_tidy({"address": "<nil>"} | each) for each in fields.get("ips", []) if each is not None]
    answer["routes"] = fields.get("routes", [])
    return answer


def as_version(result: Result, version: str) -> dict[str, Any]:
    """The result as a runtime that asked in `version` expects it, its fields in the order the reference prints them.

    Raises Unreadable when that version cannot say it: 0.1.0 and 0.2.0 need at least one address.
    """
    version = version or OLDEST
    if version not in VERSIONS:
        raise Unreadable(f"no converter for CNI result version {CURRENT} to {version}")
    if version in OLD:
        return _as_old(result, version)
    if version in MIDDLE:
        return _as_middle(result, version)
    answer = {name: result.get(name) for name in ("interfaces", "ips", "routes", "dns")}
    return _sorted({"cniVersion": version} | _tidy(answer))


def _as_middle(result: Result, version: str) -> dict[str, Any]:
    wanted = ("name", "mac", "sandbox")
    interfaces = [{name: each[name] for name in wanted if name in each} for each in result.get("interfaces", [])]
    ips = []
    for each in result.get("ips", []):
        fields = {name: each.get(name) for name in ("interface", "address", "gateway")}
        ips.append({"version": "6" if ":" in each["address"] else "4"} | _tidy(fields))
    answer = {"interfaces": interfaces, "ips": ips, "routes": result.get("routes")}
    return {"cniVersion": version} | _tidy(answer) | {"dns": result.get("dns") or {}}


def _as_old(result: Result, version: str) -> dict[str, Any]:
    families: dict[str, dict[str, Any]] = {}
    for each in result.get("ips", []):
        fields = {"ip": each["address"], "gateway": each.get("gateway")}
        families.setdefault("ip6" if ":" in each["address"] else "ip4", _tidy(fields))
    for route in filter(None, result.get("routes") or []):
        family = families.get("ip6" if ":" in route["dst"] or route["dst"] == "<nil>" else "ip4")
        if family is not None:
            family.setdefault("routes", []).append({name: route[name] for name in ("dst", "gw") if name in route})
    if not families:
        raise Unreadable("cannot convert: no valid IP addresses")
    return {"cniVersion": version} | dict(sorted(families.items())) | {"dns": result.get("dns") or {}}


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _sorted(value[name]) for name in sorted(value)}
    return [_sorted(element) for element in value] if isinstance(value, list) else value


def printed(answer: dict[str, Any]) -> str:
    """An answer as the reference prints it: four spaces deep, some characters escaped, no line end."""
    text = json.dumps(answer, indent=4, ensure_ascii=False)
    return _ESCAPED.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    number = ord(found[0])
    return f"\\u{0xFFFD if 0xD800 <= number < 0xE000 else number:04x}"  # half a character stands for none
