"""`kubenet rules trace`: a packet through the real rules of one machine, read from iptables-save dumps."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import click
import msgspec

from ..errors import BadInput
from ..linux.netfilter.iptables.words import protocol
from ..linux.netfilter.rules import rule_text
from ..linux.outcome import Doubt, Outcome, rounded
from ..linux.packet.address import IPV6, Address, address, family
from ..linux.packet.packet import ECHO, Flow, Icmp, Other, Packet, Tcp, Udp
from .described import Described, described, text_of
from .dumps import Dumps
from .dumps import dumps as read_all
from .machine import describes_machine, mark_of
from .possible import Possible

Files = Mapping[tuple[int, str], str]  # the dump that each table is from, by family and table
Strange = list[dict[str, Any]]  # lines that were not understood: file, line, text


class Question(msgspec.Struct, forbid_unknown_fields=True):
    """One packet as it is asked for: on the command line, or as a line of a `--packets` file."""

    dst: str
    src: str = ""
    proto: str = "tcp"
    dport: int = 0
    sport: int = 40000
    dev: str = msgspec.field(default="", name="in")
    mark: int | str = 0


PACKET = (
    click.option(
        "-s",
        "--src",
        metavar="ADDR",
        help="The sender; this machine's own choice where nothing is said and --in is absent.",
    ),
    click.option("-d", "--dst", metavar="ADDR", help="The destination."),
    click.option("-p", "--proto", default="tcp", show_default=True, metavar="P", help="tcp, udp, icmp or another."),
    click.option("--dport", type=int, default=0, metavar="N"),
    click.option("--sport", type=int, default=40000, show_default=True, metavar="N"),
    click.option(
        "-i",
        "--in",
        "dev",
        default="",
        metavar="DEV",
        help="The device it comes in by; without it this machine sends it.",
    ),
    click.option("--mark", default="0", metavar="N", help="The packet's mark, decimal or 0x."),
    click.option("--seed", default=0, metavar="N", help="Draws ports that the kernel draws at random."),
    click.option("--packets", metavar="FILE", help="Many packets: a JSON object a line, with the options' names."),
)


def describes_packet(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say which packet is meant."""
    for option in reversed(PACKET):
        command = option(command)
    return command


@click.group()
def command() -> None:
    """The rules of one machine, as iptables-save and nft list ruleset print them."""


@command.command(short_help="A packet through dumps of iptables-save and nft.")
@click.argument("dumps", nargs=-1, required=True, metavar="DUMP...")
@describes_machine
@describes_packet
@click.option("--json", "as_json", is_flag=True, help="The answer as JSON.")
def trace(dumps: tuple[str, ...], packets: str | None, as_json: bool, seed: int, **given: Any) -> int:
    """Follows a packet through the rules of one machine: every outcome that chance allows, and every rule on the way.

    DUMP is what iptables-save, ip6tables-save or nft list ruleset (text or -j) printed; - is standard input.
    Beside them: ipset save or list. Several dumps may stand in one file, as they were pasted.

    Lines that the model cannot act out are listed. An
    outcome that hangs on one of them is not certain: both ways are followed, and the exit code is 3.
    """
    read = read_all(dumps)
    this = described(given)
    if packets:
        return _many(read, this, given, packets, seed)
    if not given["dst"]:
        raise BadInput("--dst", "nothing says where the packet goes", "write --dst ADDR, or --packets FILE")
    given["src"] = given["src"] or ""
    question = Question(**{word: given[word] for word in Question.__struct_fields__})
    packet, mark = asked(question, ""), mark_of(question.mark, "--mark")
    found = Possible(read, this, given["sysctls"], [question.dev]).outcomes(packet, question.dev, mark, seed)
    strange = read.strange + list(this.strange)
    _say(read, this)
    if as_json:
        click.echo(json.dumps(_rows(found, read.files, strange), indent=1))
    else:
        _show(found, read.files, strange)
    return code_of(found)


def _say(read: Dumps, this: Described) -> None:
    """What a person should know of how dumps and routes were taken."""
    for line in (*read.said, *this.said):
        click.echo(f"kubenet: {line}", err=True)


def code_of(found: tuple[Outcome, ...]) -> int:
    """3: not certain; 0: it arrives or goes on, at least by chance; 1: it does not."""
    if not all(one.certain for one in found):
        return 3
    return 0 if any(one.end in ("local", "forwarded") for one in found) else 1


def _many(
    read: Dumps,
    this: Described,
    given: dict[str, Any],
    packets: str,
    seed: int,
) -> int:
    """One answer a line. Every question is checked before the first is answered."""
    lines = [(f"{packets}:{n}", line) for n, line in enumerate(text_of(packets).split("\n"), 1) if line.strip()]
    questions = [(_question(line, where), where) for where, line in lines]
    checked = [(asked(question, where), question.dev, mark_of(question.mark, where)) for question, where in questions]
    asked_of = Possible(read, this, given["sysctls"], [dev for _, dev, _ in checked])
    strange = read.strange + list(this.strange)
    _say(read, this)
    for packet, dev, mark in checked:
        click.echo(json.dumps(_rows(asked_of.outcomes(packet, dev, mark, seed), read.files, strange)))
    return 0


def _question(line: str, where: str) -> Question:
    """A line of a file; what is null is not said."""
    try:
        said = msgspec.json.decode(line.encode(), type=dict[str, Any])
        return msgspec.convert({name: value for name, value in said.items() if value is not None}, Question)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        right = 'write an object like {"src": "10.244.1.10", "dst": "10.96.0.10", "proto": "tcp", "dport": 80}'
        raise BadInput(where, str(error), right) from None


def asked(question: Question, where: str) -> Packet:
    """The packet that a question describes, checked."""
    dst = address(question.dst, f"{where}--dst" if not where else f"{where}: dst")
    src = address(question.src, f"{where}--src" if not where else f"{where}: src") if question.src else family(dst).any
    if family(src) is not family(dst):
        raise BadInput(where or "--src", f"{src} and {dst} are of two families", "both must be IPv4 or both IPv6")
    if question.dev and not question.src:
        raise BadInput(where or "--src", f"a packet that comes in by {question.dev} has a sender", "write --src ADDR")
    for name, port in (("dport", question.dport), ("sport", question.sport)):
        if not 0 <= port <= 65535:
            raise BadInput(where or f"--{name}", f"{port} is not a port", "write a number from 0 to 65535")
    return _packet(question, src, dst)


def _packet(question: Question, src: Address, dst: Address) -> Packet:
    proto = protocol(question.proto)
    if proto == "icmp" and family(dst) is IPV6:
        proto = "ipv6-icmp"
    if proto in ECHO:
        return Packet(Flow(proto, src, question.sport, dst, question.dport or ECHO[proto] << 8), Icmp(1))
    headers: dict[str, Tcp | Udp] = {"tcp": Tcp("S"), "udp": Udp()}
    header = headers.get(proto)
    if header is None:
        return Packet(Flow(proto, src, 0, dst, 0), Other())
    return Packet(Flow(proto, src, question.sport, dst, question.dport), header)


def _rows(found: tuple[Outcome, ...], files: Files, strange: Strange) -> dict[str, Any]:
    shares = rounded([one.probability for one in found])
    rows = [_row(one, share, files) for one, share in zip(found, shares, strict=True)]
    hangs_on: Strange = []
    hangs_on.extend(line for row in rows for line in row["hangs_on"] if line not in hangs_on)
    certain = all(one.certain for one in found)
    return {"outcomes": rows, "certain": certain, "hangs_on": hangs_on, "not_understood": strange}


def _lines(one: Outcome, files: Files) -> Strange:
    """The lines that an outcome hangs on."""
    of = family(one.skb.packet.flow.dst).number
    found: Strange = []
    for row in one.hangs_on:
        if isinstance(row, Doubt):
            found.append({"file": row.file, "line": row.line, "text": row.text})
        elif row.rule:
            found.append({"file": files.get((of, row.table), ""), "line": row.rule.line, "text": row.rule.text})
    return found


def _row(one: Outcome, share: float, files: Files) -> dict[str, Any]:
    flow = one.skb.packet.flow
    out = one.skb.dev_out if one.end == "forwarded" else None
    rules = [{"table": r.table, "chain": r.chain, "number": r.number, "text": _line(r)} for r in one.rules]
    return {
        "verdict": one.end, "src": flow.src, "sport": flow.sport, "dst": flow.dst, "dport": flow.dport,
        "out": out, "mark": one.skb.mark, "probability": share, "rules": rules,
        "certain": one.certain, "hangs_on": _lines(one, files),
    }  # fmt: skip


def _line(row: Any) -> str:
    return rule_text(row.chain, row.rule)


def _show(found: tuple[Outcome, ...], files: Files, strange: Strange) -> None:
    """The same for a person: each outcome, its chance, and the rules that led there. What hangs on a line of
    which nobody knows the answer has no known chance: the line stands beside it instead."""
    shares = rounded([one.probability for one in found])
    if not all(one.certain for one in found):
        click.echo(
            "not certain: what becomes of the packet hangs on rules of which nobody knows the answer; all ways are followed"
        )
    for one, share in zip(found, shares, strict=True):
        mark = f", mark {one.skb.mark:#x}" if one.skb.mark else ""
        how = f"{share:.4f} " if one.certain else "not certain:"
        click.secho(f"{how} {one.end}: {one.trace.last.said}{mark}", bold=True)
        for line in _lines(one, files):
            click.echo(f"        it hangs on line {line['line']}: {line['text']}")
        for row in one.rules:
            click.echo(f"        {row.table:<7} {row.number:>4}  {_line(row)}")
    for line in strange:
        click.echo(f"not understood: {line['file']}:{line['line']}: {line['text']}", err=True)
