"""`check`: whether what is there also works."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click

from hubfleet import fleet
from hubfleet.cli.options import DOCUMENT, break_lock_option, path_argument
from hubfleet.cli.printing import EventPrinter, json_document
from hubfleet.errors import HubfleetError, UsageError

_UNHEALTHY = 1


@click.command()
@path_argument
@DOCUMENT
@click.option("--autoscale", is_flag=True, help="Prove that the pools for users grow and shrink by themselves.")
@click.option(
    "--pool", "pools", multiple=True, metavar="NAME", help="With --autoscale: only this pool, whoever runs on it."
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=20,
    show_default=True,
    metavar="MINUTES",
    help="With --autoscale: how long a pool may take to grow; to shrink, twice that.",
)
@break_lock_option
def check(path: Path, as_json: bool, autoscale: bool, pools: tuple[str, ...], timeout: float, break_lock: str) -> int:
    """Whether what is there also works: each hub answers, as a browser would find out.

    With --autoscale, pods that want a node each are put on a pool, one more than it has nodes; a node must come, and
    go again after. It costs that node for the time (the autoscaler keeps it for ten minutes as a rule), ends at the
    pool's maximum, and says why where it does not work. Exit code 0 if all is well, 1 if not.

    \b
    hubfleet check examples/first-hub
    hubfleet check examples/first-hub --autoscale --pool user
    """
    if pools and not autoscale:
        raise UsageError("--pool says which pool --autoscale is to prove", remedy="give both")
    target = fleet.load(path)
    if autoscale:
        with fleet.alone(target, breaks=break_lock) as hold:
            seen = fleet.check_autoscaling(target, pools, EventPrinter(as_json=False), hold, within=60 * timeout)
    else:
        seen = fleet.check(target)
    click.echo(json_document(seen) if as_json else "\n".join(_lines(seen)))
    return 0 if seen.well else _UNHEALTHY


def _lines(seen: fleet.Checked) -> Iterable[str]:
    for one in seen.checks:
        sign = click.style("✓", fg="green") if one.well else click.style("✗", fg="red")
        yield f"{sign} {one.subject}{f': {one.seen}' if one.seen else ''}"
        if one.trouble is not None:
            error = HubfleetError(
                one.trouble.what, why=one.trouble.why, remedy=one.trouble.remedy, layer=one.trouble.layer
            )
            yield f"  {str(error).replace(chr(10), chr(10) + '  ')}"
    if not seen.checks:
        yield f"{seen.cluster} has no hub"
