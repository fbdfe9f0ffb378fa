"""`apply` to a fleet: ring by ring, the clusters of a ring side by side; each hub that was changed is tried before the
next ring's turn, and the first ring in which something fails is the last."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial

from hubfleet.engine.leases import Hold
from hubfleet.engine.run import Clock, side_by_side
from hubfleet.errors import HubfleetError
from hubfleet.events import Say, Watch
from hubfleet.fleet import checking
from hubfleet.fleet.applying import Outcome, Prove, apply
from hubfleet.fleet.loading import Fleet, Target
from hubfleet.fleet.locking import alone
from hubfleet.fleet.many import Answers, answers
from hubfleet.plan import Plan
from hubfleet.plan.rings import Stage, stages


@dataclass(frozen=True)
class FleetOutcome:
    """How it went: of each cluster what was done, or what failed. `waiting`: rings whose turn did not come."""

    outcomes: Mapping[str, Outcome]
    errors: Mapping[str, HubfleetError]
    waiting: tuple[str, ...] = ()


@contextmanager
def all_alone(
    targets: Sequence[Target], watch: Watch, *, breaks: str = "", adopt: bool = False
) -> Generator[Answers[Hold]]:
    """`alone` on every cluster, as far as nobody else is at it."""
    with ExitStack() as stack:
        holds = {target.cluster.name: alone(target, watch, breaks=breaks, adopt=adopt) for target in targets}

        def entered(name: str, _clock: Clock) -> Hold:
            hold = holds[name].__enter__()
            stack.push(holds[name].__exit__)
            return hold

        yield answers(side_by_side({name: partial(entered, name) for name in holds}))


def apply_rings(
    found: Fleet,
    plans: Mapping[str, Plan],
    holds: Mapping[str, Hold],
    say: Say,
    watch: Watch,
    *,
    timeout: float,
    keep_going: bool = False,
    prove: Prove | None = None,
) -> FleetOutcome:
    """Make the plans come true; where there are rings, `prove` (None: as a user would) each
    hub that was changed. `keep_going`: the next ring
    has its turn whatever failed in the one before, on the clusters where nothing did."""
    targets = {target.cluster.name: target for target in found.targets if target.cluster.name in plans}
    outcomes: dict[str, Outcome] = {}
    errors: dict[str, HubfleetError] = {}
    todo = list(stages(plans, {name: _rings(target) for name, target in targets.items()}, found.rings))
    while todo and (keep_going or not errors):
        stage = todo.pop(0)
        proof = (prove or checking.prove) if stage.ring else None
        way = partial(_apply, stage, say=say, watch=watch, timeout=timeout, prove=proof)
        whom = [name for name in stage.plans if name not in errors]
        done = answers(side_by_side({name: partial(way, targets[name], holds[name]) for name in whom}))
        errors |= done.errors
        for name, outcome in done.found.items():
            before = outcomes[name].hubs if name in outcomes else ()
            outcomes[name] = replace(outcome, hubs=(*before, *outcome.hubs))
    return FleetOutcome(outcomes, errors, tuple(stage.ring for stage in todo))


def _apply(
    stage: Stage,
    target: Target,
    hold: Hold,
    clock: Clock,
    *,
    say: Say,
    watch: Watch,
    timeout: float,
    prove: Prove | None,
) -> Outcome:
    made = stage.plans[target.cluster.name]
    return apply(target, made, say, watch, timeout=timeout, hold=hold, clock=clock, prove=prove)


def _rings(target: Target) -> dict[str, str]:
    return {name: target.cluster.hubs[name].ring or "" for name in target.chosen}
