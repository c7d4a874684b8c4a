"""Network devices and their addresses (`ip link`, `ip addr`)."""

from __future__ import annotations

from msgspec import Struct

from ..packet.address import IPV6, Address, Mac, Prefix, address, prefix, spelled


class IfAddr(Struct, frozen=True):
    """An address on a device, with the length of the block that it makes directly reachable (`ip addr`).

    `noprefixroute`: no row for that block comes with it (IFA_F_NOPREFIXROUTE).
    """

    address: Address
    length: int
    noprefixroute: bool = False

    @property
    def block(self) -> Prefix:
        return prefix(f"{self.address}/{self.length}")

    def __str__(self) -> str:
        return f"{self.address}/{self.length}"


def ifaddr(text: str, where: str = "") -> IfAddr:
    """Reads `10.244.1.1/24`; a bare address is a block of one."""
    block = prefix(text, where)
    return IfAddr(address(text.partition("/")[0], where), block.length)


def link_local(mac: Mac) -> IfAddr:
    """The address that a device makes for itself from its MAC when IPv6 is on (RFC 4291 appendix A)."""
    raw = bytes.fromhex(mac.replace(":", ""))
    host = int.from_bytes(bytes([raw[0] ^ 2]) + raw[1:3] + b"\xff\xfe" + raw[3:], "big")
    return IfAddr(spelled(0xFE80 << 112 | host, IPV6), 64)


class Vxlan(Struct, frozen=True):
    """What makes a device a VXLAN tunnel end (`ip link add ... type vxlan`)."""

    vni: int
    local: Address
    dev: str
    port: int = 8472
    source_ports: tuple[int, int] = (40000, 40001)
    checksum: bool = False


class Geneve(Struct, frozen=True):
    """A tunnel for frames to one other machine (`ip link add ... type geneve`, RFC 8926)."""

    vni: int
    remote: Address
    local: Address = ""
    port: int = 6081
    source_ports: tuple[int, int] = (40000, 40001)
    checksum: bool = False


class Ipip(Struct, frozen=True):
    """IPv4 packets inside IPv4 packets (`ip link add ... type ipip`, RFC 2003). Without `remote`, to the gateway of each row."""

    local: Address
    remote: Address = ""
    ttl: int = 0  # 0: that of the packet inside


class WireGuard(Struct, frozen=True):
    """Sealed packets inside UDP (wireguard.com/papers/wireguard.pdf, section 5.4.6): their size, not what is inside."""

    remote: Address
    port: int = 51820


Tunnel = Vxlan | Geneve | Ipip | WireGuard


class Device(Struct, frozen=True):
    """A network device (`ip link`): `kind` is lo, veth, bridge, dummy, vxlan, geneve, ipip, wireguard, or eth for one
    whose far end is not modelled. One that carries packets without frames has no MAC."""

    name: str
    kind: str = "eth"
    mac: Mac = ""
    addresses: tuple[IfAddr, ...] = ()
    mtu: int = 1500
    up: bool = True
    peer: tuple[str, str] | None = None  # of a veth: the namespace and the device at the other end
    master: str = ""  # of a bridge port: its bridge
    hairpin: bool = False  # of a bridge port: whether a frame may leave by the port that it came in by
    learning: bool = True  # of a bridge port
    ageing: int = 300_000_000_000  # of a bridge: nanoseconds until it forgets a MAC
    tunnel: Tunnel | None = None
    carrier: bool = (
        True  # of what has no other end and no port: a bridge that was made with a MAC has none until it has a port
    )

    @property
    def vxlan(self) -> Vxlan | None:
        """Its tunnel, if that is a VXLAN end."""
        return self.tunnel if isinstance(self.tunnel, Vxlan) else None
