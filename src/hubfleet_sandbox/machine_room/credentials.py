"""The cloud as a cluster's own controllers may use it: with the application credential that Magnum made for it."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from hubfleet_sandbox import cloud as clouds
from hubfleet_sandbox.kubernetes import kinds
from hubfleet_sandbox.kubernetes.api import section

if TYPE_CHECKING:
    from hubfleet_sandbox.cloud import Cloud
    from hubfleet_sandbox.machine_room.room import Family, Room


def cloud(room: Room, family: Family) -> Cloud | None:
    """The cluster's project, or None if the cluster names no credential, or one that is not there."""
    name: str | None = section(family.infrastructure, "spec", "identityRef").get("name")
    secret = room.client.get(kinds.SECRET.path(family.namespace, name)) if name else None
    return clouds.from_clouds_yaml(base64.b64decode(secret["data"]["clouds.yaml"]).decode()) if secret else None
