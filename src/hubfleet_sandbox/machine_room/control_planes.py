"""KubeadmControlPlane: a real control plane for the cluster, with the authorities that Magnum made for it."""

from __future__ import annotations

import base64
import logging
from typing import TYPE_CHECKING

from hubfleet_sandbox import processes
from hubfleet_sandbox.errors import SandboxError
from hubfleet_sandbox.kubernetes import cluster_dns, control_plane, kinds
from hubfleet_sandbox.kubernetes.access import ClusterAccess
from hubfleet_sandbox.kubernetes.api import Client, section
from hubfleet_sandbox.kubernetes.certificates import Pair
from hubfleet_sandbox.machine_room import control_plane_servers, obstacles
from hubfleet_sandbox.machine_room.conditions import Truth
from hubfleet_sandbox.machine_room.room import cluster_number, deleting
from hubfleet_sandbox.machine_room.workload import Workload
from hubfleet_sandbox.nodes import network

if TYPE_CHECKING:
    from hubfleet_sandbox.kubernetes.api import Object
    from hubfleet_sandbox.kubernetes.control_plane import Plane
    from hubfleet_sandbox.machine_room.room import Family, Room

log = logging.getLogger(__name__)
_FINALIZER = "kubeadm.controlplane.cluster.x-k8s.io"
_READY_WITHIN = 180.0  # seconds; three or four on an idle machine


def reconcile(room: Room, family: Family) -> None:
    """Start the control plane, start again what died of it or is of another version, say how it is; or stop it when
    its nodes are gone."""
    item, number = family.control_plane, cluster_number(room.layout, family.cluster)
    if item is None or number is None:
        return
    slot, version = f"control plane {family.name}", item["spec"].get("version", "")
    plane = control_plane.workload(room.layout, family.name, number, version)
    if deleting(item):
        if not family.machines:
            _take_down(room, family, item, slot, plane)
        return
    if room.adopt(kinds.CONTROL_PLANE, item, _FINALIZER, family.cluster):
        return
    dead = control_plane.dead(room.layout, plane)
    if dead:
        room.jobs.forget(slot)
    given = control_plane_servers.given(room, family, item)
    may_run = given.so or bool(section(item, "status").get("initialized"))
    held = "" if family.name in room.workloads else obstacles.delaying(room, family, item)
    start = f"start {version}".strip()
    ready = may_run and not held and room.jobs.done(slot, start, lambda: _start(room, family, plane))
    if ready and family.name not in room.workloads:
        access = ClusterAccess(family.name, number, plane.kubeconfig)
        cloud = room.clouds.of(family)
        room.workloads[family.name] = Workload(room.layout, access, cloud, room.changed, family.namespace)
    why = held or room.jobs.error(slot) or (f"not running: {', '.join(dead)}" if dead else "")
    _report(room, item, Truth(ready, "WaitingForKubeadmInit", why) if may_run else given)


def authority(room: Room, family: Family, name: str) -> Pair:
    """The certificate and key that Magnum put into the secret CLUSTER-NAME (`ca`, `sa`, `etcd` or `proxy`)."""
    secret = room.client.get(kinds.SECRET.path(family.namespace, f"{family.name}-{name}"))
    if secret is None:
        raise SandboxError(
            f"the cluster {family.name} has no secret {family.name}-{name}",
            why="Magnum's driver makes it before it installs its chart",
            remedy="make the cluster through Magnum",
        )
    return Pair(*(base64.b64decode(secret["data"][key]) for key in ("tls.crt", "tls.key")))


def _start(room: Room, family: Family, plane: Plane) -> None:
    ca, tokens = authority(room, family, "ca"), authority(room, family, "sa")
    network.establish(room.layout)
    control_plane.start(room.layout, room.programs, plane, ca, tokens.key)
    client, server = Client(plane.kubeconfig), processes.find(room.layout, f"{plane.name}/apiserver")

    def controllers_work() -> bool:
        # On a busy machine they give up waiting for the API server after ten seconds, and are started again here.
        control_plane.start(room.layout, room.programs, plane, ca, tokens.key)
        return client.get(kinds.SERVICE_ACCOUNT.path("default", "default")) is not None  # no pod is made without it

    try:
        what = f"the API server of {family.name}"
        processes.wait(what, client.ready, timeout=_READY_WITHIN, process=server, layout=room.layout, every=0.05)
        cluster_dns.publish(client, plane)
        processes.wait(f"the controllers of {family.name}", controllers_work, timeout=_READY_WITHIN)
    finally:
        client.close()


def _take_down(room: Room, family: Family, item: Object, slot: str, plane: Plane) -> None:
    workload = room.workloads.pop(plane.cluster, None)
    if workload:
        workload.stop()
    stopped = room.jobs.done(slot, "stop", lambda: control_plane.remove(room.layout, plane))
    if stopped and control_plane_servers.gone(room, family, item):
        room.release(kinds.CONTROL_PLANE, item)
        room.jobs.forget(slot)
        control_plane_servers.forget(room, family)


def _report(room: Room, item: Object, ready: Truth) -> None:
    wanted = item["spec"].get("replicas", 1)
    count = wanted if ready.so else 0
    status = {
        "initialized": ready.so or bool(section(item, "status").get("initialized")),
        "ready": ready.so,
        "replicas": wanted,
        "readyReplicas": count,
        "updatedReplicas": count,
        "unavailableReplicas": wanted - count,
        "version": item["spec"].get("version") if ready.so else section(item, "status").get("version"),
    }
    names = ["Ready", "Available", "CertificatesAvailable", "ControlPlaneComponentsHealthy", "EtcdClusterHealthy"]
    names += ["MachinesCreated", "MachinesReady", "Resized"]
    room.report(kinds.CONTROL_PLANE, item, status, dict.fromkeys(names, ready))
