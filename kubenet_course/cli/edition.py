"""`kubenet edition`: the course's notebooks for a class, without solutions."""

from __future__ import annotations

from pathlib import Path

import click

from ..data import NOTEBOOKS
from ..learn.editions import EDITIONS, write


@click.command(short_help="The notebooks for a class, without solutions.")
@click.argument("name", metavar="|".join(EDITIONS))
@click.argument("out", metavar="OUT/", type=click.Path(path_type=Path))
@click.option(
    "--notebooks",
    metavar="DIR",
    default=NOTEBOOKS,
    type=click.Path(path_type=Path),
    help="The folder with the built notebooks and, in src, their masters. [default: the course's own]",
)
@click.option("--force", is_flag=True, help="Replace notebooks that are in OUT/ already.")
def command(name: str, out: Path, notebooks: Path, force: bool) -> None:
    """Writes an edition of every chapter to OUT/.

    The class edition leaves out all cells that the masters tag as solutions, and what they left behind.
    """
    for path in write(name, notebooks, out, force):
        click.echo(str(path))
