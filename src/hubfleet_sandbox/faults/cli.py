"""`hubfleet sandbox fault ...`: each kind of fault is a verb of its own below `add`."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from hubfleet_sandbox.options import state_option, there

if TYPE_CHECKING:
    from hubfleet_sandbox.faults import Fault

# What acts is imported where it is used: help must be quick.

Command = TypeVar("Command", bound=Callable[..., object])
SERVICES = ("keystone", "glance", "nova", "neutron", "cinder", "magnum")


def _pattern(_context: click.Context, _option: click.Parameter, value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise click.BadParameter(f"not a regular expression: {error}") from error
    return value


_service = click.option("--service", type=click.Choice(SERVICES), default="magnum", show_default=True)
_METHODS = click.Choice(("GET", "POST", "PUT", "PATCH", "DELETE"))
_method = click.option("--method", type=_METHODS, help="[default: any]")
_path = click.option(
    "--path", default="", metavar="REGEX", callback=_pattern, help="Found in the request's path [default: any]."
)
_times = click.option("--times", type=click.IntRange(1), help="Strike so often [default: until it is cleared].")
_after = click.option("--after", type=click.IntRange(0), default=0, metavar="N", help="Let the first N chances pass.")
_cluster = click.option("--cluster", default="", metavar="NAME", help="Only this cluster [default: any].")
_probability = click.option("--probability", type=click.FloatRange(0, 1), default=1.0, help="Of each chance.")
_seed = click.option("--seed", type=int, default=0, help="Of the probability: the same seed, the same strikes.")


def _seconds(text: str, default: float | None = None) -> Callable[[Command], Command]:
    return click.option("--seconds", type=click.FloatRange(0, 1e6, min_open=True), default=default, help=text)


def _for_requests(command: Command) -> Command:
    """Which requests, and how often."""
    for option in reversed((_service, _method, _path, _after, _times, _probability, _seed, state_option)):
        command = option(command)
    return command


@click.group()
def fault() -> None:
    """Make the cloud go wrong on purpose: refuse, forget, hang, die. See what hubfleet makes of it.

    A fault is on until it has struck as often as it was told to, or is cleared; `stop` ends them all.
    """


@fault.group()
def add() -> None:
    """Begin a fault; each kind has options of its own."""


@add.command("helm-conflict")
@_cluster
@_seconds("Give each lock back after so long [default: when it is cleared].")
@state_option
def helm_conflict(state: Path, cluster: str, seconds: float | None) -> None:
    """Somebody holds the lock of a cluster's Helm release, so that Magnum's helm fails in its own words.

    Each release once, those that come later too.
    """
    _begin(state, "helm-conflict", cluster=cluster, seconds=seconds)


@add.command("slow-create")
@_cluster
@_seconds("How long.", 30.0)
@_times
@state_option
def slow_create(state: Path, cluster: str, seconds: float, times: int | None) -> None:
    """Control planes take that long before they begin to start."""
    _begin(state, "slow-create", cluster=cluster, seconds=seconds, times=times)


@add.command("slow-answers")
@_seconds("How long each answer is held back.", 5.0)
@_for_requests
def slow_answers(state: Path, **options: Any) -> None:
    """A service takes long to answer."""
    _begin(state, "slow-answers", **options)


@add.command("node-never-joins")
@_cluster
@click.option("--group", default="", metavar="NAME", help="Only of this node group [default: any].")
@_seconds("Join after so long, all the same [default: when it is cleared].")
@_times
@_after
@state_option
def node_never_joins(state: Path, **options: Any) -> None:
    """New machines come up, and their kubelets never join the cluster."""
    _begin(state, "node-never-joins", **options)


@add.command("quota")
@click.option("--service", type=click.Choice(("nova", "cinder", "neutron")), help="Whose [default: all three].")
@state_option
def quota(state: Path, service: str | None) -> None:
    """Somebody else of the project has used up what was left of its quota. Clearing it gives that back."""
    _begin(state, "quota", service=service or "")


@add.command("http")
@click.option("--status", type=click.IntRange(400, 599), required=True, help="500, 503, 429, 409, ...")
@click.option("--retry-after", type=click.IntRange(0), metavar="SECONDS", help="Say when to come again.")
@_for_requests
def http(state: Path, **options: Any) -> None:
    """A service answers with an error and does nothing."""
    _begin(state, "http", **options)


@add.command("not-found-after-accept")
@_for_requests
def not_found_after_accept(state: Path, **options: Any) -> None:
    """What an accepted POST has asked for is not found (404) by the next GETs of it."""
    _begin(state, "not-found-after-accept", **options)


@add.command("reset")
@_for_requests
def reset(state: Path, **options: Any) -> None:
    """The request is accepted and done, and the connection is reset in place of the answer."""
    _begin(state, "reset", **options)


@add.command("token-expiry")
@_seconds("Tokens are good for so long, while the fault is on [default: those made until now are good for nothing].")
@_times
@state_option
def token_expiry(state: Path, seconds: float | None, times: int | None) -> None:
    """Every service answers 401 to tokens, until a new one is fetched."""
    time.sleep(-time.time() % 1.0)  # a token tells when it was made in whole seconds
    _begin(state, "token-expiry", seconds=seconds, times=times)


@add.command("magnum-restart")
@click.option("--down", type=click.FloatRange(0, 3600), default=0.0, metavar="SECONDS", help="Stay away so long.")
@state_option
def magnum_restart(state: Path, down: float) -> None:
    """Magnum is killed and started again; what it was doing it forgets. Returns when it answers."""
    _begin(state, "magnum-restart", seconds=down, times=1)


@fault.command("random")
@click.option("--seed", type=int, required=True, help="The same seed, the same series.")
@click.option("--count", type=click.IntRange(1, 100), default=5, show_default=True)
@state_option
def random_series(state: Path, seed: int, count: int) -> None:
    """Begin a series of faults that all end by themselves, drawn from a seed."""
    from hubfleet_sandbox.faults import asking, series

    for drawn in series.draw(seed, count):
        _told(asking.begin(there(state), drawn))


@fault.command("list")
@state_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def list_(state: Path, *, as_json: bool) -> None:
    """Which faults there are, and what each of them did."""
    from hubfleet_sandbox import faults as books

    faults = books.book(there(state)).faults()
    if as_json:
        click.echo(json.dumps([{**asdict(one), "over": one.over} for one in faults], indent=2))
        return
    for one in faults:
        _told(one)
        for line in one.diary[-10:]:
            click.echo(f"     {line}")
    if not faults:
        click.echo("no faults")


@fault.command("clear")
@click.argument("numbers", type=int, nargs=-1)
@state_option
def clear(state: Path, numbers: tuple[int, ...]) -> None:
    """End these faults, all if none is named, and put back what they changed."""
    from hubfleet_sandbox.faults import asking

    asking.clear(there(state), numbers)


def _begin(state: Path, kind: str, **options: Any) -> None:
    from hubfleet_sandbox.faults import Fault, asking

    _told(
        asking.begin(there(state), Fault(kind, **{name: value for name, value in options.items() if value is not None}))
    )


def _told(one: Fault) -> None:
    from hubfleet_sandbox.faults import asking

    click.echo(f"{one.id:3}  {asking.described(one)}")
