"""How plans, events and states look: on a terminal, in a log, as JSON."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, is_dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click
from pydantic import BaseModel

from hubfleet.errors import HubfleetError
from hubfleet.events import Event, Kind
from hubfleet.plan import Action, Change, Finding, Plan, Step
from hubfleet.plan.sizes import Size
from hubfleet.plan.steps import Impossible
from hubfleet.spec import InvalidFiles, Problem

if TYPE_CHECKING:
    from hubfleet.fleet import Answers, Outcome

_SIGNS = {
    Action.CREATE: ("+", "green"),
    Action.CHANGE: ("~", "yellow"),
    Action.REPLACE: ("±", "red"),
    Action.DESTROY: ("-", "red"),
    Action.FINISH: ("…", "cyan"),
    Action.KEEP: ("=", None),
}
_EVENT_SIGNS = {
    Kind.STARTED: ("▸", None),
    Kind.PROGRESS: ("·", None),
    Kind.DONE: ("✓", "green"),
    Kind.FAILED: ("✗", "red"),
    Kind.NOTE: (" ", None),
    Kind.WARNING: ("!", "yellow"),
}


def json_document(value: object) -> str:
    """One JSON document of frozen data. Paths and enums become text; a secret shows as it prints itself: masked."""
    return json.dumps(value, default=_plain, indent=2, ensure_ascii=False)


def json_line(kind: str, **fields: object) -> str:
    """One line of JSON that begins with its kind."""
    return json.dumps({"kind": kind, **fields}, default=_plain, ensure_ascii=False)


def outcome_line(outcome: Outcome) -> str:
    """The last line that `apply --json` and `destroy --json` print when all is well."""
    return json_line("outcome", **asdict(outcome))


def error_line(error: HubfleetError) -> str:
    """What every verb prints last with --json when it fails."""
    return json_line("error", **error_document(error))


def error_document(error: HubfleetError) -> dict[str, object]:
    """An error for machines."""
    said: dict[str, object] = {"exit_code": error.exit_code, "layer": error.layer}
    said |= {"what": error.what, "why": error.why, "remedy": error.remedy, "notes": getattr(error, "__notes__", [])}
    if isinstance(error, InvalidFiles):
        said["problems"] = [*map(problem_document, error.problems)]
    if isinstance(error, Impossible):
        said["findings"] = [*map(_finding_document, error.findings)]
    return said


def error_lines(answers: Answers[Any]) -> Iterable[str]:
    """Each cluster of which there is no answer, and why."""
    for name, error in answers.errors.items():
        yield click.style(f"✗ {name}", fg="red", bold=True)
        said = "\n".join([str(error), *getattr(error, "__notes__", ())])
        yield from (f"  {line}" for line in said.splitlines())


def error_documents(answers: Answers[Any]) -> list[dict[str, object]]:
    """The same for machines."""
    return [{"cluster": name, **error_document(error)} for name, error in answers.errors.items()]


def problem_document(problem: Problem) -> dict[str, object]:
    """A problem of a file, with its place."""
    place = problem.position
    return {
        "file": place.file,
        "line": place.line,
        "column": place.column,
        "key": problem.key,
        "what": problem.what,
        "remedy": problem.remedy,
    }


def counted(count: int, what: str) -> str:
    """1 hub, 2 hubs."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def _plain(value: object) -> object:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (set, frozenset)):
        return sorted(cast("Iterable[Any]", value))
    if isinstance(value, Mapping):
        return dict(cast("Mapping[str, Any]", value))
    if isinstance(value, Path):
        return str(value)
    return str(value)


def plan_lines(plan: Plan) -> Iterable[str]:
    """The plan as people read it: each step with its sign, details, changed keys; then findings and a summary."""
    for step in plan.steps:
        yield from _step_lines(step)
    if plan.sizes:
        yield f"  idle: {_size(plan.sizes.idle, plan.sizes.unit)}; at most: {_size(plan.sizes.peak, plan.sizes.unit)}"
    for note in plan.notes:
        yield f"  note: {note}"
    for finding in plan.findings:
        yield finding_line(finding)
    yield summary(plan)


def _size(size: Size, unit: str) -> str:
    cost = f", {size.units:g} {unit} an hour" if size.units is not None else ""
    return f"{size.nodes} nodes, {size.cores} cores{cost}"


def _step_lines(step: Step) -> Iterable[str]:
    sign, color = _SIGNS[step.action]
    details = f": {', '.join(step.details)}" if step.details else ""
    verb = "" if step.action is Action.KEEP else f"{step.action} "
    yield click.style(f"{sign} {verb}{step.subject}{details}", fg=color)
    for change in step.changes:
        yield click.style(f"    {change_line(change)}", fg=color)
    for lost in step.loses:
        yield click.style(f"    loses {lost}", fg="red", bold=True)


def change_line(change: Change) -> str:
    """A key, old and new in short, and where the new is set; of a secret that it changed."""
    origin = f"  ({change.origin})" if change.origin else ""
    if change.secret:
        return f"{change.key}: a secret changed{origin}"
    return f"{change.key}: {_short(change.old)} → {_short(change.new)}{origin}"


def _short(value: object) -> str:
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= 80 else text[:77] + "…"


def finding_line(finding: Finding) -> str:
    """A finding in red if it stands in the way, in yellow if it is a warning."""
    return click.style(str(finding), fg="red" if finding.fatal else "yellow")


def summary(plan: Plan) -> str:
    """One line: how many steps of each kind."""
    counts = [(action, sum(1 for step in plan.changes if step.action is action)) for action in Action]
    said = ", ".join(f"{count} to {action}" for action, count in counts if count)
    return f"{plan.cluster}: {said}." if said else f"{plan.cluster}: nothing to change."


def plan_document(plan: Plan) -> dict[str, Any]:
    """The plan for machines: no step's `work`, no secret's value."""
    return {
        "cluster": plan.cluster,
        "changes": len(plan.changes),
        "steps": [
            {
                "id": step.id,
                "action": step.action,
                "subject": step.subject,
                "details": list(step.details),
                "changes": [_change_document(change) for change in step.changes],
                "loses": list(step.loses),
            }
            for step in plan.steps
        ],
        "findings": [*map(_finding_document, plan.findings)],
        "notes": list(plan.notes),
        "sizes": plan.sizes,
    }


def _finding_document(finding: Finding) -> dict[str, Any]:
    return {**asdict(finding), "origin": finding.origin and str(finding.origin)}


def _change_document(change: Change) -> dict[str, Any]:
    values = {} if change.secret else {"old": change.old, "new": change.new}
    return {"key": change.key, "secret": change.secret, "origin": change.origin and str(change.origin), **values}


class EventPrinter:
    """A `Say` for people (lines on standard error, with the seconds since the start) or machines (JSON lines on
    standard output). Threads may share one."""

    def __init__(self, *, as_json: bool, many: bool = False) -> None:
        """`many`: events of several clusters, which lines then name."""
        self._json, self._many = as_json, many
        self._began, self._lock = time.monotonic(), threading.Lock()

    def __call__(self, event: Event) -> None:
        """Print one event."""
        seconds = time.monotonic() - self._began
        text = self._json_line(event, seconds) if self._json else self._line(event, seconds)
        with self._lock, suppress(BrokenPipeError):  # that nobody listens any more is no reason to stop half way
            click.echo(text, err=not self._json)

    @staticmethod
    def _json_line(event: Event, seconds: float) -> str:
        about = {"cluster": event.cluster, "subject": event.subject, "text": event.text, "took": event.seconds}
        return json_line(event.kind, seconds=round(seconds, 2), **about)

    def _line(self, event: Event, seconds: float) -> str:
        sign, color = _EVENT_SIGNS[event.kind]
        took = f" ({event.seconds:.1f} s)" if event.seconds is not None else ""
        text = f": {event.text}" if event.text else ""
        whose = f"{event.cluster} " if self._many else ""
        return click.style(f"[{seconds:6.1f} s] {sign} {whose}{event.subject}{text}{took}", fg=color)
