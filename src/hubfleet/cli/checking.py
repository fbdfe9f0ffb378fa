"""`check`: whether what is there also works."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path

import click

from hubfleet import fleet
from hubfleet.cli.documents import error_documents, json_document
from hubfleet.cli.options import DOCUMENT, break_lock_option, path_argument, selection_options
from hubfleet.cli.printing import EventPrinter, error_lines
from hubfleet.errors import HubfleetError, UsageError
from hubfleet.words import counted

_UNHEALTHY = 1


@click.command()
@path_argument
@selection_options
@DOCUMENT
@click.option("--quick", is_flag=True, help="Only whether each hub answers; start no server.")
@click.option(
    "--notebook",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Run this notebook instead of a small one; no cell may fail.",
)
@click.option(
    "--repository",
    metavar="PROVIDER/SPEC",
    help="On binder hubs: build and launch this one instead of a small one of BinderHub's project (gh/OWNER/NAME/REF).",
)
@click.option("--autoscale", is_flag=True, help="Prove that the pools for users grow and shrink by themselves.")
@click.option(
    "--pool", "pools", multiple=True, metavar="NAME", help="With --autoscale: only this pool, whoever runs on it."
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="MINUTES",
    help="How long each hub may take (10); with --autoscale, a pool to grow (20), and twice that to shrink.",
)
@break_lock_option
def check(
    path: Path,
    selection: fleet.Selection,
    as_json: bool,
    quick: bool,
    notebook: Path | None,
    repository: str | None,
    autoscale: bool,
    pools: tuple[str, ...],
    timeout: float | None,
    break_lock: str,
) -> int:
    """Whether what is there also works: each hub is used as a user would.

    A test user gets a server, opens a kernel, runs a notebook, writes and reads a file; then all of that goes again,
    the user's home too, also when a step fails or you interrupt it. Everything goes through the hub's load balancer
    and proxy. The time of each step is told. On a binder hub, a repository is built and launched for it; one on which
    people log in is only asked whether its registry and its JupyterHub answer it.

    With --autoscale, pods that want a node each are put on a pool, one more than it has nodes; a node must come, and
    go again after. It costs that node for the time (the autoscaler keeps it for ten minutes as a rule), ends at the
    pool's maximum, and says why where it does not work. Exit code 0 if all is well, 1 if not.

    \b
    hubfleet check examples/first-hub
    hubfleet check examples/first-hub --quick
    hubfleet check examples/first-hub --autoscale --pool user
    """
    works = notebook or repository
    _sensible(pools, autoscale=autoscale, hubs=bool(selection.of_hubs or quick or works), both=bool(quick and works))
    if autoscale:
        return _autoscaling(path, selection, pools, break_lock, as_json=as_json, within=60 * (timeout or 20))
    found = fleet.load_fleet(path, selection).valid()
    say = EventPrinter(as_json=False, many=len(found.targets) > 1)
    told = partial(
        fleet.check,
        depth=fleet.Depth.ANSWERS if quick else fleet.Depth.WORKS,
        notebook=fleet.read_notebook(notebook) if notebook else None,
        repository=repository or fleet.REPOSITORY,
        say=say,
        within=60 * (timeout or 10),
    )
    seen = fleet.each(found.targets, lambda target, clock: told(target, clock=clock))
    if found.file is None:
        only = seen.one()
        click.echo(json_document(only) if as_json else "\n".join(_lines(only)))
    elif as_json:
        click.echo(json_document({"clusters": [*seen.found.values()], "errors": error_documents(seen)}))
    else:
        click.echo("\n".join(_fleet_lines(found, seen)))
    return 0 if not seen.errors and all(one.well for one in seen.found.values()) else _UNHEALTHY


def _autoscaling(
    path: Path,
    selection: fleet.Selection,
    pools: tuple[str, ...],
    break_lock: str,
    *,
    as_json: bool,
    within: float,
) -> int:
    if len(selection.clusters) > 1:
        raise UsageError("--autoscale is for one cluster", remedy=f"say which: --cluster {selection.clusters[0]}")
    target = fleet.load(path, *selection.clusters)
    with fleet.alone(target, breaks=break_lock) as hold:
        seen = fleet.check_autoscaling(target, pools, EventPrinter(as_json=False), hold, within=within)
    click.echo(json_document(seen) if as_json else "\n".join(_lines(seen)))
    return 0 if seen.well else _UNHEALTHY


def _fleet_lines(found: fleet.Fleet, seen: fleet.Answers[fleet.Checked]) -> Iterable[str]:
    for name, one in seen.found.items():
        yield click.style(name, bold=True)
        yield from (f"  {line}" for line in _lines(one))
    yield from error_lines(seen)
    well = sum(one.well for one in seen.found.values())
    yield f"{found.file}: {well} of {counted(len(found.targets), 'cluster')} well"


def _sensible(pools: tuple[str, ...], *, autoscale: bool, hubs: bool, both: bool) -> None:
    if pools and not autoscale:
        raise UsageError("--pool says which pool --autoscale is to prove", remedy="give both")
    if autoscale and hubs:
        what = "--autoscale is about pools, --hub, --quick, --notebook and --repository about hubs"
        raise UsageError(what, remedy="check twice")
    if both:
        raise UsageError("--quick runs no notebook and builds nothing", remedy="leave it out, or the other")


def _lines(seen: fleet.Checked) -> Iterable[str]:
    for one in seen.checks:
        sign = click.style("✓", fg="green") if one.well else click.style("✗", fg="red")
        yield f"{sign} {one.subject}{f': {one.seen}' if one.seen else ''}"
        for step in one.steps[1:]:
            yield f"  {step.seconds:6.1f} s  {step.name}{f': {step.seen}' if step.seen else ''}"
        if one.trouble is not None:
            error = HubfleetError(
                one.trouble.what, why=one.trouble.why, remedy=one.trouble.remedy, layer=one.trouble.layer
            )
            yield f"  {str(error).replace(chr(10), chr(10) + '  ')}"
    for name in seen.names:
        if name.dns and name.certificate is None:
            yield click.style(f"! {name.astray}", fg="yellow")
    if not seen.checks:
        yield f"{seen.cluster} has no hub"
