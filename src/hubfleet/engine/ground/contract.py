"""What the engine and the verbs ask of any cluster for hubs, and the data that they get."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from hubfleet import spec
from hubfleet.checks.stages import Stage
from hubfleet.engine.audit import Auditor
from hubfleet.engine.expiry import Expiry
from hubfleet.engine.probe import Probed
from hubfleet.engine.rotation import Rotated
from hubfleet.engine.run import Job
from hubfleet.engine.way import Way
from hubfleet.plan import Finding, Step
from hubfleet.plan.frozen import Terms
from hubfleet.plan.kept import Kept
from hubfleet.plan.sizes import Sizes
from hubfleet.plan.upgrades import Wish
from hubfleet.plan.volumes import Volumes
from hubfleet.tools.kube import Kube, Node

TERMS = Terms()
"""What a person allows who allows nothing beyond the file."""


@dataclass(frozen=True)
class Infrastructure:
    """What a plan says of the cluster itself, before its hubs."""

    steps: tuple[Step, ...]
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    sizes: Sizes | None = None
    pools: frozenset[str] = frozenset()
    """Those of the file that are there now, where hubfleet makes them."""


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
        self, file: spec.Cluster, terms: Terms = TERMS, kept: Callable[[], Kept] = Kept
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

    def volumes(self) -> Volumes:
        """What claims have in its cloud, in this cluster and in those of its name before it."""
        ...

    def keep(self, kube: Kube | None) -> str:
        """Mark in its cloud what people keep on it, so that it stays when the cluster goes; what that is, for people.
        `kube` None: the API does not answer."""
        ...

    def refuse_foreign(self, kept: Callable[[], Kept]) -> None:
        """Refused if there is a cluster of this name that is not hubfleet's to change, before anything touches it."""
        ...

    def removal(self, kept: Callable[[], Kept] = Kept) -> tuple[Step, ...]:
        """The steps that remove it; none if it is not hubfleet's to remove."""
        ...

    def destroy(self, way: Way, uuid: str, kube: Kube | None, *, homes: bool) -> tuple[str, ...]:
        """Remove it, the one of this UUID that the plan found to be hubfleet's, and say what the cloud has left of it
        that should not be. What people keep stays, unless `homes` go too. `kube` None: the API does not answer."""
        ...

    def auditor(self) -> Auditor:
        """Who finds what clusters of its name left in its cloud. UsageError where there is no cloud to look into."""
        ...

    def rotate(self, way: Way, kept: Callable[[], Kept] = Kept, *, adopt: bool = False) -> Rotated:
        """Have the cluster's own credential at its cloud made anew, which is ours from then on; `adopt`: and so is the
        cluster. Refused where there is none that hubfleet could make."""
        ...
