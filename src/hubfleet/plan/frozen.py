"""What a file wants of a cluster of Magnum that exists, and that can only be had when something is made. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from hubfleet import spec
from hubfleet.errors import Layer, Refused
from hubfleet.plan import requests
from hubfleet.provider import MagnumCluster, MagnumPool
from hubfleet.tools.magnum import Cluster, NodeGroup, Template


def refuse_undeleted(there: Cluster) -> None:
    """Raises Refused if Magnum could not delete this cluster: it can be destroyed again, and nothing else."""
    if there.status == "DELETE_FAILED":
        raise Refused(
            f"Magnum failed to delete the cluster {there.name}",
            why=there.reason or "it gives no reason",
            remedy=f"`hubfleet destroy` again; if it fails again, tell the cloud's operators its UUID, {there.uuid}",
            layer=Layer.MAGNUM,
        )


def refuse_foreign(there: Cluster) -> None:
    """Raises Refused if hubfleet did not make this cluster."""
    if requests.MARK not in there.labels:
        raise Refused(
            f"there is a cluster named {there.name} that hubfleet did not make",
            why=f"it lacks the label `{requests.MARK}`; a change might break what its owner does with it",
            remedy=f"choose another `name`, or delete it: openstack coe cluster delete {there.uuid}",
            layer=Layer.MAGNUM,
        )


def refuse_frozen(
    desired: MagnumCluster,
    there: Cluster,
    groups: tuple[NodeGroup, ...],
    template: Template | None,
    file: spec.Cluster,
    only: str | None = None,
) -> None:
    """Raises Refused with every difference that cannot be made good in place, each with its line of the file. `only`:
    of this pool."""
    by_name = {group.name: group for group in groups}
    differences = [] if only else [*_of_cluster(desired, there, template, file)]
    for pool in desired.every_pool:
        if only in (None, pool.pool) and (group := by_name.get(pool.node_group)):
            differences += _of_pool(pool, group, there, file)
    if differences:
        raise Refused(
            f"the cluster {there.name} cannot be changed into what the file says",
            why="\n       ".join(differences),
            remedy="take these back, or make the cluster anew: `hubfleet destroy`, then `hubfleet apply`",
            layer=Layer.MAGNUM,
        )


def _of_cluster(desired: MagnumCluster, there: Cluster, template: Template | None, file: spec.Cluster) -> Iterator[str]:
    was = {
        ("template",): (there.template, template.uuid if template else there.template),
        ("keypair",): (there.keypair, desired.keypair),
        ("control_plane", "machine"): (there.control_plane_machine, desired.control_plane_machine),
        ("control_plane", "nodes"): (there.control_plane_nodes, desired.control_plane_nodes),
    }
    for key, (made, wanted) in was.items():
        if made != wanted:
            place = file.position("provider", file.provider.name, *key)
            yield f"{place}: {'.'.join(key)} was {made} when it was made; the file says {wanted}"


def _of_pool(pool: MagnumPool, group: NodeGroup, there: Cluster, file: spec.Cluster) -> Iterator[str]:
    if group.machine != pool.machine and not replaceable(group):
        at = file.position("pools", pool.pool, "machine")
        yield f"{at}: pool {pool.pool} is of {group.machine} for ever; add a pool of {pool.machine}, remove this one"
    place = f"{file.position('pools', pool.pool, 'nodes')}: pool {pool.pool}"
    if not requests.autoscaling(there.labels):
        if not pool.nodes.fixed:
            yield f"{place}: the cluster was made without autoscaling (label {requests.AUTOSCALING})"
    elif group.default and str(pool.nodes.min) != (least := there.labels.get(requests.MINIMUM, "")):
        most = max(pool.nodes.max, int(least or 1))
        yield (
            f"{place}: default-worker has a minimum of {least or 'unknown'} for ever (label {requests.MINIMUM});"
            f" `nodes: {{min: {least or 1}, max: {most}}}` is possible"
        )


def replaceable(group: NodeGroup) -> bool:
    """It never came to be, so that nothing runs on it, and it can be deleted."""
    return group.status == "CREATE_FAILED" and not group.default
