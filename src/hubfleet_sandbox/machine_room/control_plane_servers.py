"""The servers of a control plane in Nova: as many as it has replicas, new ones when their template or version changes.

A control plane runs in processes of this machine, not on these servers, and has no Machines: a server's name is made
from what it is for, so that it is known without being written down.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from hubfleet_sandbox.kubernetes import kinds
from hubfleet_sandbox.kubernetes.api import section
from hubfleet_sandbox.machine_room import cluster_network, infrastructure, security_groups, servers
from hubfleet_sandbox.machine_room.conditions import Truth

if TYPE_CHECKING:
    from hubfleet_sandbox.cloud import Cloud
    from hubfleet_sandbox.kubernetes.api import Object
    from hubfleet_sandbox.machine_room.room import Family, Room


def names(item: Object) -> list[str]:
    """Those that the servers of this KubeadmControlPlane should have now."""
    metadata, spec = item["metadata"], item["spec"]
    parts = [metadata["uid"], spec.get("version", ""), _template(item)]
    digests = (hashlib.sha256("\0".join([*parts, str(n)]).encode()).hexdigest() for n in range(spec.get("replicas", 1)))
    return [f"{metadata['name']}-{digest[:5]}" for digest in digests]


def given(room: Room, family: Family, item: Object) -> Truth:
    """Whether the cloud has given the control plane its servers."""
    if not infrastructure.ready(family):
        return Truth(so=False, reason="WaitingForClusterInfrastructure")
    wanted = names(item)
    so = room.jobs.done(_slot(family), f"claim {' '.join(wanted)} for", lambda: _claim(room, family, item, wanted))
    return Truth(so, *servers.reason(room.jobs.failure(_slot(family))))


def gone(room: Room, family: Family, item: Object) -> bool:
    """Whether the cloud has taken them all back."""

    def release() -> None:
        cloud = room.clouds.of(family)
        if cloud:
            for name in _there(cloud, item):
                servers.release(cloud, name)
            for name in names(item):  # of one that Nova refused, a port is left
                servers.release(cloud, name)

    return room.jobs.done(_slot(family), "release", release)


def forget(room: Room, family: Family) -> None:
    """The control plane is gone."""
    room.jobs.forget(_slot(family))


def _claim(room: Room, family: Family, item: Object, wanted: list[str]) -> None:
    """One after another: a new one comes before an old one goes, as the provider's rollout does it (maxSurge 1)."""
    cloud = room.clouds.of(family)
    if cloud is None:
        return
    template = room.client.get(kinds.MACHINE_TEMPLATE.path(family.namespace, _template(item)))
    text = cluster_network.description(family.resource)
    old = [name for name in _there(cloud, item) if name not in wanted]
    for name in wanted:
        server = servers.wanted(name, template, family.infrastructure, security_groups.CONTROL_PLANE, text)
        try:
            servers.claim(cloud, server)
        except servers.FailedError:  # a health check of the site's replaces its machine
            servers.release(cloud, name)
            raise
        if old:
            servers.release(cloud, old.pop())
    for name in old:
        servers.release(cloud, name)


def _there(cloud: Cloud, item: Object) -> list[str]:
    pattern = f"^{re.escape(item['metadata']['name'])}-[0-9a-f]{{5}}$"
    return [str(server["name"]) for server in servers.matching(cloud, pattern)]


def _template(item: Object) -> str:
    name: str = section(item, "spec", "machineTemplate", "infrastructureRef").get("name", "")
    return name


def _slot(family: Family) -> str:
    return f"servers of {family.name}"
