"""Cluster: the order in which its parts come and go, and the sum of what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubfleet_sandbox.kubernetes import kinds
from hubfleet_sandbox.kubernetes.api import section
from hubfleet_sandbox.machine_room import control_planes, infrastructure, machine_deployments, machines
from hubfleet_sandbox.machine_room.conditions import Truth
from hubfleet_sandbox.machine_room.room import CLUSTER_LABEL, cluster_number, deleting, family, true

if TYPE_CHECKING:
    from hubfleet_sandbox.kubernetes.api import Object
    from hubfleet_sandbox.machine_room.room import Family, Room

_FINALIZER = "cluster.cluster.x-k8s.io"


def reconcile(room: Room, cluster: Object) -> None:
    """Bring the cluster and everything that belongs to it one step closer to what is asked for."""
    group = family(room, cluster)
    if deleting(cluster):
        _take_down(room, group)
    elif _FINALIZER not in cluster["metadata"].get("finalizers", []):
        _accept(room, cluster)
        return
    infrastructure.reconcile(room, group)
    control_planes.reconcile(room, group)
    machine_deployments.reconcile(room, group)
    machines.reconcile(room, group)
    if not deleting(cluster):
        _report(room, group)


def _accept(room: Room, cluster: Object) -> None:
    """Give the cluster a number, and so its API an address, before anything of it runs: Magnum lets node groups be
    added as soon as it knows the address."""
    taken = {cluster_number(room.layout, other) for other in room.all(kinds.CLUSTER)}
    free = next(candidate for candidate in range(len(taken) + 1) if candidate not in taken)
    endpoint = {"host": room.layout.gateway, "port": room.layout.cluster_port(free, 0)}
    patch = {"metadata": {"finalizers": [_FINALIZER]}, "spec": {"controlPlaneEndpoint": endpoint}}
    room.change(kinds.CLUSTER, cluster, patch)


def _take_down(room: Room, group: Family) -> None:
    """Nodes first, then the control plane, then what is in the cloud, as Cluster API does it."""
    room.report(kinds.CLUSTER, group.cluster, {"phase": "Deleting"}, {"Ready": Truth(so=False, reason="Deleting")})
    for deployment in group.deployments:
        room.delete(kinds.MACHINE_DEPLOYMENT, deployment)
    for machine in group.machines:
        room.delete(kinds.MACHINE, machine)
    if group.deployments or group.machines:
        return
    if group.control_plane:
        room.delete(kinds.CONTROL_PLANE, group.control_plane)
    elif group.infrastructure:
        room.delete(kinds.OPENSTACK_CLUSTER, group.infrastructure)
    else:
        for kind in (kinds.MACHINE_TEMPLATE, kinds.BOOTSTRAP):
            items, _ = room.client.list(kind.path(group.namespace), labelSelector=f"{CLUSTER_LABEL}={group.name}")
            for item in items:
                room.delete(kind, item)
        room.release(kinds.CLUSTER, group.cluster)


def _report(room: Room, group: Family) -> None:
    infrastructure_ready = bool(section(group.infrastructure, "status").get("ready"))
    control_plane_ready = true(group.control_plane, "Ready")
    ready = infrastructure_ready and control_plane_ready
    truths = {
        "Ready": Truth(ready, "WaitingForControlPlane"),
        "ControlPlaneInitialized": Truth(control_plane_ready, "WaitingForControlPlaneProviderInitialized"),
        "ControlPlaneReady": Truth(control_plane_ready, "WaitingForControlPlane"),
        "InfrastructureReady": Truth(infrastructure_ready, "WaitingForInfrastructure"),
    }
    status = {
        "phase": "Provisioned" if infrastructure_ready else "Provisioning",
        "infrastructureReady": infrastructure_ready,
        "controlPlaneReady": control_plane_ready,
    }
    room.report(kinds.CLUSTER, group.cluster, status, truths)
