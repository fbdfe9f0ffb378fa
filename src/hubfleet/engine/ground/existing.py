"""A cluster that somebody else made and keeps, as ground for hubs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from hubfleet import spec
from hubfleet.checks.stages import Stage
from hubfleet.engine import kubeconfigs
from hubfleet.engine.audit import Auditor
from hubfleet.engine.ground.contract import TERMS, GroundState, Infrastructure
from hubfleet.engine.probe import Probed
from hubfleet.engine.rotation import Rotated
from hubfleet.engine.run import Job
from hubfleet.engine.way import Way
from hubfleet.errors import CloudError, Layer, Refused, UsageError
from hubfleet.plan import Action, Step
from hubfleet.plan.frozen import Terms
from hubfleet.plan.kept import Kept
from hubfleet.plan.upgrades import Wish
from hubfleet.plan.volumes import Volumes
from hubfleet.provider import ExistingCluster
from hubfleet.tools.kube import Kube, Node
from hubfleet.words import counted


@dataclass(frozen=True)
class ExistingGround:
    """A cluster that somebody else made and keeps."""

    cluster: ExistingCluster
    open_kube: Callable[..., Kube] = Kube
    """Takes a kubeconfig's text (tests give another)."""

    def infrastructure(
        self,
        file: spec.Cluster,
        terms: Terms = TERMS,
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
            details = (f"Kubernetes {kube.version()}", counted(count, "node"))
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

    def refuse_foreign(self, kept: Callable[[], Kept]) -> None:
        """See Ground: whoever keeps it put it into the file."""

    def removal(self, kept: Callable[[], Kept] = Kept) -> tuple[Step, ...]:  # noqa: ARG002 (the contract's)
        """See Ground."""
        return ()

    def volumes(self) -> Volumes:
        """See Ground: claims stay in a cluster that stays."""
        return Volumes()

    def keep(self, kube: Kube | None) -> str:  # noqa: ARG002 (the contract's)
        """See Ground: its claims stay, and no cloud needs to be told."""
        return ""

    def destroy(self, way: Way, uuid: str, kube: Kube | None, *, homes: bool) -> tuple[str, ...]:  # noqa: ARG002
        """See Ground: it is not ours to remove."""
        return ()

    def auditor(self) -> Auditor:
        """See Ground."""
        raise UsageError(
            f"there is no cloud account to look into for {self.cluster.name}",
            why="its provider is `existing`: hubfleet knows a kubeconfig, not what the cluster stands on",
            remedy="what hubfleet put on it is seen by hubfleet status; volumes and load balancers by hubfleet kubectl",
        )

    def rotate(self, way: Way, kept: Callable[[], Kept] = Kept, *, adopt: bool = False) -> Rotated:  # noqa: ARG002
        """See Ground."""
        raise Refused(
            f"{self.cluster.name} has no credential that hubfleet could make anew",
            why="somebody else made this cluster, and keeps it",
            remedy="ask whoever keeps it",
            layer=Layer.CREDENTIAL,
        )
