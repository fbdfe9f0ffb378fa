"""Machine: a server in the cloud and a node that runs, as long as its machine is wanted."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from hubfleet_sandbox import processes
from hubfleet_sandbox.kubernetes import control_plane, kinds
from hubfleet_sandbox.kubernetes.api import entries, section
from hubfleet_sandbox.machine_room import (
    cluster_network,
    draining,
    flavors,
    infrastructure,
    obstacles,
    security_groups,
    servers,
)
from hubfleet_sandbox.machine_room.conditions import Truth
from hubfleet_sandbox.machine_room.control_planes import authority
from hubfleet_sandbox.machine_room.room import GROUP_LABEL, NODE_ANNOTATION, cluster_number, deleting, true
from hubfleet_sandbox.nodes import node as nodes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hubfleet_sandbox.kubernetes.api import Object
    from hubfleet_sandbox.machine_room.room import Family, Room
    from hubfleet_sandbox.machine_room.workload import Workload

_DRAIN_WITHIN = "5m0s"  # what capi-helm-charts sets for every node group
_REMEDIED_AFTER = 15.0
"""Seconds that a machine gets at least before it is deleted because it has failed, so that its group makes another: as
the health checks of capi-helm-charts have it (maxUnhealthy 100 %), where a try takes minutes."""
_PROGRAMS = ("machine", "containerd", "csi", "kubelet", "kube-proxy")


def reconcile(room: Room, family: Family) -> None:
    """Boot or remove the node of every machine of the cluster, and say how each stands."""
    for machine in family.machines:
        if deleting(machine):
            _take_down(room, family, machine)
        elif not deleting(family.cluster):
            _reconcile(room, family, machine)


def node_labels(template: Object | None) -> Mapping[str, str]:
    """The labels that a KubeadmConfigTemplate gives to nodes when they join."""
    joins = section(template, "spec", "template", "spec", "joinConfiguration", "nodeRegistration", "kubeletExtraArgs")
    given: str = joins.get("node-labels", "")
    pairs = (pair.partition("=") for pair in given.split(",") if pair)
    return {name: value for name, _, value in pairs}


def _reconcile(room: Room, family: Family, machine: Object) -> None:
    slot, number = _slot(machine), _number(machine)
    if any(processes.find(room.layout, f"nodes/{number}/{name}") is None for name in _PROGRAMS):
        room.jobs.forget(slot)
    workload = room.workloads.get(family.name)
    node = workload.node(machine["metadata"]["name"]) if workload else None
    given = _given(room, family, machine)
    # While the control plane still starts: the kubelet and it find each other.
    held = "" if node else obstacles.booting(room, family, machine)
    booted = given.so and not held and room.jobs.done(slot, "boot", lambda: _boot(room, family, machine))
    if not given.so:
        ready = given
    elif not booted:
        ready = Truth(so=False, reason="Provisioning", message=held or room.jobs.error(slot))
    elif workload is None:
        ready = Truth(so=False, reason="WaitingForControlPlaneAvailable")
    else:
        ready = Truth(true(node, "Ready"), "NodeNotReady")
        _equip(room, workload, machine, node)
    _report(room, machine, node, given, ready)
    if given.reason == servers.FAILED and _without_server(machine) > _REMEDIED_AFTER:
        room.delete(kinds.MACHINE, machine)


def _without_server(machine: Object) -> float:
    """Seconds that a machine has had no server; 0 as long as its status does not say that it has failed."""
    found = [one for one in entries(machine, "status", "conditions") if one["type"] == "InfrastructureReady"]
    if section(machine, "status").get("phase") != "Failed" or not found:
        return 0.0
    return (datetime.now(UTC) - datetime.fromisoformat(found[0]["lastTransitionTime"])).total_seconds()


def _given(room: Room, family: Family, machine: Object) -> Truth:
    """Whether the cloud has given the machine its server; nobody asks again once it has."""
    if section(machine, "status").get("infrastructureReady"):
        return Truth(so=True)
    if not infrastructure.ready(family):
        return Truth(so=False, reason="WaitingForClusterInfrastructure")
    slot = _server_slot(machine)
    so = room.jobs.done(slot, "claim", lambda: _claim(room, family, machine))
    return Truth(so, *servers.reason(room.jobs.failure(slot)))


def _claim(room: Room, family: Family, machine: Object) -> None:
    cloud = room.clouds.of(family)
    if cloud:
        name, spec = machine["metadata"]["name"], machine["spec"]
        template = room.client.get(kinds.MACHINE_TEMPLATE.path(family.namespace, spec["infrastructureRef"]["name"]))
        text = cluster_network.description(family.resource)
        group = security_groups.WORKER
        servers.claim(cloud, servers.wanted(name, template, family.infrastructure, group, text))


def _equip(room: Room, workload: Workload, machine: Object, node: Object | None) -> None:
    """Let a node offer the devices of its flavor: what a device plugin, of which there is none, would bring about."""
    metadata = machine["metadata"]
    name, slot = metadata["name"], f"devices {metadata['name']}"
    template = room.get(kinds.MACHINE_TEMPLATE, metadata["namespace"], machine["spec"]["infrastructureRef"]["name"])
    wanted = flavors.devices(section(template, "status", "capacity"))
    if node and wanted.items() - section(node, "status", "allocatable").items():  # a kubelet that starts forgets them
        room.jobs.forget(slot)
        room.jobs.done(slot, "offer", lambda: workload.offer(name, wanted))


def _boot(room: Room, family: Family, machine: Object) -> None:
    metadata, spec = machine["metadata"], machine["spec"]
    number = cluster_number(room.layout, family.cluster)
    if number is None:
        raise ValueError(f"the cluster of {metadata['name']} has no address")
    plane, ca = control_plane.workload(room.layout, family.name, number), authority(room, family, "ca")
    template = room.client.get(kinds.BOOTSTRAP.path(metadata["namespace"], spec["bootstrap"]["configRef"]["name"]))
    kubelet = control_plane.client(plane, ca, f"system:node:{metadata['name']}", "system:nodes")
    node = nodes.Node(
        number=_number(machine),
        name=metadata["name"],
        cluster=family.name,
        group=metadata["labels"].get(GROUP_LABEL, ""),
        api=plane.server,
        ca=ca.certificate,
        kubelet_kubeconfig=kubelet,
        proxy_kubeconfig=control_plane.client(plane, ca, "system:kube-proxy"),
        labels=node_labels(template),
        kubernetes=spec.get("version", ""),
        capacity=flavors.capacity(room, family, spec["infrastructureRef"]["name"]),
    )
    nodes.boot(room.layout, room.programs, room.images, node)


def _take_down(room: Room, family: Family, machine: Object) -> None:
    slot = _slot(machine)

    def cluster_goes() -> bool:
        return deleting(room.get(kinds.CLUSTER, family.namespace, family.name) or family.cluster)

    def remove() -> None:
        name, workload = machine["metadata"]["name"], room.workloads.get(family.name)
        if workload and not cluster_goes():  # nodes of a cluster that goes as a whole are not emptied first
            patience = draining.seconds(machine["spec"].get("nodeDrainTimeout") or _DRAIN_WITHIN)
            workload.drain(name, patience, cluster_goes)
        nodes.remove(room.layout, _number(machine))
        if workload and not cluster_goes():
            workload.forget(name)

    def release() -> None:
        cloud = room.clouds.of(family)
        if cloud:
            servers.release(cloud, machine["metadata"]["name"])

    server = _server_slot(machine)  # a claim that still runs ends first
    if room.jobs.done(slot, "remove", remove) and room.jobs.done(server, "release", release):
        # The jobs are not forgotten: while the Machine is still seen, nothing that has its number by now may go.
        room.release(kinds.MACHINE, machine)


def _report(room: Room, machine: Object, node: Object | None, given: Truth, ready: Truth) -> None:
    failed = given.reason == servers.FAILED
    phase = "Failed" if failed else "Running" if ready.so else "Provisioned" if node else "Provisioning"
    status: Object = {"phase": phase, "bootstrapReady": True, "infrastructureReady": given.so}
    if failed:
        status |= {"failureReason": "UpdateError", "failureMessage": given.message}
    if node:
        status["nodeRef"] = {"apiVersion": "v1", "kind": "Node", "name": node["metadata"]["name"]}
        status["nodeInfo"] = section(node, "status", "nodeInfo")
        status["addresses"] = entries(node, "status", "addresses")
    truths = {**dict.fromkeys(("Ready", "BootstrapReady", "NodeHealthy"), ready), "InfrastructureReady": given}
    room.report(kinds.MACHINE, machine, status, truths)


def _server_slot(machine: Object) -> str:
    return f"server {machine['metadata']['name']}"


def _slot(machine: Object) -> str:
    return f"node {machine['metadata']['name']}"


def _number(machine: Object) -> int:
    return int(machine["metadata"]["annotations"][NODE_ANNOTATION])
