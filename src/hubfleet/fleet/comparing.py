"""`plan --since`: what a change of the files would change, asked of git and of no cluster."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from hubfleet.errors import UsageError
from hubfleet.fleet.loading import Target, load_fleet
from hubfleet.fleet.selecting import Selection
from hubfleet.plan import Plan
from hubfleet.plan.since import State, compare, gone, settled
from hubfleet.spec import FLEET_FILE, Cluster, as_written, sources
from hubfleet.tools import git

_BROKEN = "at {revision} {count} of the files' mistakes were there already: what they hid counts as new"


def since(path: Path, targets: Sequence[Target], selection: Selection, revision: str) -> tuple[tuple[Plan, ...], str]:
    """The plan of each of these clusters of the files at `path`, if it were as the files were at that revision of their
    git repository; then those that are in no file any more. And a note, "" if there is none. UsageError where git knows
    no such revision.

    Files of then are looked at as far as something changed: a large fleet is read once, not twice."""
    with git.files_at(revision, path) as then:
        reached = _Reached(then)
        changed = {target.cluster.name: target.cluster.file for target in targets if reached(target.cluster)}
        before, problems = _then(path, then, [*changed.values()])

        def planned(target: Target) -> Plan:
            # One cluster after another: what all hubs of a large fleet are made of, twice, is a gigabyte.
            if target.cluster.name not in changed:
                return settled(target.cluster)
            return compare(_meant(target, before.get(target.cluster.name)), _state(target))

        plans = [*map(planned, targets)]
        if not (selection.clusters or selection.of_hubs):
            names = {target.cluster.name for target in targets}
            plans += [gone(_state(target)) for name, target in before.items() if name not in names]
    return tuple(plans), _BROKEN.format(revision=revision, count=problems) if problems else ""


class _Reached:
    """Tells whether a change of files reaches a cluster."""

    def __init__(self, then: git.Then) -> None:
        # What a cluster is made from are files, and folders with all below them.
        self._places = {str(place) for file in then.changed for place in (file, *file.parents)}
        self._fleet = any(file.name == FLEET_FILE for file in then.changed)
        self._real = cache(os.path.realpath)

    def __call__(self, cluster: Cluster) -> bool:
        return self._fleet or any(map(self._holds, sources(cluster)))

    def _holds(self, source: Path) -> bool:
        """A symbolic link may have changed, and what it leads to."""
        folder, name = os.path.split(source)
        return f"{self._real(folder)}/{name}" in self._places or self._real(source) in self._places


def _then(path: Path, then: git.Then, files: Sequence[Path]) -> tuple[Mapping[str, Target], int]:
    """The clusters of these cluster files as they were, and those whose files changed or have gone; and how many
    mistakes there were in them."""
    wanted = {os.path.realpath(one) for file in (*files, *then.changed) if (one := then.of(file))}
    place = then.of(path)
    if place is None or not wanted:
        return {}, 0
    try:
        found = load_fleet(place, meant=lambda file: os.path.realpath(file) in wanted)
    except UsageError:  # nothing was there then
        return {}, 0
    return {target.cluster.name: target for target in found.targets}, len(found.problems)


def _meant(target: Target, then: Target | None) -> State | None:
    """As it was, without the hubs that are not meant."""
    if then is None:
        return None
    state = _state(then)
    if target.hubs is None:
        return state
    return State(state.cluster, [one for one in state.releases if not one.hub or one.hub in target.hubs])


def _state(target: Target) -> State:
    """With the secrets as they are written. To be asked while its files are there: charts of folders are read."""
    seen = target.of(as_written(target.cluster))
    return State(seen.cluster, seen.releases())
