"""`kubenet cni`: be the container runtime, and run a chain of real plugins by hand."""

import json
from typing import Any

import click

from ..cni.contract.conflist import ConfList, read_conflist
from ..cni.contract.result import printed
from ..cni.contract.spec import CniError
from ..cni.runtime.cache import Attachment
from ..cni.runtime.runtime import CACHE_DIR, PATH, Runtime
from ..errors import BadInput

NO = 1  # the exit code of an answer that is "no"


@click.group("cni", help=__doc__)
def command() -> None:
    """Run chains of CNI plugins as a container runtime would."""


def _network(path: str) -> ConfList:
    return read_conflist(path)


def _runtime(cni_path: str | None, cache_dir: str) -> Runtime:
    return Runtime(tuple(cni_path.split(":")) if cni_path else PATH, cache_dir)


def _pairs(texts: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """`K=V;K=V` as pairs. Raises BadInput."""
    pairs = []
    for pair in ";".join(texts).split(";") if texts else ():
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise BadInput("--args", f"{pair!r} is no pair", "write K=V, with one ; between two pairs")
        pairs.append((key, value))
    return tuple(pairs)


def _capabilities(texts: tuple[str, ...]) -> tuple[tuple[str, Any], ...]:
    """`portMappings=[...]` as a name and its JSON. Raises BadInput."""
    found = []
    for text in texts:
        name, _, value = text.partition("=")
        try:
            found.append((name, json.loads(value)))
        except ValueError:
            raise BadInput(
                "--capability", f"{text!r} has no JSON behind =", 'write NAME=JSON, such as mac="..."'
            ) from None
    return tuple(found)


def _answered(ctx: click.Context, wrong: CniError) -> None:
    """Prints the error object, as a plugin does."""
    click.echo(printed(wrong.as_json()))
    ctx.exit(NO)


PLACES = (
    click.argument("conflist", type=click.Path()),
    click.option(
        "--cni-path", metavar="DIRS", envvar="CNI_PATH", help=f"Where plugins are. [default: {':'.join(PATH)}]"
    ),
    click.option("--cache-dir", default=CACHE_DIR, show_default=True, metavar="DIR", help="Where results are kept."),
    click.option("--json", "as_json", is_flag=True, help="Answers are JSON with or without it."),
)
ABOUT = (
    click.option("--container-id", metavar="ID", default="", help="The container, as the runtime names it."),
    click.option("--netns", metavar="PATH", default="", help="The container's network namespace."),
    click.option("--ifname", metavar="IF", default="", help="The interface inside the container."),
    click.option("--args", multiple=True, metavar="K=V[;K=V]", help="CNI_ARGS for the plugins."),
    click.option(
        "--capability", multiple=True, metavar="NAME=JSON", help="What the runtime offers: portMappings=[...]."
    ),
)


def _taking(*options: Any) -> Any:
    """A command with these options, in their order."""

    def add_options(function: Any) -> Any:
        for option in reversed(options):
            function = option(function)
        return function

    return add_options


def _attachment(said: dict[str, Any]) -> Attachment:
    for name in ("container_id", "ifname"):
        if not said[name]:
            raise BadInput(f"--{name.replace('_', '-')}", "missing", "name the container and its interface")
    pairs, capabilities = _pairs(said["args"]), _capabilities(said["capability"])
    return Attachment(said["container_id"], said["netns"], said["ifname"], pairs, capabilities)


def _prepared(said: dict[str, Any]) -> tuple[Runtime, ConfList]:
    return _runtime(said["cni_path"], said["cache_dir"]), _network(said["conflist"])


@command.command("add")
@_taking(*PLACES, *ABOUT)
@click.pass_context
def add(ctx: click.Context, /, **said: Any) -> None:
    """ADD through the chain; prints the result, which DEL and CHECK will find again."""
    runtime, network = _prepared(said)
    try:
        click.echo(printed(runtime.add(network, _attachment(said))))
    except CniError as wrong:
        _answered(ctx, wrong)


@command.command("del")
@_taking(*PLACES, *ABOUT)
@click.pass_context
def delete(ctx: click.Context, /, **said: Any) -> None:
    """DEL, last plugin first."""
    runtime, network = _prepared(said)
    try:
        runtime.delete(network, _attachment(said))
    except CniError as wrong:
        _answered(ctx, wrong)


@command.command("check")
@_taking(*PLACES, *ABOUT)
@click.pass_context
def check(ctx: click.Context, /, **said: Any) -> None:
    """CHECK that everything is as ADD left it."""
    runtime, network = _prepared(said)
    try:
        runtime.check(network, _attachment(said))
    except CniError as wrong:
        _answered(ctx, wrong)


@command.command("gc")
@_taking(*PLACES, *ABOUT)
@click.option("--valid", multiple=True, metavar="ID/IF", help="A living attachment; what belongs to no such one goes.")
@click.pass_context
def collect(ctx: click.Context, /, valid: tuple[str, ...], **said: Any) -> None:
    """Take away what belongs to no living attachment (--container-id with --ifname names a living one, as --valid)."""
    runtime, network = _prepared(said)
    living = [_living(text) for text in valid]
    if said["container_id"] and said["ifname"]:
        living.append((said["container_id"], said["ifname"]))
    failures = runtime.collect(network, living)
    if failures:
        _answered(ctx, CniError(999, "; ".join(failures)))


def _living(text: str) -> tuple[str, str]:
    container, _, ifname = text.partition("/")
    if not container or not ifname:
        raise BadInput("--valid", f"{text!r} names no interface of a container", "write ID/IF, such as c1/eth0")
    return container, ifname


@command.command("status")
@_taking(*PLACES, *ABOUT)
@click.pass_context
def status(ctx: click.Context, /, **said: Any) -> None:
    """Is every plugin ready for ADD?"""
    runtime, network = _prepared(said)
    try:
        runtime.status(network)
    except CniError as wrong:
        _answered(ctx, wrong)
