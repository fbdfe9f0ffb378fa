"""`plan --since`: what a change of the files would change, asked of git and of no cluster."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hubfleet.errors import UsageError
from hubfleet.fleet.loading import Target, load_fleet
from hubfleet.fleet.selecting import Selection
from hubfleet.plan import Plan
from hubfleet.plan.since import State, compare, gone
from hubfleet.spec import as_written
from hubfleet.tools import git

_BROKEN = "at {revision} {count} of the files' mistakes were there already: what they hid counts as new"


def since(path: Path, targets: Sequence[Target], selection: Selection, revision: str) -> tuple[tuple[Plan, ...], str]:
    """The plan of each of these clusters of the files at `path`, if it were as the files were at that revision of their
    git repository; then those that are in no file any more. And a note, "" if there is none. UsageError where git knows
    no such revision."""
    with git.files_at(revision, path) as then:
        try:
            found = load_fleet(then)
            problems = len(found.problems)
            before = {target.cluster.name: _state(target) for target in found.targets}
        except UsageError:  # nothing was there then
            before, problems = {}, 0
    names = [target.cluster.name for target in targets]
    plans = [compare(_meant(target, before.get(target.cluster.name)), _state(target)) for target in targets]
    if not (selection.clusters or selection.of_hubs):
        plans += [gone(state) for name, state in before.items() if name not in names]
    return tuple(plans), _BROKEN.format(revision=revision, count=problems) if problems else ""


def _meant(target: Target, before: State | None) -> State | None:
    """Without the hubs that are not meant."""
    if before is None or target.hubs is None:
        return before
    return State(before.cluster, [one for one in before.releases if not one.hub or one.hub in target.hubs])


def _state(target: Target) -> State:
    """With the secrets as they are written. Charts of folders are read now: they may be gone soon."""
    seen = target.of(as_written(target.cluster))
    return State(seen.cluster, seen.releases())
