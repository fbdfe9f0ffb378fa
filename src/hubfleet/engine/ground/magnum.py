"""A cluster that Magnum makes, as ground for hubs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from hubfleet import spec
from hubfleet.checks.stages import Stage
from hubfleet.engine import expiry, explain, homes, look, magnum, rotation, upgrading
from hubfleet.engine.audit import Auditor
from hubfleet.engine.ground.contract import TERMS, GroundState, Infrastructure, PoolState
from hubfleet.engine.probe import Probed, probe
from hubfleet.engine.rotation import Rotated
from hubfleet.engine.run import Job
from hubfleet.engine.way import Way
from hubfleet.errors import CloudError, Layer, UsageError
from hubfleet.events import Event, Kind
from hubfleet.plan import Action, Finding, Step, infrastructure, poison, preflight, upgrades
from hubfleet.plan.frozen import Terms, heat, refuse_foreign, refuse_heat, refuse_undeleted
from hubfleet.plan.homes import FoundAgain
from hubfleet.plan.kept import Kept
from hubfleet.plan.requests import MARK
from hubfleet.plan.sizes import sizes
from hubfleet.plan.upgrades import Wish
from hubfleet.plan.volumes import Volumes
from hubfleet.provider import MagnumCluster, MagnumPool, Rates
from hubfleet.tools.kube import Kube, Node
from hubfleet.tools.kubeconfig import kubeconfig
from hubfleet.tools.magnum import Cluster, Magnum, NodeGroup


@dataclass(frozen=True)
class MagnumGround:
    """A cluster that Magnum makes."""

    desired: MagnumCluster
    magnum: Magnum
    rates: Rates | None = None

    def infrastructure(
        self, file: spec.Cluster, terms: Terms = TERMS, kept: Callable[[], Kept] = Kept
    ) -> Infrastructure:
        """See Ground."""
        seen = look.look(self.magnum, self.desired)
        observed = replace(seen.observed, kept=kept())
        steps = infrastructure.steps(self.desired, observed, file, terms)
        found = infrastructure.findings(self.desired, observed, file, terms)
        notes = () if terms.only else infrastructure.notes(self.desired, observed)
        other = self._other_template(seen, file)
        every = (*found, *preflight.findings(self.desired, seen.facts, file), *other)
        there = frozenset(pool.pool for pool in self.desired.every_pool if observed.group(pool.node_group))
        return Infrastructure(steps, every, notes, sizes(self.desired, seen.facts.flavors, self.rates), there)

    def _other_template(self, seen: look.Seen, file: spec.Cluster) -> tuple[Finding, ...]:
        """That the file names another template than the cluster's: asked for only where it does."""
        there, wanted = seen.observed.cluster, seen.observed.template
        if there is None or wanted is None or not seen.facts.exists or there.template == wanted.uuid:
            return ()
        place = file.position("provider", file.provider.name, "template")
        own = look.offer(self.magnum, there.template)
        found = upgrades.finding(there, look.offers(self.magnum), self.desired.template, place, own)
        return () if found is None else (found,)

    def jobs(self, steps: Sequence[Step], way: Way) -> tuple[Job, ...]:
        """See Ground."""
        found = [(step, step.work) for step in steps if isinstance(step.work, FoundAgain)]
        made = magnum.jobs(
            *([step for step in steps if not isinstance(step.work, FoundAgain)], self.magnum),
            kube=Kube,
            say=way.say,
            watch=way.watch,
            clock=way.clock,
            timeout=way.timeout,
            hold=way.hold,
        )
        return (
            *made,
            *(Job(step.id, partial(self._find_again, step.id, work, way), step.needs) for step, work in found),
        )

    def _find_again(self, subject: str, work: FoundAgain, way: Way) -> str:
        def tell(kind: Kind, text: str) -> None:
            way.say(Event(kind, self.desired.name, subject, text))

        there = self.magnum.cluster(self.desired.name)
        if there is None:
            raise CloudError(f"the cluster {self.desired.name} is gone", remedy="apply again", layer=Layer.MAGNUM)
        with way.watch.waiting("volumes"), Kube(kubeconfig(self.magnum, there), watch=way.watch) as kube:
            return homes.find_again(work, self.magnum, there, kube, tell, way.clock)

    def kubeconfig(self) -> str | None:
        """See Ground."""
        there = self.magnum.cluster(self.desired.name)
        if there is None or not there.api_address or infrastructure.going(there):
            return None
        return kubeconfig(self.magnum, there)

    def state(self) -> GroundState:
        """See Ground."""
        ours = expiry.of_cloud(self.magnum.cloud)
        observed = look.observe(self.magnum, self.desired)
        there = observed.cluster
        if there is None:
            text = "Magnum has no cluster of this name"
            return GroundState(exists=False, text=text, well=False, credentials=ours)
        pools = tuple(_pool(pool, observed.group(pool.node_group)) for pool in self.desired.every_pool)
        said = (
            f"Magnum: {there.status}{f', Kubernetes {there.version}' if there.version else ''}{self._made_from(there)}"
        )
        ill = "it is of Magnum's old Heat driver, and has to be replaced: hubfleet plan" if heat(there) else ""
        if bad := poison.finding(there, observed.groups):
            ill = f"{bad.what}: hubfleet plan"
        if observed.abandoned:
            ill = "it was forgotten before it came up: hubfleet apply makes it anew"
        well = not (there.failed or there.under_way or ill)
        every, text = (*ours, *expiry.of_cluster(self.magnum.cloud, there)), f"{said}; {ill}" if ill else said
        return GroundState(exists=True, text=text, well=well, pools=pools, credentials=every)

    def upgrade(self, wish: Wish, kept: Callable[[], Kept] = Kept) -> tuple[Step, ...]:
        """See Ground."""
        there = self.magnum.cluster(self.desired.name)
        if there is None or not there.api_address or infrastructure.going(there):
            raise UsageError(f"there is no cluster {self.desired.name} to upgrade", remedy="hubfleet apply makes it")
        refuse_heat(there)
        refuse_undeleted(there)
        refuse_foreign(there, kept() if MARK not in there.labels else Kept())
        return upgrades.steps(there, self.magnum.brief_groups(there.uuid), look.offers(self.magnum), wish)

    def upgrade_jobs(self, steps: Sequence[Step], way: Way) -> tuple[Job, ...]:
        """See Ground."""
        return upgrading.jobs(
            steps, self.magnum, kube=Kube, say=way.say, watch=way.watch, clock=way.clock, timeout=way.timeout
        )

    def stages(self, nodes: Mapping[str, Sequence[Node]], kube: Kube | None) -> Mapping[str, Stage]:
        """See Ground."""
        return explain.stages(self.magnum, self.desired, nodes, kube)

    def probe(self, pool: str, kube: Kube, tell: Callable[[str], None], within: float) -> Probed:
        """See Ground."""
        return probe(self.magnum, self.desired, pool, kube, tell, within)

    def _made_from(self, there: Cluster) -> str:
        """The template, and which version of the driver's chart it names: a cluster behaves as these do."""
        template = self.magnum.template(there.template)
        if template is None:
            return f", template {there.template} (which is not to be seen any more)"
        return f", template {template.name}{f' (chart {template.chart})' if template.chart else ''}"

    def refuse_foreign(self, kept: Callable[[], Kept]) -> None:
        """See Ground."""
        there = self.magnum.cluster(self.desired.name)
        if there is not None:
            refuse_heat(there)
            refuse_foreign(there, kept() if MARK not in there.labels else Kept())

    def removal(self, kept: Callable[[], Kept] = Kept) -> tuple[Step, ...]:
        """See Ground."""
        there = self.magnum.cluster(self.desired.name)
        if there is None:
            return ()
        refuse_foreign(there, kept() if MARK not in there.labels else Kept())
        return (Step("cluster", Action.DESTROY, f"cluster {there.name}", there.uuid, (there.status,)),)

    def volumes(self) -> Volumes:
        """See Ground."""
        return homes.volumes(self.magnum, self.desired.name)

    def keep(self, kube: Kube | None) -> str:
        """See Ground."""
        there = self.magnum.cluster(self.desired.name)
        return homes.keep(self.magnum, there, kube) if there else ""

    def destroy(self, way: Way, uuid: str, kube: Kube | None, *, homes: bool) -> tuple[str, ...]:
        """See Ground."""
        if way.hold is not None:
            way.hold.forget()
        left = magnum.destroy(
            *(self.desired, self.magnum, uuid),
            kube=kube,
            homes=homes,
            say=way.say,
            watch=way.watch,
            clock=way.clock,
            timeout=way.timeout,
        )
        return tuple(item.title for item in left)

    def auditor(self) -> Auditor:
        """See Ground."""
        return Auditor(self.magnum, self.desired.name, self.rates)

    def rotate(self, way: Way, kept: Callable[[], Kept] = Kept, *, adopt: bool = False) -> Rotated:
        """See Ground."""
        return rotation.rotate(self.magnum, self.desired.name, Kube, way, kept, adopt=adopt)


def _pool(wanted: MagnumPool, group: NodeGroup | None) -> PoolState:
    least = max(1, wanted.nodes.min) if group else wanted.nodes.min
    return PoolState(wanted.pool, wanted.machine, str(wanted.nodes), group.status if group else "absent", least)
