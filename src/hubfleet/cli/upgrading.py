"""`upgrade`: another Kubernetes for a cluster."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from hubfleet import fleet
from hubfleet.cli.acting import agree, carry_out
from hubfleet.cli.options import EVENTS, break_lock_option, cluster_option, path_argument, timeout_option
from hubfleet.cli.printing import EventPrinter
from hubfleet.events import Watch
from hubfleet.tools import process

_PATIENCE = 60.0


@click.command()
@path_argument
@cluster_option
@click.option("--kubernetes", metavar="MINOR", help="Go to this minor (1.34), through templates of the site.")
@click.option("--template", metavar="NAME", help="Go to this template of the site (name or UUID).")
@click.option(
    "--wait-for-users",
    "patience",
    type=click.FloatRange(min=0),
    default=_PATIENCE,
    show_default=True,
    metavar="MINUTES",
    help="Wait so long, at most, until no user's server runs, before the first node goes; 0: do not wait.",
)
@EVENTS
@click.option("--yes", is_flag=True, help="Do not ask.")
@timeout_option
@break_lock_option
def upgrade(
    path: Path,
    cluster: str | None,
    kubernetes: str | None,
    template: str | None,
    patience: float,
    as_json: bool,
    yes: bool,
    timeout: float,
    break_lock: str,
) -> None:
    """Move a cluster of Magnum to another Kubernetes, or another template of its site.

    Without --kubernetes and --template, to the template that the file names. One minor after another; within one, the
    control plane first, then every node, one of a pool at a time. Users' servers stop when their node goes, so they are
    waited for before; homes stay. Interrupt it at any moment: the same command goes on.
    """
    watch = Watch(began=process.began())
    target = fleet.load(path, cluster)
    with fleet.alone(target, watch, breaks=break_lock) as hold:
        made = fleet.plan_upgrade(target, fleet.wish(target, kubernetes, template), watch)
        agree(made, watch, as_json=as_json, yes=yes, question="Upgrade like this?")
        say, seconds = EventPrinter(as_json=as_json), 60 * timeout
        act = partial(fleet.upgrade, target, made, say, watch, timeout=seconds, patience=60 * patience, hold=hold)
        carry_out(made, "upgrade", watch, act, as_json=as_json)
