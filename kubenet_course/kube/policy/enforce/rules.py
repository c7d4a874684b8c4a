"""A program of policies as text that the kernel's own tools load: `ipset restore` and `iptables-restore`, or `nft -f`."""

from collections.abc import Iterator

from ....linux.packet.address import FAMILIES, Prefix, spelled
from ..pairs.classes import span
from .program import Addresses, Chain, Line, Program

TOP = "KUBE-POLICY"
KNOWN = "a connection that is known"


def ipset_text(program: Program) -> str:
    """Sets of networks; `nomatch` takes a smaller block out of a larger one. A zero length is not allowed: two halves."""
    family = "inet6" if program.family == 6 else "inet"
    lines = []
    for name, members in sorted(program.sets.items()):
        lines.append(f"create {name} hash:net family {family} -exist")
        lines.append(f"flush {name}")
        lines += [f"add {name} {part} -exist" for block in members.blocks for part in _halves(block)]
        lines += [f"add {name} {part} nomatch -exist" for block in members.excluded for part in _halves(block)]
    return "".join(f"{line}\n" for line in lines)


def _halves(block: Prefix) -> list[str]:
    if block.length:
        return [str(block)]
    return [f"{spelled(half << (block.family.bits - 1), block.family)}/1" for half in (0, 1)]


def iptables_text(program: Program) -> str:
    """The filter table as iptables-restore --noflush takes it: our own chains, and a jump to them before all other rules."""
    declared, rules = [TOP], []
    rules.append(f'-A {TOP} -m conntrack --ctstate RELATED,ESTABLISHED -m comment --comment "{KNOWN}" -j ACCEPT')
    for chain in sorted(program.chains, key=lambda one: one.direction):  # egress before ingress
        side = "-s" if chain.direction == "egress" else "-d"
        rules.append(f'-A {TOP} {side} {chain.address} -m comment --comment "{chain.pod}" -j {chain.name}')
    for chain in program.chains:
        declared += [chain.name] if not chain.admin else [chain.name, chain.next]
        last = chain.next if chain.admin else chain.name
        rules += [f"-A {chain.name} {_iptables(chain, line)}" for line in chain.admin]
        rules += [f"-A {chain.name} -g {chain.next}"] if chain.admin else []
        rules += [f"-A {last} {_iptables(chain, line)}" for line in chain.rest]
    heads = [f":{name} - [0:0]" for name in declared]
    return "\n".join(["*filter", *heads, f"-I FORWARD 1 -j {TOP}", *rules, "COMMIT", ""])


def _iptables(chain: Chain, line: Line) -> str:
    parts = []
    if line.peers is not None and not _is_everybody(line.peers):
        parts.append(f"-m set --match-set {line.peers.name} {'dst' if chain.direction == 'egress' else 'src'}")
    if line.ports is not None:
        protocol = line.ports.protocol.lower()
        parts.append(f"-p {protocol} -m {protocol}{dport(line)}")
    parts.append(f'-m comment --comment "{line.comment}"')
    parts.append({"return": "-j RETURN", "drop": "-j DROP", "next": f"-g {chain.next}"}[line.verdict])
    return " ".join(parts)


def _is_everybody(members: Addresses) -> bool:
    return not members.excluded and any(block.length == 0 for block in members.blocks)


def dport(line: Line) -> str:
    ports = line.ports
    if ports is None or (ports.first, ports.last) == (0, 65535):
        return ""
    return f" --dport {ports.first}" + (f":{ports.last}" if ports.last > ports.first else "")


def nft_text(programs: list[Program]) -> str:
    """One table for both families, made anew: what was in it before is gone when this is loaded, at one stroke."""
    sets = [line for program in programs for line in _nft_sets(program)]
    jumps = {"egress": [], "ingress": []}  # type: dict[str, list[str]]
    chains: list[str] = []
    for program in programs:
        word = "ip6" if program.family == 6 else "ip"
        for chain in program.chains:
            side = "saddr" if chain.direction == "egress" else "daddr"
            jumps[chain.direction].append(
                f'        {word} {side} {chain.address} jump {chain.name} comment "{_short(str(chain.pod))}"'
            )
            chains += _nft_chain(chain, word)
    head = ["table inet kube-policy", "delete table inet kube-policy", "table inet kube-policy {", *sets]
    hook = [
        "    chain forward {",
        "        type filter hook forward priority filter; policy accept;",
        f'        ct state established,related accept comment "{KNOWN}"',
        *jumps["egress"],
        *jumps["ingress"],
        "    }",
    ]
    return "\n".join([*head, *chains, *hook, "}", ""])


def _nft_sets(program: Program) -> Iterator[str]:
    kind = "ipv6_addr" if program.family == 6 else "ipv4_addr"
    for name, members in sorted(program.sets.items()):
        ranges = [_range(low, high, program.family) for low, high in without(members)]
        if ranges:
            yield f"    set {name} {{"
            yield f"        type {kind}"
            yield "        flags interval"
            yield f"        elements = {{ {', '.join(ranges)} }}"
            yield "    }"


def without(members: Addresses) -> list[tuple[int, int]]:
    """The addresses as runs, first and last, in order: what is excluded is cut out, neighbours are joined."""
    runs = sorted((block.network, block.network + span(block) - 1) for block in members.blocks)
    for block in members.excluded:
        low, high = block.network, block.network + span(block) - 1
        cut = [((a, min(b, low - 1)), (max(a, high + 1), b)) for a, b in runs]
        runs = sorted(run for pair in cut for run in pair if run[0] <= run[1])
    joined: list[tuple[int, int]] = []
    for low, high in runs:
        if joined and low <= joined[-1][1] + 1:
            joined[-1] = joined[-1][0], max(high, joined[-1][1])
        else:
            joined.append((low, high))
    return joined


def _range(low: int, high: int, family: int) -> str:
    of = FAMILIES[family]
    return spelled(low, of) if low == high else f"{spelled(low, of)}-{spelled(high, of)}"


def _nft_chain(chain: Chain, word: str) -> list[str]:
    rest = [f"        {_nft(chain, line, word)}" for line in chain.rest if _can_fit(line)]
    if not chain.admin:
        return [f"    chain {chain.name} {{", *rest, "    }"]
    admin = [f"        {_nft(chain, line, word)}" for line in chain.admin if _can_fit(line)]
    goes = [f"        goto {chain.next}"]
    return [f"    chain {chain.next} {{", *rest, "    }", f"    chain {chain.name} {{", *admin, *goes, "    }"]


def _can_fit(line: Line) -> bool:
    return line.peers is None or bool(without(line.peers))


def _nft(chain: Chain, line: Line, word: str) -> str:
    parts = []
    if line.peers is not None and not _is_everybody(line.peers):
        parts.append(f"{word} {'daddr' if chain.direction == 'egress' else 'saddr'} @{line.peers.name}")
    if line.ports is not None:
        ports, protocol = line.ports, line.ports.protocol.lower()
        last = f"-{ports.last}" if ports.last > ports.first else ""
        every = (ports.first, ports.last) == (0, 65535)
        parts.append(f"meta l4proto {protocol}" if every else f"{protocol} dport {ports.first}{last}")
    parts.append({"return": "return", "drop": "drop", "next": f"goto {chain.next}"}[line.verdict])
    return f'{" ".join(parts)} comment "{_short(line.comment)}"'


def _short(text: str) -> str:
    """nft takes at most 128 characters of comment."""
    return text if len(text) <= 120 else f"{text[:117]}..."
