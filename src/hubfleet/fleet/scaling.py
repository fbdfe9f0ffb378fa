"""`scale`: a pool gets another number of nodes now, by the same plan and the same engine as `apply`."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hubfleet.engine import releases
from hubfleet.engine.ground import ground
from hubfleet.errors import CloudError, Layer, Refused, UsageError
from hubfleet.events import Watch
from hubfleet.fleet.access import Access, access, kept
from hubfleet.fleet.loading import Target, known_pool
from hubfleet.fleet.shrinking import servers_lost
from hubfleet.hubs import placement
from hubfleet.plan import Action, Change, Plan, Step
from hubfleet.plan import releases as plan_releases
from hubfleet.plan.frozen import Terms
from hubfleet.spec import Cluster, InvalidFiles, NodeCount, Pool
from hubfleet.spec.editing import with_nodes

_MOST = 1000
_NOT_TOLD = "whether users are offered the pool {pool} changes with the next apply: {why}"


@dataclass(frozen=True)
class Scaling:
    """What was asked for: `pool` gets `nodes`; None: it goes. `wanted` is the file with that in the file's place."""

    file: Target
    pool: str
    nodes: NodeCount | None
    wanted: Target

    @property
    def in_file(self) -> NodeCount:
        """What the file says."""
        return self.file.cluster.pools[self.pool].nodes

    def rewritten(self) -> str:
        """The file's text with this number in it. UsageError where there is none to write, or no place for it."""
        if self.nodes is None:
            raise UsageError(
                "there is no number to write",
                why=f"the file says `min: 0`: the pool {self.pool} is absent while nobody needs it",
                remedy="leave --write out",
            )
        file = self.file.cluster.file
        return with_nodes(file, _text(file), self.pool, self.nodes)


def scale_wish(target: Target, pool: str, nodes: int | None, least: int | None, most: int | None) -> Scaling:
    """The wish, judged by what can be known without asking a cloud. One of `least` and `most` that is left out is the
    file's. UsageError if it makes no sense, Refused for a pool that must not go."""
    cluster = target.cluster
    there = known_pool(cluster, pool).nodes
    if nodes is not None and (least is not None or most is not None):
        raise UsageError("--nodes is a fixed number, --min and --max are bounds", remedy="give one or the other")
    if nodes is None and least is None and most is None:
        raise UsageError("how many nodes?", remedy="give --nodes N, or --min and --max")
    low = nodes if nodes is not None else there.min if least is None else least
    high = nodes if nodes is not None else there.max if most is None else most
    if not 0 <= low <= high <= _MOST:
        raise UsageError(f"{low} to {high} is no number of nodes", remedy=f"0 <= min <= max <= {_MOST}")
    if low == 0 and "core" in cluster.pools[pool].runs:
        raise _needed(pool)
    if high == 0:
        _may_go(cluster, pool)
        rest = {name: one for name, one in cluster.pools.items() if name != pool}
        return Scaling(target, pool, None, _with(target, rest))
    now = cluster.pools[pool].model_copy(update={"nodes": NodeCount(min=max(1, low), max=high)})
    return Scaling(target, pool, NodeCount(min=low, max=high), _with(target, {**cluster.pools, pool: now}))


def _may_go(cluster: Cluster, pool: str) -> None:
    there = cluster.pools[pool]
    if there.nodes.min > 0:
        raise Refused(
            f"the pool {pool} is to have {there.nodes.min} nodes or more",
            why=f"{cluster.position('pools', pool, 'nodes')} says so: `nodes: {there.nodes}`",
            remedy="let it be absent while idle: `nodes: {min: 0, max: " + str(there.nodes.max) + "}` in the file",
            layer=Layer.FILE,
        )


def _needed(pool: str) -> Refused:
    return Refused(
        f"the pool {pool} cannot be without a node",
        why="it runs core: hubs and their proxies",
        remedy="to stop paying for the cluster altogether: hubfleet destroy",
        layer=Layer.FILE,
    )


def _with(target: Target, pools: Mapping[str, Pool]) -> Target:
    cluster = target.cluster.model_copy(update={"pools": pools})
    return target.of(cluster)


def plan_scale(wish: Scaling, watch: Watch | None = None, *, written: bool = False) -> Plan:
    """What would be done: the steps of the cluster and of this pool, as a plan of the whole file would have them.
    `written`: the file will say the same. CloudError if there is no cluster."""
    stands_on = ground(wish.wanted.description, watch, wish.wanted.clouds)
    name = wish.file.cluster.name
    with access(stands_on, name, watch) as opened:
        opened.doors()
        found = stands_on.infrastructure(wish.wanted.cluster, Terms(only=wish.pool), lambda: kept(opened))
        steps = tuple(replace(step, changes=_from_here(step)) for step in found.steps)
        offers = _offers(wish, steps, found.pools, opened)
        lost = servers_lost(steps, wish.wanted.description, opened)
        notes = (*lost, *offers.notes, *(() if written else _set_back(wish)))
    return Plan(name, (*offers.before(steps), *offers.steps), found.findings, notes)


@dataclass(frozen=True)
class _Offers:
    """What becomes of the hubs: each tells its users which pools they may choose."""

    steps: tuple[Step, ...] = ()
    notes: tuple[str, ...] = ()

    def before(self, steps: tuple[Step, ...]) -> tuple[Step, ...]:
        """The steps of a pool that goes wait until nobody is offered it any more."""
        ids = frozenset(step.id for step in self.steps)
        return tuple(replace(s, needs=s.needs | ids) if s.action is Action.DESTROY else s for s in steps)


def _offers(wish: Scaling, steps: Sequence[Step], there: frozenset[str], opened: Access) -> _Offers:
    """The hubs' releases, where the pool comes or goes. A hub that differs from the file in other ways too is left to
    `apply`: nothing is done here that was not asked for."""
    step = next((one for one in steps if one.id == f"pool/{wish.pool}"), None)
    if step is None or step.action not in (Action.CREATE, Action.DESTROY):
        return _Offers()
    comes = step.action is Action.CREATE
    without, along = there - {wish.pool}, there | {wish.pool}
    try:
        made, others = _moved(wish.file.resolved(), *((without, along) if comes else (along, without)), opened)
    except InvalidFiles:
        return _Offers(notes=(_NOT_TOLD.format(pool=wish.pool, why="the file's secrets are not here"),))
    except CloudError as error:
        return _Offers(notes=(_NOT_TOLD.format(pool=wish.pool, why=error.what),))
    if comes:
        made = tuple(replace(one, needs=one.needs | {step.id}) for one in made)
    why = f"{', '.join(others)} is not as the file says in other ways too"
    return _Offers(made, (_NOT_TOLD.format(pool=wish.pool, why=why),) if others else ())


def _moved(
    file: Target, before: frozenset[str], after: frozenset[str], opened: Access
) -> tuple[tuple[Step, ...], list[str]]:
    """The steps of the releases that are others with these pools than with those, and the names of those that are not
    on the cluster as they should be before. CloudError if it does not answer."""
    pools = frozenset(placement.user_pools(file.cluster))
    old = {one.name: one for one in file.releases(pools - before)}
    new = file.releases(pools - after)
    moved = {(one.namespace, one.name): one for one in new if one.digest != old[one.name].digest}
    if not moved:
        return (), []
    doors = opened.doors()
    seen = [one for one in releases.observe([*moved.values()], doors.kube) if (one.namespace, one.name) in moved]
    here = [one for one in seen if one.digest == old[one.name].digest]
    wanted = [moved[one.namespace, one.name] for one in here]
    made = plan_releases.steps(wanted, releases.with_old_values(here, wanted, doors.helm), file.cluster)
    return made, sorted({one.name for one in seen} - {one.name for one in here})


def _from_here(step: Step) -> tuple[Change, ...]:
    """Its changes, which no line of the file asks for."""
    return tuple(replace(change, origin=None) for change in step.changes)


def _set_back(wish: Scaling) -> Iterator[str]:
    file, nodes = wish.in_file, wish.nodes
    back = NodeCount(min=max(1, file.min), max=file.max)
    if nodes is not None and NodeCount(min=max(1, nodes.min), max=nodes.max) != back:
        place = wish.file.cluster.position("pools", wish.pool, "nodes")
        yield f"{place} says {file}: apply sets it back to {back} (scale --write changes the file)"


def write(wish: Scaling, text: str) -> None:
    """Put the text in the file's place, in one go."""
    file = wish.file.cluster.file.resolve()
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", newline="", dir=file.parent, delete=False) as new:
        new.write(text)
    Path(new.name).chmod(file.stat().st_mode & 0o7777)
    Path(new.name).replace(file)


def _text(file: Path) -> str:
    with file.open(encoding="utf-8", newline="") as stream:
        return stream.read()
