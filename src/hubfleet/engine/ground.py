"""What hubs stand on: the one seam between a cluster that hubfleet makes and one that is there already.

`ground(description)` is the only place that asks what kind of description a provider gave.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from hubfleet import spec
from hubfleet.checks.stages import Stage
from hubfleet.engine import expiry, explain, kubeconfigs, look, magnum, upgrading
from hubfleet.engine.clouds import Clouds
from hubfleet.engine.expiry import Expiry
from hubfleet.engine.leases import Hold
from hubfleet.engine.probe import Probed, probe
from hubfleet.engine.run import Clock, Job
from hubfleet.errors import CloudError, Refused, UsageError
from hubfleet.events import Say, Watch
from hubfleet.plan import Action, Finding, Step, infrastructure, poison, preflight, upgrades
from hubfleet.plan.frozen import Terms, heat, refuse_foreign, refuse_heat, refuse_undeleted
from hubfleet.plan.kept import Kept
from hubfleet.plan.requests import MARK
from hubfleet.plan.sizes import Sizes, sizes
from hubfleet.plan.upgrades import Wish
from hubfleet.provider import Description, ExistingCluster, MagnumCluster, MagnumPool, Rates
from hubfleet.tools.kube import Kube, Node
from hubfleet.tools.kubeconfig import kubeconfig
from hubfleet.tools.magnum import Cluster, Magnum, NodeGroup

_TERMS = Terms()


@dataclass(frozen=True)
class Way:
    """What somebody who acts needs: whom to tell, where waiting is counted, the clock, for how long (seconds), and the
    hold that keeps other writers away (None: nobody else is there, in tests)."""

    say: Say
    watch: Watch
    clock: Clock
    timeout: float
    hold: Hold | None = None


@dataclass(frozen=True)
class Infrastructure:
    """What a plan says of the cluster itself, before its hubs."""

    steps: tuple[Step, ...]
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    sizes: Sizes | None = None


@dataclass(frozen=True)
class PoolState:
    """A pool as the cloud has it. `least` is how many nodes it must have now."""

    name: str
    machine: str
    wanted: str
    state: str
    least: int


@dataclass(frozen=True)
class GroundState:
    """The cluster as the cloud has it, for `status`. `exists` False: there is none. No `pools` where the cloud knows of
    none."""

    exists: bool
    text: str
    well: bool
    pools: tuple[PoolState, ...] = ()
    credentials: tuple[Expiry, ...] = ()
    """The cloud's, ours and the cluster's own."""


class Ground(Protocol):
    """A cluster for hubs, made by hubfleet or found."""

    def infrastructure(
        self, file: spec.Cluster, terms: Terms = _TERMS, kept: Callable[[], Kept] = Kept
    ) -> Infrastructure:
        """The steps that make it as the file says, and what stands in their way, on these terms; `kept` gives what
        hubfleet keeps in the cluster."""
        ...

    def jobs(self, steps: Sequence[Step], way: Way) -> tuple[Job, ...]:
        """The jobs of those steps."""
        ...

    def kubeconfig(self) -> str | None:
        """A fresh kubeconfig (text), or None if there is no cluster (yet)."""
        ...

    def state(self) -> GroundState:
        """What there is."""
        ...

    def upgrade(self, wish: Wish, kept: Callable[[], Kept] = Kept) -> tuple[Step, ...]:
        """The hops to another Kubernetes; none if it is there. UsageError, Refused where there is no way."""
        ...

    def upgrade_jobs(self, steps: Sequence[Step], way: Way) -> tuple[Job, ...]:
        """The jobs of those hops."""
        ...

    def stages(self, nodes: Mapping[str, Sequence[Node]], kube: Kube | None) -> Mapping[str, Stage]:
        """By pool ("" the cluster itself): at which stage it is, where it is not all there. `nodes` by pool; `kube`
        None: the API does not answer."""
        ...

    def probe(self, pool: str, kube: Kube, tell: Callable[[str], None], within: float) -> Probed:
        """Prove that a pool grows within so many seconds, and shrinks after. UsageError where it is not hubfleet's."""
        ...

    def removal(self, kept: Callable[[], Kept] = Kept) -> tuple[Step, ...]:
        """The steps that remove it; none if it is not hubfleet's to remove."""
        ...

    def destroy(self, way: Way, uuid: str) -> tuple[str, ...]:
        """Remove it, the one of this UUID that the plan found to be hubfleet's, and say what the cloud kept of it."""
        ...


def ground(description: Description, watch: Watch | None = None, clouds: Clouds | None = None) -> Ground:
    """The ground of a description; `watch` counts what its requests take, and `clouds` has those that are open already.
    CloudError if the cloud's entry is not there."""
    match description.infrastructure:
        case MagnumCluster() as cluster:
            cloud = (clouds or Clouds()).connect(cluster.cloud, watch)
            return MagnumGround(cluster, Magnum(cloud), description.traits.rates)
        case ExistingCluster() as cluster:
            return ExistingGround(cluster, partial(Kube, watch=watch))


@dataclass(frozen=True)
class MagnumGround:
    """A cluster that Magnum makes."""

    desired: MagnumCluster
    magnum: Magnum
    rates: Rates | None = None

    def infrastructure(
        self, file: spec.Cluster, terms: Terms = _TERMS, kept: Callable[[], Kept] = Kept
    ) -> Infrastructure:
        """See Ground."""
        seen = look.look(self.magnum, self.desired)
        observed = replace(seen.observed, kept=kept())
        steps = infrastructure.steps(self.desired, observed, file, terms)
        found = infrastructure.findings(self.desired, observed, file, terms)
        notes = () if terms.only else infrastructure.notes(self.desired, observed)
        other = self._other_template(seen, file)
        every = (*found, *preflight.findings(self.desired, seen.facts, file), *other)
        return Infrastructure(steps, every, notes, sizes(self.desired, seen.facts.flavors, self.rates))

    def _other_template(self, seen: look.Seen, file: spec.Cluster) -> tuple[Finding, ...]:
        """That the file names another template than the cluster's: asked for only where it does."""
        there, wanted = seen.observed.cluster, seen.observed.template
        if there is None or wanted is None or not seen.facts.exists or there.template == wanted.uuid:
            return ()
        place = file.position("provider", file.provider.name, "template")
        found = upgrades.finding(there, look.offers(self.magnum), self.desired.template, place)
        return () if found is None else (found,)

    def jobs(self, steps: Sequence[Step], way: Way) -> tuple[Job, ...]:
        """See Ground."""
        return magnum.jobs(
            *(steps, self.magnum),
            kube=Kube,
            say=way.say,
            watch=way.watch,
            clock=way.clock,
            timeout=way.timeout,
            hold=way.hold,
        )

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

    def removal(self, kept: Callable[[], Kept] = Kept) -> tuple[Step, ...]:
        """See Ground."""
        there = self.magnum.cluster(self.desired.name)
        if there is None:
            return ()
        refuse_foreign(there, kept() if MARK not in there.labels else Kept())
        return (Step("cluster", Action.DESTROY, f"cluster {there.name}", there.uuid, (there.status,)),)

    def destroy(self, way: Way, uuid: str) -> tuple[str, ...]:
        """See Ground."""
        if way.hold is not None:
            way.hold.forget()
        left = magnum.destroy(
            *(self.desired, self.magnum, uuid), say=way.say, watch=way.watch, clock=way.clock, timeout=way.timeout
        )
        return tuple(f"{owned.kind} {owned.name or owned.id} ({owned.id})" for owned in left)


def _pool(wanted: MagnumPool, group: NodeGroup | None) -> PoolState:
    least = max(1, wanted.nodes.min) if group else wanted.nodes.min
    return PoolState(wanted.pool, wanted.machine, str(wanted.nodes), group.status if group else "absent", least)


@dataclass(frozen=True)
class ExistingGround:
    """A cluster that somebody else made and keeps."""

    cluster: ExistingCluster
    open_kube: Callable[..., Kube] = Kube
    """Takes a kubeconfig's text (tests give another)."""

    def infrastructure(
        self,
        file: spec.Cluster,
        terms: Terms = _TERMS,
        kept: Callable[[], Kept] = Kept,  # noqa: ARG002 (the contract's)
    ) -> Infrastructure:
        """See Ground."""
        if terms.only is not None:
            raise Refused(
                f"hubfleet does not make the nodes of {file.name}",
                why="the cluster is somebody else's; hubfleet only puts hubs on it",
                remedy="scale it where it was made",
            )
        with self.open_kube(self.kubeconfig()) as kube:
            count = len(kube.nodes())
            details = (f"Kubernetes {kube.version()}", f"{count} node{'' if count == 1 else 's'}")
        return Infrastructure((Step("cluster", Action.KEEP, f"existing cluster {file.name}", self.cluster, details),))

    def jobs(self, steps: Sequence[Step], way: Way) -> tuple[Job, ...]:  # noqa: ARG002 (the contract's)
        """See Ground."""
        return ()

    def kubeconfig(self) -> str:
        """See Ground."""
        return kubeconfigs.read(self.cluster.kubeconfig, self.cluster.context)

    def state(self) -> GroundState:
        """See Ground."""
        began = time.monotonic()
        try:
            with self.open_kube(self.kubeconfig()) as kube:
                text = f"Kubernetes {kube.version()}, answered in {1000 * (time.monotonic() - began):.0f} ms"
        except CloudError as error:
            return GroundState(exists=True, text=error.what, well=False)
        return GroundState(exists=True, text=text, well=True)

    def upgrade(self, wish: Wish, kept: Callable[[], Kept] = Kept) -> tuple[Step, ...]:  # noqa: ARG002 (the contract's)
        """See Ground."""
        raise UsageError(
            f"{self.cluster.name} is somebody else's to upgrade",
            why="its provider is `existing`: hubfleet only puts hubs on it",
            remedy="upgrade it with the tools that made it",
        )

    def upgrade_jobs(self, steps: Sequence[Step], way: Way) -> tuple[Job, ...]:  # noqa: ARG002 (the contract's)
        """See Ground."""
        return ()

    def stages(self, nodes: Mapping[str, Sequence[Node]], kube: Kube | None) -> Mapping[str, Stage]:  # noqa: ARG002
        """See Ground: nothing is known of how it is made."""
        return {}

    def probe(self, pool: str, kube: Kube, tell: Callable[[str], None], within: float) -> Probed:  # noqa: ARG002
        """See Ground: its nodes are somebody else's."""
        raise UsageError(
            "hubfleet cannot prove that the pools of an existing cluster scale",
            why="their bounds are known to whoever made them alone",
            remedy="leave --autoscale out",
        )

    def removal(self, kept: Callable[[], Kept] = Kept) -> tuple[Step, ...]:  # noqa: ARG002 (the contract's)
        """See Ground."""
        return ()

    def destroy(self, way: Way, uuid: str) -> tuple[str, ...]:  # noqa: ARG002 (the contract's)
        """See Ground: it is not ours to remove."""
        return ()
