"""`audit`: what clusters left in the cloud, and what it costs."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hubfleet import fleet
from hubfleet.cli.documents import json_document, json_line
from hubfleet.cli.options import cluster_option, json_option
from hubfleet.cli.printing import EventPrinter
from hubfleet.errors import Interrupted, UsageError
from hubfleet.events import Watch
from hubfleet.plan.leftovers import Item, age
from hubfleet.plan.volumes import described, hub_volume
from hubfleet.tools import process
from hubfleet.words import counted

if TYPE_CHECKING:
    from hubfleet.engine.audit import Audit, Stayed

CHANGES = 3
_STAYED = 1


@click.command()
@click.argument("path", type=click.Path(path_type=Path), required=False)
@cluster_option
@click.option("--cloud", metavar="NAME", help="Of every cluster in this cloud of clouds.yaml, with or without a file.")
@click.option("--all", "everything", is_flag=True, help="List also what clusters that are there have.")
@click.option("--delete", is_flag=True, help="Delete what is left over, after asking.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--with-homes", metavar="CLUSTER", default="", help="With --delete: the kept homes and databases of this one too."
)
@click.option("--exit-code", is_flag=True, help="Exit with 3 if something is left over, 0 if not.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0),
    default=30,
    show_default=True,
    metavar="MINUTES",
    help="How long to wait until what was deleted is gone.",
)
@json_option("Print one JSON document; with --delete a JSON line for each event, and one for the outcome.")
def audit(
    path: Path | None,
    cluster: str | None,
    cloud: str | None,
    everything: bool,
    delete: bool,
    yes: bool,
    with_homes: str,
    exit_code: bool,
    timeout: float,
    as_json: bool,
) -> int:
    """What is left over in the cloud of clusters that are gone, with size, age and cost.

    \b
    hubfleet audit                            of the cluster of this file
    hubfleet audit --cloud js2                of every cluster there ever was
    hubfleet audit --cloud js2 --delete       and take it away

    Things are known by what their makers wrote on them; anything else in the project is never listed. Homes and
    databases are kept: `apply` finds them again. What a living cluster has is never deleted.
    """
    watch = Watch(began=process.began())
    if with_homes and not delete:
        raise UsageError("--with-homes is for --delete", remedy="add --delete, or leave --with-homes out")
    auditor = fleet.auditor(path, cluster, cloud, watch)
    seen = auditor.look()
    told = "\n".join(_lines(seen, everything=everything))
    if not delete:
        click.echo(json_document(_document(seen, everything=everything)) if as_json else told)
        return CHANGES if exit_code and seen.found.left else 0
    goes = seen.goes(fleet.homes_of(seen, with_homes) if with_homes else "")
    if not as_json:
        click.echo(told, err=True)
    if goes and not yes:
        with watch.waiting("you"):
            _agree(goes)
    stayed = fleet.clean(auditor, goes, EventPrinter(as_json=as_json), watch, timeout=60 * timeout) if goes else ()
    _tell(seen, len(goes) - len(stayed), stayed, watch, as_json=as_json)
    return _STAYED if stayed else 0


def _tell(seen: Audit, gone: int, stayed: Sequence[Stayed], watch: Watch, *, as_json: bool) -> None:
    if as_json:
        left = [{**_one(seen, one.item), "why": one.why} for one in stayed]
        click.echo(json_line("outcome", verb="audit", seconds=watch.seconds, deleted=gone, stayed=left))
        return
    click.echo(f"{counted(gone, 'thing')} deleted" + (f", {len(stayed)} stayed" if stayed else ""))
    for one in stayed:
        click.echo(click.style(f"  ! {one.item.title}: {one.why}", fg="yellow"))


def _agree(goes: Sequence[Item]) -> None:
    """UsageError if nobody is there to be asked, Interrupted if the answer is no."""
    if not sys.stdin.isatty():
        raise UsageError("nobody is there to ask", why="standard input is not a terminal", remedy="give --yes")
    homes = _told([item for item in goes if item.kept])
    also = f", {homes} among them," if homes else ""
    if not click.confirm(f"Delete {counted(len(goes), 'thing')}{also} for ever?", err=True):
        raise Interrupted("nothing was deleted")


def _told(kept: Sequence[Item]) -> str:
    """Volumes that people keep something in, in words; "" if there are none."""
    volumes = [one for item in kept if (one := hub_volume(item.volume))]
    return described([one.claim for one in volumes], sum(one.size for one in volumes)) if volumes else ""


def _lines(seen: Audit, *, everything: bool) -> Iterator[str]:
    """For people: a table of each cluster that left something, then what is kept, and a summary."""
    for release, items in _clusters(seen.found.left):
        yield click.style(f"{_called(items[0])} is gone ({release}); left over:", bold=True)
        yield from _table(seen, items)
    for release, items in _clusters(seen.found.living if everything else ()):
        yield click.style(f"{_called(items[0])} is there ({release}), and has:", bold=True)
        yield from _table(seen, items)
    for name, hub, items in _homes(seen.found.kept):
        whose = f" of hub {hub}" if hub else ""
        yield f"kept: {_told(items)}{whose}: found again when a cluster {name} is made"
    for unseen in seen.unseen:
        yield click.style(f"not seen: {unseen}", fg="yellow")
    yield _summary(seen)


def _table(seen: Audit, items: Sequence[Item]) -> Iterator[str]:
    rows = [(*_row(seen, item),) for item in items]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _row(seen: Audit, item: Item) -> tuple[str, ...]:
    thing = item.thing
    name, held = thing.name or thing.id, f"! {item.held}" if item.held else ""
    return thing.kind, name, seen.price.size(thing), age(thing.created, seen.at), seen.price.told(thing), held


def _summary(seen: Audit) -> str:
    left = seen.found.left
    whose = f"of {seen.cluster} in {seen.cloud}" if seen.cluster else f"in {seen.cloud}"
    said = f"{counted(len(left), 'thing')} left over {whose}" if left else f"nothing is left over {whose}"
    units = [units for item in left if (units := seen.price.units(item.thing)) is not None]
    if units and seen.price.rates:
        said += f", {sum(units):g} {seen.price.rates.unit} an hour"
    if seen.unseen:
        said += ", as far as can be seen"
    if left:
        said += ". To take it away: the same command with --delete"
    if seen.elsewhere:
        said += f". Other clusters left {counted(seen.elsewhere, 'thing')}{_elsewhere(seen.cloud)}"
    return said


def _elsewhere(cloud: str) -> str:
    """How to see them; nothing for the cloud of the OS_* variables, which has no name."""
    return "" if " " in cloud else f": hubfleet audit --cloud {cloud}"


def _clusters(items: Iterable[Item]) -> Iterator[tuple[str, list[Item]]]:
    for (_, release), group in groupby(items, key=lambda item: (item.cluster, item.release)):
        yield release, list(group)


def _homes(items: Sequence[Item]) -> Iterator[tuple[str, str, list[Item]]]:
    def hub(item: Item) -> tuple[str, str]:
        found = hub_volume(item.volume)
        return item.cluster, found.namespace if found else ""

    for (name, namespace), group in groupby(sorted(items, key=hub), key=hub):
        yield name, namespace, list(group)


def _called(item: Item) -> str:
    return f"cluster {item.cluster}" if item.cluster else "a cluster"


def _document(seen: Audit, *, everything: bool) -> dict[str, object]:
    found, living = seen.found, seen.found.living if everything else ()
    parts = {"left": found.left, "kept": found.kept, **({"living": living} if everything else {})}
    told: dict[str, object] = {name: [_one(seen, item) for item in items] for name, items in parts.items()}
    about = {"cloud": seen.cloud, "cluster": seen.cluster or None, "unseen": list(seen.unseen)}
    return {**about, **told, "elsewhere": seen.elsewhere}


def _one(seen: Audit, item: Item) -> dict[str, object]:
    thing = item.thing
    return {
        "cluster": item.cluster,
        "release": item.release,
        "kind": thing.kind,
        "id": thing.id,
        "name": thing.name,
        "description": thing.description,
        "size": seen.price.size(thing),
        "created": thing.created and thing.created.isoformat(),
        "status": thing.status,
        "cost": seen.price.told(thing),
        "units": seen.price.units(thing),
        "held": item.held,
    }
