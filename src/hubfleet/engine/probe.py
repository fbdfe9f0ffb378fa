"""Proves that a pool scales by itself: pods that want a node each, one more than there are nodes; then none.

The pods need hardly anything, and whether they run does not matter: a pod that is placed is enough.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hubfleet.checks import stages
from hubfleet.checks.autoscaling import Scaling, beforehand, not_growing, not_shrinking
from hubfleet.checks.pods import Trouble
from hubfleet.checks.stages import PoolSeen, servers_of
from hubfleet.engine.removal import Removal
from hubfleet.engine.run import Clock, pause
from hubfleet.engine.sight import ADDONS, Sight, see
from hubfleet.errors import CloudError, Layer
from hubfleet.plan import requests
from hubfleet.plan.infrastructure import size
from hubfleet.plan.preflight.template import CHARTS
from hubfleet.provider import MagnumCluster, MagnumPool
from hubfleet.provider.magnum import NODE_GROUP_LABEL
from hubfleet.tools.kube import Kube, Node
from hubfleet.tools.magnum import Cluster, Magnum, NodeGroup

NAMESPACE = "hubfleet-probe"
LABEL = "hubfleet.org/probe"
IMAGE = "registry.k8s.io/pause:3.10"
WITHIN = 1200.0
"""Seconds that a pool is given to grow: a machine of Jetstream2 takes minutes. To shrink it is given twice that: the
autoscaler waits for ten minutes after it added a node, and for ten that a node is idle."""
LEAST = 0.5


@dataclass(frozen=True)
class Probed:
    """What a probe of a pool found: seconds until it had a node more, ready, and until that was gone again (None: it
    did not come to that), the nodes before and at the most; and why not, if not."""

    pool: str
    before: int
    most: int
    grew: float | None = None
    shrank: float | None = None
    trouble: Trouble | None = None


class Probe:
    """Of one pool. `selector` is what its nodes carry; `sight` tells what Nova has of it, and is asked to explain."""

    def __init__(
        self,
        pool: MagnumPool,
        selector: Mapping[str, str],
        scaling: Scaling,
        kube: Kube,
        tell: Callable[[str], None],
        clock: Clock,
        sight: Callable[[], Sight],
        *,
        within: float = WITHIN,
    ) -> None:
        self._pool, self._selector, self._scaling, self._kube = pool, selector, scaling, kube
        self._tell, self._clock, self._sight = tell, clock, sight
        self._grow, self._shrink = within, 2 * within
        self._most = 0

    def run(self) -> Probed:
        """Grow, then shrink. What it made is gone afterwards, also when it is interrupted."""
        before = self._nodes()
        trouble = beforehand(self._scaling, len(before))
        if trouble is not None:
            return Probed(self._pool.pool, len(before), len(before), trouble=trouble)
        self._clean()  # after one that was killed
        try:
            grew, trouble = self._grown(before)
        finally:
            self._tell("taking the probe's pods away")
            self._clean()
        if grew is None:
            return Probed(self._pool.pool, len(before), self._most, trouble=trouble)
        shrank, trouble = self._shrunk(before)
        return Probed(self._pool.pool, len(before), self._most, grew, shrank, trouble)

    def _grown(self, before: tuple[Node, ...]) -> tuple[float | None, Trouble | None]:
        began, names = self._clock.now(), {node.name for node in before}
        self._kube.ensure_namespace(NAMESPACE, {LABEL: self._pool.pool})
        for index in range(len(before) + 1):
            self._kube.make(body(f"probe-{index}", self._pool, self._selector))
        self._tell(f"{len(before) + 1} pods that want a node each, on {len(before)} nodes; waiting for one more")
        while True:
            nodes, waited = self._nodes(), self._clock.now() - began
            self._most = max(self._most, len(nodes))
            if any(node.ready and node.name not in names for node in nodes):
                self._tell(f"grew to {len(nodes)} nodes in {waited:.0f} s")
                return waited, None
            if waited > self._grow:
                return None, self._why_not(nodes, names, waited)
            self._clock.sleep(pause(waited, least=LEAST))

    def _why_not(self, nodes: tuple[Node, ...], names: set[str], waited: float) -> Trouble:
        events: dict[str, str] = {}
        for pod in self._kube.pods(NAMESPACE):
            if not pod.node:
                events |= self._kube.events(NAMESPACE, "Pod", pod.name)
        trouble = not_growing(self._scaling, events, waited)
        sight, wanted = self._sight(), len(names) + 1
        servers = sight.servers
        if len(nodes) > len(names) or (servers is not None and len(servers) > len(names)) or "Triggered" in str(events):
            stage = stages.of_pool(PoolSeen(wanted, None, nodes, waited, servers, sight.rooms, sight.addons))
            return Trouble(stage.layer, trouble.what, stage.text, stage.remedy or trouble.remedy)
        return trouble

    def _shrunk(self, before: tuple[Node, ...]) -> tuple[float | None, Trouble | None]:
        began, names = self._clock.now(), {node.name for node in before}
        self._tell(f"waiting until it is back at {len(before)} nodes")
        while len(nodes := self._nodes()) > len(before):
            waited = self._clock.now() - began
            if waited > self._shrink:
                new = {node.name for node in nodes} - names
                return None, not_shrinking(self._scaling, self._keeping(new), waited)
            self._clock.sleep(pause(waited, least=LEAST))
        shrank = self._clock.now() - began
        self._tell(f"shrank to {len(nodes)} nodes in {shrank:.0f} s")
        return shrank, None

    def _keeping(self, nodes: set[str]) -> tuple[str, ...]:
        on_them = (pod for pod in self._kube.pods(None) if pod.node in nodes and pod.namespace not in ADDONS)
        return tuple(f"{pod.namespace}/{pod.name}" for pod in on_them)

    def _nodes(self) -> tuple[Node, ...]:
        wanted = self._selector.items()
        return tuple(node for node in self._kube.nodes() if wanted <= node.labels.items())

    def _clean(self) -> None:
        if self._kube.namespace(NAMESPACE) is None:
            return
        clock = Clock()  # also where the other was stopped: what was made goes
        removal = Removal(self._kube, NAMESPACE, lambda _: None, clock, timeout=60)
        for pod in self._kube.pods(NAMESPACE):
            self._kube.delete("Pod", NAMESPACE, pod.name)
        removal.namespace()


def probe(
    magnum: Magnum, desired: MagnumCluster, name: str, kube: Kube, tell: Callable[[str], None], within: float
) -> Probed:
    """Prove that the pool of this name scales. CloudError if the cluster is not there. `within`: seconds that it may
    take to grow; twice that to shrink."""
    there = magnum.cluster(desired.name)
    if there is None:
        raise CloudError(f"there is no cluster {desired.name}", remedy="hubfleet apply", layer=Layer.MAGNUM)
    pool = next(one for one in desired.every_pool if one.pool == name)
    groups = magnum.groups(there.uuid)
    scaling = _scaling(magnum, there, groups, pool)

    def sight() -> Sight:
        seen = see(magnum.cloud, kube)
        names = [group.name for group in groups]
        servers = (
            None if seen.servers is None else servers_of(pool.node_group, there.release or "", names, seen.servers)
        )
        return replace(seen, servers=servers)

    return Probe(pool, {NODE_GROUP_LABEL: pool.node_group}, scaling, kube, tell, Clock(), sight, within=within).run()


def _scaling(magnum: Magnum, there: Cluster, groups: Sequence[NodeGroup], pool: MagnumPool) -> Scaling:
    group = next((one for one in groups if one.name == pool.node_group), None)
    least, most = size(group, there) if group else (0, 0)
    template = magnum.template(there.template)
    chart = template.chart if template else ""
    known = CHARTS.get(chart)
    return Scaling(
        pool=pool.pool,
        node_group=pool.node_group,
        autoscaling=requests.autoscaling(there.labels),
        count=group.count if group else None,
        least=least,
        most=most,
        wanted_most=pool.nodes.max,
        ceiling=there.labels.get("max_node_count", "") if group and group.default else "",
        template=template.name if template else there.template,
        chart=chart,
        chart_trouble=f"{known.trouble} ({known.source})" if known else "",
    )


def body(name: str, pool: MagnumPool, selector: Mapping[str, str]) -> dict[str, Any]:
    """A pod that needs hardly anything, on a node of the pool, and on none where there is another of them."""
    term = {"labelSelector": {"matchLabels": {LABEL: pool.pool}}, "topologyKey": "kubernetes.io/hostname"}
    container = {
        "name": "pause",
        "image": IMAGE,
        "resources": {"requests": {"cpu": "1m", "memory": "4Mi"}},
        "securityContext": {"allowPrivilegeEscalation": False, "runAsNonRoot": True, "runAsUser": 65534},
    }
    spec = {
        "nodeSelector": dict(selector),
        "tolerations": [
            {"key": one.key, "operator": "Equal", "value": one.value, "effect": one.effect} for one in pool.taints
        ],
        "affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}},
        "terminationGracePeriodSeconds": 0,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "containers": [container],
    }
    metadata = {"name": name, "namespace": NAMESPACE, "labels": {LABEL: pool.pool}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
