"""`charts`: which charts a fleet is made of, and a folder with them for where there is no network."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import click

from hubfleet import fleet
from hubfleet.cli.documents import json_document, json_line
from hubfleet.cli.options import DOCUMENT, EVENTS, path_argument, selection_options
from hubfleet.cli.printing import EventPrinter
from hubfleet.words import counted


@click.group()
def charts() -> None:
    """Which charts a fleet is made of, and copies of them for a closed network.

    \b
    hubfleet charts list examples/first-hub
    hubfleet charts mirror ./charts examples/first-hub
    """


@charts.command("list")
@path_argument
@selection_options
@DOCUMENT
def list_(path: Path, selection: fleet.Selection, as_json: bool) -> None:
    """The charts of all hubs: versions, where they come from, whether they are on this machine, who has them."""
    found = fleet.used_charts(fleet.load_fleet(path, selection).valid().targets)
    if as_json:
        click.echo(json_document({"charts": found}))
    for one in found if not as_json else ():
        sign = click.style("✓", fg="green") if one.archive else click.style("-", fg="yellow")
        here = "" if one.archive else ", not here yet"
        click.echo(f"{sign} {one.name} {one.version} ({_users(one.hubs)}{here})  {one.source}")


def _users(whose: Sequence[str]) -> str:
    """How many hubs have a chart, or how many clusters, all of whose hubs it serves."""
    hubs = sum("/" in one for one in whose)
    parts = [counted(hubs, "hub")] * bool(hubs) + [counted(len(whose) - hubs, "cluster")] * (hubs < len(whose))
    return ", ".join(parts)


@charts.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.argument("path", type=click.Path(path_type=Path), required=False)
@EVENTS
def mirror(folder: Path, path: Path | None, as_json: bool) -> None:
    """Fetch every chart that hubfleet installs into DIR, and those that the hubs of PATH have besides.

    Then `charts: {mirror: DIR}` in a cluster file, or in a fleet's `defaults.cluster`, has charts come from there and
    never from the network. Charts that are there already stay; those whose checksum is pinned are checked.
    """
    targets = fleet.load_fleet(path).valid().targets if path else ()
    copies = fleet.mirror_charts(targets, folder, EventPrinter(as_json=as_json))
    if as_json:
        about = [dataclasses.asdict(one) for one in copies]
        click.echo(json_line("outcome", verb="charts mirror", folder=folder, charts=about))
        return
    new = sum(one.fetched for one in copies)
    click.echo(f"{folder} has {counted(len(copies), 'chart')} ({new} fetched now):")
    click.echo("\n".join(f"  {one.name} {one.version}@sha256:{one.sha256}" for one in copies))
