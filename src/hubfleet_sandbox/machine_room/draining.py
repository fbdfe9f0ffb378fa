"""Empties a node before its machine goes, as Cluster API does: nothing new comes, and pods are asked to leave."""

from __future__ import annotations

import logging
import re
import time
from http import HTTPStatus
from typing import TYPE_CHECKING

from hubfleet_sandbox.kubernetes import kinds
from hubfleet_sandbox.kubernetes.api import RefusedError, entries, section

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubfleet_sandbox.kubernetes.api import Client, Object

log = logging.getLogger(__name__)
_EVERY = 0.3  # seconds between two looks at the pods that are left
_UNITS = {"h": 3600, "m": 60, "s": 1}


def drain(client: Client, node: str, patience: float, moot: Callable[[], bool] = lambda: False) -> None:
    """Cordon a node and evict its pods; returns when all have left and their volumes are detached, when `patience`
    (seconds) is at its end, or as soon as it is `moot`. A volume that is still attached to a node that is no more could
    not be attached elsewhere for six minutes: Cluster API waits as well (machine_controller.go, nodeVolumeDetach)."""
    if client.merge(kinds.NODE.path(name=node), {"spec": {"unschedulable": True}}) is None:
        return
    end = time.monotonic() + patience
    while not moot() and (pods := _movable(client, node)):
        if time.monotonic() > end:
            log.warning("%s is removed with %d pods that did not leave in %.0f s", node, len(pods), patience)
            return
        for pod in pods:
            _evict(client, pod)
        time.sleep(_EVERY)
    while not moot() and _volumes(client, node) and time.monotonic() < end:
        time.sleep(_EVERY)


def seconds(duration: str) -> float:
    """A duration as Kubernetes writes it (`5m0s`), in seconds."""
    return float(sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)([hms])", duration)))


def _movable(client: Client, node: str) -> list[Object]:
    """The node's pods, until they are deleted; but those that ended by themselves, and those of a DaemonSet, which
    would only make them again."""
    pods, _ = client.list(kinds.POD.path(), fieldSelector=f"spec.nodeName={node}")
    return [pod for pod in pods if not _stays(pod["metadata"], section(pod, "status").get("phase", ""))]


def _volumes(client: Client, node: str) -> list[Object]:
    """The volumes that are attached to the node."""
    return entries(client.get(kinds.NODE.path(name=node)), "status", "volumesAttached")


def _stays(metadata: Object, phase: str) -> bool:
    ended = phase in ("Succeeded", "Failed") and "deletionTimestamp" not in metadata
    return ended or any(owner["kind"] == "DaemonSet" for owner in metadata.get("ownerReferences", []))


def _evict(client: Client, pod: Object) -> None:
    metadata = pod["metadata"]
    if "deletionTimestamp" in metadata:
        return
    names = {"name": metadata["name"], "namespace": metadata["namespace"]}
    try:
        client.create(kinds.POD.of(pod, "eviction"), {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": names})
    except RefusedError as error:
        # a disruption budget says not now, or the pod has just gone
        if error.status not in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.NOT_FOUND):
            raise
