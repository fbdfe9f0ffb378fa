"""How plans and events look to people, on a terminal and in a log."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from hubfleet.cli.documents import json_line
from hubfleet.events import Event, Kind
from hubfleet.plan import Action, Change, Finding, Plan, Step
from hubfleet.plan.sizes import Size

if TYPE_CHECKING:
    from hubfleet.fleet import Answers

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


def error_lines(answers: Answers[Any]) -> Iterable[str]:
    """Each cluster of which there is no answer, and why."""
    for name, error in answers.errors.items():
        yield click.style(f"✗ {name}", fg="red", bold=True)
        said = "\n".join([str(error), *getattr(error, "__notes__", ())])
        yield from (f"  {line}" for line in said.splitlines())


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
