"""`kubenet lab`: the same tables on the real kernel, in private namespaces that leave nothing behind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import msgspec

from ..errors import BadInput
from ..files import write_whole
from ..kube.model.cluster import cluster
from ..lab.comparison import Comparison, compare
from ..lab.real.run import run as run_it
from ..lab.real.script import shell
from ..lab.scenario.capture import Capture, load_capture, written
from ..lab.scenario.of_cluster import renamed
from ..lab.scenario.of_cluster import scenario as question_to
from ..lab.scenario.scenario import Scenario, load
from ..linux.packet.wire import frame_from
from ..views.story.pcap import write_pcapng


@click.group(short_help="The same packet on the real kernel.")
def command() -> None:
    """The same tables on the real kernel, in private namespaces that leave nothing behind."""


FROM = click.option("--from", "who", metavar="WHO", help="Of a cluster: pod/NAMESPACE/NAME, node/NAME or host/ADDRESS.")
TO = click.option("--to", "where", metavar="WHERE", help="Of a cluster: whom to ask, as in `kubenet trace`.")


@command.command(short_help="A scenario, or a question to a cluster, on this kernel.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@FROM
@TO
@click.option("--sport", default=40000, show_default=True, metavar="N", help="The sender's port.")
@click.option("--capture", metavar="OUT", help="Keep what the kernel did in a file.")
@click.option("--date", default="", metavar="DAY", help="The day to note in the capture.")
@click.option("--against", metavar="CAPTURE", help="Compare with a stored capture; the kernel is not asked.")
@click.option("--pcap", metavar="OUT.pcapng", help="Write the kernel's frames to a file that Wireshark reads.")
@click.option("--json", "as_json", is_flag=True, help="The answer as JSON.")
def run(
    files: tuple[str, ...],
    capture: str | None,
    date: str,
    against: str | None,
    pcap: str | None,
    as_json: bool,
    **asked: Any,
) -> int:
    """Builds the namespaces, sends the packet, captures every device, and shows model and kernel side by side.

    FILE is a scenario (data/scenarios/), or the manifests of a cluster with --from and --to.
    """
    if against and (capture or date):
        given = "--capture" if capture else "--date"
        raise BadInput(
            given, "it does not go together with --against", "leave one out: with --against no kernel is asked"
        )
    scenario = _scenario(files, **asked)
    heard = load_capture(Path(against), scenario) if against else run_it(scenario, date)
    if capture:
        write_whole(capture, written(heard).encode())
    if pcap:
        write_pcapng(pcap, _frames(heard))
    found = compare(scenario, heard)
    if as_json:
        click.echo(json.dumps(_row(heard, found), indent=1))
    else:
        _show(heard, found)
    return 0 if found.equal else 1


def _frames(heard: Capture) -> list[tuple[int, str, bytes, str, str]]:
    return [
        (n * 1000, f"{f.namespace}:{f.device}", bytes.fromhex(f.hex), "", f.direction)
        for n, f in enumerate(heard.frames)
    ]


@command.command(short_help="The commands that build it, to be read or typed.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
def script(files: tuple[str, ...]) -> None:
    """Prints the commands that build the namespaces of a scenario or a cluster, as a script that a person could type."""
    if _is_scenario(files):
        built = load(Path(files[0]))
    else:
        built = Scenario(files[0], "a cluster", renamed(cluster(files).world()), ())
    click.echo(shell(built), nl=False)


def _is_scenario(files: tuple[str, ...]) -> bool:
    if len(files) != 1 or not files[0].endswith(".json"):
        return False
    try:
        return '"kubenet_scenario"' in Path(files[0]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return True  # the scenario's reader says what is wrong with it


def _scenario(files: tuple[str, ...], who: str | None = None, where: str | None = None, sport: int = 40000) -> Scenario:
    if _is_scenario(files):
        for option, given in (("--from", who), ("--to", where)):
            if given:
                raise BadInput(
                    option, "a scenario says itself what is sent", "leave it out, or give a cluster's manifests"
                )
        return load(Path(files[0]))
    if not 0 <= sport <= 65535:
        raise BadInput("--sport", f"{sport} is not a port", "write a number from 0 to 65535")
    if not who or not where:
        raise BadInput(
            "", "nothing says who asks whom in this cluster", "write --from WHO --to WHERE, or name a scenario file"
        )
    return question_to(cluster(files), who, where, sport)


def _row(heard: Capture, found: Comparison) -> dict[str, Any]:
    def rows(frames: Any) -> list[dict[str, Any]]:
        return [{name: getattr(f, name) for name in ("namespace", "device", "direction", "hex")} for f in frames]

    differences = [msgspec.to_builtins(difference) | {"says": str(difference)} for difference in found.differences]
    return {
        "kernel": heard.kernel, "equal": found.equal, "differences": differences, "learned": list(found.learned),
        "masked": list(found.masked), "frames": rows(heard.frames), "model": {"frames": rows(found.model)},
        "told": msgspec.to_builtins(heard.told),
    }  # fmt: skip


def _show(heard: Capture, found: Comparison) -> None:
    """What passed each device on the kernel, with a mark where the model says otherwise."""
    wide = max((len(frame.namespace) + len(frame.device) for frame in heard.frames), default=8) + 1
    wrong = {difference.place for difference in found.differences}
    for frame in heard.frames:
        mark = "!" if frame.place in wrong else " "
        place = f"{frame.namespace} {frame.device}"
        click.echo(f"{mark} {place:<{wide}} {frame.direction:<3} {_text(frame.hex)}")
    for difference in found.differences:
        click.secho(f"! {difference}", bold=True)
    said = f"{len(heard.frames)} frames on Linux {heard.kernel}, {len(found.model)} of the model"
    click.secho(f"{said}: {'equal, byte for byte' if found.equal else 'NOT equal'}", bold=True)


def _text(data: str) -> str:
    try:
        return str(frame_from(bytes.fromhex(data)))
    except BadInput:
        return data
