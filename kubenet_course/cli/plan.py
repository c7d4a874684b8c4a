"""`kubenet plan`: which block each node gets, from the flags of a real kube-controller-manager."""

import json
from typing import Any, NoReturn

import click
import msgspec

from ..errors import BadInput
from ..kube.kcm_flags import MEANING, ControllerExit, Flags, configured, value_of
from ..kube.node_ipam import Capacity, capacity
from ..kube.node_world import SETTLE, World

OPERATIONS = ("--node", "--delete", "--restart", "--nodes")
Story = list[tuple[str, str]]


class InOrder(click.Command):
    """A command whose --node, --delete, --restart and --nodes are a story: told in the order in which they stand."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        story: Story = []
        rest: list[str] = []
        waiting = iter(args)
        for argument in waiting:
            name, equals, text = argument.partition("=")
            if name not in OPERATIONS:
                rest.append(_spelled(argument))
                continue
            if name == "--restart":
                if equals:
                    raise BadInput("--restart", f"{text!r} says nothing here", "--restart alone")
            elif not equals:
                text = next(waiting, "")
            story.append((name, text))
        ctx.meta["story"] = story
        return super().parse_args(ctx, rest)


def _spelled(argument: str) -> str:
    """The manager takes underscores for hyphens in a flag's name."""
    name, equals, text = argument.partition("=")
    hyphens = name.replace("_", "-")
    return f"{hyphens}{equals}{text}" if hyphens.removeprefix("--") in MEANING else argument


def _flag(name: str) -> click.Option:
    default = getattr(Flags(), name.replace("-", "_"))
    shown = f"{MEANING[name]} [default: {str(default).lower() if isinstance(default, bool) else default or 'none'}]"
    if isinstance(default, bool):
        return click.Option([f"--{name}"], is_flag=False, flag_value="true", metavar="BOOL", help=shown)
    return click.Option([f"--{name}"], metavar="TEXT" if isinstance(default, str) else "INT", help=shown)


def _told(name: str, metavar: str | None, help_text: str) -> click.Option:
    return click.Option([name], metavar=metavar, help=help_text, is_flag=metavar is None, expose_value=False)


def plan(as_json: bool, settle: float, **given: str | None) -> None:
    """Which block each node gets, as kube-controller-manager 1.36 gives them.

    Flags have the manager's own names, defaults and refusals. Nodes come and go in the order of the options:
    `--node n1 --node n2=10.244.7.0/24 --delete n1 --restart --node n3`.
    """
    values = {name: value_of(name.replace("_", "-"), text) for name, text in given.items() if text is not None}
    if settle < 0:
        raise BadInput("--settle", f"{settle:g} seconds cannot pass", "0 or more")
    world = World(Flags(**values), round(settle * 1_000_000))  # type: ignore[arg-type]
    world.start()
    steps = [_step(world, *line) for line in _single(click.get_current_context().meta["story"])]
    fits = _capacity(world.flags)
    answer = {
        "nodes": [{"name": name, "podCIDRs": list(cidrs)} for name, cidrs in world.nodes.items()],
        "events": msgspec.to_builtins(world.events),
        "capacity": msgspec.to_builtins(fits),
        "error": world.error,
        "steps": steps,
    }
    click.echo(json.dumps(answer, indent=1) if as_json else "\n".join(_lines(world, steps, fits)))
    if world.error or world.waiting or any(step.get("api_error") for step in steps):
        click.get_current_context().exit(1)


def _single(story: Story) -> Story:
    """--nodes N is N nodes, named from where the last --nodes stopped."""
    lines: Story = []
    so_far = 0
    for name, text in story:
        if name != "--nodes":
            lines.append((name, text))
            continue
        if not text.isdecimal():
            _missing(name, text, "how many nodes, such as --nodes 3")
        lines += [("--node", f"node-{number}") for number in range(so_far + 1, so_far + int(text) + 1)]
        so_far += int(text)
    return lines


def _step(world: World, operation: str, text: str) -> dict[str, Any]:
    """One operation done, and what became of it. The names of operations are those of the reference captures."""
    if operation == "--restart":
        world.start()
        return {"op": "restart-controller", "error": world.error}
    name, equals, cidrs = text.partition("=")
    if not name or (equals and not cidrs):
        _missing(operation, text, "NAME, or with --node NAME=CIDR or NAME=CIDR,CIDR")
    if operation == "--delete":
        return {"op": "delete-node", "node": name, "api_error": world.delete(name) or None}
    refusal = world.create(name, tuple(cidrs.split(",")) if equals else ())
    given = cidrs.split(",") if equals else None
    has = [] if refusal else list(world.nodes[name])
    return {"op": "create-node", "node": name, "given": given, "api_error": refusal or None, "podCIDRs": has}


def _missing(operation: str, text: str, right: str) -> NoReturn:
    raise BadInput(operation, f"{text!r} names nothing" if text else "nothing follows it", right)


def _capacity(flags: Flags) -> Capacity | None:
    try:
        configuration = configured(flags)
        return capacity(configuration) if configuration else None
    except ControllerExit:
        return None


def _lines(world: World, steps: list[dict[str, Any]], fits: Capacity | None) -> list[str]:
    """The plan for a person: a row a node, then what was said."""
    wide = max((len(name) for name in world.nodes), default=4)
    lines = [f"{name:<{wide}}  {'  '.join(cidrs) or '(no block)'}" for name, cidrs in world.nodes.items()]
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
            type=float,
            default=SETTLE / 1e6,
            metavar="SECONDS",
            show_default=True,
            help="How long the world is left alone after each operation; retries happen meanwhile.",
        ),
        click.Option(["--json", "as_json"], is_flag=True, help="The answer as JSON."),
    ],
)
