"""What verbs print for programs: JSON, a document or a line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, is_dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pydantic import BaseModel

from hubfleet.errors import HubfleetError
from hubfleet.spec import InvalidFiles, Problem

if TYPE_CHECKING:
    from hubfleet.fleet import Answers, Outcome
    from hubfleet.plan import Change, Finding, Plan


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
    from hubfleet.plan.steps import Impossible  # `validate` is quicker without

    said: dict[str, object] = {"exit_code": error.exit_code, "layer": error.layer}
    said |= {"what": error.what, "why": error.why, "remedy": error.remedy, "notes": getattr(error, "__notes__", [])}
    if isinstance(error, InvalidFiles):
        said["problems"] = [*map(problem_document, error.problems)]
    if isinstance(error, Impossible):
        said["findings"] = [*map(_finding_document, error.findings)]
    return said


def error_documents(answers: Answers[Any]) -> list[dict[str, object]]:
    """Each cluster of which there is no answer, and why."""
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
