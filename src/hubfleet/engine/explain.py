"""At which stage a cluster of Magnum and its pools are, looked at once: for `status`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from hubfleet.checks.stages import ClusterSeen, PoolSeen, Stage, of_cluster, of_pool, servers_of
from hubfleet.engine.sight import see
from hubfleet.provider import MagnumCluster
from hubfleet.tools.kube import Kube, Node
from hubfleet.tools.magnum import Magnum


def stages(
    magnum: Magnum, desired: MagnumCluster, nodes: Mapping[str, Sequence[Node]], kube: Kube | None
) -> Mapping[str, Stage]:
    """By pool ("" the cluster itself): its stage, where its API or nodes are missing. More is asked only then."""
    there = magnum.cluster(desired.name)
    if there is None:
        return {}
    groups = {group.name: group for group in magnum.groups(there.uuid)}
    pools = [one for one in desired.every_pool if one.node_group in groups]
    late = [one for one in pools if sum(node.ready for node in nodes.get(one.pool, ())) < max(1, one.nodes.min)]
    if kube is not None and not late:
        return {}
    sight, waited, release = see(magnum.cloud, kube), math.inf if there.age is None else there.age, there.release or ""
    if kube is None:
        servers = None if sight.servers is None else servers_of("control-plane", release, list(groups), sight.servers)
        return {"": of_cluster(ClusterSeen(there, waited, servers, sight.rooms, sight.balancers))}
    found: dict[str, Stage] = {}
    for pool in late:
        group, own = groups[pool.node_group], nodes.get(pool.pool, ())
        servers = None if sight.servers is None else servers_of(group.name, release, list(groups), sight.servers)
        known = (servers, sight.rooms, sight.addons, sight.machine(group))
        seen = PoolSeen(max(1, pool.nodes.min), group, own, waited, *known)
        found[pool.pool] = of_pool(seen)
    return found
