"""`kubenet trace`: one packet through a cluster, every hop."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import click
import msgspec

from ..errors import BadInput
from ..kube.model.cluster import Cluster, cluster
from ..kube.proxy.modes import FOLLOWED
from ..kube.questions.ask import request
from ..linux.namespace.choices import Choices, Seeded, every
from ..linux.namespace.trace import Step, Trace
from ..linux.outcome import rounded
from ..linux.packet.packet import Neighbour, Packet, endpoint
from ..linux.verdicts import TraceVerdict, arrival, verdict, way_back, way_there
from .described import text_of


class Question(msgspec.Struct, forbid_unknown_fields=True):
    """One packet, as a line of a `--packets` file."""

    who: str = msgspec.field(name="from")
    where: str = msgspec.field(name="to")
    sport: int = 40000
    seed: int = 0


OPTIONS = (
    click.option("--from", "who", metavar="WHO", help="pod/NAMESPACE/NAME, node/NAME or host/ADDRESS."),
    click.option(
        "--to",
        "where",
        metavar="WHERE",
        help="ADDRESS:PORT[/udp], service/NAMESPACE/NAME:PORT or pod/NAMESPACE/NAME:PORT.",
    ),
    click.option("--sport", default=40000, show_default=True, metavar="N", help="The sender's port."),
    click.option("--seed", default=0, metavar="N", help="Draws what kernels draw at random."),
    click.option(
        "--proxy", default="", metavar="MODE", help="How kube-proxy works; as the files configure it, else iptables."
    ),
    click.option("--reply", is_flag=True, help="The way back as well."),
    click.option(
        "--outcomes", "all_outcomes", is_flag=True, help="Every outcome that chance allows, with its probability."
    ),
    click.option("--pcap", metavar="OUT.pcapng", help="Write all frames to a file that Wireshark reads."),
    click.option("--every", "every_step", is_flag=True, help="Every step, the questions for MAC addresses too."),
    click.option("--packets", metavar="FILE", help="Many packets: a JSON object a line, with from, to, sport, seed."),
    click.option("--json", "as_json", is_flag=True, help="The answer as JSON."),
)


def described(command: Callable[..., Any]) -> Callable[..., Any]:
    """All options of `kubenet trace`."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


@click.command(short_help="One packet through a cluster, every hop.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@described
def command(files: tuple[str, ...], **said: Any) -> int:
    """Follows one packet through a cluster, every hop: why it went there, and what became of it.

    FILE is what `kubectl get nodes,pods,services,endpointslices -A -o yaml` prints, or plain manifests; - is standard input.
    """
    _together(said)
    if said["proxy"] not in ("", *FOLLOWED):
        raise BadInput("--proxy", f"{said['proxy']!r} is not a mode that is modelled", f"write {' or '.join(FOLLOWED)}")
    built = cluster(files, said["proxy"])
    if built.mode not in FOLLOWED:
        right = f"write --proxy {' or --proxy '.join(FOLLOWED)} to follow the packet as that mode would lead it"
        raise BadInput("KubeProxyConfiguration: mode", f"{built.mode} is not a mode that is followed here", right)
    for notice in (*built.notices, *built.unanswered):
        click.echo(f"kubenet: {notice}", err=True)
    if said["packets"]:
        return _many(built, said["packets"])
    if not said["who"] or not said["where"]:
        raise BadInput("", "nothing says who asks whom", "write --from WHO --to WHERE, or --packets FILE")
    one = Question(said["who"], said["where"], said["sport"], said["seed"])
    if said["all_outcomes"]:
        return _outcomes(built, one, said["as_json"])
    found = _asked(built, one, Seeded(one.seed))
    if said["pcap"]:
        _pcap(found, said["pcap"])
    if said["as_json"]:
        click.echo(json.dumps(_row(found, said["reply"]), indent=1))
    else:
        _show(found if said["reply"] else way_there(found), said["every_step"], verdict(found))
    if found.hangs_on:
        return 3
    return 0 if verdict(found).name == "delivered" else 1


ALONE = {  # an option, and those that say nothing beside it
    "packets": {"who": "--from", "where": "--to", "reply": "--reply", "all_outcomes": "--outcomes", "pcap": "--pcap"},
    "all_outcomes": {"reply": "--reply", "pcap": "--pcap", "every_step": "--every"},
}


def _together(said: dict[str, Any]) -> None:
    """Raises BadInput for options of which one would be passed over, and for a port that is none."""
    for one, others in ALONE.items():
        name = {"packets": "--packets", "all_outcomes": "--outcomes"}[one]
        for other, spelled in others.items():
            if said[one] and said[other]:
                raise BadInput(spelled, f"it does not go together with {name}", "leave one of the two out")
    if not 0 <= said["sport"] <= 65535:
        raise BadInput("--sport", f"{said['sport']} is not a port", "write a number from 0 to 65535")


def _asked(built: Cluster, one: Question, choices: Choices) -> Trace:
    return request(built, one.who, one.where, one.sport, choices=choices)


def _many(built: Cluster, name: str) -> int:
    lines = [(f"{name}:{n}", line) for n, line in enumerate(text_of(name).split("\n"), 1) if line.strip()]
    asked = []
    for where, line in lines:
        try:
            asked.append(msgspec.json.decode(line.encode(), type=Question))
            if not 0 <= asked[-1].sport <= 65535:
                raise BadInput(where, f"sport {asked[-1].sport} is not a port", "write a number from 0 to 65535")
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise BadInput(
                where, str(error), 'write {"from": "pod/default/client", "to": "service/default/web:80"}'
            ) from None
    for one in asked:
        click.echo(json.dumps(_row(_asked(built, one, Seeded(one.seed)), reply=False)))
    return 0


def _outcomes(built: Cluster, one: Question, as_json: bool) -> int:
    """Every outcome, alike ones together."""
    chances: dict[tuple[str, str, str], float] = {}
    for share, found in every(lambda choices: _asked(built, one, choices), one.seed):
        said = verdict(found)
        key = (said.name, _server(found, said), said.seen_from)
        chances[key] = chances.get(key, 0.0) + share
    shares = rounded(list(chances.values()))
    names = ("verdict", "delivered_to", "seen_from")
    rows = [dict(zip(names, key, strict=True)) | {"probability": p} for key, p in zip(chances, shares, strict=True)]
    if as_json:
        click.echo(json.dumps({"outcomes": rows}, indent=1))
    else:
        for row in rows:
            to = f" to {row['delivered_to']}, which sees {row['seen_from']}" if row["delivered_to"] else ""
            click.echo(f"{row['probability']:.4f}  {row['verdict']}{to}")
    return 0 if any(row["verdict"] == "delivered" for row in rows) else 1


def _server(found: Trace, said: TraceVerdict) -> str:
    if said.name != "delivered":
        return ""
    flow = found.steps[arrival(found)].skb.packet.flow
    return endpoint(flow.dst, flow.dport)


def _row(found: Trace, reply: bool) -> dict[str, Any]:
    from ..linux.packet.wire import frame_bytes

    def part(trace: Trace) -> dict[str, Any]:
        frames = [
            {"namespace": ns, "device": dev, "direction": way, "hex": frame_bytes(frame).hex()}
            for ns, dev, way, frame in trace.frames
        ]
        return {"steps": [step_row(step) for step in trace.steps], "frames": frames}

    said = verdict(found)
    there = {"verdict": said.name, "delivered_to": _server(found, said), "delivered_in": said.delivered_to}
    certain = {
        "certain": not found.hangs_on,
        "hangs_on": [{"line": r.rule.line, "text": r.text} for r in found.hangs_on],
    }
    row = there | {"seen_from": said.seen_from} | certain | part(way_there(found))
    if reply:
        back = way_back(found)
        name = verdict(back).name if back.steps else "timeout"
        row["reply"] = {"verdict": name} | part(back)
    return row


def step_row(step: Step) -> dict[str, Any]:
    dev = step.skb.dev_in if step.stage in ("netif_receive_skb", "ip_rcv") else step.skb.dev_out or step.skb.dev_in
    row: dict[str, Any] = {
        "namespace": step.namespace,
        "stage": step.stage,
        "device": dev,
        "said": step.said,
        "why": [str(why) for why in step.why],
    }
    if isinstance(step.skb.packet, Packet):
        flow = step.skb.packet.flow
        row["packet"] = {
            "src": flow.src, "sport": flow.sport, "dst": flow.dst, "dport": flow.dport,
            "proto": flow.proto, "ttl": step.skb.packet.ttl,
        }  # fmt: skip
    return row


def _show(trace: Trace, every_step: bool, said: TraceVerdict) -> None:
    """A line for each step that says something, and the verdict."""
    for row in trace.hangs_on:
        click.echo(f"not certain: it hangs on a rule that was not understood: {row.text}")
    wide = max(len(step.namespace) for step in trace.steps)
    for step in trace.steps:
        about_macs = not isinstance(step.skb.packet, Packet) or isinstance(step.skb.packet.payload, Neighbour)
        if every_step or (step.said and not about_macs):
            ends = click.style(f"  [{step.end}]", bold=True) if step.end else ""
            click.echo(f"{step.namespace:<{wide}}  {click.style(f'{step.stage:<24}', dim=True)}  {step.said}{ends}")
    click.secho(str(said), bold=True)


def _pcap(found: Trace, out: str) -> None:
    from ..linux.packet.wire import frame_bytes
    from ..views.story.pcap import write_pcapng

    framed = [step for step in found.steps if step.frame is not None]
    rows = [
        (number * 1000, f"{step.namespace}:{dev}", frame_bytes(frame), step.said, way)
        for number, (step, (_, dev, way, frame)) in enumerate(zip(framed, found.frames, strict=True))
    ]
    write_pcapng(out, rows)
