"""`apply` and `destroy`: a plan comes true, everything side by side that does not need each other."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from hubfleet.engine import keeping, names, releases, rollback
from hubfleet.engine.ground import Way, ground
from hubfleet.engine.leases import Hold
from hubfleet.engine.names import HostName
from hubfleet.engine.run import Clock, Job, run
from hubfleet.errors import CloudError, HubfleetError, Interrupted, Refused
from hubfleet.events import Event, Kind, Say, Watch
from hubfleet.fleet.access import Access, access, first_line
from hubfleet.fleet.journal import Journal
from hubfleet.fleet.loading import Target
from hubfleet.hubs import Release
from hubfleet.plan import Action, Plan, Step
from hubfleet.plan.infrastructure import adopts, sizes
from hubfleet.plan.releases import Removed
from hubfleet.plan.volumes import described
from hubfleet.tools.kube import Kube

_FORGETS = {Action.CHANGE, Action.REPLACE, Action.DESTROY}
_INSTALL = 900.0
"""Seconds for one release at most."""

_DONE = {
    "apply": "is as the file says",
    "destroy": "has nothing left that hubfleet made",
    "scale": "has the pool as you asked",
    "upgrade": "is upgraded",
}

Prove = Callable[[Release, Access, Way], str]
"""Whether a hub also works; what was seen, in a few words. Raises HubfleetError if it does not."""


@dataclass(frozen=True)
class Outcome:
    """How a run went, in seconds since its process began: `waited` for whom ("any": for anybody), and what is left of
    `seconds`, hubfleet's `own`. A wait ends when hubfleet sees what it waited for: `engine.run.pause` says how soon."""

    cluster: str
    verb: str
    seconds: float
    waited: Mapping[str, float]
    own: float
    hubs: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    """What people keep, and `destroy` left alone."""
    names: tuple[HostName, ...] = ()
    """Of the hubs: the DNS records that have to be there, and what they and their certificates lack."""

    def summary(self) -> str:
        """A few lines for people."""
        longest = {party: seconds for party, seconds in self.waited.items() if party != "any" and seconds >= 0.5}
        parties = ", ".join(f"{party} {seconds:.0f} s" for party, seconds in longest.items())
        done = _DONE[self.verb]
        took = f"{self.seconds:.0f} s; waited for {parties or 'nobody'}"
        lines = [f"{self.cluster} {done} ({took}; hubfleet's own {self.own:.1f} s, {self.own / self.seconds:.0%})"]
        lines += [f"  {hub}" for hub in self.hubs]
        lines += self._records()
        lines += [f"  kept: {kept}" for kept in self.kept]
        lines += [f"  left over in the cloud: {left}" for left in self.left]
        return "\n".join(lines)

    def _records(self) -> Iterator[str]:
        """The DNS records that have to be there, then what certificates lack."""
        if self.names:
            yield "  DNS has to have:"
        for name in self.names:
            yield f"    {name.record}{f'  ({name.dns})' if name.dns else ''}"
        yield from (f"  ! {name.trouble}" for name in self.names if name.trouble)


def nothing_to_do(made: Plan, verb: str, watch: Watch) -> Outcome:
    """The outcome of `apply` or `destroy` with a plan that has no change."""
    return outcome(made, verb, watch)


def apply(
    target: Target,
    made: Plan,
    say: Say,
    watch: Watch,
    *,
    timeout: float,
    hold: Hold | None = None,
    verb: str = "apply",
    clock: Clock | None = None,
    prove: Prove | None = None,
) -> Outcome:
    """Make the plan come true, for this verb. `timeout`: seconds for the whole; `hold`: what `alone` gave; `prove`:
    what each hub that was changed has to stand in the end. Raises the first failure, after the release that failed was
    rolled back to what ran before; the same call goes on."""
    stands_on = ground(target.description, watch, target.clouds)
    with recorded(target, verb, say) as journal, access(stands_on, made.cluster, watch) as opened:
        way = Way(journal, watch, clock or Clock(), timeout, hold)
        jobs = [
            *stands_on.jobs([step for step in made.steps if not _of_release(step)], way),
            *(_release_job(step, opened, way) for step in filter(_of_release, made.changes)),
        ]
        _take_over(made, opened)
        carry_out(jobs, way, made.cluster)
        _keep(made, opened)
        stands_on.keep(opened.doors().kube)
        if prove is not None:
            proofs = (_proof(step, prove, opened, way) for step in filter(_of_release, made.changes))
            carry_out([*filter(None, proofs)], way, made.cluster)
        known = _names(made, opened, watch)
        where = tuple(_addresses(made, known))
    return replace(outcome(made, verb, watch, hubs=where), names=known)


def _take_over(made: Plan, opened: Access) -> None:
    """First of all the mark, so that a run that is killed is continued; and what is about to change is forgotten, so
    that nobody takes it for a change by somebody else."""
    if adopts(made.steps):
        keeping.adopt(opened.doors().kube)
    changed = sizes(step for step in made.steps if step.action in _FORGETS)
    if changed:
        keeping.leave(opened.doors().kube, dict.fromkeys(changed))


def _keep(made: Plan, opened: Access) -> None:
    """How node groups were left, so that a change by somebody else can be told from one of the file."""
    found = sizes(made.steps)
    if found:
        keeping.leave(opened.doors().kube, found)


def destroy(
    target: Target,
    made: Plan,
    say: Say,
    watch: Watch,
    *,
    timeout: float,
    hold: Hold | None = None,
    homes: bool = False,
) -> Outcome:
    """Remove the releases, then the cluster; what people keep is marked first, and stays, unless `homes` go too, as the
    plan was made."""
    stands_on = ground(target.description, watch, target.clouds)
    left, kept = list[str](), list[str]()
    with recorded(target, "destroy", say) as journal, access(stands_on, made.cluster, watch) as opened:
        way = Way(journal, watch, Clock(), timeout, hold)
        goes = not all(map(_of_release, made.steps))
        ours = filter(_of_release, made.steps)
        jobs = [_release_job(step, opened, way, hooks=not goes) for step in ours]
        if goes:
            first = frozenset(job.id for job in jobs)
            jobs.append(Job("cluster", lambda: _told(left, gone()), first))
        if goes and not homes:
            keep = Job("homes", lambda: _told_of(kept, stands_on.keep(_answering(opened))))
            jobs = [keep, *(replace(job, needs=job.needs | {keep.id}) for job in jobs)]

        def gone() -> tuple[str, ...]:
            return stands_on.destroy(way, _uuid(made), _answering(opened), homes=homes)

        carry_out(jobs, way, made.cluster)
    return replace(outcome(made, "destroy", watch), left=tuple(left), kept=tuple(_kept_on(made)) or tuple(kept))


def _answering(opened: Access) -> Kube | None:
    """The cluster's API; None if it does not answer."""
    try:
        doors = opened.doors_if_there()
        return doors.kube if doors and doors.kube.ready() else None
    except CloudError:
        return None


def _told_of(kept: list[str], found: str) -> str:
    kept.extend(filter(None, [found]))
    return f"kept in the cloud: {found}" if found else "there is nothing that people keep"


def _kept_on(made: Plan) -> Iterator[str]:
    for step in made.steps:
        match step.work:
            case Removed(release=there, claims=False) if there.claims:
                yield f"{step.subject}: {described(there.claims)}"
            case _:
                pass


def _uuid(made: Plan) -> str:
    """Of the cluster that the plan removes."""
    return next((step.work for step in made.steps if isinstance(step.work, str)), "")


def carry_out(jobs: Sequence[Job], way: Way, cluster: str) -> None:
    """Run the jobs; Refused at the next step if somebody takes the cluster's lock meanwhile."""
    if way.hold is not None:
        way.hold.on_loss(way.clock.stop)
    try:
        run(jobs, cluster=cluster, say=way.say, clock=way.clock)
    except Interrupted:
        if way.hold is not None:
            way.hold.check()
        raise


def outcome(made: Plan, verb: str, watch: Watch, *, hubs: tuple[str, ...] = ()) -> Outcome:
    """Of a run that is over, its time shared out."""
    seconds, waited = watch.seconds, watch.waited()
    return Outcome(made.cluster, verb, seconds, waited, seconds - waited["any"], hubs)


def _of_release(step: Step) -> bool:
    return isinstance(step.work, Release | Removed)


def _told(left: list[str], found: tuple[str, ...]) -> str:
    left.extend(found)
    return "gone" if not found else f"gone, {len(found)} things left over"


def _release_job(step: Step, opened: Access, way: Way, *, hooks: bool = True) -> Job:
    """`hooks`: the chart of a release that goes may tidy up a cluster that stays."""

    def install(release: Release) -> str:
        doors, whole = opened.doors(), min(_INSTALL, way.timeout)
        tell = (way.say, way.watch)
        with _rolled_back(release, opened, way):
            return releases.install(
                release, doors.helm, doors.kube, *tell, cluster=opened.cluster, clock=way.clock, timeout=whole
            )

    def remove(work: Removed) -> str:
        there, doors, tell = work.release, opened.doors(), (way.say, way.watch)
        where, cluster = (there.name, there.namespace), opened.cluster
        releases.remove(
            *where, doors.helm, doors.kube, *tell, cluster=cluster, homes=work.claims, hooks=hooks, clock=way.clock
        )
        return "gone" if work.claims else "gone; its volumes stay"

    match step.work:
        case Release() as release:
            return Job(step.id, lambda: install(release), step.needs)
        case Removed() as work:
            return Job(step.id, lambda: remove(work), step.needs)
        case other:
            raise TypeError(f"{step.id} has no work that a release could do: {type(other).__name__}")


def _proof(step: Step, prove: Prove, opened: Access, way: Way) -> Job | None:
    """What a hub has to stand after it was changed; None for what is no hub, or goes."""
    release = step.work
    if not isinstance(release, Release) or not release.hub:
        return None

    def proved() -> str:
        with _rolled_back(release, opened, way):
            return prove(release, opened, way)

    return Job(f"check/{release.name}", proved)


@contextmanager
def _rolled_back(release: Release, opened: Access, way: Way) -> Generator[None]:
    """If it fails, the release goes back to what ran before, and the error says so."""
    try:
        yield
    except (Interrupted, Refused):
        raise  # it did not fail
    except HubfleetError as error:
        doors = opened.doors()

        def tell(kind: Kind, text: str) -> None:
            way.say(Event(kind, opened.cluster, f"release/{release.name}", text))

        with way.watch.waiting("Helm"):
            said = rollback.back(release, doors.helm, doors.kube, tell, way.clock, cluster=opened.cluster)
        if said:
            tell(Kind.WARNING, said)
            error.add_note(f"{release.subject}: {said}")
        raise


def _hubs(made: Plan) -> Iterator[Release]:
    return (step.work for step in made.steps if isinstance(step.work, Release) and step.work.hub)


def _names(made: Plan, opened: Access, watch: Watch) -> tuple[HostName, ...]:
    named = tuple(step.work for step in made.steps if isinstance(step.work, Release) and step.work.url)
    with watch.waiting("DNS"):
        return names.look(named, opened.doors().kube) if named else ()


def _addresses(made: Plan, known: Collection[HostName]) -> Iterator[str]:
    for release in _hubs(made):
        address = next((name.address for name in known if name.hub == release.hub), "")
        at = f"http://{address}" if address else "none yet"
        yield f"hub {release.hub}: {release.url} (load balancer: {at})"


@contextmanager
def recorded(target: Target, verb: str, say: Say) -> Generator[Journal]:
    """A run of a verb whose events and end are kept in the journal."""
    journal = Journal(target.cluster.name, verb, say)
    try:
        yield journal
    except BaseException as error:
        known = first_line(error) if isinstance(error, HubfleetError) else type(error).__name__
        journal.ended(well=False, text="interrupted" if isinstance(error, KeyboardInterrupt) else known)
        raise
    journal(Event(Kind.NOTE, target.cluster.name, verb, "done"))
    journal.ended(well=True, text="done")
