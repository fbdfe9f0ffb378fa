"""Plays the Cluster API janitor for OpenStack that many sites run: with a cluster go the volumes of its claims.

Those that carry the property KEEP stay (its README: "Cinder volumes are deleted by default").
"""

from __future__ import annotations

import logging
import shutil
from http import HTTPStatus
from typing import TYPE_CHECKING

from hubfleet_sandbox.cloud import CloudError
from hubfleet_sandbox.nodes.volume_records import CLUSTER_KEY

if TYPE_CHECKING:
    from pathlib import Path

    from hubfleet_sandbox.cloud import Cloud
    from hubfleet_sandbox.kubernetes.api import Object

KEEP = "janitor.capi.azimuth-cloud.com/keep"

log = logging.getLogger(__name__)
_SERVICE = "block-storage"


def clean(cloud: Cloud, cluster: str, folder: Path) -> None:
    """Delete the cluster's volumes: the records in Cinder, and what is in them (`folder` has one folder a volume)."""
    if not cloud.offers(_SERVICE):
        return
    found: list[Object] = cloud.request(_SERVICE, "GET", "/volumes/detail")["volumes"]
    for volume in (one for one in found if one["metadata"].get(CLUSTER_KEY) == cluster):
        if volume["status"] == "in-use":  # its server is gone, with which Nova lets go of it
            state = {"status": "available", "attach_status": "detached"}
            _unless_gone(cloud, "POST", f"/volumes/{volume['id']}/action", {"os-reset_status": state})
        if volume["metadata"].get(KEEP) != "true":
            _unless_gone(cloud, "DELETE", f"/volumes/{volume['id']}")
            shutil.rmtree(folder / volume["id"], ignore_errors=True)
            log.info("volume %s of %s is deleted", volume["name"], cluster)


def _unless_gone(cloud: Cloud, method: str, path: str, body: Object | None = None) -> None:
    try:
        cloud.request(_SERVICE, method, path, body)
    except CloudError as error:
        if error.status != HTTPStatus.NOT_FOUND:  # else somebody was quicker
            raise
