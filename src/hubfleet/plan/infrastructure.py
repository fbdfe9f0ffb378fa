"""What would be done to a cluster of Magnum: the description and what is there in, steps out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hubfleet import spec
from hubfleet.plan import frozen, poison, requests
from hubfleet.plan.frozen import Terms, refuse_foreign, refuse_heat, refuse_undeleted, replaceable, same_machine
from hubfleet.plan.kept import NOTHING, Kept
from hubfleet.plan.steps import Action, Change, Finding, Step
from hubfleet.provider import MagnumCluster, MagnumPool
from hubfleet.tools.magnum import Cluster, NodeGroup, Template
from hubfleet.tools.openstack import Flavor


@dataclass(frozen=True)
class Observed:
    """What there is: the template that the file names (None: no such one), its network and subnet as UUIDs, the
    cluster of that name, and its node groups."""

    template: Template | None
    cluster: Cluster | None = None
    groups: tuple[NodeGroup, ...] = ()
    network: str | None = None
    subnet: str | None = None
    flavors: tuple[Flavor, ...] = ()
    kept: Kept = NOTHING
    """What hubfleet keeps in the cluster."""
    abandoned: bool = False
    """The making of the cluster has stopped, and nobody will go on with it: see `abandoned`."""

    def group(self, name: str) -> NodeGroup | None:
        """The node group of that name."""
        return next((group for group in self.groups if group.name == name), None)


@dataclass(frozen=True)
class ClusterWork:
    """The work of the step "cluster": POST `body` (None: it stands) unless one is there. `doomed` is the UUID of one
    that goes first."""

    desired: MagnumCluster
    body: dict[str, object] | None = None
    doomed: str | None = None
    adopt: bool = False
    """It was somebody else's until now."""


@dataclass(frozen=True)
class PoolWork:
    """The work of a step "pool/NAME". `pool` None: the node group goes."""

    node_group: str
    pool: MagnumPool | None


_ANYTHING = Terms()


def steps(desired: MagnumCluster, observed: Observed, file: spec.Cluster, terms: Terms = _ANYTHING) -> tuple[Step, ...]:
    """One step for the cluster and one for each pool, in an order that works.

    Raises Refused if the cluster is not hubfleet's, or one that Magnum can do nothing with any more.
    """
    there = observed.cluster
    if there is None or not stands(observed):
        return (_create_cluster(desired, observed), *map(_create_pool, filter(_at_once, desired.every_pool)))
    refuse_heat(there)
    refuse_undeleted(there)
    refuse_foreign(there, observed.kept, adopt=terms.adopt)
    pools = tuple(_pool_step(pool, observed, file, terms) for pool in desired.every_pool if _wanted(pool, observed))
    every = (*pools, *_superfluous(desired, observed, terms))
    return (
        _cluster_step(desired, observed, there, file, terms),
        *(step for step in every if terms.only is None or step.id == f"pool/{terms.only}"),
    )


def findings(
    desired: MagnumCluster, observed: Observed, file: spec.Cluster, terms: Terms = _ANYTHING
) -> tuple[Finding, ...]:
    """What the file wants and Magnum cannot do with the cluster that is there, each with its line; and what is wrong
    with the cluster itself."""
    there = observed.cluster
    if there is None or not stands(observed):
        return ()
    found = frozen.findings(desired, there, observed.groups, observed.flavors, file, terms)
    bad = poison.finding(there, observed.groups)
    return (*found, *((bad,) if bad else ()))


def notes(desired: MagnumCluster, observed: Observed) -> tuple[str, ...]:
    """What one should know: pools that are absent, and node groups that are nobody's of the file."""
    absent = [pool for pool in desired.every_pool if not _wanted(pool, observed)]
    names = {pool.node_group for pool in desired.every_pool}
    others = [group for group in observed.groups if _extra(group, names) and not _ours(group)]
    return (
        *(f"pool {pool.pool} is not made now: with `min: 0` it is absent while nobody needs it" for pool in absent),
        *(
            f"node group {one.name} ({_machines(str(one.count), one.machine)}) was made outside hubfleet: left alone"
            for one in others
        ),
    )


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


ABANDONED = 900.0
"""Seconds after which nobody installs the driver's release any more: a few for keys and a credential, then Helm, whom
the driver gives five minutes (magnum-capi-helm 1.4 helm.py:30)."""


def abandoned(cluster: Cluster, groups: Sequence[NodeGroup], waited: float = 0.0) -> bool:
    """hubfleet's, and Magnum was killed while its driver made it: nobody will go on with it (Magnum 23 does nothing
    about such clusters when it starts), and nothing is on it but what Helm may have done last of all, for which ask the
    cloud (`Cloud.begun`). `waited`: seconds that somebody has watched it."""
    young = max(cluster.age or 0.0, waited) <= ABANDONED
    known = cluster.api_address or any(group.release for group in groups)
    return cluster.status == "CREATE_IN_PROGRESS" and requests.MARK in cluster.labels and not (young or known)


def stands(observed: Observed) -> bool:
    """There is a cluster, and it is one to stay: neither going, nor one that never came up."""
    there = observed.cluster
    return there is not None and not (going(there) or stillborn(there) or observed.abandoned)


def absent(steps: Sequence[Step], pools: Iterable[str]) -> frozenset[str]:
    """Which of these pools are not there when these steps are over. None where the steps know of no pools: then they
    are somebody else's to make."""
    there = {work.pool.pool for step in steps if isinstance(work := step.work, PoolWork) and work.pool is not None}
    return frozenset(name for name in pools if name not in there) if there else frozenset()


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
    elif old is not None and observed.abandoned:
        action, doomed = Action.REPLACE, old.uuid
        details.append(f"replaces one that Magnum began to make at {old.created} and forgot before it came up")
    elif old is not None:
        doomed = old.uuid
        details.append("once the old one of that name is gone, which Magnum is deleting")
    work = ClusterWork(desired, _body(desired, observed), doomed)
    return Step("cluster", action, f"cluster {desired.name}", work, tuple(details))


def _body(desired: MagnumCluster, observed: Observed) -> dict[str, object]:
    uuid = observed.template.uuid if observed.template else desired.template
    return requests.cluster(desired, uuid, observed.network, observed.subnet)


def _cluster_step(desired: MagnumCluster, observed: Observed, there: Cluster, file: spec.Cluster, terms: Terms) -> Step:
    adopt = requests.MARK not in there.labels and not observed.kept.adopted
    changes = _control_plane(desired, there, file) if terms.only is None else ()
    unsettled = there.under_way or there.failed
    details = [
        f"taken over ({there.uuid}), which hubfleet did not make" if adopt else "",
        f"Kubernetes {there.version}" if there.version else "",
        f"Magnum says {there.status}" if unsettled else "",
        *_old_labels(desired, there),
    ]
    action = Action.CHANGE if changes or adopt else Action.FINISH if unsettled else Action.KEEP
    told = tuple(filter(None, details))
    body = None if there.api_address or adopt else _body(desired, observed)
    return Step("cluster", action, f"cluster {desired.name}", ClusterWork(desired, body, adopt=adopt), told, changes)


def _control_plane(desired: MagnumCluster, there: Cluster, file: spec.Cluster) -> tuple[Change, ...]:
    """Its number of machines, always odd, is the one thing of it that the driver changes (magnum-capi-helm 1.4
    driver.py:91)."""
    was, wanted = there.control_plane_nodes, desired.control_plane_nodes
    origin = file.position("provider", file.provider.name, "control_plane", "nodes")
    return () if was in (wanted, None) else (Change("control_plane.nodes", was, wanted, origin),)


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


def _pool_step(pool: MagnumPool, observed: Observed, file: spec.Cluster, terms: Terms) -> Step:
    group = observed.group(pool.node_group)
    if group is None or group.status.startswith("DELETE_"):
        return _create_pool(pool)
    details = [_machines(_told(*_pair(pool)), pool.machine)]
    changes = _changes(pool, group, observed, file)
    left = observed.kept.sizes.get(group.name)
    if changes and left is not None and left != changes[0].old:
        details.append(f"changed outside hubfleet, which left it at {left}")
    other = not same_machine(group.machine, pool.machine, observed.flavors)
    if other and frozen.may_be_replaced(pool, group, terms):
        action = Action.REPLACE
        failed = f", which failed: {group.reason}" if replaceable(group) else ": its nodes go first"
        details.append(f"instead of one of {group.machine}{failed}")
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
    return () if old == _pair(pool) else (Change("nodes", _told(*old), _told(*_pair(pool)), origin),)


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


def _extra(group: NodeGroup, names: set[str]) -> bool:
    return group.name not in names and not group.default and group.role != "master"


def adopts(steps: Iterable[Step]) -> bool:
    """Whether they take over a cluster that hubfleet did not make."""
    return any(isinstance(step.work, ClusterWork) and step.work.adopt for step in steps)


def sizes(steps: Iterable[Step]) -> dict[str, str | None]:
    """Node group -> how these steps leave it, to be kept; None of one that goes."""
    works = [step.work for step in steps if isinstance(step.work, PoolWork)]
    return {work.node_group: _told(*_pair(work.pool)) if work.pool else None for work in works}


def _ours(group: NodeGroup) -> bool:
    return group.labels.get(requests.GROUP_MARK) == group.name


def _superfluous(desired: MagnumCluster, observed: Observed, terms: Terms) -> list[Step]:
    """Groups that hubfleet made and the file does not name any more. Others' are left alone, unless one is asked for
    by name."""
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
        if _extra(group, names) and (_ours(group) or group.name == terms.only)
    ]


def _id(pool: MagnumPool) -> str:
    return f"pool/{pool.pool}"


def _subject(pool: MagnumPool) -> str:
    return f"pool {pool.pool} (node group {pool.node_group})"


def _machines(count: str, machine: str) -> str:
    return f"{count} node{'' if count == '1' else 's'} of {machine}"
