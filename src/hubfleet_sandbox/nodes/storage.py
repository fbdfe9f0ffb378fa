"""Volumes of a workload cluster, in the part of the Cinder CSI driver and its provisioner.

A volume is a folder of this machine that any node can mount (`csi` does), and a record in Cinder, by whose id the
folder is named: so it outlives its cluster, as a volume does. What is simulated: the disk itself and its size.
"""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING

from hubfleet_sandbox.cloud import Cloud, CloudError
from hubfleet_sandbox.kubernetes.api import Client, Kind, Object, RefusedError, section
from hubfleet_sandbox.nodes import events, quantity
from hubfleet_sandbox.nodes.attachments import Attachments
from hubfleet_sandbox.nodes.volume_records import PROVISIONER, VolumeRecords

if TYPE_CHECKING:
    from hubfleet_sandbox.kubernetes.access import ClusterAccess
    from hubfleet_sandbox.layout import Layout

CLASS = "csi-cinder"
"""The default StorageClass, as capi-helm-charts names it (cluster-addons, values.yaml: openstack.csiCinder)."""

_CLASSES = Kind("storage.k8s.io", "v1", "storageclasses", "StorageClass")
_DRIVERS = Kind("storage.k8s.io", "v1", "csidrivers", "CSIDriver")
_VOLUMES = Kind("", "v1", "persistentvolumes", "PersistentVolume")
_CLAIMS = Kind("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim")
_NODE = "volume.kubernetes.io/selected-node"
_PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
_PATIENCE = 5.0  # seconds until a volume that could not be made is tried again


class Storage:
    """One workload cluster's. Without a cloud, or one without Cinder, volumes are made and no records."""

    def __init__(self, layout: Layout, cluster: ClusterAccess, cloud: Cloud | None = None) -> None:
        self._client, self._records = Client(cluster.kubeconfig), VolumeRecords(cloud, cluster.name)
        self._attachments = Attachments(self._client, self._records)
        self._folder = layout.volumes
        self._classes: dict[str, Object] = {}
        self._seen = ""
        self._later: dict[str, float] = {}

    def step(self) -> None:
        """Make the volumes that claims wait for, remove those that are released. Quick when nothing has changed."""
        if not self._classes:
            self._client.apply(_DRIVERS.path(name=PROVISIONER), driver())
            self._client.apply(_CLASSES.path(name=CLASS), storage_class())
        claims, claims_version = self._client.list(_CLAIMS.path(), resourceVersion="0")
        volumes, volumes_version = self._client.list(_VOLUMES.path(), resourceVersion="0")
        attached = self._attachments.step(volumes)
        version = f"{claims_version} {volumes_version} {sorted(attached)}"
        if version == self._seen and not self._later:
            return
        classes, _ = self._client.list(_CLASSES.path())
        self._classes = {item["metadata"]["name"]: item for item in classes if item["provisioner"] == PROVISIONER}
        made = {volume["metadata"]["name"]: volume for volume in volumes if _ours(volume)}
        for claim in claims:
            self._attend(claim, made)
        for volume in made.values():
            if released(volume) and volume["metadata"]["name"] not in attached:
                self._remove(volume)
        self._later = {uid: when for uid, when in self._later.items() if uid in {claim_uid(claim) for claim in claims}}
        self._seen = version

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def _attend(self, claim: Object, made: dict[str, Object]) -> None:
        uid = claim_uid(claim)
        if not waits(claim, self._classes):
            self._later.pop(uid, None)
            if volume := made.get(claim["spec"].get("volumeName", "")):
                self._grow(claim, volume)
        elif name(claim) not in made and time.monotonic() >= self._later.get(uid, 0.0):
            self._try(claim)

    def _try(self, claim: Object) -> None:
        """Make a claim's volume; if the cloud does not want to, say so where users look, and try again later."""
        try:
            self._make(claim)
            self._later.pop(claim_uid(claim), None)
        except CloudError as error:
            self._later[claim_uid(claim)] = time.monotonic() + _PATIENCE
            why = f'failed to provision volume with StorageClass "{claim["spec"]["storageClassName"]}": {error}'
            events.warn(self._client, _CLAIMS, claim, "ProvisioningFailed", why, PROVISIONER)

    def _make(self, claim: Object) -> None:
        metadata, spec = claim["metadata"], claim["spec"]
        size = quantity.gibibytes(spec["resources"]["requests"]["storage"])
        handle = self._records.make(name(claim), size, metadata["namespace"], metadata["name"])
        (self._folder / handle).mkdir(parents=True, exist_ok=True)
        try:
            volume = volume_for(claim, self._classes[spec["storageClassName"]], handle)
            self._client.create(_VOLUMES.path(), volume)
        except RefusedError as error:
            if error.reason != "AlreadyExists":
                raise

    def _remove(self, volume: Object) -> None:
        handle = volume["spec"]["csi"]["volumeHandle"]
        self._records.remove(handle)
        shutil.rmtree(self._folder / handle, ignore_errors=True)
        self._client.delete(_VOLUMES.of(volume))

    def _grow(self, claim: Object, volume: Object) -> None:
        """A claim that was made larger gets what it asks for. Its record in Cinder does not grow."""
        wanted = claim["spec"]["resources"]["requests"]["storage"]
        present = section(claim, "status", "capacity").get("storage")
        if present is None or quantity.amount(wanted) <= quantity.amount(present):
            return
        self._client.merge(_VOLUMES.of(volume), {"spec": {"capacity": {"storage": wanted}}})
        self._client.merge(_CLAIMS.of(claim, "status"), {"status": {"capacity": {"storage": wanted}}})


def storage_class() -> Object:
    """The default StorageClass of a cluster of the driver."""
    return {
        "apiVersion": _CLASSES.api_version,
        "kind": _CLASSES.name,
        "metadata": {"name": CLASS, "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": PROVISIONER,
        "parameters": {"availability": "nova"},
        "reclaimPolicy": "Delete",
        "allowVolumeExpansion": True,
        "volumeBindingMode": "WaitForFirstConsumer",
    }


def claim_uid(claim: Object) -> str:
    """What tells a claim from another of its name."""
    return str(claim["metadata"]["uid"])


def name(claim: Object) -> str:
    """The name of a claim's volume, in Kubernetes and in Cinder."""
    return f"pvc-{claim_uid(claim)}"


def waits(claim: Object, classes: dict[str, Object]) -> bool:
    """Whether a claim waits for us: of one of our classes, unbound, and if the class says so, with a pod to use it."""
    spec, metadata = claim["spec"], claim["metadata"]
    found = classes.get(spec.get("storageClassName") or "")
    if found is None or spec.get("volumeName") or metadata.get("deletionTimestamp"):
        return False
    return found.get("volumeBindingMode") != "WaitForFirstConsumer" or _NODE in section(metadata, "annotations")


def released(volume: Object) -> bool:
    """Whether a volume of ours has lost its claim, and is to be deleted then."""
    return section(volume, "status").get("phase") == "Released" and (
        volume["spec"]["persistentVolumeReclaimPolicy"] == "Delete"
    )


def driver() -> Object:
    """What Kubernetes must know of the driver: that volumes are attached before they are mounted."""
    spec = {"attachRequired": True, "podInfoOnMount": True, "volumeLifecycleModes": ["Persistent"]}
    return {
        "apiVersion": _DRIVERS.api_version,
        "kind": _DRIVERS.name,
        "metadata": {"name": PROVISIONER},
        "spec": spec,
    }


def volume_for(claim: Object, storage: Object, handle: str) -> Object:
    """The PersistentVolume of a claim, as the driver's provisioner makes it; `handle` is Cinder's id. The file system's
    name is what kubelets give a volume to a pod's fsGroup by."""
    spec, metadata = claim["spec"], claim["metadata"]
    owner = {"apiVersion": "v1", "kind": _CLAIMS.name} | {key: metadata[key] for key in ("namespace", "name", "uid")}
    return {
        "apiVersion": _VOLUMES.api_version,
        "kind": _VOLUMES.name,
        "metadata": {"name": name(claim), "annotations": {_PROVISIONED_BY: PROVISIONER}},
        "spec": {
            "capacity": {"storage": spec["resources"]["requests"]["storage"]},
            "accessModes": spec["accessModes"],
            "persistentVolumeReclaimPolicy": storage.get("reclaimPolicy", "Delete"),
            "storageClassName": spec["storageClassName"],
            "volumeMode": "Filesystem",
            "claimRef": owner,
            "csi": {"driver": PROVISIONER, "volumeHandle": handle, "fsType": "ext4"},
        },
    }


def _ours(volume: Object) -> bool:
    """Also one that was not provisioned: somebody made it for a volume of Cinder's that was there."""
    return section(volume, "spec", "csi").get("driver") == PROVISIONER
