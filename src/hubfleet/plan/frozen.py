"""What a file wants of a cluster of Magnum that exists, and that can only be had when something is made. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from hubfleet import spec
from hubfleet.errors import Layer, Refused
from hubfleet.plan import requests
from hubfleet.plan.kept import NOTHING, Kept
from hubfleet.plan.steps import Finding
from hubfleet.provider import MagnumCluster, MagnumPool
from hubfleet.tools.magnum import Cluster, NodeGroup
from hubfleet.tools.openstack import Flavor, is_uuid


@dataclass(frozen=True)
class Terms:
    """What the person allows beyond what the file says: pools to `replace` that hold nothing lasting. `only`: look at
    this pool alone, of a cluster that is there."""

    replace: frozenset[str] = field(default_factory=frozenset[str])
    adopt: bool = False
    """A cluster that hubfleet did not make becomes its own."""
    only: str | None = None


def refuse_undeleted(there: Cluster) -> None:
    """Raises Refused if Magnum could not delete this cluster: it can be destroyed again, and nothing else."""
    if there.status == "DELETE_FAILED":
        raise Refused(
            f"Magnum failed to delete the cluster {there.name}",
            why=there.reason or "it gives no reason",
            remedy=f"`hubfleet destroy` again; if it fails again, tell the cloud's operators its UUID, {there.uuid}",
            layer=Layer.MAGNUM,
        )


def refuse_foreign(there: Cluster, kept: Kept = NOTHING, *, adopt: bool = False) -> None:
    """Raises Refused if hubfleet did not make this cluster, and nobody gave it to hubfleet before or does so now."""
    if requests.MARK not in there.labels and not kept.adopted and not adopt:
        raise Refused(
            f"there is a cluster named {there.name} that hubfleet did not make",
            why=f"it lacks the label `{requests.MARK}`; a change might break what its owner does with it",
            remedy="to take it over as it is: hubfleet plan --adopt, then hubfleet apply --adopt; else choose another"
            f" `name`, or delete it: openstack coe cluster delete {there.uuid}",
            layer=Layer.MAGNUM,
        )


def heat(there: Cluster) -> bool:
    """Whether it is a cluster of Magnum's old driver, whose stack is one of Heat's, named by a UUID; the driver of
    today names a Helm release after the cluster (magnum-capi-helm 1.4 driver.py:1219)."""
    return is_uuid(there.release or "")


def refuse_heat(there: Cluster) -> None:
    """Raises Refused for a cluster that no Magnum of today can change."""
    if heat(there):
        raise Refused(
            f"the cluster {there.name} was made by Magnum's old Heat driver, and has to be replaced",
            why="that driver was removed from Magnum in 2026: nothing can be changed or upgraded any more",
            remedy="choose another `name` in the file and apply it, move the homes (docs/how-to/pools.md, `A cluster of"
            f" the old driver`), then delete the old one: openstack coe cluster delete {there.uuid}",
            layer=Layer.MAGNUM,
        )


def same_machine(one: str | None, other: str | None, flavors: Sequence[Flavor]) -> bool:
    """Whether both mean the same flavor, by name or by UUID."""

    def known(machine: str | None) -> str | None:
        return next((flavor.id for flavor in flavors if machine in (flavor.id, flavor.name)), machine)

    return known(one) == known(other)


def findings(
    desired: MagnumCluster,
    there: Cluster,
    groups: Sequence[NodeGroup],
    flavors: Sequence[Flavor],
    file: spec.Cluster,
    terms: Terms,
) -> Iterator[Finding]:
    """Every difference that cannot be made good in place, each with its line of the file and what to do."""
    if terms.only is None:
        yield from _of_cluster(desired, there, flavors, file)
    for pool in desired.every_pool:
        group = next((group for group in groups if group.name == pool.node_group), None)
        if group is not None and terms.only in (None, pool.pool):
            if not same_machine(group.machine, pool.machine, flavors) and not may_be_replaced(pool, group, terms):
                yield _other_machine(pool, group, file)
            yield from _of_size(pool, group, there, file)


def _of_cluster(
    desired: MagnumCluster, there: Cluster, flavors: Sequence[Flavor], file: spec.Cluster
) -> Iterator[Finding]:
    was: dict[tuple[str, ...], tuple[str | None, str | None]] = {
        ("keypair",): (there.keypair, desired.keypair),
    }
    if not same_machine(there.control_plane_machine, desired.control_plane_machine, flavors):
        was["control_plane", "machine"] = (there.control_plane_machine, desired.control_plane_machine)
    for key, (made, wanted) in was.items():
        if made != wanted:
            yield Finding(
                Layer.MAGNUM,
                f"{'.'.join(key)} was {made} when the cluster was made; the file says {wanted}",
                "Magnum cannot change it in a cluster that is there",
                "take it back, or make the cluster anew: `hubfleet destroy`, then `hubfleet apply`",
                origin=file.position("provider", file.provider.name, *key),
            )


def _other_machine(pool: MagnumPool, group: NodeGroup, file: spec.Cluster) -> Finding:
    if group.default:
        remedy = "take it back, or make the cluster anew: this pool is Magnum's default-worker and cannot be deleted"
    else:
        remedy = (
            f"add a pool of {pool.machine} under another name, apply, and take this one out when nobody is on it;"
            f" or `hubfleet apply --replace {pool.pool}`: its nodes go first, with the servers on them (files stay)"
        )
    return Finding(
        Layer.MAGNUM,
        f"pool {pool.pool} is of {group.machine} for ever; the file says {pool.machine}",
        "Magnum cannot give a node group another machine",
        remedy,
        origin=file.position("pools", pool.pool, "machine"),
    )


def _of_size(pool: MagnumPool, group: NodeGroup, there: Cluster, file: spec.Cluster) -> Iterator[Finding]:
    place = file.position("pools", pool.pool, "nodes")
    least = there.labels.get(requests.MINIMUM, "")
    if not requests.autoscaling(there.labels):
        if not pool.nodes.fixed:
            yield Finding(
                Layer.MAGNUM,
                f"pool {pool.pool} cannot scale by itself: the cluster was made without autoscaling",
                f"it lacks the label {requests.AUTOSCALING}, and Magnum cannot change labels",
                f"give one number: `nodes: {group.count}`; or make the cluster anew",
                origin=place,
            )
    elif group.default and least and str(pool.nodes.min) != least:
        possible = f"`nodes: {{min: {least}, max: {max(pool.nodes.max, int(least))}}}`"
        yield Finding(
            Layer.MAGNUM,
            f"pool {pool.pool}: default-worker has a minimum of {least} for ever; the file says {pool.nodes.min}",
            f"it comes from the cluster's label {requests.MINIMUM}, and Magnum cannot change labels",
            f"{possible} is possible; or make the cluster anew",
            origin=place,
        )


def may_be_replaced(pool: MagnumPool, group: NodeGroup, terms: Terms) -> bool:
    """It never came to be, or the person named it; default-worker never."""
    return replaceable(group) or (pool.pool in terms.replace and not group.default)


def replaceable(group: NodeGroup) -> bool:
    """It never came to be, so that nothing runs on it, and it can be deleted."""
    return group.status == "CREATE_FAILED" and not group.default
