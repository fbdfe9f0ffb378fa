"""`rotate`: a new credential for the cluster itself."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from hubfleet import fleet
from hubfleet.cli.documents import json_line
from hubfleet.cli.options import EVENTS, cluster_option, path_argument
from hubfleet.cli.printing import EventPrinter
from hubfleet.events import Watch
from hubfleet.tools import process


@click.command()
@path_argument
@cluster_option
@EVENTS
@click.option(
    "--timeout",
    type=click.FloatRange(min=0),
    default=10,
    show_default=True,
    metavar="MINUTES",
    help="How long to wait for the credential to reach the cluster, and for pods to restart.",
)
@click.option("--adopt", is_flag=True, help="Also of a cluster that hubfleet did not make: it is taken over so.")
def rotate(path: Path, cluster: str | None, as_json: bool, timeout: float, adopt: bool) -> None:
    """Have Magnum make the cluster's own application credential anew, and restart what uses it.

    With that credential the cluster makes load balancers and volumes. Do so when somebody who might know it leaves, or
    to take over another user's cluster (--adopt): Magnum gives its kubeconfig to its owner alone, who you are from then
    on. Needs a Magnum with API 1.12. Users' servers go on.
    """
    watch = Watch(began=process.began())
    target, say = fleet.load(path, cluster), EventPrinter(as_json=as_json)
    done = fleet.rotate(target, say, watch, timeout=60 * timeout, adopt=adopt)
    if as_json:
        click.echo(json_line("outcome", verb="rotate", seconds=watch.seconds, **asdict(done)))
        return
    restarted = f"restarted {', '.join(done.restarted)}" if done.restarted else "nothing in the cluster had to restart"
    click.echo(f"{done.cluster} has the new application credential {done.credential}; {restarted}")
    for left in done.left:
        click.echo(click.style(f"  ! {left}", fg="yellow"))
