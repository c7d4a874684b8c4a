"""What the API server says when a Node is created, or when its podCIDRs are set.

Check it against ValidateNode and ValidateNodeUpdate (pkg/apis/core/validation/validation.go) and apimachinery's
pkg/util/validation/ip.go. Since 1.36 CIDRs are read strictly by default (gate StrictIPCIDRValidation, KEP-4858): no
leading zeros, no host bits.
"""

import ipaddress
import json
import re

from .cidr import parse_sloppy

_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_BAD_NAME = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)


def refused(name: str, pod_cidrs: tuple[str, ...]) -> str:
    """Why the API server does not take this Node (status 422), or the empty text when it does."""
    if not pod_cidrs and len(name) <= 253 and _SUBDOMAIN.fullmatch(name):
        return ""
    longest = [] if len(name) <= 253 else ["must be no more than 253 characters"]
    complaints = longest if _SUBDOMAIN.fullmatch(name) else [*longest, _BAD_NAME]
    problems = [f"metadata.name: Invalid value: {json.dumps(name)}: {complaint}" for complaint in complaints]
    for index, text in enumerate(pod_cidrs):
        if complaint := _complaint(text):
            problems.append(f"spec.podCIDRs[{index}]: Invalid value: {json.dumps(text)}: {complaint}")
    problems += _pair(pod_cidrs)
    if not problems:
        return ""
    said = problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]"
    return f"Node {json.dumps(name)} is invalid: {said}"


def already_exists(name: str) -> str:
    """Status 409."""
    return f"nodes {json.dumps(name)} already exists"


def not_found(name: str) -> str:
    """Status 404."""
    return f"nodes {json.dumps(name)} not found"


def _complaint(text: str) -> str:
    try:
        parse_sloppy(text)
    except ValueError:
        return "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
    try:
        strict = ipaddress.ip_interface(text)
    except ValueError:
        return "must not have leading 0s in IP or prefix length"
    if text.rpartition("/")[2] != str(strict.network.prefixlen):
        return "must not have leading 0s in IP or prefix length"
    if isinstance(strict, ipaddress.IPv6Interface) and strict.ipv4_mapped:
        return "must not have an IPv4-mapped IPv6 address"
    return "" if strict.ip == strict.network.network_address else "must not have bits set beyond the prefix length"


def _pair(pod_cidrs: tuple[str, ...]) -> list[str]:
    """More than one range must be a dual-stack pair, in either order."""
    if len(pod_cidrs) < 2:
        return []
    problems: list[str] = []
    families: set[int] = set()
    for index, text in enumerate(pod_cidrs):
        try:
            families.add(parse_sloppy(text).bits)
        except ValueError as error:
            said = f"failed to check with dual stack with error:invalid CIDR[{index}]: <nil> ({error})"
            problems.append(f"spec.podCIDRs: Internal error: invalid PodCIDRs. {said}")
            families.clear()
            break
    if len(families) < 2 or len(pod_cidrs) > 2:
        listed = json.dumps(pod_cidrs, separators=(",", ":"))
        said = "may specify no more than one CIDR for each IP family"
        problems.append(f"spec.podCIDRs: Invalid value: {listed}: {said}")
    return problems
