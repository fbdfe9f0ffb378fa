"""A workload cluster that runs: its nodes as its API has them, and what the cloud does inside it."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from hubfleet_sandbox.errors import SandboxError
from hubfleet_sandbox.kubernetes import kinds
from hubfleet_sandbox.kubernetes.api import Client
from hubfleet_sandbox.machine_room import draining
from hubfleet_sandbox.machine_room.autoscaler import Autoscaler, Inside
from hubfleet_sandbox.machine_room.informer import Informer
from hubfleet_sandbox.nodes.addresses import Addresses
from hubfleet_sandbox.nodes.storage import Storage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hubfleet_sandbox.cloud import Cloud
    from hubfleet_sandbox.kubernetes.access import ClusterAccess
    from hubfleet_sandbox.kubernetes.api import Object
    from hubfleet_sandbox.layout import Layout

log = logging.getLogger(__name__)
_EVERY = 0.3  # seconds between two steps of storage and of addresses
_SCAN = 1.0  # seconds between two looks of the autoscaler; ten in earnest
_AFTER_ERROR = 3.0


class Workload:
    """Watches the nodes of a cluster and plays its storage, load balancers and autoscaler, until it is stopped.
    `cloud`, if there is one, keeps the records of volumes and floating IPs; `namespace` is the cluster's on the
    management cluster."""

    def __init__(
        self, layout: Layout, access: ClusterAccess, cloud: Cloud | None, changed: threading.Event, namespace: str
    ) -> None:
        self._client = Client(access.kubeconfig)
        self._nodes = Informer(self._client, kinds.NODE.path(), changed)
        self._pods = Informer(self._client, kinds.POD.path(), threading.Event())
        self._stopped = threading.Event()
        inside = Inside(self._client, self._nodes, self._pods)
        autoscaler = Autoscaler(layout.management_kubeconfig, namespace, access.name, inside)
        for part in (Storage(layout, access, cloud), Addresses(layout, access, cloud), autoscaler):
            name = f"{type(part).__name__} {access.name}"
            threading.Thread(target=self._repeat, args=(part, name), name=name, daemon=True).start()

    def node(self, name: str) -> Object | None:
        """The Node of this name, as the cluster has it."""
        return self._nodes.get("", name)

    def drain(self, name: str, patience: float, moot: Callable[[], bool]) -> None:
        """Empty a node; takes as long as its pods take to leave, at most `patience` seconds, and ends when `moot`."""
        draining.drain(self._client, name, patience, moot)

    def offer(self, name: str, devices: Mapping[str, str]) -> None:
        """Have a node offer these extended resources."""
        status = {"capacity": dict(devices), "allocatable": dict(devices)}
        self._client.merge(kinds.NODE.path(name=name, subresource="status"), {"status": status})

    def forget(self, name: str) -> None:
        """Delete the Node of a machine that is gone, so that its pods are known to be gone too."""
        self._client.delete(kinds.NODE.path(name=name))

    def stop(self) -> None:
        """End all that goes on here."""
        self._stopped.set()
        self._nodes.stop()
        self._pods.stop()

    def _repeat(self, part: Storage | Addresses | Autoscaler, name: str) -> None:
        every = pause = _SCAN if isinstance(part, Autoscaler) else _EVERY
        while not self._stopped.wait(pause):
            try:
                part.step()
                pause = every
            except SandboxError as error:
                log.warning("%s: %s", name, error)
                pause = _AFTER_ERROR
            except Exception:
                log.exception("%s", name)
                pause = _AFTER_ERROR
