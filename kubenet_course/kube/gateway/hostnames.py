"""Hostnames, exact (shop.example.com) or with a wildcard for their first labels (*.example.com).

apis/v1/shared_types.go: a wildcard is a suffix match, so *.example.com fits a.example.com and a.b.example.com, not example.com.
"""


def covers(pattern: str, host: str) -> bool:
    """Whether a hostname of a listener or a route fits the name that a client asked for. "" fits every name."""
    if not pattern:
        return True
    if pattern.startswith("*."):
        return host.endswith(pattern[1:]) and len(host) >= len(pattern)
    return pattern == host


def intersects(one: str, other: str) -> bool:
    """Whether some name fits both."""
    if not one or not other:
        return True
    if one.startswith("*.") and other.startswith("*."):
        return one[1:].endswith(other[1:]) or other[1:].endswith(one[1:])
    return covers(one, other) or covers(other, one)


def narrowed(one: str, other: str) -> str:
    """The narrower of two hostnames that intersect."""
    return max((one, other), key=specific)


def specific(pattern: str) -> tuple[int, int]:
    """How specific a hostname is: characters of one without a wildcard, then characters at all."""
    return (0 if pattern.startswith("*.") else len(pattern)), len(pattern)


def spoken(host: str) -> str:
    """The name in a Host header: small letters, no port, no dot at the end."""
    name = host.strip().lower()
    if name.startswith("["):
        return name.partition("]")[0].lstrip("[")
    return name.partition(":")[0].removesuffix(".") if name.count(":") <= 1 else name
