"""What would be done to a cluster of Magnum: the description and what is there in, steps out. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from hubfleet import spec
from hubfleet.plan import requests
from hubfleet.plan.frozen import refuse_foreign, refuse_frozen, refuse_undeleted, replaceable
from hubfleet.plan.steps import Action, Change, Step
from hubfleet.provider import MagnumCluster, MagnumPool
from hubfleet.tools.magnum import Cluster, NodeGroup, Template


@dataclass(frozen=True)
class Observed:
    """What there is: the template that the file names (None: no such one), its network and subnet as UUIDs, the
    cluster of that name, and its node groups."""

    template: Template | None
    cluster: Cluster | None = None
    groups: tuple[NodeGroup, ...] = ()
    network: str | None = None
    subnet: str | None = None

    def group(self, name: str) -> NodeGroup | None:
        """The node group of that name."""
        return next((group for group in self.groups if group.name == name), None)


@dataclass(frozen=True)
class ClusterWork:
    """The work of the step "cluster": POST `body` where `action` is to create. `doomed` is the UUID of one that goes
    first."""

    desired: MagnumCluster
    body: dict[str, object] | None = None
    doomed: str | None = None


@dataclass(frozen=True)
class PoolWork:
    """The work of a step "pool/NAME". `pool` None: the node group goes."""

    node_group: str
    pool: MagnumPool | None


def steps(desired: MagnumCluster, observed: Observed, file: spec.Cluster, only: str | None = None) -> tuple[Step, ...]:
    """One step for the cluster and one for each pool, in an order that works; with `only`, for that pool alone, of a
    cluster that is there.

    Raises Refused, with everything at once, where the file wants what cannot be changed in place, or if the cluster is
    not hubfleet's.
    """
    there = observed.cluster
    if there is None or going(there) or stillborn(there):
        return (_create_cluster(desired, observed), *map(_create_pool, filter(_at_once, desired.every_pool)))
    refuse_undeleted(there)
    refuse_foreign(there)
    refuse_frozen(desired, there, observed.groups, observed.template, file, only)
    pools = tuple(_pool_step(pool, observed, file) for pool in desired.every_pool if _wanted(pool, observed))
    every = (*pools, *_superfluous(desired, observed))
    return (_cluster_step(desired, there), *(step for step in every if only is None or step.id == f"pool/{only}"))


def most_left(step: Step) -> int | None:
    """How many nodes a pool keeps at most through this step; None if it is no step that takes nodes away."""
    if not isinstance(step.work, PoolWork):
        return None
    if step.action in (Action.DESTROY, Action.REPLACE):
        return 0
    return step.work.pool.nodes.max if step.action is Action.CHANGE and step.work.pool else None


def going(cluster: Cluster) -> bool:
    """It is being deleted."""
    return cluster.status in {"DELETE_IN_PROGRESS", "DELETE_COMPLETE"}


def stillborn(cluster: Cluster) -> bool:
    """hubfleet's, and its creation failed before the Kubernetes API had an address: nothing can be on it."""
    return cluster.status == "CREATE_FAILED" and not cluster.api_address and requests.MARK in cluster.labels


# the cluster


def _create_cluster(desired: MagnumCluster, observed: Observed) -> Step:
    old = observed.cluster
    template = observed.template.name if observed.template else desired.template
    control_plane = _machines(str(desired.control_plane_nodes), desired.control_plane_machine)
    details = [f"template {template}", f"control plane: {control_plane}"]
    action, doomed = Action.CREATE, None
    if old is not None and stillborn(old):
        action, doomed = Action.REPLACE, old.uuid
        details.append(f"replaces one that failed before it came up ({old.reason or 'no reason given'})")
    elif old is not None:
        doomed = old.uuid
        details.append("once the old one of that name is gone, which Magnum is deleting")
    uuid = observed.template.uuid if observed.template else desired.template
    body = requests.cluster(desired, uuid, observed.network, observed.subnet)
    return Step("cluster", action, f"cluster {desired.name}", ClusterWork(desired, body, doomed), tuple(details))


def _cluster_step(desired: MagnumCluster, there: Cluster) -> Step:
    unsettled = there.under_way or there.failed
    details = [
        f"Kubernetes {there.version}" if there.version else "",
        f"Magnum says {there.status}" if unsettled else "",
        *_old_labels(desired, there),
    ]
    action = Action.FINISH if unsettled else Action.KEEP
    return Step("cluster", action, f"cluster {desired.name}", ClusterWork(desired), tuple(filter(None, details)))


def _old_labels(desired: MagnumCluster, there: Cluster) -> list[str]:
    return [
        f"label {key} stays {there.labels.get(key, 'unset')}: Magnum cannot change labels (wanted: {value})"
        for key, value in desired.labels.items()
        if there.labels.get(key) != value
    ]


# pools


def _wanted(pool: MagnumPool, observed: Observed) -> bool:
    """A pool with `min: 0` is absent until somebody needs it; one that is there is taken care of."""
    return _at_once(pool) or observed.group(pool.node_group) is not None


def _at_once(pool: MagnumPool) -> bool:
    return pool.nodes.min > 0


def _create_pool(pool: MagnumPool) -> Step:
    details = (_machines(str(pool.nodes), pool.machine),)
    return Step(_id(pool), Action.CREATE, _subject(pool), PoolWork(pool.node_group, pool), details)


def _pool_step(pool: MagnumPool, observed: Observed, file: spec.Cluster) -> Step:
    group = observed.group(pool.node_group)
    if group is None or group.status.startswith("DELETE_"):
        return _create_pool(pool)
    details = [_machines(str(pool.nodes), pool.machine)]
    changes = _changes(pool, group, observed, file)
    if replaceable(group) and group.machine != pool.machine:
        action = Action.REPLACE
        details.append(f"instead of one of {group.machine}, which failed: {group.reason}")
    elif changes:
        action = Action.CHANGE
    elif group.under_way or group.failed:
        action = Action.FINISH
        details.append(f"Magnum says {group.status}{f': {group.reason}' if group.reason else ''}")
    else:
        action = Action.KEEP
    return Step(_id(pool), action, _subject(pool), PoolWork(pool.node_group, pool), tuple(details), changes)


def _changes(pool: MagnumPool, group: NodeGroup, observed: Observed, file: spec.Cluster) -> tuple[Change, ...]:
    origin = file.position("pools", pool.pool, "nodes")
    old = size(group, observed.cluster)
    return () if old == _pair(pool) else (Change("nodes", _told(*old), str(pool.nodes), origin),)


def size(group: NodeGroup, cluster: Cluster | None) -> tuple[int, int]:
    """The fewest and the most nodes that a group has, as the driver reckons (magnum-capi-helm 1.4 driver.py:781)."""
    if cluster is None or not requests.autoscaling(cluster.labels):
        return group.count, group.count
    most = group.max or group.count
    if not group.default:
        return (group.count if group.min is None else group.min), most
    label = cluster.labels.get(requests.MINIMUM, "")
    fewest = group.count if (group.min or 1) == 1 else group.min or 1
    return (int(label) if label.isdigit() else fewest), most


def _pair(pool: MagnumPool) -> tuple[int, int]:
    return max(1, pool.nodes.min), pool.nodes.max


def _told(fewest: int, most: int) -> str:
    return str(fewest) if fewest == most else f"{fewest} to {most}"


def _superfluous(desired: MagnumCluster, observed: Observed) -> list[Step]:
    """Groups that hubfleet made and the file does not name any more. Others' are left alone."""
    names = {pool.node_group for pool in desired.every_pool}
    return [
        Step(
            f"pool/{group.name}",
            Action.DESTROY,
            f"pool {group.name} (node group {group.name})",
            PoolWork(group.name, None),
            (_machines(str(group.count), group.machine),),
        )
        for group in observed.groups
        if group.name not in names and not group.default and group.role != "master" and requests.MARK in group.labels
    ]


def _id(pool: MagnumPool) -> str:
    return f"pool/{pool.pool}"


def _subject(pool: MagnumPool) -> str:
    return f"pool {pool.pool} (node group {pool.node_group})"


def _machines(count: str, machine: str) -> str:
    return f"{count} node{'' if count == '1' else 's'} of {machine}"
