"""`charts`: which charts a fleet is made of, and copies of them for where there is no network."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hubfleet.errors import HubfleetError
from hubfleet.events import Event, Kind, Say
from hubfleet.fleet.loading import Target
from hubfleet.hubs import Chart, charts, platform
from hubfleet.spec import InvalidFiles
from hubfleet.tools import charts as files

if TYPE_CHECKING:
    from hubfleet.tools.helm import Helm


@dataclass(frozen=True)
class Used:
    """A chart, and who has it. `source`: the repository, or the path; `archive`: where its files are on this machine,
    None if nowhere yet; `sha256`: the one that is pinned, or ""."""

    name: str
    version: str
    source: str
    hubs: tuple[str, ...]
    """As CLUSTER/HUB, or CLUSTER where it serves all its hubs."""
    archive: Path | None
    sha256: str


@dataclass(frozen=True)
class Copy:
    """A chart in a mirror. `fetched`: it was not there before."""

    name: str
    version: str
    source: str
    archive: Path
    sha256: str
    fetched: bool


def used_charts(targets: Sequence[Target]) -> tuple[Used, ...]:
    """The charts of the hubs that are meant, and others' that serve their clusters, in the order of the files."""
    whose: dict[Chart, list[str]] = {}
    for target in targets:
        for hub in target.chosen:
            whose.setdefault(charts.chart(hub, target.cluster), []).append(f"{target.cluster.name}/{hub}")
        shared = platform.releases(target.without_secrets().cluster, target.description)
        for chart in (one.chart for one in shared if one.chart.repository):
            whose.setdefault(chart, []).append(target.cluster.name)
    return tuple(_used(chart, hubs) for chart, hubs in whose.items())


def fetch_unseen(target: Target, hubs: Iterable[str]) -> None:
    """Have those charts of these hubs here that may have another inside, for which the values are. Raises
    `spec.InvalidFiles` where a mirror should have it, HubfleetError where it cannot be fetched."""
    for hub in hubs:
        if chart := charts.unseen(hub, target.cluster):
            if missing := charts.not_mirrored(chart, target.cluster):
                raise InvalidFiles([missing])
            _helm().pull(chart.repository or "", chart.name, chart.version)


def _helm() -> Helm:
    """One without a cluster, loaded when something is to be fetched: `show` seldom does."""
    from hubfleet.tools.helm import Helm

    return Helm(None)


def mirror_charts(
    targets: Sequence[Target], folder: Path, say: Say, helm: Callable[[], Helm] = _helm
) -> tuple[Copy, ...]:
    """Have in this folder every chart of a repository that hubfleet pins, or that a hub of the targets has; what is
    there already stays. Raises what the first failed with, after all were tried: the same call goes on. `helm` gives
    one, where something is to be fetched."""
    copies: list[Copy] = []
    errors: list[HubfleetError] = []
    for chart in _of_repositories(targets):
        try:
            copies.append(_copied(chart, folder, say, helm))
        except HubfleetError as error:
            say(Event(Kind.FAILED, "", f"chart/{chart.name}", error.what))
            errors.append(error)
    if errors:
        for other in errors[1:]:
            errors[0].add_note(str(other))
        raise errors[0]
    return tuple(copies)


def _used(chart: Chart, hubs: Iterable[str]) -> Used:
    archive = charts.archive(chart)
    source = chart.repository or str(chart.path)
    return Used(chart.name, chart.version, source, tuple(hubs), archive if archive.exists() else None, chart.sha256)


def _of_repositories(targets: Sequence[Target]) -> Iterator[Chart]:
    """Each once, wherever it is to come from; one that is pinned before the same that is not."""
    pinned = [charts.pinned(name) for name in charts.pins()]
    hubs = (charts.chart(hub, target.cluster) for target in targets for hub in target.chosen)
    upstreams = (charts.of_others(name, target.cluster) for target in targets for name in charts.pins())
    every = dict.fromkeys(replace(one, mirrored=None) for one in (*pinned, *hubs, *upstreams) if one.repository)
    checked = {_which(one) for one in every if one.sha256}
    return (one for one in every if one.sha256 or _which(one) not in checked)


def _which(chart: Chart) -> tuple[str, str, str]:
    return chart.name, chart.version, chart.repository or ""


def _copied(chart: Chart, folder: Path, say: Say, helm: Callable[[], Helm]) -> Copy:
    subject, place = f"chart/{chart.name}", charts.in_mirror(chart, folder)
    with suppress(OSError):
        found = files.sha256(place)
        if chart.sha256 in ("", found):
            say(Event(Kind.NOTE, "", subject, f"{chart} is there already"))
            return Copy(*_which(chart), place, found, fetched=False)
    say(Event(Kind.STARTED, "", subject, f"fetching {chart} from {chart.repository}"))
    archive = helm().pull(chart.repository or "", chart.name, chart.version, chart.sha256)
    place.parent.mkdir(parents=True, exist_ok=True)
    part = place.with_name(f".{place.name}.{os.getpid()}")  # who is killed leaves no half of a chart under its name
    shutil.copyfile(archive, part)
    part.replace(place)
    say(Event(Kind.DONE, "", subject, str(place)))
    return Copy(*_which(chart), place, files.sha256(place), fetched=True)
