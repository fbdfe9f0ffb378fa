"""Judges by Kubernetes' own word whether a cluster's API answers and a pool's nodes are ready."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import replace

from hubfleet.checks.stages import ClusterSeen, PoolSeen, Stage, of_cluster, of_pool
from hubfleet.engine.leases import Hold
from hubfleet.engine.magnum_view import View
from hubfleet.engine.run import pause
from hubfleet.engine.sight import AFTER, Looker
from hubfleet.errors import CloudError, HubfleetError, Layer
from hubfleet.events import Kind
from hubfleet.plan.infrastructure import PoolWork
from hubfleet.provider.magnum import NODE_GROUP_LABEL
from hubfleet.tools.kube import Kube
from hubfleet.tools.kube_objects import Node
from hubfleet.tools.kubeconfig import kubeconfig
from hubfleet.tools.openstack_errors import transient
from hubfleet.words import counted

OpenKube = Callable[[str], Kube]
"""A kubeconfig's text -> the door to that cluster: `Kube` itself, but in tests."""
LEAST = 0.3
"""Seconds between two looks."""
FRESH = 0.25
"""Seconds for which all who wait for pools share what one of them saw."""


class Nodes:
    """Of one cluster; threads may share it. The door to its API is opened once, when the API has an address."""

    def __init__(self, view: View, open_kube: OpenKube, hold: Hold | None = None) -> None:
        self._view, self._open, self._hold, self._lock = view, open_kube, hold, threading.Lock()
        self._kube: Kube | None = None
        self._looker = Looker(view)
        self._looking, self._looked = threading.Lock(), float("-inf")
        self._seen: tuple[Node, ...] | None = None

    def api(self) -> str:
        """Waits until the API answers, and takes the cluster's lock; what it is, for people. HubfleetError when time is
        up, Refused if somebody else has the lock."""
        view, began = self._view, self._view.patience.clock.now()
        with view.patience.watch.waiting("Kubernetes"):
            while not (self._addressed() and self._answers()):
                waited = view.patience.clock.now() - began
                stage = self._stage_of_api(waited)
                if waited > AFTER:
                    self._tell("cluster", stage)
                if view.patience.over:
                    raise self._no_api()
                view.patience.clock.sleep(pause(waited, least=LEAST))
        if self._hold is not None and self._kube is not None:
            self._hold.take(self._kube)
        view.ready.add("cluster")
        view.stages.pop("cluster", None)
        return f"the Kubernetes API answers at {view.cluster.api_address if view.cluster else ''}"

    def pool(self, step: str, work: PoolWork) -> str:
        """Waits until the pool's nodes are ready, or gone if it goes; what there is, for people."""
        view, pool, began = self._view, work.pool, self._view.patience.clock.now()
        wanted, fixed = (max(1, pool.nodes.min), pool.nodes.fixed) if pool else (0, True)
        with view.patience.watch.waiting("nodes"):
            while True:
                nodes = self._nodes(work.node_group) if self._addressed() else None
                ready = sum(node.ready for node in nodes or ())
                if nodes is not None and ready >= wanted and (len(nodes) == wanted or not fixed):
                    break
                waited = view.patience.clock.now() - began
                if nodes is not None:
                    self._tell(step, self._stage(work.node_group, wanted, nodes, waited))
                if view.patience.over:
                    raise self._late(step, work.node_group, wanted, nodes)
                view.patience.clock.sleep(pause(waited, least=LEAST))
        view.ready.add(step)
        view.stages.pop(step, None)
        return f"{counted(ready, 'node')} ready" if wanted else "gone"

    def _late(self, step: str, group: str, wanted: int, nodes: tuple[Node, ...] | None) -> HubfleetError:
        """For whoever waits for nodes, when time is up; None: there is no API that would tell of them."""
        if nodes is None:
            return self._no_api()
        stage = self._last(step, self._stage(group, wanted, nodes, math.inf))
        return self._view.overdue(f"{step.replace('/', ' ')}: {stage.text}", stage.layer, stage.remedy)

    def _no_api(self) -> HubfleetError:
        stage = self._last("cluster", self._stage_of_api(math.inf))
        what = f"the Kubernetes API of {self._view.name} is not there: {stage.text}"
        return self._view.overdue(what, stage.layer, stage.remedy)

    def _last(self, subject: str, stage: Stage) -> Stage:
        """The judgement when time is up: nothing is merely late any more."""
        self._view.stages[subject] = stage
        return stage

    def _tell(self, subject: str, stage: Stage) -> None:
        self._view.stages[subject] = stage
        if stage.stuck:
            self._view.tell(subject, f"{stage.text}; {stage.remedy}", Kind.WARNING, about="nodes")
        else:
            self._view.tell(subject, stage.text, about="nodes")

    def _stage_of_api(self, waited: float) -> Stage:
        view, sight = self._view, self._looker.look(waited, None)
        servers = sight.of("control-plane", view)
        return of_cluster(ClusterSeen(view.cluster, waited, servers, sight.rooms, sight.balancers))

    def _stage(self, group: str, wanted: int, nodes: tuple[Node, ...], waited: float) -> Stage:
        if wanted == 0:
            return Stage(Layer.CLUSTER_API, f"{counted(len(nodes), 'node')} still there")
        view, sight = self._view, self._looker.look(waited, self._door())
        row = view.group(group)
        if row is not None and view.cluster is not None:
            row = replace(row, reason=row.reason or view.cluster.faults.get(group, ""))
        servers, machine = sight.of(group, view), sight.machine(row)
        return of_pool(PoolSeen(wanted, row, nodes, waited, servers, sight.rooms, sight.addons, machine))

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
        nodes = self._nodes(group) if self._addressed() else None
        return None if nodes is None else len(nodes)

    def _names(self, group: str) -> frozenset[str]:
        """Of the nodes of this node group, as far as the API answers."""
        found = self._nodes(group) if self._addressed() else None
        return frozenset(node.name for node in found or ())

    def _addressed(self) -> bool:
        return bool(self._view.cluster and self._view.cluster.api_address)

    def _answers(self) -> bool:
        kube = self._door()
        return kube is not None and kube.ready()

    def _nodes(self, group: str) -> tuple[Node, ...] | None:
        """None while the API does not answer."""
        every = self._every()
        return None if every is None else tuple(node for node in every if node.labels.get(NODE_GROUP_LABEL) == group)

    def _every(self) -> tuple[Node, ...] | None:
        """The cluster's nodes: one answer holds those of all pools, so that many pools ask no more than one."""
        kube = self._door()
        if kube is None:
            return None
        with self._looking:
            if self._view.patience.clock.now() - self._looked >= FRESH:
                self._seen = _listed(kube)
                self._looked = self._view.patience.clock.now()  # who waited for a slow answer shares it, too
            return self._seen

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


def _listed(kube: Kube) -> tuple[Node, ...] | None:
    """None if the API does not answer. CloudError if it does not let us in."""
    try:
        return kube.nodes()
    except CloudError as error:
        if error.status in (401, 403):
            raise
        return None
