"""`kubenet site`: every chapter as a page for a browser, nothing installed."""

from __future__ import annotations

from pathlib import Path

import click

from ..data import NOTEBOOKS
from ..site.pages import CLASS, LEARNER, write


@click.command(short_help="The course as pages for a browser.")
@click.argument("out", metavar="[OUT/]", default="_site", type=click.Path(path_type=Path))
@click.option(
    "--pyodide",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="The folder of an installed pyodide (npm). With it the pages can run Python.",
)
@click.option("--edition", "kind", type=click.Choice((LEARNER, CLASS)), default=LEARNER, help="class: no solutions.")
@click.option("--force", is_flag=True, help="Replace files that are in OUT/ already.")
def command(out: Path, pyodide: Path | None, kind: str, force: bool) -> None:
    """Writes the course as pages to OUT/ (without a name: _site/). Open OUT/index.html, or put OUT/ on any web server.

    The pages ask no other server for anything. Without --pyodide, what needs the models (terminals, planners, answers in free
    text) shows what was recorded. The cells of the course's own notebooks are run for it, and no other file's.
    """
    files = write(out, NOTEBOOKS, kind, pyodide, force)
    size = sum(path.stat().st_size for path in files)
    click.echo(f"{out / 'index.html'}: {len(files)} files, {size / 1e6:.1f} MB")
