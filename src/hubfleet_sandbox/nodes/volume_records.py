"""What Cinder knows of a cluster's volumes: the records that quotas, the janitor and audits go by.

Name and metadata are those of the real driver (cloud-provider-openstack, pkg/csi/cinder/controllerserver.go,
CreateVolume, run with --extra-create-metadata).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from hubfleet_sandbox.cloud import Cloud, CloudError

if TYPE_CHECKING:
    from hubfleet_sandbox.kubernetes.api import Object

CLUSTER_KEY = "cinder.csi.openstack.org/cluster"
"""Metadata of a volume: the name of the cluster that it was made for."""

_NOT_FOUND = 404

_log = logging.getLogger(__name__)


class VolumeRecords:
    """One cluster's. Without Cinder nothing is done, which is said once. All methods may raise CloudError."""

    def __init__(self, cloud: Cloud | None, cluster: str) -> None:
        self._cloud, self._cluster, self._told = cloud, cluster, False

    def make(self, name: str, size: int, namespace: str, claim: str) -> None:
        """Have a record of a volume of `size` GiB. Nothing happens if there is one."""
        if self._there() and not self._find(name):
            body = {"volume": record(name, size, self._cluster, namespace, claim)}
            self._show(self._ask("POST", "/volumes", body)["volume"]["id"])

    def remove(self, name: str) -> None:
        """Have no record of the volume."""
        for found in self._find(name) if self._there() else []:
            try:
                # Cinder destroys a volume that is on no host at once (cinder 29, volume/api.py:426).
                self._ask("DELETE", f"/volumes/{found['id']}")
            except CloudError as error:
                if error.status != _NOT_FOUND:  # else somebody deleted it just now
                    raise

    def _show(self, volume: str) -> None:
        """Nobody makes the disk, so nobody says that it is there: say so, if the cloud's policy lets us."""
        try:
            self._ask("POST", f"/volumes/{volume}/action", {"os-reset_status": {"status": "available"}})
        except CloudError as error:
            _log.info("volume %s stays `creating`, only administrators may say more (%d)", volume, error.status)

    def _find(self, name: str) -> list[Object]:
        found: list[Object] = self._ask("GET", f"/volumes?name={name}")["volumes"]
        return found

    def _ask(self, method: str, path: str, body: Object | None = None) -> Any:
        return self._cloud.request("block-storage", method, path, body) if self._cloud else {}

    def _there(self) -> bool:
        there = self._cloud is not None and self._cloud.offers("block-storage")
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
