"""What can be seen besides Magnum while something takes long: Nova's machines, quotas, the cluster's own pods, and
Octavia's load balancers while there is no API.

Each look costs requests, so they are made late and seldom, and shared by all who wait for one cluster.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from hubfleet.checks.stages import servers_of
from hubfleet.engine.magnum_view import View
from hubfleet.errors import CloudError
from hubfleet.tools.kube import Kube, Pod
from hubfleet.tools.magnum import NodeGroup
from hubfleet.tools.openstack import Balancer, Cloud, Flavor, Server
from hubfleet.tools.openstack_quota import Room

AFTER = 60.0
"""Seconds that somebody waits before more is asked than Magnum and Kubernetes."""
EVERY = 30.0
"""Seconds between two looks."""
ADDONS = frozenset(
    ("kube-system", "calico-system", "calico-apiserver", "tigera-operator", "openstack-system", "gpu-operator")
)
"""Namespaces of what the driver's chart puts on every cluster (capi-helm-charts, cluster-addons)."""


@dataclass(frozen=True)
class Sight:
    """What was seen last; `servers` None: nobody looked, or Nova did not answer; `balancers` None: as with Nova, or
    there is no Octavia."""

    servers: tuple[Server, ...] | None = None
    rooms: Mapping[str, Room] = field(default_factory=dict[str, Room])
    addons: tuple[Pod, ...] = ()
    flavors: tuple[Flavor, ...] = ()
    balancers: tuple[Balancer, ...] | None = None

    def machine(self, group: NodeGroup | None) -> Flavor | None:
        """The flavor of a node group's machines, if it is known."""
        named = group.machine if group else ""
        return next((flavor for flavor in self.flavors if named in (flavor.id, flavor.name)), None)

    def of(self, group: str, view: View) -> tuple[Server, ...] | None:
        """The machines of a node group ("control-plane" is one, too)."""
        release = view.cluster.release if view.cluster else None
        if self.servers is None or release is None:
            return None
        return servers_of(group, release, [one.name for one in view.groups], self.servers)


class Looker:
    """For one cluster; threads may share it."""

    def __init__(self, view: View) -> None:
        self._view, self._lock = view, threading.Lock()
        self._sight, self._looked = Sight(), float("-inf")

    def look(self, waited: float, kube: Kube | None) -> Sight:
        """What is known for somebody who has waited so many seconds; the last look's if that is not old."""
        clock = self._view.patience.clock
        with self._lock:
            if waited >= AFTER and clock.now() - self._looked >= EVERY:
                self._sight = see(self._view.magnum.cloud, kube)
                self._looked = clock.now()  # who waited for a slow answer shares it, too
            return self._sight


def see(cloud: Cloud, kube: Kube | None) -> Sight:
    """Look now. What does not answer is left out: it is only asked to explain."""
    servers: tuple[Server, ...] | None = None
    flavors: tuple[Flavor, ...] = ()
    rooms: Mapping[str, Room] = {}
    with suppress(CloudError):
        servers, rooms, flavors = cloud.servers(), cloud.quota(), cloud.flavors()
    pods: tuple[Pod, ...] = ()
    balancers: tuple[Balancer, ...] | None = None
    with suppress(CloudError):
        pods = kube.pods(None) if kube else ()
        balancers = None if kube else cloud.balancers()
    return Sight(servers, rooms, tuple(pod for pod in pods if pod.namespace in ADDONS), flavors, balancers)
