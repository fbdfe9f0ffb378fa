"""The cloud as a cluster's own controllers may use it: with the application credential that Magnum made for it."""

from __future__ import annotations

import base64
import threading
from typing import TYPE_CHECKING

from hubfleet_sandbox import cloud as clouds
from hubfleet_sandbox.kubernetes import kinds
from hubfleet_sandbox.kubernetes.api import section

if TYPE_CHECKING:
    from hubfleet_sandbox.cloud import Cloud
    from hubfleet_sandbox.kubernetes.api import Client
    from hubfleet_sandbox.machine_room.room import Family


class Clouds:
    """Every cluster's; signs in once for each credential. Can be used by several threads."""

    def __init__(self, client: Client) -> None:
        self._client, self._lock = client, threading.Lock()
        self._known: dict[str, tuple[str, Cloud]] = {}

    def of(self, family: Family) -> Cloud | None:
        """The cluster's project, or None if the cluster names no credential, or one that is not there."""
        name: str | None = section(family.infrastructure, "spec", "identityRef").get("name")
        secret = self._client.get(kinds.SECRET.path(family.namespace, name)) if name else None
        if secret is None:
            return None
        text = base64.b64decode(secret["data"]["clouds.yaml"]).decode()
        with self._lock:
            known, cloud = self._known.get(family.name, ("", None))
            if cloud is None or known != text:  # the credential is new, or another one
                cloud = clouds.from_clouds_yaml(text)
                self._known[family.name] = (text, cloud)
            return cloud

    def forget(self, family: Family) -> None:
        """The cluster is gone."""
        with self._lock:
            self._known.pop(family.name, None)
