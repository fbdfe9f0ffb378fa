"""`scale`: another number of nodes for one pool, now."""

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


@click.command()
@click.argument("pool")
@path_argument
@cluster_option
@click.option("--nodes", type=click.IntRange(min=0), metavar="N", help="A fixed number; 0 removes a pool of `min: 0`.")
@click.option("--min", "least", type=click.IntRange(min=0), metavar="N", help="The fewest.  [default: the file's]")
@click.option("--max", "most", type=click.IntRange(min=0), metavar="N", help="The most.  [default: the file's]")
@click.option("--write", is_flag=True, help="Put the number into the cluster file too, and change nothing else in it.")
@EVENTS
@click.option("--yes", is_flag=True, help="Do not ask.")
@timeout_option
@break_lock_option
def scale(
    pool: str,
    path: Path,
    cluster: str | None,
    nodes: int | None,
    least: int | None,
    most: int | None,
    write: bool,
    as_json: bool,
    yes: bool,
    timeout: float,
    break_lock: str,
) -> None:
    """Give POOL another number of nodes now.

    \b
    hubfleet scale user --min 5 --max 20      before a class of a hundred
    hubfleet scale gpu --nodes 1              a pool with `min: 0` is absent until somebody needs it
    hubfleet scale gpu --nodes 0              and absent again; homes and other pools stay as they are

    Without --write the next `apply` sets the pool back to what the file says. A node that goes stops the users' servers
    on it: the plan tells how many there are.
    """
    watch = Watch(began=process.began())
    target = fleet.load(path, cluster)
    wish = fleet.scale_wish(target, pool, nodes, least, most)
    text = wish.rewritten() if write else None
    with fleet.alone(target, watch, breaks=break_lock) as hold:
        made = fleet.plan_scale(wish, watch, written=write)
        agree(made, watch, as_json=as_json, yes=yes)
        if text is not None:
            fleet.write(wish, text)
        say, seconds = EventPrinter(as_json=as_json), 60 * timeout
        act = partial(fleet.apply, wish.wanted, made, say, watch, timeout=seconds, hold=hold, verb="scale")
        carry_out(made, "scale", watch, act, as_json=as_json)
