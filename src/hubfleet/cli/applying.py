"""`apply`: clusters and hubs become as the files say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

import click

from hubfleet import fleet
from hubfleet.cli.acting import ADOPT, REPLACE, agree, confirm, one_at_a_time, plans_lines
from hubfleet.cli.documents import error_document, json_line, outcome_line
from hubfleet.cli.options import EVENTS, break_lock_option, path_argument, selection_options, timeout_option
from hubfleet.cli.printing import EventPrinter, error_lines
from hubfleet.errors import HubfleetError
from hubfleet.events import Watch
from hubfleet.plan import Plan
from hubfleet.tools import process
from hubfleet.words import counted


@click.command()
@path_argument
@selection_options
@EVENTS
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--keep-going", is_flag=True, help="Of a fleet: go on where nothing failed, and to the next ring too.")
@timeout_option
@break_lock_option
@REPLACE
@ADOPT
def apply(
    path: Path,
    selection: fleet.Selection,
    as_json: bool,
    yes: bool,
    keep_going: bool,
    timeout: float,
    break_lock: str,
    replace: tuple[str, ...],
    adopt: bool,
) -> int:
    """Make clusters and hubs as the files say.

    Shows the plan and asks first. Interrupt or kill it at any moment: the same command goes on. Run twice, the second
    changes nothing. A release that fails is rolled back to what ran before.

    A fleet with rings is done ring by ring: each hub that was changed is tried with a user's server before the next
    ring's turn, and the first ring in which something fails is the last.
    """
    watch = Watch(began=process.began())
    found = one_at_a_time(fleet.load_fleet(path, selection).valid(), replace=replace, adopt=adopt)
    with fleet.all_alone(found.targets, watch, breaks=break_lock, adopt=adopt) as holds:
        able = [target for target in found.targets if target.cluster.name in holds.found]
        plans = fleet.each(able, lambda target, _clock: fleet.plan(target, watch, replace=replace, adopt=adopt))
        made = fleet.Answers(plans.found, {**holds.errors, **plans.errors})
        if found.file is None:
            agree(made.one(), watch, as_json=as_json, yes=yes)
        else:
            made = _agree_to_all(found, made, watch, as_json=as_json, yes=yes, keep_going=keep_going)
        say = EventPrinter(as_json=as_json, many=len(found.targets) > 1)
        act = partial(fleet.apply_rings, found, made.found, holds.found, say, watch, keep_going=keep_going)
        done = act(timeout=60 * timeout)
    return _told(found, made, done, watch, as_json=as_json)


def _agree_to_all(
    found: fleet.Fleet,
    made: fleet.Answers[Plan],
    watch: Watch,
    *,
    as_json: bool,
    yes: bool,
    keep_going: bool,
) -> fleet.Answers[Plan]:
    """Show the plans of a fleet, and go on with those that can work, if the person says yes. HubfleetError if not all
    can, and nobody said to go on without them."""
    if not as_json:
        click.echo("\n".join(plans_lines(found, made)), err=True)
    able = fleet.only_possible(made)
    if able.errors and not keep_going:
        if as_json:
            click.echo("\n".join(_error_lines_of_json(able.errors)))
        raise fleet.not_all(able, len(found.targets))
    if any(one.changes for one in able.found.values()) and not yes:
        with watch.waiting("you"):
            confirm("Apply these plans?")
    return able


def _told(
    found: fleet.Fleet, made: fleet.Answers[Plan], done: fleet.FleetOutcome, watch: Watch, *, as_json: bool
) -> int:
    """Print how it went; the exit code."""
    errors = {**made.errors, **done.errors}
    if found.file is None:
        for error in errors.values():
            raise error
    for name, one in made.found.items():
        if name in done.outcomes and name not in errors:
            outcome = done.outcomes[name]
            click.echo(outcome_line(outcome) if as_json else outcome.summary())
        elif as_json and name not in errors:
            click.echo(outcome_line(fleet.nothing_to_do(one, "apply", watch)))
    if found.file is not None:
        click.echo("\n".join(_fleet_lines(found, errors, done, as_json=as_json)), err=bool(errors) and not as_json)
    return max((error.exit_code for error in errors.values()), default=0)


def _fleet_lines(
    found: fleet.Fleet, errors: Mapping[str, HubfleetError], done: fleet.FleetOutcome, *, as_json: bool
) -> Iterable[str]:
    if as_json:
        yield from _error_lines_of_json(errors)
        yield json_line("fleet", file=found.file, failed=[*errors], waiting=done.waiting)
        return
    yield from error_lines(fleet.Answers({}, errors))
    well = len(found.targets) - len(errors)
    waiting = f"; not begun: {', '.join(f'ring {ring}' for ring in done.waiting)}" if done.waiting else ""
    yield f"{found.file}: {well} of {counted(len(found.targets), 'cluster')} done{waiting}"


def _error_lines_of_json(errors: Mapping[str, HubfleetError]) -> Iterable[str]:
    return (json_line("error", cluster=name, **error_document(error)) for name, error in errors.items())
