"""What Cinder knows of a cluster's volumes: the records that quotas, the janitor and audits go by.

Name and metadata are those of the real driver (cloud-provider-openstack, pkg/csi/cinder/controllerserver.go,
CreateVolume, run with --extra-create-metadata).
"""

from __future__ import annotations

import logging
import uuid
from typing import TYPE_CHECKING, Any

from hubfleet_sandbox.cloud import Cloud, CloudError

if TYPE_CHECKING:
    from hubfleet_sandbox.kubernetes.api import Object

PROVISIONER = "cinder.csi.openstack.org"
"""Name of the driver (cloud-provider-openstack, pkg/csi/cinder/driver.go)."""
CLUSTER_KEY = "cinder.csi.openstack.org/cluster"
"""Metadata of a volume: the name of the cluster that it was made for."""

_SERVICE = "block-storage"
_ATTACHMENTS = "volume 3.27"
"""The version of Cinder's API that has attachments."""
_BAD_REQUEST, _NOT_FOUND = 400, 404

_log = logging.getLogger(__name__)


class VolumeRecords:
    """One cluster's. Without Cinder nothing is done, which is said once. All methods may raise CloudError."""

    def __init__(self, cloud: Cloud | None, cluster: str) -> None:
        self._cloud, self._cluster, self._told = cloud, cluster, False

    def make(self, name: str, size: int, namespace: str, claim: str) -> str:
        """The id of the record of a volume of `size` GiB, made if there is none; without Cinder its name."""
        if not self._there():
            return name
        found = self._find(name)
        if not found:
            body = {"volume": record(name, size, self._cluster, namespace, claim)}
            found = [self._ask("POST", "/volumes", body)["volume"]]
            self._show(found[0]["id"], "available", "detached")
        return str(found[0]["id"])

    def remove(self, volume: str) -> None:
        """Have no record of the volume of this id."""
        if self._there():
            # Cinder destroys a volume that is on no host at once (cinder 29, volume/api.py:426).
            self._unless_gone("DELETE", f"/volumes/{volume}")

    def attach(self, volume: str, node: str) -> bool:
        """Have the volume in use by a node. False if there is no such volume, or it is in use elsewhere or broken."""
        if not (self._there() and self._cloud):
            return True
        server = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self._cluster}/{node}"))
        wish = {"attachment": {"volume_uuid": volume, "instance_uuid": server}}
        try:
            self._cloud.request(_SERVICE, "POST", "/attachments", wish, version=_ATTACHMENTS)
        except CloudError as error:
            if error.status in (_BAD_REQUEST, _NOT_FOUND):
                return False
            raise
        self._show(volume, "in-use", "attached")  # there must be an attachment for that
        return True

    def detach(self, volume: str) -> None:
        """Have the volume not in use."""
        if self._there():
            self._show(volume, "available", "detached")

    def _show(self, volume: str, status: str, attached: str) -> None:
        """Nobody makes the disk, so nobody says how it is: say so, if the cloud's policy lets us."""
        body = {"os-reset_status": {"status": status, "attach_status": attached}}
        try:
            self._unless_gone("POST", f"/volumes/{volume}/action", body)
        except CloudError as error:
            _log.info("volume %s stays as it is, only administrators may say more (%d)", volume, error.status)

    def _unless_gone(self, method: str, path: str, body: Object | None = None) -> Any:
        """The answer; None if somebody deleted it just now."""
        try:
            return self._ask(method, path, body)
        except CloudError as error:
            if error.status != _NOT_FOUND:
                raise
            return None

    def _find(self, name: str) -> list[Object]:
        found: list[Object] = self._ask("GET", f"/volumes?name={name}")["volumes"]
        return found

    def _ask(self, method: str, path: str, body: Object | None = None) -> Any:
        return self._cloud.request(_SERVICE, method, path, body) if self._cloud else {}

    def _there(self) -> bool:
        there = self._cloud is not None and self._cloud.offers(_SERVICE)
        if not there and not self._told:
            self._told = True
            _log.warning("cluster %s: no Cinder: its volumes have no records there", self._cluster)
        return there


def record(name: str, size: int, cluster: str, namespace: str, claim: str) -> Object:
    """What the driver asks Cinder for."""
    return {
        "name": name,
        "size": size,
        "description": "Created by OpenStack Cinder CSI driver",
        "availability_zone": "nova",
        "metadata": {
            CLUSTER_KEY: cluster,
            "csi.storage.k8s.io/pv/name": name,
            "csi.storage.k8s.io/pvc/name": claim,
            "csi.storage.k8s.io/pvc/namespace": namespace,
        },
    }
