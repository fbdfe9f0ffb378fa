"""Arguments and options that several verbs share, so that they mean the same everywhere."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from hubfleet import fleet

F = TypeVar("F", bound=Callable[..., Any])

_PATH: click.Path = click.Path(path_type=Path)


def path_argument(function: F) -> F:
    """PATH: a cluster file or a fleet's, or a folder with one."""
    return click.argument("path", type=_PATH, default=".")(function)


def path_option(function: F) -> F:
    """--path for verbs whose arguments belong to another program."""
    text = "A cluster file or a fleet's, or a folder with a cluster.yaml or fleet.yaml.  [default: .]"
    return click.option("--path", "-p", type=_PATH, default=".", help=text)(function)


def cluster_option(function: F) -> F:
    """--cluster, of verbs that are for one cluster."""
    text = "Which cluster of a fleet; may be left out where there is one only."
    return click.option("--cluster", metavar="NAME", help=text)(function)


def selection_options(function: F) -> F:
    """--cluster, --hub and --ring, as many of each as one likes, as a `Selection`."""

    @functools.wraps(function)
    def selected(
        *arguments: Any, clusters: tuple[str, ...], hubs: tuple[str, ...], rings: tuple[str, ...], **others: Any
    ) -> Any:
        return function(*arguments, selection=fleet.Selection(clusters, hubs, rings), **others)

    for name, kind, text in (
        ("--ring", "rings", "Only hubs of this ring of the fleet; may be repeated."),
        ("--hub", "hubs", "Only this hub; may be repeated. Where others stay, they are left as they are."),
        ("--cluster", "clusters", "Only this cluster of a fleet; may be repeated."),
    ):
        selected = click.option(name, kind, metavar="NAME", multiple=True, help=text)(selected)
    return cast("F", selected)


def json_option(text: str) -> Callable[[F], F]:
    """--json, with what it prints. `cli.app` sees it too, for errors."""

    def remembered(context: click.Context, _: click.Parameter, value: bool) -> bool:
        context.meta[AS_JSON] = value
        return value

    return click.option("--json", "as_json", is_flag=True, callback=remembered, help=text)


AS_JSON = "hubfleet.json"
"""Key of click's `Context.meta`: whether the person asked for JSON."""
DOCUMENT = json_option("Print one JSON document.")
EVENTS = json_option("Print a JSON line for each event, and one for the outcome.")


def timeout_option(function: F) -> F:
    """--timeout in minutes; clouds need hours sometimes (a first create on Jetstream2: up to 2.5)."""
    text = "How long to wait for the cloud; afterwards the same command goes on."
    return click.option(
        "--timeout", type=click.FloatRange(min=0), default=240, show_default=True, metavar="MINUTES", help=text
    )(function)


def break_lock_option(function: F) -> F:
    """--break-lock, of every verb that changes a cluster."""
    text = "Take the cluster's lock from this one, which hangs; who it is was told when it was refused."
    return click.option("--break-lock", default="", metavar="HOLDER", help=text)(function)
