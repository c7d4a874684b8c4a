"""The `ipam` part of a network configuration, read and checked as the reference host-local does.

Real system: `containernetworking/plugins/plugins/ipam/host-local/backend/allocator` (config, range, range_set).
Every refusal has the reference's sentence as `msg`; what to do about it stands in `details`.
"""

from typing import Any, NamedTuple

from ..contract import decode
from ..contract.address import Address, Cidr
from ..contract.args import arguments
from ..contract.decode import Shape, listed, optional, struct
from ..contract.result import route_of
from ..contract.spec import CniError, at_least, refused
from .policy import Range, RangeSet

_RANGE_FIELDS: dict[str, Shape] = {
    "rangeStart": decode.ip,
    "rangeEnd": decode.ip,
    "subnet": decode.cidr,
    "gateway": decode.ip,
}
_RANGE = struct("allocator.Range", _RANGE_FIELDS)
_RANGES = listed(listed(_RANGE, "allocator.RangeSet"), "[]allocator.RangeSet")
_IPAM = struct(
    "allocator.IPAMConfig",
    _RANGE_FIELDS
    | {"Name": decode.text, "type": decode.text, "routes": listed(route_of, "[]*types.Route")}
    | {"dataDir": decode.text, "resolvConf": decode.text, "ranges": _RANGES},
    within=dict.fromkeys(_RANGE_FIELDS, "Range"),
)
_IPS = listed(decode.requested_ip, "[]*ip.IP")
_NET = struct(
    "allocator.Net",
    {
        "name": decode.text,
        "cniVersion": decode.text,
        "ipam": optional(_IPAM),
        "runtimeConfig": struct(
            'struct { IPRanges []allocator.RangeSet "json:\\"ipRanges,omitempty\\""; '
            'IPs []*ip.IP "json:\\"ips,omitempty\\"" }',
            {"ipRanges": _RANGES, "ips": _IPS},
        ),
        "args": optional(
            struct(
                'struct { A *allocator.IPAMArgs "json:\\"cni\\"" }',
                {"cni": optional(struct("allocator.IPAMArgs", {"ips": _IPS}))},
            )
        ),
    },
)


class Ipam(NamedTuple):
    """What host-local is to do: give one address from each range set, asked-for ones first."""

    name: str
    version: str
    range_sets: tuple[RangeSet, ...]
    requested: tuple[str, ...]
    routes: list[Any]
    data_dir: str
    resolv_conf: str


def ipam_config(conf: Any, args: str = "") -> Ipam:
    """Reads a network configuration (plain values) and CNI_ARGS.

    Raises Unreadable for a field of a wrong kind, CniError (999) for ranges that cannot be.
    """
    net = decode.unmarshal(conf, _NET)
    ipam = net.get("ipam")
    if ipam is None:
        raise refused("IPAM config missing 'ipam' key", 'add "ipam": {"type": "host-local", "subnet": "10.244.1.0/24"}')
    requested = _requested(net, args)
    written = list(ipam.get("ranges", []))
    if ipam.get("subnet") is not None:
        written.insert(0, [ipam])
    written = net.get("runtimeConfig", {}).get("ipRanges", []) + written
    if not written:
        raise refused("no IP ranges specified", "give ipam.subnet, or ipam.ranges with one list for each family")
    sets = tuple(_range_set(number, each) for number, each in enumerate(written))
    version = net.get("cniVersion", "")
    _refuse_many(sets, version)
    _refuse_overlaps(sets)
    routes, data_dir, resolv_conf = ipam.get("routes", []), ipam.get("dataDir", ""), ipam.get("resolvConf", "")
    return Ipam(net.get("name", ""), version, sets, requested, routes, data_dir, resolv_conf)


def _requested(net: dict[str, Any], args: str) -> tuple[str, ...]:
    """Asked for in CNI_ARGS, then in args.cni.ips, then in runtimeConfig.ips."""
    from_args = arguments(args, {"IP": decode.requested_ip}).get("IP")
    listed_args = ((net.get("args") or {}).get("cni") or {}).get("ips", [])
    asked = [*([from_args] if from_args else []), *listed_args, *net.get("runtimeConfig", {}).get("ips", [])]
    if None in asked:
        raise refused("cannot understand ip: IP <nil> not v4 nor v6", "leave the empty address out")
    return tuple(dict.fromkeys(str(each) for each in asked))


def _range_set(number: int, written: list[dict[str, Any]]) -> RangeSet:
    try:
        if not written:
            raise refused("empty range set", "write at least one range between the inner brackets")
        ranges: RangeSet = ()
        for each in written:
            ranges += (_range(each),)
            if ranges[-1].version != ranges[0].version:
                raise refused("mixed address families", "give IPv4 and IPv6 a range set each: [[{IPv4}], [{IPv6}]]")
        for place, one in enumerate(ranges):
            for other in ranges[place + 1 :]:
                if one.overlaps(other):
                    raise refused(f"subnets {one} and {other} overlap", "part them with rangeStart and rangeEnd")
    except CniError as wrong:
        raise refused(f"invalid range set {number}: {wrong.msg}", wrong.details) from None
    return ranges


def _range(written: dict[str, Any]) -> Range:
    subnet: Cidr | None = written.get("subnet")
    if subnet is None:
        raise refused("IP <nil> not v4 nor v6", "a range needs its subnet, such as 10.244.1.0/24")
    if subnet.ones > subnet.bits - 2:
        raise refused(f"Network {subnet} too small to allocate from", "a network needs at least two host bits")
    if subnet.bits != subnet.ip.max_prefixlen:
        raise refused("IPNet IP and Mask version mismatch", "write the network in its own family")
    if subnet.network != int(subnet.ip):
        network = type(subnet.ip)(subnet.network)
        told = f"For a subnet mask of length {subnet.ones} the network address is {network}"
        raise refused(f"Network has host bits set. {told}", f"write {network}/{subnet.ones}")
    version, low = subnet.ip.version, subnet.network
    top = low | (1 << subnet.ip.max_prefixlen - subnet.ones) - 1
    gateway = written.get("gateway") or type(subnet.ip)(low + 1)
    first = _inside("RangeStart", written.get("rangeStart"), subnet, low, _end(written, subnet, top))
    start = low + 1 if first is None else first
    last = _inside("RangeEnd", written.get("rangeEnd"), subnet, start, top)
    # The highest address of an IPv4 network is its broadcast; IPv6 has none.
    skip = int(gateway) if gateway.version == version else -1
    return Range(version, start, (top - (version == 4)) if last is None else last, str(gateway), subnet.ones, skip)


def _end(written: dict[str, Any], subnet: Cidr, top: int) -> int:
    end: Address | None = written.get("rangeEnd")
    return int(end) if end is not None and end.version == subnet.ip.version else top


def _inside(name: str, address: Address | None, subnet: Cidr, low: int, top: int) -> int | None:
    """A bound of the range as a number. A start behind the end is, to the reference, a start outside the network."""
    if address is None:
        return None
    if not subnet.contains(address) or not low <= int(address) <= top:
        advice = f"choose it inside {subnet}, the start before the end"
        raise refused(f"{name} {address} not in network {subnet}", advice)
    return int(address)


def _refuse_many(sets: tuple[RangeSet, ...], version: str) -> None:
    """Up to 0.2.0 a result has room for one address of each family."""
    families = [ranges[0].version for ranges in sets]
    try:
        new = at_least(version, "0.3.0")
    except ValueError:
        new = False
    if not new and max(families.count(4), families.count(6)) > 1:
        told = f"CNI version {version} does not support more than 1 address per family"
        raise refused(told, "write cniVersion 0.3.0 or newer, or one range set for each family")


def _refuse_overlaps(sets: tuple[RangeSet, ...]) -> None:
    for number, ranges in enumerate(sets):
        for other, others in enumerate(sets[number + 1 :], number + 1):
            if any(one.overlaps(two) for one in ranges for two in others):
                raise refused(f"range set {number} overlaps with {other}", "an address may stand in one range set only")
