"""How large the machines of a template are: what the OpenStack provider looks up for those who plan with them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hubfleet_sandbox.cloud import CloudError
from hubfleet_sandbox.kubernetes import kinds
from hubfleet_sandbox.kubernetes.api import section

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hubfleet_sandbox.cloud import Cloud
    from hubfleet_sandbox.kubernetes.api import Object
    from hubfleet_sandbox.machine_room.room import Family, Room

GPU = "nvidia.com/gpu"
_WITH_GPU = re.compile(r"g\d\.")  # Jetstream2's g3.small and so on: one GPU, or a part of one


def capacity(room: Room, family: Family, name: str) -> Mapping[str, str]:
    """What a machine of this OpenStackMachineTemplate offers, as Kubernetes counts it; empty if the cluster has no
    cloud. It is kept in the template's `status.capacity`, as the real provider does for autoscalers (Cluster API's
    contract for infrastructure machine templates)."""
    template = room.client.get(kinds.MACHINE_TEMPLATE.path(family.namespace, name))
    known: Mapping[str, str] = section(template, "status", "capacity")
    cloud = None if known or template is None else room.clouds.of(family)
    if cloud is None or template is None:
        return known
    found = _measured(cloud, section(template, "spec", "template", "spec").get("flavor", ""))
    room.client.merge(kinds.MACHINE_TEMPLATE.of(template, "status"), {"status": {"capacity": found}})
    return found


def offered(flavor: Object) -> dict[str, str]:
    """What a machine of this flavor of Nova offers."""
    found = {"cpu": str(flavor["vcpus"]), "memory": f"{flavor['ram']}Mi"}
    return {**found, GPU: "1"} if _WITH_GPU.match(flavor["name"]) else found


def devices(capacity: Mapping[str, str]) -> dict[str, str]:
    """What of a capacity a kubelet does not count by itself."""
    return {name: amount for name, amount in capacity.items() if name not in ("cpu", "memory")}


def _measured(cloud: Cloud, wanted: str) -> dict[str, str]:
    flavors: list[Object] = cloud.request("compute", "GET", "/flavors/detail")["flavors"]
    flavor = next((one for one in flavors if wanted in (one["name"], one["id"])), None)
    if flavor is None:
        raise CloudError(f"Nova has no flavor {wanted}", 404)
    return offered(flavor)
