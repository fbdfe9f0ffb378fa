"""`credentials`, `kubectl` and `helm`: getting at the cluster with other tools."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click

from hubfleet import fleet
from hubfleet.cli.documents import json_document
from hubfleet.cli.options import DOCUMENT, cluster_option, path_argument, path_option

_PASSED_ON = {"ignore_unknown_options": True, "allow_interspersed_args": False}


@click.command()
@path_argument
@cluster_option
@DOCUMENT
@click.option("--hub", metavar="NAME", help="How to log in to this hub, instead of a kubeconfig.")
@click.option("--grafana", is_flag=True, help="How to log in to the cluster's Grafana, instead of a kubeconfig.")
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the kubeconfig there, readable only by you.",
)
def credentials(
    path: Path, cluster: str | None, as_json: bool, hub: str | None, grafana: bool, output: Path | None
) -> None:
    """A fresh kubeconfig of the cluster's administrator; with --hub, how to log in to a hub, with --grafana to Grafana.

    \b
    hubfleet credentials -o kubeconfig && kubectl --kubeconfig kubeconfig get nodes
    """
    target = fleet.load(path, cluster)
    if hub is not None and grafana:
        raise click.UsageError("--hub or --grafana, not both")
    if hub is not None or grafana:
        way_in = fleet.login(target, hub) if hub is not None else fleet.grafana_login(target)
        lines = _way_in(way_in) if hub is not None else _to_grafana(way_in)
        click.echo(json_document(way_in) if as_json else "\n".join(lines))
        return
    text = fleet.kubeconfig(target)
    if output is None:
        click.echo(json_document({"kubeconfig": text}) if as_json else text)
        return
    fleet.write_private(output, text)
    click.echo(f"{output}: written; use it with kubectl --kubeconfig {output}", err=True)


def _way_in(way: fleet.Credentials) -> Iterable[str]:
    yield f"address   {way.address or way.url}"
    if way.address:
        yield f"          {way.url} once DNS points there"
    yield from _logins(way)
    if not way.logins:
        yield "          people log in with their own accounts"


def _to_grafana(way: fleet.Credentials) -> Iterable[str]:
    yield f"address   {way.url or 'http://localhost:3000, while this runs:'}"
    if not way.url:
        yield "          hubfleet kubectl -n hubfleet-grafana port-forward svc/hubfleet-grafana 3000:80"
    yield from _logins(way)
    if not way.logins:
        yield "          no password of hubfleet's: it is not installed yet, or its values have another"


def _logins(way: fleet.Credentials) -> Iterable[str]:
    for one in way.logins:
        yield f"{'admin' if one.admin else 'user':<10}{one.user}"
        yield f"password  {one.password}"


@click.command(context_settings=_PASSED_ON)
@path_option
@cluster_option
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def kubectl(path: Path, cluster: str | None, arguments: tuple[str, ...]) -> int:
    """kubectl with a fresh kubeconfig of the cluster, which is gone afterwards.

    \b
    hubfleet kubectl --path examples/first-hub get nodes,pods -A
    """
    return fleet.run_with_kubeconfig(fleet.load(path, cluster), "kubectl", arguments)


@click.command(context_settings=_PASSED_ON)
@path_option
@cluster_option
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def helm(path: Path, cluster: str | None, arguments: tuple[str, ...]) -> int:
    """helm with a fresh kubeconfig of the cluster, which is gone afterwards.

    \b
    hubfleet helm --path examples/first-hub list -A
    """
    return fleet.run_with_kubeconfig(fleet.load(path, cluster), "helm", arguments)
