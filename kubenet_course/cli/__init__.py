"""`kubenet`: the course's models from a terminal. Each command is a module here and loads when it is called."""

from __future__ import annotations

import sys
from contextlib import suppress
from importlib import import_module

import click

from ..errors import BadInput
from ..visible import visible
from .examples import EXAMPLES, with_example
from .streams import shown

# Command -> (module here, what the list of commands says of it). A command is listed once it works.
COMMANDS = {
    "trace": ("trace", "One packet through a cluster, every hop."),
    "plan": ("plan", "Which block of addresses each node gets."),
    "proxy": ("proxy", "What kube-proxy would write on a node."),
    "endpoints": ("endpoints", "The EndpointSlices that the controller would keep."),
    "lab": ("lab", "The same packet on the real kernel, in private namespaces."),
    "progress": ("progress", "What you have answered; export and import."),
    "edition": ("edition", "The class edition, without solutions."),
    "site": ("site", "The course as pages for a browser."),
    "cni": ("cni", "Chains of real CNI plugins, run as a container runtime runs them."),
    "policy": ("policy", "Who may talk to whom under NetworkPolicy, and why."),
    "route": ("route", "What Gateways, routes and Ingresses make of a request, and why."),
    "rules": ("rules", "A packet through the real rules of one machine."),
    "probes": ("probes", "A pod's life: probes, phases, restarts."),
    "rollout": ("rollout", "A rolling update with clients sending, and what it costs."),
}


class Rooms(click.Group):
    """Loads a command's module when the command is asked for, so that the others cost nothing."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        return with_example(import_module(f"{__name__}.{COMMANDS[cmd_name][0]}").command, cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, said) for name, (_, said) in COMMANDS.items()])


@click.group(
    cls=Rooms,
    epilog=f"\b\nExample:\n  {EXAMPLES['']}",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="kubenet-course")
def kubenet() -> None:
    """The course's models from a terminal: the same answers as in the notebooks.

    Exit codes: 0 answered; 1 the answer is no (dropped, refused, not allowed, invalid plan); 2 bad input;
    3 not certain: it hangs on something that was not understood.
    """


def main(args: list[str] | None = None) -> None:
    """Runs a command. Bad input is one line on standard error and exit code 2, never a traceback."""
    sys.exit(_ran(args))


def _ran(args: list[str] | None) -> int:
    try:
        with shown():
            code = kubenet.main(args, "kubenet", standalone_mode=False, color=True)
    except BadInput as error:
        return _refused(str(error))
    except click.exceptions.NoArgsIsHelpError as error:  # a group alone: its help, in its lines
        with suppress(OSError), shown():
            click.echo(error.ctx.get_help() if error.ctx else error.format_message())
        return 0
    except click.UsageError as error:
        return _refused(error.format_message(), error.ctx)
    except click.ClickException as error:
        return _refused(error.format_message())
    except (click.Abort, KeyboardInterrupt):
        return 130
    except (RecursionError, MemoryError):
        return _refused("the input is nested too deeply, or too large; give less at once")
    return code if isinstance(code, int) else 0


def _refused(sentence: str, ctx: click.Context | None = None) -> int:
    hint = f" (see {ctx.command_path} --help)" if ctx else ""
    with suppress(OSError), shown():  # standard error may be closed, or full
        click.echo(f"kubenet: {visible(' '.join(sentence.split()))}{hint}", err=True)
    return 2
