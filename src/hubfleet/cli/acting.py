"""`plan` and `destroy`, and what every verb that changes something does: show what would change, and ask."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import click

from hubfleet import fleet
from hubfleet.cli.documents import error_documents, json_document, outcome_line, plan_document
from hubfleet.cli.options import (
    DOCUMENT,
    EVENTS,
    break_lock_option,
    cluster_option,
    path_argument,
    selection_options,
    timeout_option,
)
from hubfleet.cli.planning import Format, markdown, matrix
from hubfleet.cli.printing import EventPrinter, error_lines, plan_lines, summary
from hubfleet.errors import Interrupted, Refused, UsageError
from hubfleet.events import Watch
from hubfleet.plan import Plan
from hubfleet.tools import process

CHANGES = 3
REPLACE = click.option(
    "--replace",
    metavar="POOL",
    multiple=True,
    help="This pool may be deleted and made anew, of the machine that the file says; servers on it stop.",
)
ADOPT = click.option(
    "--adopt",
    is_flag=True,
    help="Take over what hubfleet did not make: a cluster of this name, which is never made anew, and Helm releases of"
    " its hubs' names, whose claims stay.",
)


@click.command()
@path_argument
@selection_options
@DOCUMENT
@click.option(
    "--format",
    "as_",
    type=click.Choice([*map(str, Format)]),
    default=str(Format.TEXT),
    show_default=True,
    help="For people, programs, a comment on a pull request, or the matrix of a job of GitHub Actions.",
)
@click.option(
    "--since", metavar="REV", help="What changed in the files since this git revision; asks no cloud and no cluster."
)
@click.option("--exit-code", is_flag=True, help="Exit with 3 if apply would change something, 0 if not.")
@REPLACE
@ADOPT
def plan(
    path: Path,
    selection: fleet.Selection,
    as_json: bool,
    as_: str,
    since: str | None,
    exit_code: bool,
    replace: tuple[str, ...],
    adopt: bool,
) -> int:
    """What apply would do, and what stands in its way. Changes nothing.

    \b
    + create   ~ change   ± replace   - destroy   … finish (under way)   = keep

    \b
    hubfleet plan . --since origin/main --format markdown    which hubs a pull request reaches, and by which keys
    """
    found = one_at_a_time(fleet.load_fleet(path, selection).valid(), replace=replace, adopt=adopt)
    note = ""
    if since is not None:
        plans, note = fleet.since(path, found.targets, selection, since)
        made = fleet.Answers({one.cluster: one for one in plans}, {})
    else:
        made = fleet.each(found.targets, lambda target, _clock: fleet.plan(target, replace=replace, adopt=adopt))
    click.echo(_planned(found, made, Format.JSON if as_json else Format(as_)))
    if note:
        click.echo(f"note: {note}", err=True)
    if made.errors:
        return max(error.exit_code for error in made.errors.values())
    return CHANGES if exit_code and any(one.changes for one in made.found.values()) else 0


def _planned(found: fleet.Fleet, made: fleet.Answers[Plan], as_: Format) -> str:
    """In that form. Where one cluster file stands alone, text and JSON are those of its plan."""
    alone = made.one() if found.file is None and len(made.found) + len(made.errors) == 1 else None
    match as_:
        case Format.TEXT:
            return "\n".join(plan_lines(alone) if alone else plans_lines(found, made))
        case Format.JSON:
            documents = [*map(plan_document, made.found.values())]
            return json_document(documents[0] if alone else {"clusters": documents, "errors": error_documents(made)})
        case Format.MARKDOWN:
            return "\n".join(markdown(made))
        case Format.MATRIX:
            return json.dumps(matrix(found, made))


def plans_lines(found: fleet.Fleet, made: fleet.Answers[Plan]) -> Iterable[str]:
    """Those that would change something at length, the settled in a line; a summary."""
    for one in made.found.values():
        if one.changes or one.notes or one.findings:
            yield click.style(one.cluster, bold=True)
            yield from (f"  {line}" for line in plan_lines(one))
        else:
            yield summary(one)
    yield from error_lines(made)
    changed = sum(bool(one.changes) for one in made.found.values())
    failed = f", {len(made.errors)} cannot be planned" if made.errors else ""
    yield f"{found.file}: {changed} of {len(found.targets)} clusters to change{failed}"


def one_at_a_time(found: fleet.Fleet, *, replace: tuple[str, ...], adopt: bool) -> fleet.Fleet:
    """What is dangerous is allowed of one cluster, and not of a fleet in one word."""
    if (replace or adopt) and len(found.targets) > 1:
        what = f"{'--adopt' if adopt else '--replace'} is for one cluster, and {found.file} has {len(found.targets)}"
        raise UsageError(what, remedy=f"say which: --cluster {found.targets[0].cluster.name}")
    return found


@click.command()
@path_argument
@cluster_option
@EVENTS
@click.option("--yes", metavar="NAME", help="The cluster's name, so as not to be asked for it.")
@click.option("--with-homes", "homes", is_flag=True, help="Delete home directories and hubs' databases as well.")
@timeout_option
@break_lock_option
def destroy(
    path: Path,
    cluster: str | None,
    as_json: bool,
    yes: str | None,
    homes: bool,
    timeout: float,
    break_lock: str,
) -> None:
    """Remove the hubs and the cluster. What people keep stays, unless you say --with-homes.

    Home directories and the hubs' databases stay as volumes in the cloud, marked so that no clean-up of the site's
    deletes them, and `hubfleet apply` of a cluster of this name finds them again.

    Asks for the cluster's name. Afterwards looks for what the cloud has left that it should not, and lists it.
    """
    watch = Watch(began=process.began())
    target = fleet.load(path, cluster)
    with fleet.alone(target, watch, breaks=break_lock) as hold:
        made = fleet.plan_destroy(target, watch, homes=homes)
        if not as_json:
            click.echo("\n".join(plan_lines(made)), err=True)
        if made.changes:
            with watch.waiting("you"):
                _named(target.cluster.name, yes, homes=homes)
        say, seconds = EventPrinter(as_json=as_json), 60 * timeout
        act = partial(fleet.destroy, target, made, say, watch, timeout=seconds, hold=hold, homes=homes)
        carry_out(made, "destroy", watch, act, as_json=as_json)


def agree(made: Plan, watch: Watch, *, as_json: bool, yes: bool, question: str = "Apply this plan?") -> None:
    """Show the plan, and go on only if nothing stands in its way and the person says yes. UsageError if nobody is there
    to be asked, Interrupted if the answer is no."""
    if not as_json:
        click.echo("\n".join(plan_lines(made)), err=True)
    fleet.possible(made)
    if made.changes and not yes:
        with watch.waiting("you"):
            confirm(question)


def carry_out(made: Plan, verb: str, watch: Watch, act: Callable[[], fleet.Outcome], *, as_json: bool) -> None:
    """Do it if the plan has a change, and print the outcome."""
    if made.changes:
        outcome = act()
        click.echo(outcome_line(outcome) if as_json else outcome.summary())
    elif as_json:
        click.echo(outcome_line(fleet.nothing_to_do(made, verb, watch)))


def confirm(question: str) -> None:
    if not sys.stdin.isatty():
        raise UsageError("nobody is there to ask", why="standard input is not a terminal", remedy="give --yes")
    if not click.confirm(question, err=True):
        raise Interrupted("nothing was changed")


def _named(name: str, given: str | None, *, homes: bool) -> None:
    """The name of what will go, typed or given."""
    if given is None:
        if not sys.stdin.isatty():
            raise UsageError(
                "nobody is there to ask", why="standard input is not a terminal", remedy=f"give --yes {name}"
            )
        stays = "home directories and databases too, for ever" if homes else "home directories and databases stay"
        given = click.prompt(f"This removes what the plan says; {stays}. Type the cluster's name ({name})", err=True)
    if given != name:
        raise Refused(
            f"{given!r} is not the name of this cluster", remedy=f"the file says {name!r}; nothing was removed"
        )
