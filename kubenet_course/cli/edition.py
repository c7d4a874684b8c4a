"""`kubenet edition`: the course's notebooks for a class, without solutions."""

from __future__ import annotations

from pathlib import Path

import click

from ..data import NOTEBOOKS
from ..learn.editions import EDITIONS, student_named, write


@click.command(short_help="The notebooks for a class, without solutions.")
@click.argument("name", metavar="|".join(EDITIONS))
@click.argument("out", metavar="OUT/", type=click.Path(path_type=Path))
@click.option("--student", metavar="NAME", help="Draw the exercises for this name: other numbers, the same each time.")
@click.option(
    "--notebooks",
    metavar="DIR",
    default=NOTEBOOKS,
    type=click.Path(path_type=Path),
    help="The folder with the built notebooks and, in src, their masters. [default: the course's own]",
)
@click.option("--force", is_flag=True, help="Replace notebooks that are in OUT/ already.")
def command(name: str, out: Path, student: str | None, notebooks: Path, force: bool) -> None:
    """Writes an edition of every chapter to OUT/.

    The class edition has no solutions, and the results that follow a reveal are closed until their cells are run. The installed
    package still has the solutions: `solution("00-source")` shows one. docs/instructor.md says more.
    """
    whose = "" if student is None else student_named(student)
    for path in write(name, notebooks, out, force, whose):
        click.echo(str(path))
