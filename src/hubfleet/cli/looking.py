"""`status`: one screen."""

from __future__ import annotations

import time
from pathlib import Path

import click

from hubfleet import fleet
from hubfleet.cli.options import DOCUMENT, path_argument
from hubfleet.cli.printing import json_document
from hubfleet.cli.screen import status_lines

_EVERY = 5.0
_UNHEALTHY = 1


@click.command()
@path_argument
@DOCUMENT
@click.option("--watch", is_flag=True, help=f"Look again every {_EVERY:.0f} seconds, until interrupted.")
def status(path: Path, as_json: bool, watch: bool) -> int:
    """Infrastructure, pools with their real nodes, releases, hubs answering: one screen.

    Exit code 0 if all is well, 1 if something is not as the file says.
    """
    target = fleet.load(path)
    while True:
        seen = fleet.status(target)
        if watch:
            click.clear()
        click.echo(json_document(seen) if as_json else "\n".join(status_lines(seen)))
        if not watch:
            return 0 if seen.well else _UNHEALTHY
        time.sleep(_EVERY)
