"""A plan as data: the command line prints it, `apply` consumes it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hubfleet.errors import HubfleetError, Layer
from hubfleet.plan.sizes import Sizes
from hubfleet.spec.problems import Position
from hubfleet.words import counted


class Action(StrEnum):
    """What a step does to its subject."""

    CREATE = "create"
    CHANGE = "change"
    REPLACE = "replace"
    DESTROY = "destroy"
    FINISH = "finish"
    """Asked for by an earlier run and not ready yet: wait for it, and heal what failed on the way."""
    KEEP = "keep"
    """Nothing to do; shown so that the plan tells the whole cluster."""


@dataclass(frozen=True)
class Change:
    """One key that differs. `origin` is where the new value is set; a secret's values are never printed."""

    key: str
    old: object
    new: object
    origin: Position | None = None
    secret: bool = False


@dataclass(frozen=True)
class Step:
    """One thing to do. `id` is "cluster", "pool/NAME" or "release/NAME"; `work` is the data its engine acts on;
    `needs` are the ids of steps that must be over before."""

    id: str
    action: Action
    subject: str
    """For people: "pool user (node group user)"."""
    work: object
    details: tuple[str, ...] = ()
    """What is made, in short: "2 nodes of m3.quad"."""
    changes: tuple[Change, ...] = ()
    needs: frozenset[str] = frozenset()
    loses: tuple[str, ...] = ()
    """What lasting data would be deleted or replaced by it: needs the name typed."""


@dataclass(frozen=True)
class Finding:
    """What a look before the first request found: `fatal` ones stop apply, others are shown. All are found at once."""

    layer: Layer
    what: str
    why: str = ""
    remedy: str = ""
    fatal: bool = True
    origin: Position | None = None

    def __str__(self) -> str:
        head = f"{self.origin}: " if self.origin else ""
        parts = [
            f"{head}{self.layer}: {self.what}",
            self.why and f"  why: {self.why}",
            self.remedy and f"  do:  {self.remedy}",
        ]
        return "\n".join(part for part in parts if part)


@dataclass(frozen=True)
class Plan:
    """Everything that would be done to one cluster, in an order that works."""

    cluster: str
    steps: tuple[Step, ...]
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    sizes: Sizes | None = None
    """Where hubfleet makes the machines."""

    @property
    def changes(self) -> tuple[Step, ...]:
        """The steps that do something."""
        return tuple(step for step in self.steps if step.action is not Action.KEEP)

    @property
    def fatal(self) -> tuple[Finding, ...]:
        """What stands in the way."""
        return tuple(finding for finding in self.findings if finding.fatal)


class Impossible(HubfleetError):
    """The plan cannot work: every fatal finding, each with its remedy. Nothing was created."""

    exit_code = 5

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        self.findings = findings
        super().__init__(f"{counted(len(findings), 'thing')} in the way; nothing was created")

    def __str__(self) -> str:
        return "\n".join([*map(str, self.findings), f"{self.what}."])
