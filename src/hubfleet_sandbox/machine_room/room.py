"""What every controller of the machine room works with: the objects, the jobs, the workload clusters."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubfleet_sandbox import faults
from hubfleet_sandbox.kubernetes import kinds
from hubfleet_sandbox.kubernetes.api import entries, section
from hubfleet_sandbox.layout import CLUSTERS, PORTS_PER_CLUSTER
from hubfleet_sandbox.machine_room.conditions import Truth, conditions
from hubfleet_sandbox.machine_room.credentials import Clouds
from hubfleet_sandbox.machine_room.informer import Informer
from hubfleet_sandbox.machine_room.jobs import Jobs

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hubfleet_sandbox.kubernetes.api import Client, Kind, Object
    from hubfleet_sandbox.layout import Layout
    from hubfleet_sandbox.machine_room.workload import Workload

log = logging.getLogger(__name__)

WATCHED = (
    kinds.CLUSTER,
    kinds.OPENSTACK_CLUSTER,
    kinds.CONTROL_PLANE,
    kinds.MACHINE_DEPLOYMENT,
    kinds.MACHINE,
    kinds.MACHINE_TEMPLATE,
)

CLUSTER_LABEL = "capi.stackhpc.com/cluster"
GROUP_LABEL = "capi.stackhpc.com/node-group"
NODE_ANNOTATION = "hubfleet-sandbox/node"
"""On a Machine: the number of the node that plays it. It outlives the machine room."""


class Room:
    """The machine room's view of the management cluster, and its hands."""

    def __init__(self, layout: Layout, programs: Path, images: Path, client: Client) -> None:
        self.layout, self.programs, self.images, self.client = layout, programs, images, client
        self.changed = threading.Event()
        self.jobs = Jobs(self.changed)
        self.clouds = Clouds(client)
        self.workloads: dict[str, Workload] = {}
        self.faults = faults.book(layout)
        self._informers = {kind: Informer(client, kind.path(), self.changed) for kind in WATCHED}

    def synced(self, timeout: float) -> bool:
        """Whether every kind has been listed; waits so many seconds for each."""
        return all(informer.synced(timeout) for informer in self._informers.values())

    def all(self, kind: Kind) -> list[Object]:
        """Every object of the kind."""
        return self._informers[kind].items

    def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """The object of this name."""
        return self._informers[kind].get(namespace, name)

    def now(self, kind: Kind, item: Object) -> Object:
        """The object as the API server has it: what all() gives may be older than what was done on its account."""
        found = self.client.get(kind.of(item))
        if found is not None:
            self._informers[kind].put(found)
        return found or item

    def create(self, kind: Kind, item: Object) -> None:
        """Make an object."""
        self._informers[kind].put(self.client.create(kind.path(item["metadata"]["namespace"]), item))

    def change(self, kind: Kind, item: Object, patch: Object) -> None:
        """Merge a patch into an object."""
        changed = self.client.merge(kind.of(item), patch)
        if changed:
            self._informers[kind].put(changed)

    def adopt(self, kind: Kind, item: Object, finalizer: str, owner: Object | None = None) -> bool:
        """Let the object not go before we are done with it, and go with its owner. True if that was news."""
        if finalizer in item["metadata"].get("finalizers", []):
            return False
        metadata: Object = {"finalizers": [finalizer]}
        if owner:
            metadata["ownerReferences"] = [_reference(owner)]
        self.change(kind, item, {"metadata": metadata})
        return True

    def delete(self, kind: Kind, item: Object) -> None:
        """Ask for the object to go; once."""
        if not deleting(item):
            self.client.delete(kind.of(item))

    def release(self, kind: Kind, item: Object) -> None:
        """Let a deleted object go."""
        log.info("%s %s is gone", kind.name, item["metadata"]["name"])
        self.client.merge(kind.of(item), {"metadata": {"finalizers": None}})

    def report(self, kind: Kind, item: Object, status: Object, truths: Mapping[str, Truth]) -> None:
        """Write an object's status if it says anything new."""
        before = section(item, "status")
        wanted = {
            **status,
            "observedGeneration": item["metadata"]["generation"],
            "conditions": conditions(entries(before, "conditions"), truths),
        }
        if any(before.get(name) != value for name, value in wanted.items()):
            changed = self.client.merge(kind.of(item, "status"), {"status": wanted})
            if changed:
                self._informers[kind].put(changed)


@dataclass(frozen=True)
class Family:
    """A Cluster and the objects that belong to it."""

    cluster: Object
    infrastructure: Object | None
    control_plane: Object | None
    deployments: tuple[Object, ...]
    machines: tuple[Object, ...]

    @property
    def name(self) -> str:
        """The cluster's: Magnum's `stack_id`, the Helm release."""
        name: str = self.cluster["metadata"]["name"]
        return name

    @property
    def namespace(self) -> str:
        """Magnum's project on the management cluster."""
        namespace: str = self.cluster["metadata"]["namespace"]
        return namespace

    @property
    def resource(self) -> str:
        """What the names of all that is made for it in the cloud are built on."""
        return f"{self.namespace}-{self.name}"


def family(room: Room, cluster: Object) -> Family:
    """All that belongs to this cluster right now."""
    name, namespace, spec = cluster["metadata"]["name"], cluster["metadata"]["namespace"], cluster["spec"]

    def mine(kind: Kind) -> tuple[Object, ...]:
        found = (item for item in room.all(kind) if item["metadata"]["namespace"] == namespace)
        return tuple(item for item in found if item["spec"].get("clusterName") == name)

    def referred(kind: Kind, field: str) -> Object | None:
        return room.get(kind, namespace, section(spec, field).get("name", ""))

    return Family(
        cluster,
        referred(kinds.OPENSTACK_CLUSTER, "infrastructureRef"),
        referred(kinds.CONTROL_PLANE, "controlPlaneRef"),
        mine(kinds.MACHINE_DEPLOYMENT),
        mine(kinds.MACHINE),
    )


def cluster_number(layout: Layout, cluster: Object) -> int | None:
    """The cluster's number in the sandbox. It is kept in the port of its API; None before it has one."""
    port: int | None = section(cluster, "spec", "controlPlaneEndpoint").get("port")
    return None if port is None else (port - layout.ports - CLUSTERS) // PORTS_PER_CLUSTER


def deleting(item: Object) -> bool:
    """Whether somebody has asked for the object to go."""
    return "deletionTimestamp" in item["metadata"]


def true(item: Object | None, condition: str) -> bool:
    """Whether the object's status says that this condition holds."""
    found = entries(item, "status", "conditions")
    return any(one["type"] == condition and one["status"] == "True" for one in found)


def _reference(owner: Object) -> Object:
    metadata = owner["metadata"]
    names = {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": metadata["name"], "uid": metadata["uid"]}
    return {**names, "controller": True, "blockOwnerDeletion": True}
