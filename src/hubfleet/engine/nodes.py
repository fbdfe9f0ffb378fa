"""Judges by Kubernetes' own word whether a cluster's API answers and a pool's nodes are ready."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from hubfleet.engine.leases import Hold
from hubfleet.engine.magnum_view import View, late
from hubfleet.engine.run import pause
from hubfleet.errors import CloudError, Layer
from hubfleet.plan.infrastructure import PoolWork
from hubfleet.provider.magnum import NODE_GROUP_LABEL
from hubfleet.tools.kube import Kube
from hubfleet.tools.kube_objects import Node
from hubfleet.tools.kubeconfig import kubeconfig
from hubfleet.tools.openstack_errors import transient

OpenKube = Callable[[str], Kube]
"""A kubeconfig's text -> the door to that cluster: `Kube` itself, but in tests."""
LEAST = 0.3
"""Seconds between two looks."""


@dataclass(frozen=True)
class _Count:
    registered: int
    ready: int
    why: str

    def told(self, wanted: int) -> str:
        """For people."""
        if wanted == 0:
            return f"{self.registered} node{'' if self.registered == 1 else 's'} still there"
        text = f"{self.registered} of {wanted} nodes registered, {self.ready} ready"
        return f"{text} ({self.why})" if self.why else text


class Nodes:
    """Of one cluster; threads may share it. The door to its API is opened once, when the API has an address."""

    def __init__(self, view: View, open_kube: OpenKube, hold: Hold | None = None) -> None:
        self._view, self._open, self._hold, self._lock = view, open_kube, hold, threading.Lock()
        self._kube: Kube | None = None

    def api(self) -> str:
        """Waits until the API answers, and takes the cluster's lock; what it is, for people. HubfleetError when time is
        up, Refused if somebody else has the lock."""
        view, began = self._view, self._view.patience.clock.now()
        with view.patience.watch.waiting("Kubernetes"):
            while not (self._addressed() and self._answers()):
                if view.patience.over:
                    layer = Layer.KUBERNETES if self._addressed() else Layer.MAGNUM
                    raise late(view, f"the Kubernetes API of {view.name} does not answer", layer)
                view.patience.clock.sleep(pause(view.patience.clock.now() - began, least=LEAST))
        if self._hold is not None and self._kube is not None:
            self._hold.take(self._kube)
        view.ready.add("cluster")
        return f"the Kubernetes API answers at {view.cluster.api_address if view.cluster else ''}"

    def pool(self, step: str, work: PoolWork) -> str:
        """Waits until the pool's nodes are ready, or gone if it goes; what there is, for people."""
        view, pool, began = self._view, work.pool, self._view.patience.clock.now()
        wanted, fixed = (max(1, pool.nodes.min), pool.nodes.fixed) if pool else (0, True)
        with view.patience.watch.waiting("nodes"):
            while True:
                count = self._count(work.node_group) if self._addressed() else None
                if count and count.ready >= wanted and (count.registered == wanted or not fixed):
                    break
                if count:
                    view.tell(step, count.told(wanted))
                if view.patience.over:
                    layer = Layer.NODE if count and count.registered >= wanted else Layer.CLUSTER_API
                    told = count.told(wanted) if count else "no API to ask for nodes"
                    raise late(view, f"pool {step.partition('/')[2]}: {told}", layer)
                view.patience.clock.sleep(pause(view.patience.clock.now() - began, least=LEAST))
        view.ready.add(step)
        return f"{count.ready} node{'' if count.ready == 1 else 's'} ready" if wanted else "gone"

    def anew(self, step: str, work: PoolWork) -> str:
        """As `pool`, of one whose nodes of now are to be replaced by others."""
        view, began = self._view, self._view.patience.clock.now()
        old = self._names(work.node_group)
        with view.patience.watch.waiting("nodes"):
            while (left := old & self._names(work.node_group)) and not view.patience.over:
                view.tell(step, f"{len(left)} of the old nodes still there")
                view.patience.clock.sleep(pause(view.patience.clock.now() - began, least=LEAST))
        return self.pool(step, work)

    def registered(self, group: str) -> int | None:
        """How many nodes of this node group there are; None while the API does not answer."""
        count = self._count(group) if self._addressed() else None
        return count.registered if count else None

    def _names(self, group: str) -> frozenset[str]:
        """Of the nodes of this node group, as far as the API answers."""
        found = self._of(group) if self._addressed() else None
        return frozenset(node.name for node in found or ())

    def _addressed(self) -> bool:
        return bool(self._view.cluster and self._view.cluster.api_address)

    def _answers(self) -> bool:
        kube = self._door()
        return kube is not None and kube.ready()

    def _count(self, group: str) -> _Count | None:
        """None while the API does not answer."""
        nodes = self._of(group)
        if nodes is None:
            return None
        why = next((_why(node) for node in nodes if not node.ready), "")
        return _Count(len(nodes), sum(node.ready for node in nodes), why)

    def _of(self, group: str) -> list[Node] | None:
        kube = self._door()
        if kube is None:
            return None
        try:
            return [node for node in kube.nodes() if node.labels.get(NODE_GROUP_LABEL) == group]
        except CloudError as error:
            if error.status in (401, 403):
                raise
            return None

    def _door(self) -> Kube | None:
        with self._lock:
            cluster = self._view.cluster
            if self._kube is None and cluster is not None and cluster.api_address:
                try:
                    self._kube = self._open(kubeconfig(self._view.magnum, cluster))
                except CloudError as error:
                    if not transient(error):
                        raise
            return self._kube


def _why(node: Node) -> str:
    return f"{node.name}: {node.why}" if node.why else f"{node.name} is not ready"
