"""`kubenet progress`: what is done so far, taking it along to another machine, and a class in one table."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import click

from ..errors import BadInput
from ..files import refuse_to_replace, write_whole
from ..learn.record import exports, store
from ..learn.record.overview import progress
from ..learn.record.session import reset
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
@click.option("--name", default="", help="Whose progress this is; a teacher's table shows it.")
@click.option("--date", "day", metavar="YYYY-MM-DD", default="", help="The day that stands in it. [default: today]")
@click.option("--force", is_flag=True, help="Replace a file that is there already.")
def export_(file: str, name: str, day: str, force: bool) -> None:
    """Writes your progress to FILE, or to standard output for `-`: the name, the day, the release, and what you answered."""
    kept = store.store()
    data = exports.export(book := kept.read(), " ".join(name.split()), _day(day))
    _said(kept.notice, is_in_vain=not book.items and not book.predictions)
    if file == "-":
        click.echo(data.decode(), nl=False)
        return
    whole = {Path(file): data}
    if not force:
        refuse_to_replace(whole, "--force")
    write_whole(file, data)
    click.echo(f"Your progress is in {file}{'' if name else ', without a name'}.", err=True)


def _day(said: str) -> str:
    """A day as people in every country write it in files; today where nothing is said."""
    try:
        return (date.fromisoformat(said) if said else datetime.now(UTC).astimezone().date()).isoformat()
    except ValueError:
        raise BadInput("--date", f"{said!r} is not a day", "write it as 2026-11-28") from None


@command.command("import", short_help="Add the progress in a file to yours.")
@click.argument("file", metavar="FILE")
@click.option("--mine", is_flag=True, help="The name in FILE is yours: add it all the same.")
def import_(file: str, mine: bool) -> None:
    """Adds the progress in FILE (or on standard input for `-`) to what is here. Nothing that is here is lost.

    A file that carries a name may be somebody else's, so it is added only with --mine.
    """
    brought = exports.read(file)
    if brought.head.name and not mine:
        right = "add --mine if that is you, or look at it with `kubenet progress table`"
        raise BadInput(brought.file, f"this is the progress of {brought.head.name}, and yours stays as it is", right)
    kept = store.store()
    kept.update(lambda book: book.merged(brought.book))
    _said(kept.notice, is_in_vain=kept.notice.startswith(store.UNSAVED))
    if brought.notice:
        click.echo(f"{brought.file}: {brought.notice}", err=True)
    click.echo(str(progress()))


@command.command("reset", short_help="Forget an exercise or a chapter.")
@click.argument("what", metavar="EXERCISE|CHAPTER")
def reset_(what: str) -> None:
    """Forgets what you answered in one exercise or prediction (00-source), or in a whole chapter (00).

    In a notebook that is open, run the cell of the question again.
    """
    were, notice = reset(what), store.store().notice
    _said(notice, is_in_vain=notice.startswith(store.UNSAVED))
    click.echo(f"Forgotten: {', '.join(were)}." if were else f"Nothing was kept of {what}.")


@command.command("table", short_help="A class in one table, as CSV.")
@click.argument("files", metavar="EXPORTS...", nargs=-1, required=True)
@listed
def table(files: tuple[str, ...], output: str | None, as_json: bool) -> None:
    """A table of what `kubenet progress export` wrote for several people, a row for each. Your own progress is not touched.

    The usual form is CSV, which spreadsheets open; -o wide adds a column for each prediction.
    """
    wanted = form(output, as_json)
    read = [exports.read(file) for file in files]
    for one in read:
        if one.notice:
            click.echo(f"{one.file}: {one.notice}", err=True)
    rows = exports.class_rows(read, wanted == "wide")
    if wanted == "name":
        click.echo("".join(f"{one.head.name or one.file}\n" for one in read), nl=False)
    else:
        click.echo(f"{dumped(rows, wanted)}\n" if wanted in ("json", "yaml") else exports.as_csv(rows), nl=False)


def _said(notice: str, is_in_vain: bool) -> None:
    """What went wrong with keeping progress; where that leaves nothing to export or to import into, it is the answer."""
    if notice and is_in_vain:
        raise BadInput("progress", notice.rstrip("."), "set KUBENET_HOME to a folder that you can write to")
    if notice:
        click.echo(notice, err=True)
