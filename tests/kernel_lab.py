"""The small internet of `realkernel`, as the model has it, and programs in it as they behave there: they listen, answer
when asked to, and know of a handshake.

The walk is the model's own, step by step (`kernel.STAGES`); only what a *program* does next stands here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field

from msgspec.structs import replace
from realkernel.topology import ANYCAST, INTERFACES, NAMES, NOBODY, NOBODYS_MAC, ROUTER, address

from kubenet_course.cli.ip_rules import rules as ip_rules
from kubenet_course.cli.ip_text import routes
from kubenet_course.linux.namespace.choices import Choices, Seeded
from kubenet_course.linux.namespace.device import Device, ifaddr
from kubenet_course.linux.namespace.fib import Route
from kubenet_course.linux.namespace.kernel import Kernel
from kubenet_course.linux.namespace.memory import Memory
from kubenet_course.linux.namespace.netns import NeighbourEntry, Netns, Socket, netns
from kubenet_course.linux.namespace.skb import Skb
from kubenet_course.linux.namespace.trace import Next, Step
from kubenet_course.linux.netfilter.connections import Connections
from kubenet_course.linux.netfilter.ipset.read import read as read_sets
from kubenet_course.linux.netfilter.iptables.save import read
from kubenet_course.linux.netfilter.nft.load import loaded
from kubenet_course.linux.netfilter.nft.read import read as read_nft
from kubenet_course.linux.netfilter.rules import Ruleset
from kubenet_course.linux.netfilter.stages import stage_at_hook
from kubenet_course.linux.packet.address import address as canonical
from kubenet_course.linux.packet.address import family, prefix
from kubenet_course.linux.packet.packet import ECHO, Flow, Frame, Icmp, Packet, Tcp, Udp
from kubenet_course.linux.stack.tcp import expect
from kubenet_course.linux.walk import STAGES

PORTS = range(5000, 5004)
# Seconds: before a program answers (as in realkernel.worker), and while the worker looks at what became of a packet.
# Both are more than a jiffy: some things a kernel does once in a jiffy only.
SETTLE, LOOKED_AT = 0.005, 0.02
# What a fresh Linux socket offers in its SYN: segment size, and room for SACK and window scaling (12 bytes).
SYN_OPTIONS = bytes.fromhex("020405b4 0101 0402 01 030307")


def lab(case: dict) -> dict[str, Netns]:
    """The three namespaces, the router with the rules of a case."""
    rules = {of: read(case[key]).rules for of, key in ((4, "restore_input"), (6, "ip6_restore_input")) if case.get(key)}
    if case.get("nft_input"):
        nft = read_nft(case["nft_input"]).rules
        for of in (4, 6):
            before = rules[of].tables if of in rules else {}
            rules[of] = Ruleset({**before, **loaded(nft, of)})
    sets = read_sets(case.get("ipset_input", ""))
    found = {name: _namespace(name, rules if name == "router" else {}, sets) for name in NAMES}
    if case.get("router_shows"):
        found["router"] = replace(found["router"], **routing(case["router_shows"]))
    return found


def routing(shown: dict[str, str], form: str = "text") -> dict:
    """The rules and the rows that a kernel printed."""
    lines = [line.rule for line in ip_rules(shown[f"rule {form}"], "rules")]
    rows = routes(shown[f"route {form}"], "routes").rows
    return {"routes": tuple(rows), "policy": {6 if any(":" in str(row.prefix) for row in rows) else 4: tuple(lines)}}


def _namespace(name: str, rules: dict, sets: dict) -> Netns:
    devices, neighbours, routes = [], [], []
    for mine in (one for one in INTERFACES if one.namespace == name):
        far = next(one for one in INTERFACES if one.net == mine.net and one != mine)
        own = [
            ifaddr(f"{address(of, mine.net, host)}/{bits}") for of, bits in ((4, 24), (6, 64)) for host in mine.hosts
        ]
        devices.append(Device(mine.device, "veth", mine.mac, tuple(own), peer=(far.namespace, far.device)))
        near = [(host, far.mac) for host in far.hosts] + [(NOBODY, NOBODYS_MAC)]
        for of in (4, 6):
            if of == 6 and name != "router":
                near.append((ANYCAST, far.mac))
            neighbours += [
                NeighbourEntry(canonical(address(of, mine.net, host)), mine.device, mac) for host, mac in near
            ]
            if name != "router":
                anywhere = prefix("0.0.0.0/0" if of == 4 else "::/0")
                routes.append(Route(anywhere, mine.device, address(of, mine.net, ROUTER)))
    sockets = [Socket(proto, "::", port, "a listener") for proto in ("udp", "tcp") for port in PORTS]
    switches = {"net.ipv4.conf.all.send_redirects": 0}  # as topology.DEVICE_SYSCTLS has it
    if name == "router":
        switches |= {"net.ipv4.ip_forward": 1, "net.ipv6.conf.all.forwarding": 1}
    tables = {"routes": tuple(routes), "neighbours": tuple(neighbours), "rules": rules, "sockets": tuple(sockets)}
    tables["sets"] = sets
    return netns(name, tuple(devices), sysctls=switches, **tables)


def as_sent(row: dict) -> tuple[str, Packet]:
    """A recorded packet as its sender's program makes it: the namespace, the packet before a source is chosen."""
    of = family(row["dst"])
    many = row["dst"].startswith(("224.", "ff"))
    fields = {"ttl": row.get("ttl") or (1 if many and row["proto"] != "tcp" else 64)}
    payload = bytes(row.get("length", 4))
    source = row["src"] or of.any
    if row["proto"] == "icmp":
        kind = of.icmp
        return row["from"], Packet(
            Flow(kind, source, row["id"], row["dst"], ECHO[kind] << 8), Icmp(1), payload, **fields
        )
    flow = Flow(row["proto"], source, row["sport"], row["dst"], row["dport"])
    if row["proto"] == "tcp":
        return row["from"], Packet(flow, Tcp("S", options=SYN_OPTIONS), b"", **fields)
    return row["from"], Packet(flow, Udp(), payload, **fields)


@dataclass
class Player:
    """Plays the packets of one case, in one memory. `steps` are those of the packet played last."""

    case: dict
    memory: Memory = field(default_factory=Memory)
    steps: list[Step] = field(default_factory=list)
    lost: bool = False  # the kernel has done something that the model does not do

    def __post_init__(self):
        self.world = lab(self.case)

    def copy(self) -> Player:
        """The same player with a memory of its own, to try another choice."""
        other = Player.__new__(Player)
        other.case, other.world, other.memory, other.steps = self.case, self.world, deepcopy(self.memory), []
        return other

    def play(self, row: dict, choices: Choices | None = None) -> list[Step]:
        """Everything that a packet sets in motion, answers of programs included."""
        self.choices = choices or Seeded()
        if not row.get("keep"):
            remembered = self.memory.of("router")[Connections]
            remembered.by_flow.clear()
            remembered.sources.clear()
        self.sender, packet = as_sent(row)
        self.steps, self.sent, self.waits = [], packet.flow, set()
        self.mark, self.ttl = row.get("mark", 0), packet.ttl
        self._walk(self._start(row, packet))
        self.sent = self._asked()
        if row.get("reply"):
            self.memory.wait(SETTLE)
            for step in list(self._delivered("udp")):
                self._reply(step)
        return self.steps

    def _start(self, row: dict, packet: Packet) -> Next:
        """A program's packet starts with its route; one whose header somebody else wrote, on the wire."""
        if row.get("raw"):
            near, far = INTERFACES[0], INTERFACES[1]
            packet = replace(packet, ttl=row.get("ttl") or 64)
            skb = Skb(packet, dev_in=far.device, frame=Frame(near.mac, far.mac, packet))
            return Next("router", "netif_receive_skb", skb)
        if isinstance(packet.header, Tcp) and packet.flow.has_reverse:  # a program connects: it waits for an answer
            expect(Kernel(self.world[self.sender], self.memory, self.choices), packet)
        return Next(self.sender, "route_output", Skb(packet, mark=row.get("mark", 0)))

    def _walk(self, start: Next) -> None:
        kernels = {name: Kernel(ns, self.memory, self.choices) for name, ns in self.world.items()}
        waiting = deque([start])
        while waiting:
            todo = waiting.popleft()
            step = (STAGES.get(todo.stage) or stage_at_hook(todo.stage))(kernels[todo.namespace], todo.stage, todo.skb)
            self.steps.append(step)
            waiting.extend(self._then(step))

    def _then(self, step: Step) -> tuple[Next, ...]:
        """What follows a step: as the model says, but where a program has the packet now."""
        packet = step.skb.packet
        if step.stage != "local_deliver" or not isinstance(packet, Packet):
            return step.then
        if isinstance(packet.header, Udp):
            mine = step.namespace == self.sender and packet.flow.reverse == self._asked()
            return () if mine or step.end == "local" else step.then
        if isinstance(packet.header, Tcp):
            return self._handshake(step, packet)
        return step.then

    def _handshake(self, step: Step, packet: Packet) -> tuple[Next, ...]:
        """The asker acknowledges the SYN-ACK that it waits for; whoever listens takes note of the acknowledgement."""
        if packet.header.flags == "SA" and step.namespace == self.sender and packet.flow.reverse == self._asked():
            ack = Packet(packet.flow.reverse, Tcp("A"), ttl=self.ttl)
            return (Next(self.sender, "route_output", Skb(ack, mark=self.mark)),)
        if packet.header.flags == "S":  # a listener offers what it was offered
            self.waits = {one.skb.packet.flow.reverse for one in step.then}
            return tuple(
                replace(
                    one, skb=replace(one.skb, packet=replace(one.skb.packet, header=_as_offered(one.skb.packet.header)))
                )
                for one in step.then
            )
        taken = packet.header.flags == "A" and packet.flow in self.waits
        return () if taken or packet.header.flags == "RA" else step.then

    def _asked(self) -> Flow:
        """The sender's flow as its socket has it: the source chosen, nothing translated."""
        return self.sent if self.steps[0].stage != "route_output" else self.steps[0].skb.packet.flow

    def _delivered(self, proto: str) -> Iterator[Step]:
        for step in self.steps:
            packet = step.skb.packet
            if step.stage == "local_deliver" and step.end == "local" and packet.flow.proto == proto:
                yield step

    def _reply(self, step: Step) -> None:
        """A datagram back from the address and port that it was sent to, if that is an address one can send from."""
        flow = step.skb.packet.flow
        if self.world[step.namespace].fib.lookup(flow.dst).type not in ("local", "anycast"):
            return
        answer = Packet(flow.reverse, Udp(), b"answer")
        self._walk(Next(step.namespace, "route_output", Skb(answer)))

    def hang_up(self) -> None:
        """The asker resets the connection that it has, before the next packet; so does who answered, if it has not heard of it."""
        came = [(s.namespace, s.skb.packet) for s in self.steps if s.stage == "local_deliver"]
        reset = any(_flags(packet).startswith("R") for _, packet in came)
        asked = any(
            s.stage == "route_output" and s.namespace == self.sender and _flags(s.skb.packet) == "A" for s in self.steps
        )
        taken = [(at, packet.flow) for at, packet in came if _flags(packet) == "A" and packet.flow in self.waits]
        before, self.steps = self.steps, []
        self.memory.wait(LOOKED_AT)
        if asked and not reset:
            ends = Packet(self.sent, Tcp("RA"), ttl=self.ttl)
            self._walk(Next(self.sender, "route_output", Skb(ends, mark=self.mark)))
        heard = [
            (s.namespace, s.skb.packet.flow)
            for s in self.steps
            if s.stage == "local_deliver" and _flags(s.skb.packet).startswith("R")
        ]
        for at, flow in taken if not reset else ():
            if (at, flow) not in heard:
                self._walk(Next(at, "route_output", Skb(Packet(flow.reverse, Tcp("RA")))))
        self.steps = before


def _flags(packet: Packet) -> str:
    return packet.header.flags if isinstance(packet, Packet) and isinstance(packet.header, Tcp) else ""


def _as_offered(header: Tcp) -> Tcp:
    return replace(header, options=SYN_OPTIONS) if header.flags == "SA" else header
