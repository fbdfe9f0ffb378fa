"""Moves a cluster of Magnum to another template, and waits until every node runs that template's Kubernetes.

The driver takes an upgrade as one `helm upgrade` with another image and marks every group (magnum-capi-helm 1.4
driver.py:1302); `nodegroup` and `max_batch_size` are asked for and ignored, so pools cannot be upgraded one by one.
Cluster API renews the control plane first, then the nodes of each pool, one of a pool at a time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hubfleet.engine.healing import Healing
from hubfleet.engine.magnum_view import FIRST, Patience, View, late
from hubfleet.engine.nodes import OpenKube
from hubfleet.engine.run import Clock, Job, pause
from hubfleet.engine.spacing import Spacing
from hubfleet.errors import CloudError, HubfleetError, Layer
from hubfleet.events import Say, Watch
from hubfleet.plan.steps import Action, Step
from hubfleet.plan.upgrades import UpgradeWork, version
from hubfleet.provider.magnum import NODE_GROUP_LABEL
from hubfleet.tools.kube import Kube
from hubfleet.tools.kubeconfig import kubeconfig
from hubfleet.tools.magnum import Magnum
from hubfleet.tools.openstack_errors import transient

TAKEN = 60.0
"""Seconds within which Magnum moves the cluster to the template that it promised with 202."""
TRIES = 3
LEAST = 0.5
"""Seconds between two looks at the nodes."""


def jobs(
    steps: Sequence[Step], magnum: Magnum, *, kube: OpenKube, say: Say, watch: Watch, clock: Clock, timeout: float
) -> tuple[Job, ...]:
    """Two jobs for each step "upgrade/MINOR" (engine.run): its own is over when every node runs the new Kubernetes,
    "magnum/MINOR" when Magnum has nothing under way. Each hop starts when the one before is wholly over."""
    made: list[Job] = []
    for step in steps:
        if not isinstance(step.work, UpgradeWork):
            raise TypeError(f"{step.id} has no work that an upgrade could do: {type(step.work).__name__}")
        before = frozenset(job.id for job in made)
        view = View(magnum, step.work.cluster.name, say, Patience(clock, watch, timeout))
        view.follow(step.work.cluster.uuid)
        hop = Hop(view, step, step.work, kube)
        made += [Job(f"magnum/{step.id.partition('/')[2]}", hop.ask, before), Job(step.id, hop.nodes, before)]
    return tuple(made)


class Hop:
    """One step of the way. Two threads share it: one asks Magnum, one looks at the nodes."""

    def __init__(self, view: View, step: Step, work: UpgradeWork, open_kube: OpenKube) -> None:
        self._view, self._step, self._work, self._open = view, step, work, open_kube
        self._spacing = Spacing(view.patience.clock)
        self._kube: Kube | None = None

    # Magnum

    def ask(self) -> str:
        """Until Magnum has moved the cluster and has nothing under way; what it says."""
        with self._view.patience.watch.waiting("Magnum"):
            if self._step.action is not Action.FINISH:
                # Magnum drops an upgrade of a cluster that is not settled, after its 202 (Magnum 23
                # conductor/handlers/cluster_conductor.py:281).
                Healing(self._view, self._spacing, ()).settle()
                self._moved()
            Healing(self._view, self._spacing, [self._step.id]).settle()
        return f"Magnum: {self._view.cluster.status}" if self._view.cluster else "Magnum: gone"

    def _moved(self) -> None:
        template = self._work.offer.template
        for _ in range(TRIES):
            self._spacing.wait()
            self._view.tell(self._step.id, f"asked Magnum to move the cluster to the template {template.name}")
            try:
                self._view.magnum.upgrade(self._view.known, template.uuid)
            except CloudError as error:
                if not transient(error):
                    raise
            self._spacing.sent()
            if self._taken(template.uuid):
                return
        raise HubfleetError(
            f"Magnum does not move the cluster {self._view.name} to {template.name}",
            why=f"it was asked {TRIES} times, and the cluster is still of its old template",
            remedy="apply again, so that the cluster settles, then upgrade; else tell the cloud's operators",
            layer=Layer.MAGNUM,
        )

    def _taken(self, template: str) -> bool:
        clock = self._view.patience.clock
        end = clock.now() + TAKEN
        while clock.now() < end:
            clock.sleep(FIRST)
            cluster = self._view.look()
            if cluster and cluster.template == template:
                return True
            if cluster and cluster.failed:  # its Helm met another: the template is as it was
                Healing(self._view, self._spacing, ()).settle()
                return False
        return False

    # Kubernetes

    def nodes(self) -> str:
        """Until the API and every node are of the new version, each pool has nodes, and all are ready."""
        view, clock = self._view, self._view.patience.clock
        began = clock.now()
        with view.patience.watch.waiting("nodes"):
            while doing := self._missing():
                view.tell(self._step.id, doing)
                if view.patience.over:
                    raise late(view, f"Kubernetes {self._work.offer.kubernetes}: {doing}", Layer.CLUSTER_API)
                clock.sleep(pause(clock.now() - began, least=LEAST))
        view.ready.add(self._step.id)
        return f"every node runs Kubernetes {self._work.offer.kubernetes}"

    def _missing(self) -> str:
        """What is not there yet, in words; "" when all is."""
        try:
            kube = self._door()
            wanted, api = version(self._work.offer.kubernetes), kube.version()
            if version(api) != wanted:
                return f"the control plane is of {api}"
            nodes = kube.nodes()
        except CloudError as error:
            if not transient(error) and error.status is not None and error.status < 500:
                raise
            return "the Kubernetes API does not answer, while its control plane is made anew"
        old = Counter(
            node.labels.get(NODE_GROUP_LABEL, "control plane") for node in nodes if version(node.kubelet) != wanted
        )
        if old:
            each = ", ".join(f"{count} of {group}" for group, count in sorted(old.items()))
            return f"control plane done; nodes of the old version: {each}"
        pools = {group.name for group in self._view.groups if group.role != "master" and group.count}
        empty = sorted(pools - {node.labels.get(NODE_GROUP_LABEL, "") for node in nodes})
        if empty:
            return f"waiting for the first new node of {', '.join(empty)}"
        waiting = [node for node in nodes if not node.ready]
        return f"waiting for {waiting[0].name}: {waiting[0].why or 'not ready'}" if waiting else ""

    def _door(self) -> Kube:
        if self._kube is None:
            self._kube = self._open(kubeconfig(self._view.magnum, self._work.cluster))
        return self._kube
