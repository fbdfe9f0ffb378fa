"""`validate` and `schema`: the verbs that look at files only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from hubfleet import fleet
from hubfleet.cli.documents import json_document, problem_document
from hubfleet.cli.options import DOCUMENT, path_argument, selection_options
from hubfleet.spec import InvalidFiles, Of
from hubfleet.words import counted


@click.command()
@path_argument
@selection_options
@DOCUMENT
def validate(path: Path, selection: fleet.Selection, as_json: bool) -> int:
    """Every problem of a cluster file, or of a fleet and all its files, in one pass, each with file, line and column.

    Also each hub's values against the schema inside its chart, as far as that is on this machine. Needs no network and
    no secret. Exit code 2 if there is a problem.
    """
    found = fleet.load_fleet(path, selection)
    of_values, notes = fleet.check_values(found.targets)
    problems = (*found.problems, *of_values)
    if as_json:
        said = {"valid": not problems, "problems": [*map(problem_document, problems)], "notes": notes}
        click.echo(json_document(said))
        return 2 if problems else 0
    if problems:
        raise InvalidFiles(problems)
    click.echo("\n".join((*_valid(found), *(f"  note: {note}" for note in notes))))
    return 0


def _valid(found: fleet.Fleet) -> Iterator[str]:
    for target in found.targets if found.file is None else ():
        names = ", ".join(target.cluster.hubs) or "none"
        yield f"{target.cluster.file}: valid ({len(target.cluster.pools)} pools; hubs: {names})"
    if found.file is not None:
        hubs = sum(len(target.chosen) for target in found.targets)
        yield f"{found.file}: valid ({counted(len(found.targets), 'cluster')}, {counted(hubs, 'hub')})"


@click.command()
@click.option(
    "--of",
    type=click.Choice([*map(str, Of)]),
    default=str(Of.CLUSTER),
    show_default=True,
    help="A cluster file that stands alone; one that is a member of a fleet, which completes it; or a fleet's.",
)
def schema(of: str) -> None:
    """The JSON Schema (2020-12) of cluster files, or of a fleet's.

    For an editor: hubfleet schema > cluster.schema.json, and as the first line of the cluster file
    "# yaml-language-server: $schema=cluster.schema.json".
    """
    click.echo(json_document(fleet.schema(Of(of))))
