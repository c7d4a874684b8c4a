"""Sets of addresses and ports that iptables' `-m set` asks (ipset(8)), as data and as text for `ipset restore`."""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from ..packet.address import IPV4, Family

BITMAP_PORT = "bitmap:port"
HASH_SIZE, MOST = 1024, 65536  # what `ipset create` takes when nothing is said


class IpSet(Struct, frozen=True):
    """A set: its name and type, such as hash:ip,port, and its members as ipset spells them: 10.96.0.1,tcp:443."""

    name: str
    type: str
    family: Family = IPV4
    members: tuple[str, ...] = ()


def restore(sets: Iterable[IpSet]) -> str:
    """What `ipset save` prints and `ipset restore` reads."""
    return "".join(f"{line}\n" for one in sets for line in _lines(one))


def _lines(one: IpSet) -> Iterator[str]:
    of = "inet" if one.family is IPV4 else "inet6"
    hashed = f"family {of} hashsize {HASH_SIZE} maxelem {MOST}"
    yield f"create {one.name} {one.type} {'range 0-65535' if one.type == BITMAP_PORT else hashed}"
    for member in one.members:
        yield f"add {one.name} {member}"
