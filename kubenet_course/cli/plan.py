"""`kubenet plan`: which block each node gets, from the flags of a real kube-controller-manager."""

from collections import deque
from contextlib import suppress
from ipaddress import ip_network
from typing import Any

import click
import msgspec

from ..errors import BadInput
from ..kube.manifest.yaml_text import documents_of
from ..kube.nodeipam.command_line import PROGRAM, SWITCHES, addressing, does_not_matter, of_pod
from ..kube.nodeipam.kcm_flags import MEANING, ControllerExit, Flags, configured, default_of, parse_flags
from ..kube.nodeipam.node_ipam import Capacity, capacity
from ..kube.nodeipam.node_world import SETTLE, NodeWorld
from .described import text_of
from .output import FORM_HELP, FORMS, dumped, form

OPERATIONS = {
    "--node": "NAME, or with --node NAME=CIDR or NAME=CIDR,CIDR",
    "--delete": "the NAME of a node",
    "--restart": "--restart alone",
    "--nodes": "how many nodes, such as --nodes 3, at most 99999",
}
LONGEST = 86_400  # seconds after each operation: a day
Story = list[tuple[str, str]]


class InOrder(click.Command):
    """Reads the manager's flags as the manager does, and keeps --node, --delete, --restart, --nodes in their order."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        story: Story = []
        flags: list[str] = []
        rest: list[str] = []
        ahead = deque(args)
        while ahead and ahead[0] != "--":
            argument = ahead.popleft()
            name, equals, text = argument.partition("=")
            flag = name.replace("_", "-")  # the manager takes both spellings
            if name == "--restart" and not equals:
                story.append((name, ""))
            elif name in OPERATIONS:
                story.append((name, text if equals else _next(name, ahead, OPERATIONS[name])))
            elif flag.startswith("--") and does_not_matter(flag[2:]) and flag not in ("--help", "--version"):
                if not equals and flag[2:] not in SWITCHES:
                    _next(flag, ahead, f"a value, as in {flag}=VALUE")
            elif argument.rpartition("/")[2] == PROGRAM:
                continue
            elif not flag.startswith("--") and argument.endswith((".yaml", ".yml", ".json")):
                flags += _of_manifest(argument)
            elif not flag.startswith("--") or flag[2:] not in MEANING:
                rest.append(argument)
            elif equals:
                flags.append(f"{flag}={text}")
            elif isinstance(default_of(flag[2:]), bool):
                flags.append(flag)
                if ahead and not ahead[0].startswith("-"):
                    raise BadInput(flag, f"{ahead[0]!r} stands apart from it", f"{flag}={ahead[0]}, in one word")
            else:
                flags.append(f"{flag}={_next(flag, ahead, f'a value, as in {flag}=VALUE')}")
        ctx.meta.update(story=story, flags=flags)
        return super().parse_args(ctx, [*rest, *ahead])


def _of_manifest(name: str) -> list[str]:
    """The flags in the manifest of the manager's static pod."""
    found = [pod for _, pod in documents_of(name, text_of(name).encode())]
    return list(addressing(of_pod(found[0] if found else {}, name)))


def _next(name: str, ahead: deque[str], right: str) -> str:
    """The word behind an option; the name of another option is none."""
    if not ahead or ahead[0].startswith("--"):
        raise BadInput(name, "nothing follows it", right)
    return ahead.popleft()


def _flag(name: str) -> click.Option:
    default = default_of(name)
    metavar = {bool: "BOOL", int: "INT", str: "TEXT"}[type(default)]
    shown = str(default).lower() if isinstance(default, bool) else default or "none"
    return _told(f"--{name}", metavar, f"{MEANING[name]} [default: {shown}]")


def _told(name: str, metavar: str | None, help_text: str) -> click.Option:
    return click.Option([name], metavar=metavar, help=help_text, is_flag=metavar is None, expose_value=False)


def plan(output: str | None, as_json: bool, settle: str) -> None:
    """Which block each node gets, as kube-controller-manager 1.36 gives them.

    Flags have the manager's own names, defaults and refusals. A whole command line may be pasted, or the manifest of the static
    pod named (kube-controller-manager.yaml): flags that say nothing about addresses are passed over. Nodes come and go in the
    order of the options: `--node n1 --node n2=10.244.7.0/24 --delete n1 --restart --node n3`.
    """
    wanted = form(output, as_json)
    told = click.get_current_context().meta
    flags, story = parse_flags(told["flags"]), _single(told["story"])
    world = NodeWorld(flags, _microseconds(settle))
    world.start()
    steps = [_step(world, *line) for line in story]
    fits = _capacity(world.flags)
    answer = {
        "nodes": [{"name": name, "podCIDRs": list(cidrs)} for name, cidrs in world.nodes.items()],
        "events": msgspec.to_builtins(world.events),
        "capacity": msgspec.to_builtins(fits),
        "error": world.error,
        "steps": steps,
    }
    if wanted in ("json", "yaml"):
        click.echo(dumped(answer, wanted))
    elif wanted == "name":
        click.echo("\n".join(f"node/{name}" for name in world.nodes))
    else:
        click.echo("\n".join(_lines(world, steps, fits, wanted == "wide")))
    if world.error or world.waiting or any(step.get("api_error") for step in steps):
        click.get_current_context().exit(1)


def _microseconds(text: str) -> int:
    with suppress(ValueError):
        if 0 <= float(text) <= LONGEST:
            return round(float(text) * 1_000_000)
    raise BadInput("--settle", f"{text!r} is not what it takes", f"seconds, from 0 to {LONGEST}")


def _single(story: Story) -> Story:
    """A line for each node: --nodes N is N of them, named from where the last --nodes stopped."""
    lines: Story = []
    so_far = 0
    for name, text in story:
        if not _makes_sense(name, text):
            raise BadInput(name, f"{text!r} is not what it takes" if text else "nothing follows it", OPERATIONS[name])
        if name != "--nodes":
            lines.append((name, text))
            continue
        lines += [("--node", f"node-{number}") for number in range(so_far + 1, so_far + int(text) + 1)]
        so_far += int(text)
    return lines


def _makes_sense(operation: str, text: str) -> bool:
    if operation == "--restart":
        return not text
    if operation == "--nodes":
        return text.isascii() and text.isdecimal() and len(text) < 6
    name, equals, cidrs = text.partition("=")
    return bool(name and (not equals or (cidrs and operation == "--node")))


def _step(world: NodeWorld, operation: str, text: str) -> dict[str, Any]:
    """One operation done, and what became of it. The names of operations are those of the reference captures."""
    if operation == "--restart":
        world.start()
        return {"op": "restart-controller", "error": world.error}
    name, equals, cidrs = text.partition("=")
    if operation == "--delete":
        return {"op": "delete-node", "node": name, "api_error": world.delete(name) or None}
    given = cidrs.split(",") if equals else None
    refusal = world.create(name, tuple(given or ()))
    has = [] if refusal else list(world.nodes[name])
    return {"op": "create-node", "node": name, "given": given, "api_error": refusal or None, "podCIDRs": has}


def _capacity(flags: Flags) -> Capacity | None:
    try:
        configuration = configured(flags)
        return capacity(configuration) if configuration else None
    except ControllerExit:
        return None


def _lines(world: NodeWorld, steps: list[dict[str, Any]], fits: Capacity | None, is_wide: bool = False) -> list[str]:
    """The plan for a person: a row a node, then what was said. In wide rows each block says which addresses it has."""
    longest = max((len(name) for name in world.nodes), default=4)
    said = {name: [_spanned(one) for one in cidrs] if is_wide else cidrs for name, cidrs in world.nodes.items()}
    lines = [f"{name:<{longest}}  {'  '.join(cidrs) or '(no block)'}" for name, cidrs in said.items()]
    lines += [f"refused by the API server: {step['api_error']}" for step in steps if step.get("api_error")]
    lines += [f"event: {event.type} {event.reason} ({event.count}x): {event.message}" for event in world.events]
    lines += [f"waiting: {name}: {failed.message}" for name, failed in world.waiting.items()]
    if not world.flags.allocate_node_cidrs and not world.error:
        lines.append("--allocate-node-cidrs is false, its default: no controller runs, no node gets a block")
    if fits:
        room = f"{fits.nodes} nodes, {fits.addresses_per_node} addresses a node, {fits.pods_per_node} pods a node"
        lines.append(f"capacity: {room}")
    if world.error:
        lines.append(f"kube-controller-manager exits: {world.error}")
    return lines


def _spanned(cidr: str) -> str:
    block = ip_network(cidr)
    return f"{cidr} ({block[0]} to {block[-1]})"


command = InOrder(
    "plan",
    callback=plan,
    short_help="Which block each node gets.",
    help=plan.__doc__,
    params=[
        *(_flag(name) for name in MEANING),
        _told("--nodes", "N", "N nodes, node-1 to node-N."),
        _told("--node", "NAME[=CIDR[,CIDR]]", "A node registers, perhaps with podCIDRs of its own. May repeat."),
        _told("--delete", "NAME", "A node is deleted. May repeat."),
        _told("--restart", None, "The controller is stopped and started. May repeat."),
        click.Option(
            ["--settle"],
            default=f"{SETTLE / 1e6:g}",
            metavar="SECONDS",
            show_default=True,
            help="How long the world is left alone after each operation; retries happen meanwhile.",
        ),
        click.Option(["-o", "--output"], type=click.Choice(FORMS), help=FORM_HELP),
        click.Option(["--json", "as_json"], is_flag=True, help="The same as -o json."),
    ],
)
