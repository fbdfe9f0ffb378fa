"""`validate` and `schema`: the verbs that look at files only."""

from __future__ import annotations

from pathlib import Path

import click

from hubfleet import fleet
from hubfleet.cli.options import DOCUMENT, path_argument
from hubfleet.cli.printing import json_document, problem_document
from hubfleet.spec import InvalidFiles, Problem


@click.command()
@path_argument
@DOCUMENT
def validate(path: Path, as_json: bool) -> int:
    """Every problem of a cluster file, in one pass, each with file, line and column.

    The files first; if they are well, each hub's values against the schema inside its chart, as far as that is on this
    machine. Needs no network and no secret. Exit code 2 if there is a problem.
    """
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    try:
        target = fleet.load(path)
        notes = fleet.check_values(target)
    except InvalidFiles as error:
        if not as_json:
            raise
        problems = error.problems
    else:
        if not as_json:
            names = ", ".join(target.cluster.hubs) or "none"
            click.echo(f"{target.cluster.file}: valid ({len(target.cluster.pools)} pools; hubs: {names})")
            for note in notes:
                click.echo(f"  note: {note}")
    if as_json:
        found = {"valid": not problems, "problems": [*map(problem_document, problems)], "notes": notes}
        click.echo(json_document(found))
    return 2 if problems else 0


@click.command()
def schema() -> None:
    """The JSON Schema (2020-12) of cluster files.

    For an editor: hubfleet schema > cluster.schema.json, and as the first line of the cluster file
    "# yaml-language-server: $schema=cluster.schema.json".
    """
    click.echo(json_document(fleet.schema()))
