"""`import`: from another tool's files to a fleet of ours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import click

from hubfleet import fleet
from hubfleet.cli.documents import json_document, problem_document
from hubfleet.cli.options import DOCUMENT
from hubfleet.importing import ChartsFrom, Imported
from hubfleet.words import counted


@click.group("import")
def import_() -> None:
    """Turn clusters and hubs that another tool keeps into a fleet of hubfleet's files."""


@import_.command("2i2c")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--to", type=click.Path(path_type=Path), required=True, metavar="DIR", help="A new or an empty folder.")
@click.option(
    "--chart",
    type=click.Choice([*map(str, ChartsFrom)]),
    help="keep: the umbrella charts that the hubs have (where PATH is in a whole checkout, this is the default). "
    "upstream: Zero to JupyterHub's own, with the values that are for it.",
)
@DOCUMENT
def from_2i2c(path: Path, to: Path, chart: str | None, as_json: bool) -> None:
    """Clusters in the format of 2i2c-org/infrastructure.

    PATH is a checkout of it, its config/clusters, or one cluster's folder. Writes fleet.yaml, a cluster file for each
    cluster, and every values file, and says what could not be carried over and why, here and in the files. Changes
    nothing in PATH, and asks no cluster.
    """
    found = fleet.import_2i2c(path, to, ChartsFrom(chart) if chart else None)
    if as_json:
        said = {
            "to": to,
            "chart": found.chart,
            "clusters": [asdict(one) for one in found.clusters],
            "charts": [*found.charts],
            "notes": [problem_document(note) for note in found.notes],
        }
        click.echo(json_document(said))
        return
    click.echo("\n".join(_report(found, to)))


def _report(found: Imported, to: Path) -> Iterator[str]:
    hubs = sum(len(one.hubs) for one in found.clusters)
    yield f"{to}: {counted(len(found.clusters), 'cluster')}, {counted(hubs, 'hub')}"
    for one in found.clusters:
        yield f"  {one.name}: {', '.join(one.hubs) or 'no hubs'}"
    if found.notes:
        yield f"Not carried over, or to be looked at ({len(found.notes)}):"
        yield from (f"  {note}" for note in found.notes)
    yield "Now:"
    for name in sorted(found.charts, key=lambda name: (name.startswith("daskhub"), name)):  # basehub is part of daskhub
        yield f"  helm dependency update {to}/charts/{name}"
    if found.charts:
        yield "  the jsonnet command above each hub's values_files, which renders what its chart computes"
    yield f"  hubfleet validate {to}"
