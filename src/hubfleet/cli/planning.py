"""Plans as other programs want them: a comment on a pull request, a matrix of jobs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Any

from hubfleet import fleet
from hubfleet.cli.printing import change_line
from hubfleet.hubs import Release
from hubfleet.plan import Plan, Step
from hubfleet.plan.releases import Removed
from hubfleet.words import counted

MOST = 60_000
"""Characters of a comment; GitHub takes 65,536."""


class Format(StrEnum):
    """How `plan` prints."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"
    MATRIX = "github-matrix"


def markdown(made: fleet.Answers[Plan]) -> Iterator[str]:
    """A summary in one line, then each cluster that changes, its keys folded away; cut where a comment would be too
    long."""
    changed = [one for one in made.found.values() if one.changes]
    hubs = sum(1 for one in changed for step in one.changes if hub_of(step))
    settled = len(made.found) - len(changed)
    where = counted(len(changed), "cluster")
    yield f"**hubfleet plan**: {counted(hubs, 'hub')} on {where} to change; {settled} settled."
    length = 0
    for plan in changed:
        part = "\n".join(_cluster(plan))
        length += len(part)
        if length > MOST:
            yield "\nThere is more than a comment takes: `hubfleet plan` shows all of it."
            break
        yield part
    for name, error in made.errors.items():
        yield f"\n**{name}** cannot be planned:\n\n```\n{error}\n```"


def _cluster(plan: Plan) -> Iterator[str]:
    yield f"\n<details><summary><b>{plan.cluster}</b>: {', '.join(map(_short, plan.changes))}</summary>\n"
    yield "```diff"
    for step in plan.changes:
        yield from _step(step)
    yield "```"
    yield "</details>"


def _short(step: Step) -> str:
    return f"{step.action} {hub_of(step) or step.id}"


def _step(step: Step) -> Iterator[str]:
    details = f": {', '.join(step.details)}" if step.details else ""
    yield f"! {step.action} {step.subject}{details}"
    yield from (f"  {change_line(change)}" for change in step.changes)
    yield from (f"- loses {lost}" for lost in step.loses)


def matrix(found: fleet.Fleet, made: fleet.Answers[Plan]) -> dict[str, Any]:
    """For `strategy.matrix` of GitHub Actions: an entry for each hub that changes, and one without a hub where the
    cluster itself does. In the order of the rings, so that `max-parallel` can go by it."""
    clusters = [target.cluster for target in found.targets]
    rings = {(one.name, name): hub.ring or "" for one in clusters for name, hub in one.hubs.items()}
    entries = [
        {"cluster": plan.cluster, "hub": hub, "ring": rings.get((plan.cluster, hub), ""), "action": str(action)}
        for plan in made.found.values()
        for hub, action in _actions(plan)
    ]
    order = ["", *found.rings]
    return {"include": sorted(entries, key=lambda one: order.index(one["ring"]) if one["ring"] in order else 0)}


def _actions(plan: Plan) -> Iterable[tuple[str, object]]:
    """By hub what is done to it; by "" what is done to the cluster itself."""
    found: dict[str, object] = {}
    for step in plan.changes:
        found.setdefault(hub_of(step), step.action)
    return found.items()


def hub_of(step: Step) -> str:
    """The hub that a step is about; "" where it is about the cluster, or what serves all hubs."""
    match step.work:
        case Release(hub=hub):
            return hub
        case Removed(release=there):
            return there.hub
        case _:
            return ""
