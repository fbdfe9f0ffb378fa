"""`status`: one screen."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

import click

from hubfleet import fleet
from hubfleet.cli.documents import error_documents, json_document
from hubfleet.cli.options import DOCUMENT, path_argument, selection_options
from hubfleet.cli.printing import error_lines
from hubfleet.cli.screen import status_lines

_EVERY = 5.0
_UNHEALTHY = 1


@click.command()
@path_argument
@selection_options
@DOCUMENT
@click.option("--watch", is_flag=True, help=f"Look again every {_EVERY:.0f} seconds, until interrupted.")
def status(path: Path, selection: fleet.Selection, as_json: bool, watch: bool) -> int:
    """Infrastructure, pools with their real nodes, releases, hubs answering: one screen.

    Exit code 0 if all is well, 1 if something is not as the file says.
    """
    found = fleet.load_fleet(path, selection).valid()
    while True:
        seen = fleet.each(found.targets, lambda target, _clock: fleet.status(target))
        if watch:
            click.clear()
        click.echo(_document(found, seen) if as_json else "\n".join(_screen(found, seen)))
        if not watch:
            break
        time.sleep(_EVERY)
    if found.file is None:
        seen.one()
    return 0 if not seen.errors and all(one.well for one in seen.found.values()) else _UNHEALTHY


def _screen(found: fleet.Fleet, seen: fleet.Answers[fleet.Status]) -> Iterable[str]:
    for one in seen.found.values():
        yield from status_lines(one)
    if found.file is not None:
        yield from error_lines(seen)
        well = sum(one.well for one in seen.found.values())
        yield f"{found.file}: {well} of {len(found.targets)} clusters are well"


def _document(found: fleet.Fleet, seen: fleet.Answers[fleet.Status]) -> str:
    """Of a fleet with the errors of those that could not be asked; of a cluster file that stands alone, its one."""
    if found.file is None:
        return json_document(seen.one())
    return json_document({"clusters": [*seen.found.values()], "errors": error_documents(seen)})
