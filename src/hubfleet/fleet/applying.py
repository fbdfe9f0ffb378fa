"""`apply` and `destroy`: a plan comes true, everything side by side that does not need each other."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

from hubfleet.engine import releases
from hubfleet.engine.ground import Way, ground
from hubfleet.engine.run import Clock, Job, run
from hubfleet.errors import HubfleetError
from hubfleet.events import Event, Kind, Say, Watch
from hubfleet.fleet.access import Access, access, first_line
from hubfleet.fleet.journal import Journal
from hubfleet.fleet.loading import Target
from hubfleet.fleet.locking import only_writer
from hubfleet.hubs import Release
from hubfleet.plan import Action, Plan, Step
from hubfleet.plan.releases import Observed


@dataclass(frozen=True)
class Outcome:
    """How a run went. Seconds; `waited` for whom, "any" is all of it; `own` is hubfleet's share of `seconds`."""

    cluster: str
    verb: str
    seconds: float
    waited: Mapping[str, float] = field(default_factory=dict[str, float])
    hubs: tuple[str, ...] = ()
    left: tuple[str, ...] = ()

    @property
    def own(self) -> float:
        """What hubfleet itself took, 0 to 1."""
        return 1 - self.waited.get("any", 0.0) / self.seconds if self.seconds else 0.0

    def summary(self) -> str:
        """A few lines for people."""
        parties = ", ".join(f"{party} {seconds:.0f} s" for party, seconds in self.waited.items() if party != "any")
        done = {"apply": "is as the file says", "destroy": "is gone"}[self.verb]
        took = f"{self.seconds:.0f} s; waited for {parties or 'nobody'}; hubfleet's own share {self.own:.0%}"
        lines = [f"{self.cluster} {done} ({took})"]
        lines += [f"  {hub}" for hub in self.hubs]
        lines += [f"  left over in the cloud: {left}" for left in self.left]
        return "\n".join(lines)


def alone(target: Target) -> AbstractContextManager[None]:
    """Nobody else on this machine changes this cluster meanwhile; Refused if somebody does."""
    return only_writer(target.cluster.name)


def nothing_to_do(made: Plan) -> Outcome:
    """The outcome of an apply whose plan has no change."""
    return Outcome(made.cluster, "apply", 0.0)


def apply(target: Target, made: Plan, say: Say, *, timeout: float) -> Outcome:
    """Make the plan come true. `timeout`: seconds for the whole. Raises the first failure; the same call goes on."""
    stands_on = ground(target.description)
    with _run(target, "apply", say) as (journal, watch), access(stands_on, made.cluster) as opened:
        began, way = time.monotonic(), Way(journal, watch, Clock(), timeout)
        jobs = [
            *stands_on.jobs([step for step in made.steps if not step.id.startswith("release/")], way),
            *(_release_job(step, opened, way, homes=False) for step in made.changes if step.id.startswith("release/")),
        ]
        run(jobs, cluster=made.cluster, say=journal, clock=way.clock)
        where = tuple(f"hub {name}: {url}" for name, url in _addresses(made, opened))
    return Outcome(made.cluster, "apply", time.monotonic() - began, watch.waited(), where)


def destroy(target: Target, made: Plan, say: Say, *, timeout: float) -> Outcome:
    """Remove the hubs with all that they hold, then the cluster."""
    stands_on = ground(target.description)
    left: list[str] = []
    with _run(target, "destroy", say) as (journal, watch), access(stands_on, made.cluster) as opened:
        began, way = time.monotonic(), Way(journal, watch, Clock(), timeout)
        jobs = [_release_job(step, opened, way, homes=True) for step in made.steps if step.id.startswith("release/")]
        if any(step.id == "cluster" for step in made.steps):
            first = frozenset(job.id for job in jobs)
            jobs.append(Job("cluster", lambda: _told(left, stands_on.destroy(way)), first))
        run(jobs, cluster=made.cluster, say=journal, clock=way.clock)
    return Outcome(made.cluster, "destroy", time.monotonic() - began, watch.waited(), left=tuple(left))


def _told(left: list[str], found: tuple[str, ...]) -> str:
    left.extend(found)
    return "gone" if not found else f"gone, {len(found)} things left over"


def _release_job(step: Step, opened: Access, way: Way, *, homes: bool) -> Job:
    """`homes`: a release that goes takes its claims with it."""

    def install(release: Release) -> str:
        doors = opened.doors()
        return releases.install(
            release, doors.helm, doors.kube, way.say, way.watch, cluster=opened.cluster, clock=way.clock
        )

    def remove(there: Observed) -> str:
        doors, where = opened.doors(), (there.name, there.namespace)
        releases.remove(
            *where, doors.helm, doors.kube, way.say, way.watch, cluster=opened.cluster, homes=homes, clock=way.clock
        )
        return "gone" if homes else "gone; homes and database stay"

    match step.work:
        case Release() as release:
            return Job(step.id, lambda: install(release), step.needs)
        case Observed() as there:
            return Job(step.id, lambda: remove(there), step.needs)
        case other:
            raise TypeError(f"{step.id} has no work that a release could do: {type(other).__name__}")


def _addresses(made: Plan, opened: Access) -> Iterator[tuple[str, str]]:
    for step in made.steps:
        if isinstance(step.work, Release) and step.action is not Action.DESTROY:
            login = releases.credentials(step.work, opened.doors().kube)
            yield step.work.hub, f"{login.url} (load balancer: {login.address or 'none yet'})"


@contextmanager
def _run(target: Target, verb: str, say: Say) -> Generator[tuple[Journal, Watch]]:
    journal, watch = Journal(target.cluster.name, verb, say), Watch()
    try:
        yield journal, watch
    except HubfleetError as error:
        journal.ended(well=False, text=first_line(error))
        raise
    journal(Event(Kind.NOTE, target.cluster.name, verb, "done"))
    journal.ended(well=True, text="done")
