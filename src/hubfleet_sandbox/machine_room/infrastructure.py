"""OpenStackCluster: what Cluster API's OpenStack provider makes for a cluster as a whole."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hubfleet_sandbox.cloud import CloudError
from hubfleet_sandbox.kubernetes import kinds
from hubfleet_sandbox.kubernetes.api import section
from hubfleet_sandbox.machine_room import credentials, janitor, neutron
from hubfleet_sandbox.machine_room.conditions import Truth
from hubfleet_sandbox.machine_room.room import deleting

if TYPE_CHECKING:
    from collections.abc import Generator

    from hubfleet_sandbox.cloud import Cloud
    from hubfleet_sandbox.kubernetes.api import Object
    from hubfleet_sandbox.machine_room.room import Family, Room

log = logging.getLogger(__name__)
_FINALIZER = "openstackcluster.infrastructure.cluster.x-k8s.io"


def reconcile(room: Room, family: Family) -> None:
    """Give the cluster's API its floating IP and say that the infrastructure is ready; or take all that away."""
    item = family.infrastructure
    if item is None:
        return
    slot = f"OpenStackCluster {family.name}"
    if deleting(item):
        if not family.machines and room.jobs.done(slot, "remove", lambda: _release(room, family)):
            room.release(kinds.OPENSTACK_CLUSTER, item)
            room.jobs.forget(slot)
        return
    if room.adopt(kinds.OPENSTACK_CLUSTER, item, _FINALIZER, family.cluster):
        return
    ready = room.jobs.done(slot, "make", lambda: _claim(room, family, item))
    truth = Truth(ready, "OpenStackError" if room.jobs.error(slot) else "Reconciling", room.jobs.error(slot))
    room.report(kinds.OPENSTACK_CLUSTER, item, {"ready": ready}, {"Ready": truth})


def _claim(room: Room, family: Family, item: Object) -> None:
    network: str | None = section(item, "spec", "externalNetwork").get("id")
    if not network or item["spec"].get("disableAPIServerFloatingIP"):
        return
    with _using_cloud(room, family) as cloud:
        if cloud:
            address = neutron.claim(cloud, network, _description(family))
            log.info("floating IP %s for %s", address, family.name)


def _release(room: Room, family: Family) -> None:
    with _using_cloud(room, family) as cloud:
        if cloud:
            neutron.release(cloud, _description(family))
            janitor.clean(cloud, family.name, room.layout.state / "volumes" / family.name)


@contextmanager
def _using_cloud(room: Room, family: Family) -> Generator[Cloud | None]:
    """The cluster's cloud; a cloud that is not there at all is reported, and does without its records."""
    cloud = credentials.cloud(room, family)
    if cloud is None:
        log.warning("%s has no cloud credential: nothing is done in the cloud for it", family.name)
        yield None
        return
    try:
        yield cloud
    except CloudError as error:
        if error.status:
            raise
        log.warning("the cloud's records of %s are not kept: %s", family.name, error)
    finally:
        cloud.close()


def _description(family: Family) -> str:
    """As the real provider words it, so that what looks for leftovers finds the same here."""
    return f"Created by cluster-api-provider-openstack cluster {family.namespace}-{family.name}"
