"""The plans of a fleet's clusters, taken apart by the rings of their hubs. Pure.

A cluster itself, and what serves all its hubs, comes with the first ring that has one of its hubs: no hub can be there
before. What left the files goes with the last one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from hubfleet.plan.releases import Removed
from hubfleet.plan.steps import Plan, Step


@dataclass(frozen=True)
class Stage:
    """What is done before the next ring's turn: of each cluster that has something in it, the part of its plan. `ring`
    is "" where a fleet has none."""

    ring: str
    plans: Mapping[str, Plan]


def stages(
    plans: Mapping[str, Plan], ring_of: Mapping[str, Mapping[str, str]], rings: Sequence[str]
) -> tuple[Stage, ...]:
    """One for each ring in which something changes, in their order. `plans` by clusters; `ring_of` gives each hub's,
    by cluster and hub."""
    order = list(rings) or [""]
    turns = {
        name: {hub: order.index(ring) for hub, ring in ring_of.get(name, {}).items() if ring in order} for name in plans
    }
    return tuple(Stage(ring, found) for turn, ring in enumerate(order) if (found := dict(_parts(plans, turns, turn))))


def _parts(plans: Mapping[str, Plan], turns: Mapping[str, Mapping[str, int]], turn: int) -> Iterator[tuple[str, Plan]]:
    for name, plan in plans.items():
        part = replace(plan, steps=tuple(step for step in plan.steps if _turn(step, turns[name]) == turn))
        if part.changes:
            yield name, part


def _turn(step: Step, hubs: Mapping[str, int]) -> int:
    kind, _, name = step.id.partition("/")
    if kind in {"release", "homes"} and name in hubs:
        return hubs[name]
    return (max if isinstance(step.work, Removed) else min)(hubs.values(), default=0)
