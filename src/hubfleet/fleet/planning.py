"""`plan`: what is wanted, what is there, what would be done. Changes nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from hubfleet import hubs
from hubfleet.engine import releases
from hubfleet.engine.ground import ground
from hubfleet.fleet.access import Access, access
from hubfleet.fleet.loading import Target
from hubfleet.plan import Action, Plan, Step
from hubfleet.plan import releases as release_plan
from hubfleet.plan.steps import Impossible
from hubfleet.spec import InvalidFiles
from hubfleet.tools.helm import Helm


def plan(target: Target) -> Plan:
    """What `apply` would do. Raises `spec.InvalidFiles` for secrets that are missing, Refused for what is unsafe."""
    resolved = target.resolved()
    wanted = hubs.releases(resolved.cluster, resolved.description)
    stands_on = ground(resolved.description)
    with access(stands_on, target.cluster.name) as opened, ThreadPoolExecutor(2, thread_name_prefix="plan") as pool:
        there = pool.submit(_releases_there, wanted, opened)
        infrastructure = stands_on.infrastructure(resolved.cluster)
        steps = release_plan.steps(wanted, there.result(), resolved.cluster)
    _accepted_by_charts(steps, resolved)
    return Plan(
        target.cluster.name, (*infrastructure.steps, *steps), infrastructure.findings, resolved.description.notes
    )


def _accepted_by_charts(steps: tuple[Step, ...], target: Target) -> None:
    """A value that a chart refuses is found here, before there is a machine that costs. Raises `spec.InvalidFiles`."""
    if steps:
        Helm(None).version()  # a Helm that is missing is found now, and not when the cluster stands
    changed = [step.work for step in steps if isinstance(step.work, hubs.Release) and step.action is not Action.KEEP]
    problems = releases.check(changed, Helm(None), target.cluster) if changed else ()
    if problems:
        raise InvalidFiles(problems)


def plan_destroy(target: Target) -> Plan:
    """What `destroy` would do."""
    stands_on = ground(target.description)
    with access(stands_on, target.cluster.name) as opened:
        there = _releases_there((), opened)
    return Plan(target.cluster.name, (*release_plan.removal(there, target.cluster), *stands_on.removal()))


def possible(made: Plan) -> None:
    """Raises Impossible if something stands in the plan's way."""
    if made.fatal:
        raise Impossible(made.fatal)


def _releases_there(wanted: tuple[hubs.Release, ...], opened: Access) -> tuple[release_plan.Observed, ...]:
    doors = opened.doors_if_there()
    return releases.observe(wanted, doors.kube, doors.helm) if doors else ()
