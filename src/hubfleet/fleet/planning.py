"""`plan`: what is wanted, what is there, what would be done. Changes nothing."""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from hubfleet import hubs
from hubfleet.engine import releases
from hubfleet.engine.ground import Infrastructure, ground
from hubfleet.errors import CloudError, Layer, Refused
from hubfleet.events import Watch
from hubfleet.fleet.access import Access, Doors, access, first_line, kept
from hubfleet.fleet.loading import Target, known_pool
from hubfleet.fleet.many import Answers
from hubfleet.fleet.shrinking import servers_lost
from hubfleet.hubs import placement
from hubfleet.plan import Action, Plan, Step, homes
from hubfleet.plan import infrastructure as infrastructure_plan
from hubfleet.plan import releases as release_plan
from hubfleet.plan.frozen import Terms
from hubfleet.plan.steps import Impossible
from hubfleet.plan.volumes import personal
from hubfleet.spec import InvalidFiles, doubts
from hubfleet.tools.helm import Helm

_READABLE = "hub {hub} speaks plain HTTP, and passwords can be read on their way; {remedy}"
_OWN_CERTIFICATE = "`ingress: {email: ...}` gives it a certificate, with the chart jupyterhub or `shared: true`"
_AT_THE_ENTRY = "`ingress: {email: ...}` gives it a certificate, or `issuer` where the cluster has one of its own"
_AT_A_GATEWAY = "where its Gateway speaks https, say so in its values: proxy: {https: {enabled: true, type: offload}}"
_IN_ITS_VALUES = "`tls` of the `ingress` in its values gives it a certificate"
_NOT_OFFERED = "users are not offered the pool {pool} while it is not there"
_UNSEEN = (
    "what is on the cluster cannot be seen ({why}): its load balancers may be left over, and will be listed; "
    "every volume of its claims {goes}"
)


def plan(target: Target, watch: Watch | None = None, *, replace: Collection[str] = (), adopt: bool = False) -> Plan:
    """What `apply` would do; `watch` counts what was waited for. `replace`: pools that may be deleted and made anew;
    `adopt`: a cluster that hubfleet did not make is taken over, and releases of its hubs' names. Raises
    `spec.InvalidFiles` for secrets that are missing, Refused for what is unsafe, UsageError for a pool that is not
    there."""
    watch = watch or Watch()
    _replaceable(target, replace)
    resolved = target.resolved()
    cluster, description = resolved.cluster, resolved.description
    stands_on = ground(description, watch, target.clouds)
    opening = access(stands_on, target.cluster.name, watch)
    with opening as opened, ThreadPoolExecutor(3, thread_name_prefix="plan") as pool:
        there = pool.submit(_releases_there, resolved.releases(), opened)
        keeping = pool.submit(kept, opened)
        volumes = pool.submit(stands_on.volumes)
        terms = Terms(replace=frozenset(replace), adopt=adopt)
        infrastructure = stands_on.infrastructure(cluster, terms, keeping.result)
        absent = infrastructure_plan.absent(infrastructure.steps, placement.user_pools(cluster))
        wanted = resolved.releases(absent)
        try:
            found = _meant(target, there.result())
            if found:
                found = releases.with_old_values(found, wanted, opened.doors().helm, adopt=adopt)
        except CloudError:
            if _whole(infrastructure):
                raise
            found = ()  # it is being made, or something stands in the way, which is told
        again = homes.steps(wanted, found, volumes.result().earlier)
        steps = release_plan.steps(wanted, found, cluster, adopt=adopt)
        lost = tuple(servers_lost(infrastructure.steps, target.description, opened))
        with watch.waiting("Helm"):
            _acceptable(steps, resolved, opened.doors() if found else None)
    notes = (
        *description.notes,
        *map(str, doubts(target.cluster, target.chosen)),
        *infrastructure.notes,
        *lost,
        *release_plan.moves(wanted, found),
        *(_NOT_OFFERED.format(pool=name) for name in sorted(absent) if cluster.hubs),
        *map(_readable, (one for one in wanted if one.hub and not one.encrypts)),
    )
    every = (*infrastructure.steps, *again, *steps)
    return Plan(target.cluster.name, every, infrastructure.findings, notes, infrastructure.sizes)


def _readable(hub: hubs.Release) -> str:
    """What a hub without https is to be told, by what speaks for it."""
    return _READABLE.format(hub=hub.hub, remedy=_certificate(hub.entry))


def _certificate(entry: hubs.Entry | None) -> str:
    """How a hub that is reached there gets one."""
    if entry is None:
        return _OWN_CERTIFICATE
    if entry.own:
        return _IN_ITS_VALUES
    return _AT_A_GATEWAY if entry.kind == "Gateway" else _AT_THE_ENTRY


def _replaceable(target: Target, names: Collection[str]) -> None:
    for name in names:
        pool = known_pool(target.cluster, name)
        if "core" in pool.runs:
            raise Refused(
                f"the pool {name} cannot be replaced",
                why="it runs core, and is Magnum's default-worker, which cannot be deleted",
                remedy="make the cluster anew under another name, or keep this machine",
                layer=Layer.MAGNUM,
            )


def _whole(found: Infrastructure) -> bool:
    """The cluster is there and complete: then its API must answer, or nobody knows what is on it."""
    fatal = any(finding.fatal for finding in found.findings)
    return not fatal and all(step.action is Action.KEEP for step in found.steps if step.id == "cluster")


def _acceptable(steps: tuple[Step, ...], target: Target, doors: Doors | None) -> None:
    """A value that a chart refuses is found here, before there is a machine that costs; or, where there is something
    already, one that Kubernetes would refuse of its claims. Raises `spec.InvalidFiles`."""
    if all(step.action is Action.KEEP for step in steps):
        return
    Helm(None).version()  # a Helm that is missing is found now, and not when the cluster stands
    changed = [step.work for step in steps if isinstance(step.work, hubs.Release) and step.action is not Action.KEEP]
    helm, kube = (doors.helm, doors.kube) if doors else (Helm(None), None)
    problems = releases.check(changed, helm, target.cluster, kube)
    if problems:
        raise InvalidFiles(problems)


def plan_destroy(target: Target, watch: Watch | None = None, *, homes: bool = False) -> Plan:
    """What `destroy` would do, with what people keep if `homes`; `watch` counts what was waited for. A cluster whose
    API does not answer can go all the same, if it is hubfleet's."""
    stands_on = ground(target.description, watch, target.clouds)
    notes: tuple[str, ...] = ()
    with access(stands_on, target.cluster.name, watch) as opened:
        removal = stands_on.removal(lambda: kept(opened))
        try:
            there = _releases_there((), opened)
            removal = tuple(replace(step, loses=_of_others(opened, there, homes=homes)) for step in removal)
        except CloudError as error:
            if not removal:
                raise
            there, notes = (), (_UNSEEN.format(goes="goes" if homes else "stays", why=first_line(error)),)
    steps = release_plan.removal(there, target.cluster, claims=homes)
    return Plan(target.cluster.name, (*steps, *removal), notes=notes)


def _of_others(opened: Access, there: Collection[release_plan.Observed], *, homes: bool) -> tuple[str, ...]:
    """What the cluster takes along that is in no release of ours; homes of somebody else's hub where `homes` go."""
    doors, ours = opened.doors_if_there(), {(one.namespace, claim) for one in there for claim in one.claims}
    every = doors.kube.claims(None) if doors else ()
    claims = [one for one in every if (one.namespace, one.name) not in ours and (homes or not personal(one.name))]
    names = ", ".join(f"{one.namespace}/{one.name} ({one.size})" for one in claims)
    return (f"volumes of claims that are no hub's: {names}",) if claims else ()


def possible(made: Plan) -> None:
    """Raises Impossible if something stands in the plan's way."""
    if made.fatal:
        raise Impossible(made.fatal)


def only_possible(made: Answers[Plan]) -> Answers[Plan]:
    """Those plans in whose way nothing stands; the others are errors."""
    errors = {name: Impossible(one.fatal) for name, one in made.found.items() if one.fatal}
    return Answers({name: one for name, one in made.found.items() if name not in errors}, {**made.errors, **errors})


def _releases_there(wanted: tuple[hubs.Release, ...], opened: Access) -> tuple[release_plan.Observed, ...]:
    """None of them where there is no cluster. CloudError if it does not answer."""
    doors = opened.doors_if_there()
    return releases.observe(wanted, doors.kube) if doors else ()


def _meant(target: Target, found: Collection[release_plan.Observed]) -> tuple[release_plan.Observed, ...]:
    """Those that are nobody's hub, or a hub's that is meant: the others are left alone, whatever they are."""
    return tuple(one for one in found if target.hubs is None or not one.hub or one.hub in target.hubs)
