"""kube-controller-manager's network flags: their names, their defaults, and what it refuses, in its own order.

Check them against cmd/kube-controller-manager/app/core.go (newNodeIpamController, validateCIDRs, setNodeCIDRMaskSizes),
app/options/nodeipamcontroller.go and pkg/controller/nodeipam/node_ipam_controller.go of 1.36.
"""

import re
from collections.abc import Iterable, Mapping

from msgspec import Struct

from ...errors import BadInput
from .cidr import Cidr, parse_sloppy

DEFAULT_MASK = {32: 24, 128: 64}
_INTEGER = re.compile(r"([+-]?)(?:(0[bBoOxX]?)_?)?([0-9a-fA-F]+(?:_[0-9a-fA-F]+)*)")  # as Go writes one
_BASE = {"0b": 2, "0": 8, "0o": 8, "0x": 16}
_SHORTER = (
    "Controller: Invalid --cluster-cidr, mask size of cluster CIDR must be less than or equal to "
    "--node-cidr-mask-size configured for CIDR family"
)


class Flags(Struct, frozen=True):
    """The flags with the defaults that `kube-controller-manager --help` prints. 0 and "" mean: not set."""

    allocate_node_cidrs: bool = False
    cidr_allocator_type: str = "RangeAllocator"
    cluster_cidr: str = ""
    configure_cloud_routes: bool = True
    node_cidr_mask_size: int = 0
    node_cidr_mask_size_ipv4: int = 0
    node_cidr_mask_size_ipv6: int = 0
    service_cluster_ip_range: str = ""


MEANING: Mapping[str, str] = {
    "allocate-node-cidrs": "Give every node a block for its pods. Nothing else here matters without it.",
    "cidr-allocator-type": "RangeAllocator, or CloudAllocator (the cloud's own controller gives the blocks).",
    "cluster-cidr": "The range that blocks are cut from; one, or an IPv4 and an IPv6 one with a comma.",
    "configure-cloud-routes": "Have the cloud's route table lead each block to its node.",
    "node-cidr-mask-size": "Length of a node's prefix in a cluster of one family (24, for IPv6 64).",
    "node-cidr-mask-size-ipv4": "Length of a node's IPv4 prefix (24).",
    "node-cidr-mask-size-ipv6": "Length of a node's IPv6 prefix (64).",
    "service-cluster-ip-range": "The Services' range or ranges: blocks inside are never given to a node.",
}


class ControllerExit(Exception):
    """The controller manager ends with this sentence in its log: it cannot run with these flags or these nodes."""


class Configuration(Struct, frozen=True):
    """What the node IPAM controller is made of: ranges, a prefix length for each, and the Services' ranges."""

    cluster_cidrs: tuple[Cidr, ...]
    node_masks: tuple[int, ...]
    service_cidrs: tuple[Cidr, ...] = ()


def parse_flags(arguments: Iterable[str]) -> Flags:
    """Flags as on a command line, `--name=value`, the last one counts. A bare boolean means true.

    Raises BadInput for an unknown flag and for a value that is no integer or no boolean.
    """
    values: dict[str, bool | int | str] = {}
    for argument in arguments:
        name, equals, text = argument.removeprefix("--").partition("=")
        field = name.replace("-", "_")  # the manager takes both spellings
        if not argument.startswith("--") or field not in Flags.__struct_fields__:
            raise BadInput(argument, "not a network flag of kube-controller-manager", f"one of {', '.join(MEANING)}")
        values[field] = value_of(field.replace("_", "-"), text if equals else "true")
    return Flags(**values)  # type: ignore[arg-type]


def default_of(name: str) -> bool | int | str:
    """What the manager's help prints as a flag's default; its type is the flag's."""
    return getattr(Flags(), name.replace("-", "_"))


def value_of(name: str, text: str) -> bool | int | str:
    """A flag's text in its type, as the flag library (pflag) reads it."""
    default = default_of(name)
    if isinstance(default, bool):
        if text in ("1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False"):
            return text[0] in "1tT"
        raise BadInput(f"--{name}", f"{text!r} is not a boolean", "true or false")
    if isinstance(default, str):
        return text
    number = _integer(text)
    if number is None:
        raise BadInput(f"--{name}", f"{text!r} is not an integer", "a prefix length such as 24")
    if not -(2**31) <= number < 2**31:
        raise BadInput(f"--{name}", f"{text} does not fit in 32 bits", "a prefix length such as 24")
    return number


def _integer(text: str) -> int | None:
    """What Go's `strconv.ParseInt(text, 0, 32)` reads: 24, 0x18, 0o30, 030 and 0b11000 are one number."""
    found = _INTEGER.fullmatch(text)
    if not found:
        return None
    sign, prefix, digits = found.groups()
    try:
        return int(sign + digits.replace("_", ""), _BASE[prefix.lower()] if prefix else 10)
    except ValueError:
        return None


def configured(flags: Flags) -> Configuration | None:
    """The flags made sense of, or None where no node gets a block by design. Raises ControllerExit."""
    services = flags.service_cluster_ip_range.split(",")
    if len(services) > 2:
        raise ControllerExit("--service-cluster-ip-range can not contain more than two entries")
    if not flags.allocate_node_cidrs:
        return None
    if flags.cidr_allocator_type == "CloudAllocator":
        said = "--cidr-allocator-type is set to 'CloudAllocator' but cloud provider is not configured"
        raise ControllerExit(said)
    ranges = _cluster_cidrs(flags.cluster_cidr)
    service_cidrs = _service_cidrs(services)
    masks = _node_masks(flags, ranges)
    if any(cidr.length > mask for cidr, mask in zip(ranges, masks, strict=True)):
        raise ControllerExit(_SHORTER)
    if flags.cidr_allocator_type in ("IPAMFromCluster", "IPAMFromCloud"):
        raise ControllerExit("Error trying to Init(): legacy cloud provider support disabled at build time")
    if flags.cidr_allocator_type != "RangeAllocator":
        raise ControllerExit(f"invalid CIDR allocator type: {flags.cidr_allocator_type}")
    return Configuration(ranges, masks, service_cidrs)


def _cluster_cidrs(text: str) -> tuple[Cidr, ...]:
    """One range, or one of each family. An empty flag is one range that is none."""
    ranges = []
    for index, part in enumerate(text.strip().split(",")):
        try:
            ranges.append(parse_sloppy(part))
        except ValueError as error:
            raise ControllerExit(f"invalid CIDR[{index}]: <nil> ({error})") from None
    if len(ranges) > 1 and len({cidr.bits for cidr in ranges}) < 2:
        said = "and they are not configured as dual stack (at least one from each IPFamily"  # its bracket stays open
        raise ControllerExit(f"len of ClusterCIDRs=={len(ranges)} {said}")
    if len(ranges) > 2:
        raise ControllerExit(f"length of clusterCIDRs is:{len(ranges)} more than max allowed of 2")
    return tuple(ranges)


def _service_cidrs(parts: list[str]) -> tuple[Cidr, ...]:
    """The Services' ranges. One that cannot be read is only warned about, and then protects nothing."""
    ranges = []
    for part in parts:
        try:
            ranges.append(parse_sloppy(part))
        except ValueError:
            continue
    if len(ranges) == 2 and ranges[0].bits == ranges[1].bits:
        raise ControllerExit("serviceCIDR and secondaryServiceCIDR are not dualstack (from different IPfamiles)")
    return tuple(ranges)


def _node_masks(flags: Flags, ranges: tuple[Cidr, ...]) -> tuple[int, ...]:
    """The prefix length of a node's block for each range."""
    plain, four, six = flags.node_cidr_mask_size, flags.node_cidr_mask_size_ipv4, flags.node_cidr_mask_size_ipv6
    if len(ranges) > 1:
        if plain:
            raise ControllerExit("usage of --node-cidr-mask-size is not allowed with dual-stack clusters")
    elif plain:
        if four or six:
            raise ControllerExit(
                "usage of --node-cidr-mask-size-ipv4 and --node-cidr-mask-size-ipv6 is not allowed if "
                "--node-cidr-mask-size is set. For dual-stack clusters please unset it and use IPFamily specific flags"
            )
        return (plain,)
    elif four and ranges[0].bits == 128:
        raise ControllerExit("usage of --node-cidr-mask-size-ipv4 is not allowed for a single-stack IPv6 cluster")
    elif six and ranges[0].bits == 32:
        raise ControllerExit("usage of --node-cidr-mask-size-ipv6 is not allowed for a single-stack IPv4 cluster")
    wanted = {32: four or DEFAULT_MASK[32], 128: six or DEFAULT_MASK[128]}
    return tuple(wanted[cidr.bits] for cidr in ranges)
