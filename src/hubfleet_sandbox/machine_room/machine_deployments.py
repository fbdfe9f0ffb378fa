"""MachineDeployment: as many Machines of the newest template as are asked for."""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING

from hubfleet_sandbox.kubernetes import kinds, programs
from hubfleet_sandbox.kubernetes.api import section
from hubfleet_sandbox.machine_room.conditions import Truth
from hubfleet_sandbox.machine_room.room import GROUP_LABEL, NODE_ANNOTATION, deleting, true

if TYPE_CHECKING:
    from hubfleet_sandbox.kubernetes.api import Object
    from hubfleet_sandbox.machine_room.room import Family, Room

_FINALIZER = "cluster.x-k8s.io/machinedeployment"
DEPLOYMENT_LABEL = "cluster.x-k8s.io/deployment-name"
_TEMPLATE_LABEL = "machine-template-hash"
LEAST = "cluster.x-k8s.io/cluster-api-autoscaler-node-group-min-size"
MOST = "cluster.x-k8s.io/cluster-api-autoscaler-node-group-max-size"
DELETE_MARK = "cluster.x-k8s.io/delete-machine"
"""On a Machine: when its group shrinks, it is the one to go."""
_NAME_ROOM = 63 - len("-12345-12345")  # the machine's name is its node's host name, which a label must hold


def reconcile(room: Room, family: Family) -> None:
    """Make or delete machines of every deployment, one step, and say how each stands."""
    for item in family.deployments:
        machines = [machine for machine in family.machines if _owner(machine) == item["metadata"]["name"]]
        if deleting(item):
            for machine in machines:
                room.delete(kinds.MACHINE, machine)
            if not machines:
                room.release(kinds.MACHINE_DEPLOYMENT, item)
        elif not deleting(family.cluster) and not room.adopt(
            kinds.MACHINE_DEPLOYMENT, item, _FINALIZER, family.cluster
        ):
            _reconcile(room, item, machines, preflight(family.control_plane, template_version(item)))


def replicas(item: Object) -> int:
    """How many machines are asked for. A group that scales by itself begins with its minimum, as Cluster API's
    defaulting has it (internal/webhooks/machinedeployment.go, calculateMachineDeploymentReplicas)."""
    wanted = item["spec"].get("replicas")
    if wanted is None:
        wanted = section(item, "metadata", "annotations").get(LEAST, 1)
    return int(wanted)


def template_hash(item: Object) -> str:
    """What tells the machines of one template from those of another."""
    spec = item["spec"]["template"]["spec"]
    names = [spec.get("version", ""), spec["infrastructureRef"]["name"], spec["bootstrap"]["configRef"]["name"]]
    return hashlib.sha256("\0".join(names).encode()).hexdigest()[:5]


def template_version(item: Object) -> str:
    """Kubernetes' version for new machines."""
    version: str = section(item, "spec", "template", "spec").get("version", "")
    return version


def preflight(plane: Object | None, version: str) -> str:
    """Why no machine of this version may be made now, in Cluster API's words; "" if it may (internal/controllers/
    machineset/machineset_preflight.go). Other than there, machines do not wait for a control plane that is new."""
    runs, wanted = section(plane, "status").get("version"), section(plane, "spec").get("version")
    if not runs or not version:
        return ""
    if runs != wanted:
        return 'KubeadmControlPlane is upgrading ("ControlPlaneIsStable" preflight check failed)'
    if programs.newer(version, runs):
        return (
            f"MachineSet version ({version[1:]}) and ControlPlane version ({runs[1:]}) do not conform to the kubernetes"
            " version skew policy as MachineSet version is higher than ControlPlane version"
            ' ("KubernetesVersionSkew" preflight check failed)'
        )
    return ""


def surplus(machines: list[Object], wanted: int, template: str) -> list[Object]:
    """The machines to delete now: those too many, marked ones first, then old templates and broken ones, then the
    newest; or, when all are there and ready, one of an old template, whose place a new one takes (maxUnavailable 1,
    maxSurge 0)."""
    live = [machine for machine in machines if not deleting(machine)]
    ordered = sorted(live, key=lambda machine: _worth(machine, template))
    if len(live) > wanted:
        return ordered[-(len(live) - wanted) :]
    old = [machine for machine in live if not _current(machine, template)]
    whole = len(machines) == len(live) == wanted and all(true(machine, "Ready") for machine in live)
    return old[:1] if whole else []


def _reconcile(room: Room, item: Object, machines: list[Object], held: str) -> None:
    wanted, template = replicas(item), template_hash(item)
    if item["spec"].get("replicas") is None:
        room.change(kinds.MACHINE_DEPLOYMENT, item, {"spec": {"replicas": wanted}})
        return
    if surplus(machines, wanted, template):
        # Whoever lowers the number has marked a machine just before, and it may not have come here yet.
        for machine in surplus([room.now(kinds.MACHINE, one) for one in machines], wanted, template):
            room.delete(kinds.MACHINE, machine)
    # A machine that is going still has its place: the new one comes when the old one is gone. What holds up new ones
    # does not hold up the end of old ones, there neither.
    for _ in range(0 if held else wanted - len(machines)):
        room.create(kinds.MACHINE, _machine(room, item, template))
    _report(room, item, machines, wanted, template, held)


def _machine(room: Room, item: Object, template: str) -> Object:
    metadata, spec = item["metadata"], item["spec"]["template"]["spec"]
    owner = {"apiVersion": item["apiVersion"], "kind": item["kind"], "name": metadata["name"], "uid": metadata["uid"]}
    labels = {DEPLOYMENT_LABEL: metadata["name"], _TEMPLATE_LABEL: template}
    labels["cluster.x-k8s.io/cluster-name"] = item["spec"]["clusterName"]
    return {
        "apiVersion": kinds.MACHINE.api_version,
        "kind": kinds.MACHINE.name,
        "metadata": {
            "name": f"{metadata['name'][:_NAME_ROOM].rstrip('-')}-{template}-{secrets.token_hex(3)[:5]}",
            "namespace": metadata["namespace"],
            "labels": {**section(item, "spec", "template", "metadata", "labels"), **labels},
            "annotations": {NODE_ANNOTATION: str(_free(room))},
            "finalizers": ["machine.cluster.x-k8s.io"],
            "ownerReferences": [{**owner, "controller": True}],
        },
        "spec": spec,
    }


def _free(room: Room) -> int:
    """The lowest node number that no machine has."""
    taken = {int(machine["metadata"]["annotations"][NODE_ANNOTATION]) for machine in room.all(kinds.MACHINE)}
    return next(number for number in range(len(taken) + 1) if number not in taken)


def _report(room: Room, item: Object, machines: list[Object], wanted: int, template: str, held: str) -> None:
    ready = sum(1 for machine in machines if true(machine, "Ready") and not deleting(machine))
    updated = sum(1 for machine in machines if _current(machine, template))
    whole = ready == updated == len(machines) == wanted
    phase = "Running" if whole else "ScalingDown" if len(machines) > wanted else "ScalingUp"
    status = {
        "phase": phase,
        "replicas": len(machines),
        "readyReplicas": ready,
        "availableReplicas": ready,
        "unavailableReplicas": max(0, wanted - ready),
        "updatedReplicas": updated,
        "selector": f"{GROUP_LABEL}={item['metadata']['labels'].get(GROUP_LABEL, '')}",
    }
    truth = Truth(whole, phase, held or f"{ready} of {wanted} machines are ready")
    room.report(kinds.MACHINE_DEPLOYMENT, item, status, dict.fromkeys(("Ready", "Available", "MachineSetReady"), truth))


def _owner(machine: Object) -> str:
    name: str = machine["metadata"]["labels"].get(DEPLOYMENT_LABEL, "")
    return name


def _current(machine: Object, template: str) -> bool:
    return bool(machine["metadata"]["labels"].get(_TEMPLATE_LABEL) == template)


def _worth(machine: Object, template: str) -> tuple[bool, bool, bool, str]:
    """The last in order goes first."""
    marked = DELETE_MARK in section(machine, "metadata", "annotations")
    return marked, not _current(machine, template), not true(machine, "Ready"), _age(machine)


def _age(machine: Object) -> str:
    created: str = machine["metadata"]["creationTimestamp"]
    return created
