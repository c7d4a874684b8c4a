"""`-o json|yaml|wide|name`, as kubectl has it, for commands that list things."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import click

FORMS = ("json", "yaml", "wide", "name")
FORM_HELP = "json, yaml, wide (more columns) or name."


def listed(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option; a command gets `output`, in which --json is `json`, and nothing is the usual table."""
    option = click.option("-o", "--output", type=click.Choice(FORMS), help=FORM_HELP)
    return option(click.option("--json", "as_json", is_flag=True, help="The same as -o json.")(command))


def form(output: str | None, as_json: bool) -> str:
    """What was asked for; `--json` beside another form does not go together."""
    if as_json and output not in (None, "json"):
        raise click.UsageError(f"--json and -o {output} do not go together; write one of them")
    return "json" if as_json else output or ""


def dumped(value: Any, form: str) -> str:
    """A value as JSON or as YAML."""
    if form == "json":
        return json.dumps(value, indent=1)
    import yaml

    return yaml.safe_dump(json.loads(json.dumps(value)), sort_keys=False, allow_unicode=True).rstrip()


def table(rows: Iterable[Sequence[str]]) -> str:
    """Columns, each as wide as its widest cell."""
    kept = [tuple(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*kept, strict=True)]
    return "\n".join(
        "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in kept
    )
