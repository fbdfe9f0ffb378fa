"""OpenStackCluster: what Cluster API's OpenStack provider makes for a cluster as a whole."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from hubfleet_sandbox.kubernetes import kinds
from hubfleet_sandbox.kubernetes.api import section
from hubfleet_sandbox.machine_room import cluster_network, janitor, security_groups
from hubfleet_sandbox.machine_room.conditions import Truth
from hubfleet_sandbox.machine_room.neutron import Neutron
from hubfleet_sandbox.machine_room.room import deleting

if TYPE_CHECKING:
    from hubfleet_sandbox.cloud import Cloud
    from hubfleet_sandbox.kubernetes.api import Object
    from hubfleet_sandbox.machine_room.room import Family, Room

log = logging.getLogger(__name__)
_FINALIZER = "openstackcluster.infrastructure.cluster.x-k8s.io"


def reconcile(room: Room, family: Family) -> None:
    """Give the cluster its network, its security groups and its API's floating IP, and say that the infrastructure is
    ready; or take all that away."""
    item = family.infrastructure
    if item is None:
        return
    slot, address = f"OpenStackCluster {family.name}", f"address of {family.name}"
    if deleting(item):
        gone = not family.machines and room.jobs.done(address, "remove", lambda: _release_address(room, family))
        if gone and room.jobs.done(slot, "remove", lambda: _release(room, family, item)):
            room.release(kinds.OPENSTACK_CLUSTER, item)
            room.jobs.forget(slot)
            room.jobs.forget(address)
            room.clouds.forget(family)
        return
    if room.adopt(kinds.OPENSTACK_CLUSTER, item, _FINALIZER, family.cluster):
        return
    made = room.jobs.done(slot, "make", lambda: _claim(room, family, item))
    ready = room.jobs.done(address, "make", lambda: _claim_address(room, family, item)) and made
    error = room.jobs.error(slot) or room.jobs.error(address)
    truth = Truth(ready, "OpenStackError" if error else "Reconciling", error)
    room.report(kinds.OPENSTACK_CLUSTER, item, {"ready": ready}, {"Ready": truth})


def ready(family: Family) -> bool:
    """Whether machines may be made: their network and security groups are in the status."""
    return bool(section(family.infrastructure, "status").get("ready"))


def _claim(room: Room, family: Family, item: Object) -> None:
    cloud = _cloud(room, family)
    if cloud is None:
        return
    neutron, spec = Neutron(cloud), item["spec"]
    network = cluster_network.claim(neutron, spec, family.resource)
    status: Object = {"network": network}
    if "managedSecurityGroups" in spec:
        status |= security_groups.claim(neutron, family.resource, [one["cidr"] for one in network["subnets"]])
    room.client.merge(kinds.OPENSTACK_CLUSTER.of(item, "status"), {"status": status})


def _claim_address(room: Room, family: Family, item: Object) -> None:
    network: str | None = section(item, "spec", "externalNetwork").get("id")
    cloud = _cloud(room, family)
    if cloud and network and not item["spec"].get("disableAPIServerFloatingIP"):
        address = cluster_network.claim_address(Neutron(cloud), network, family.resource)
        log.info("floating IP %s for %s", address, family.name)


def _release_address(room: Room, family: Family) -> None:
    cloud = _cloud(room, family)
    if cloud:
        cluster_network.release_address(Neutron(cloud), family.resource)


def _release(room: Room, family: Family, item: Object) -> None:
    cloud = _cloud(room, family)
    if cloud is None:
        return
    neutron = Neutron(cloud)
    cluster_network.release(neutron, item["spec"], family.resource)
    security_groups.release(neutron, family.resource)
    janitor.clean(cloud, family.name, room.layout.volumes)


def _cloud(room: Room, family: Family) -> Cloud | None:
    cloud = room.clouds.of(family)
    if cloud is None:
        log.warning("%s has no cloud credential: nothing is done in the cloud for it", family.name)
    return cloud
