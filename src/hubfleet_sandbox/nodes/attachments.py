"""Attaches volumes to nodes, in the part of the Cinder CSI driver's attacher: Kubernetes asks by a VolumeAttachment.

What it does in the cloud is a record: a volume that a node has is `in-use` in Cinder; nobody can delete it then, nor
attach it to another cluster's node.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubfleet_sandbox.kubernetes.api import Client, Kind, Object, section
from hubfleet_sandbox.nodes.volume_records import PROVISIONER, VolumeRecords

if TYPE_CHECKING:
    from collections.abc import Iterable

_ATTACHMENTS = Kind("storage.k8s.io", "v1", "volumeattachments", "VolumeAttachment")


class Attachments:
    """One workload cluster's."""

    def __init__(self, client: Client, records: VolumeRecords) -> None:
        self._client, self._records = client, records
        self._held: dict[str, str] = {}

    def step(self, volumes: Iterable[Object]) -> frozenset[str]:
        """Attach what is to be attached, let go what no node needs; the names of the PersistentVolumes that are held.
        May raise CloudError."""
        handles = {one["metadata"]["name"]: section(one, "spec", "csi").get("volumeHandle", "") for one in volumes}
        found, _ = self._client.list(_ATTACHMENTS.path(), resourceVersion="0")
        asked = {one["spec"]["source"]["persistentVolumeName"]: one for one in found if _ours(one)}
        for name in [name for name in self._held if name not in asked]:
            self._records.detach(self._held[name])
            del self._held[name]
        for name, one in asked.items():
            if name not in self._held and handles.get(name):
                self._attach(name, handles[name], one)
        return frozenset(self._held)

    def _attach(self, name: str, handle: str, asked: Object) -> None:
        attached = section(asked, "status").get("attached", False)  # by us, before the machine room was started anew
        if attached or self._records.attach(handle, asked["spec"]["nodeName"]):
            self._held[name] = handle
            if not attached:
                self._client.merge(_ATTACHMENTS.of(asked, "status"), {"status": {"attached": True}})
            return
        error = {"message": f"volume {handle} is not available: it is in use elsewhere, broken or gone"}
        if section(asked, "status", "attachError").get("message") != error["message"]:
            self._client.merge(_ATTACHMENTS.of(asked, "status"), {"status": {"attached": False, "attachError": error}})


def _ours(attachment: Object) -> bool:
    spec = attachment["spec"]
    return bool(spec["attacher"] == PROVISIONER and spec["source"].get("persistentVolumeName"))
