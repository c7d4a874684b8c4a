"""Virtual servers and the real servers behind them, as `ipvsadm -Ln` shows them (ip_vs_ctl.c, ipvsadm(8))."""

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from ...packet.address import Address

PERSISTENT, SCHED_1, SCHED_2 = 0x1, 0x8, 0x10  # include/uapi/linux/ip_vs.h
MH_PORT = SCHED_2  # for mh: hash the source's port too
FLAG_NAMES = {("sh", SCHED_1): "sh-fallback", ("sh", SCHED_2): "sh-port"}
FLAG_NAMES |= {("mh", SCHED_1): "mh-fallback", ("mh", SCHED_2): "mh-port"}
KINDS = {"TCP": "-t", "UDP": "-u", "SCTP": "--sctp-service"}


class RealServer(Struct, frozen=True, gc=False):
    """One who answers; weight 0 gets no new connections."""

    address: Address
    port: int
    weight: int = 1

    def __str__(self) -> str:
        return _with_port(self.address, self.port)


class VirtualServer(Struct, frozen=True):
    """An address and port that IPVS answers for. `timeout`: seconds for which a client keeps its server, if persistent."""

    address: Address
    port: int
    protocol: str  # TCP, UDP, SCTP
    scheduler: str = "rr"
    flags: int = 0
    timeout: int = 0
    reals: tuple[RealServer, ...] = ()

    def __str__(self) -> str:
        return _with_port(self.address, self.port)

    @property
    def key(self) -> tuple[Address, int, str]:
        return self.address, self.port, self.protocol


def _with_port(address: Address, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def ipvsadm(servers: Iterable[VirtualServer]) -> str:
    """What `ipvsadm -S -n` prints and `ipvsadm -R` reads. Real servers are masqueraded to (-m), as kube-proxy has it."""
    return "".join(f"{line}\n" for server in servers for line in _lines(server))


def listing(servers: Iterable[VirtualServer], counts: Mapping[tuple, tuple[int, int]] = {}) -> str:
    """What `ipvsadm -Ln` prints. `counts`: active and inactive connections by virtual server, address and port."""
    rows = ["IP Virtual Server version 1.2.1 (size=4096)", "Prot LocalAddress:Port Scheduler Flags"]
    rows.append("  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn")
    for server in servers:
        lasting = f" persistent {server.timeout}" if server.flags & PERSISTENT else ""
        flags = ",".join(_flags(server))
        rows.append(f"{server.protocol:<4} {server} {server.scheduler}{lasting}" + (f" ({flags})" if flags else ""))
        for real in server.reals:
            active, inactive = counts.get((server.key, real.address, real.port), (0, 0))
            rows.append(f"  -> {real!s:<28} Masq    {real.weight:<6} {active:<10} {inactive}")
    return "".join(f"{row}\n" for row in rows)


def _flags(server: VirtualServer) -> list[str]:
    return [name for (of, bit), name in FLAG_NAMES.items() if of == server.scheduler and server.flags & bit]


def _lines(server: VirtualServer) -> Iterator[str]:
    kind = f"{KINDS[server.protocol]} {server}"
    said = f"-A {kind} -s {server.scheduler}"
    said += f" -p {server.timeout}" if server.flags & PERSISTENT else ""
    flags = ",".join(_flags(server))
    yield said + (f" -b {flags}" if flags else "")
    for real in server.reals:
        yield f"-a {kind} -r {real} -m -w {real.weight}"
