"""`kubenet progress`: what is done so far, and taking it along to another machine."""

from __future__ import annotations

from pathlib import Path

import click

from ..errors import BadInput
from ..files import refuse_to_replace, told, write_whole
from ..learn.record import store
from ..learn.record.overview import progress
from .output import dumped, form, listed


@click.group(invoke_without_command=True, short_help="What you have done so far.")
@listed
@click.pass_context
def command(ctx: click.Context, output: str | None, as_json: bool) -> None:
    """What you have done so far, chapter by chapter; what you missed comes back at the start of later chapters.

    On Binder nothing lasts: export before you leave, import when you come back.
    """
    if ctx.invoked_subcommand is None:
        made, wanted = progress(), form(output, as_json)
        if wanted == "name":
            click.echo("".join(f"{id}\n" for id in sorted(store.store().read().items)), nl=False)
        else:
            click.echo(dumped(made.as_json(), wanted) if wanted in ("json", "yaml") else str(made))


@command.command("export", short_help="Write your progress to a file.")
@click.argument("file", metavar="FILE")
@click.option("--force", is_flag=True, help="Replace a file that is there already.")
def export_(file: str, force: bool) -> None:
    """Writes your progress to FILE, or to standard output for `-`."""
    kept = store.store()
    data = store.encoded(book := kept.read())
    _said(kept.notice, is_in_vain=not book.items and not book.predictions)
    if file == "-":
        click.echo(data.decode(), nl=False)
        return
    whole = {Path(file): data}
    if not force:
        refuse_to_replace(whole, "--force")
    write_whole(file, data)
    click.echo(f"Your progress is in {file}.", err=True)


@command.command("import", short_help="Add the progress in a file to yours.")
@click.argument("file", metavar="FILE")
def import_(file: str) -> None:
    """Adds the progress in FILE (or on standard input for `-`) to what is here. Nothing that is here is lost."""
    data = store.exported(file)
    brought = store.imported(data, told(file))
    kept = store.store()
    kept.update(lambda book: book.merged(brought))
    _said(kept.notice, is_in_vain=kept.notice.startswith(store.UNSAVED))
    click.echo(str(progress()))


def _said(notice: str, is_in_vain: bool) -> None:
    """What went wrong with keeping progress; where that leaves nothing to export or to import into, it is the answer."""
    if notice and is_in_vain:
        raise BadInput("progress", notice.rstrip("."), "set KUBENET_HOME to a folder that you can write to")
    if notice:
        click.echo(notice, err=True)
