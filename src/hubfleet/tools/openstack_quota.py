"""The quotas of a project and what it uses of them: each service asked once, side by side.

A service that does not tell (an older one, a role that may not ask) has no entry: what is not known stands in no way.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from hubfleet.tools.openstack_session import Session

_SILENT = (401, 403, 404)
_NEUTRON = {
    "floatingip": "floating IPs",
    "network": "networks",
    "subnet": "subnets",
    "router": "routers",
    "port": "ports",
    "security_group": "security groups",
    "security_group_rule": "security group rules",
}


@dataclass(frozen=True)
class Room:
    """One quota: how much there may be and is. `limit` None: no limit."""

    limit: int | None
    used: int

    @property
    def left(self) -> int | None:
        """What may still be made; None: no limit."""
        return None if self.limit is None else max(0, self.limit - self.used)


Rooms = Mapping[str, Room]


def rooms(cloud: Session) -> Rooms:
    """By name: "instances", "cores", "ram" (MiB), "server groups"; "floating IPs", "networks", "subnets", "routers",
    "ports", "security groups", "security group rules"; "volumes", "gigabytes", and both per volume type where it has a
    limit of its own ("volumes of ssd"); "load balancers" where there is Octavia."""
    asks = (_nova, _neutron, _cinder, _octavia)
    with ThreadPoolExecutor(len(asks), thread_name_prefix="quota") as pool:
        answers = [pool.submit(ask, cloud) for ask in asks]
        return {name: room for answer in answers for name, room in answer.result().items()}


def _nova(cloud: Session) -> Rooms:
    found = cloud.get("compute", "/limits").body["limits"]["absolute"]
    return {
        "instances": _room(found["maxTotalInstances"], found["totalInstancesUsed"]),
        "cores": _room(found["maxTotalCores"], found["totalCoresUsed"]),
        "ram": _room(found["maxTotalRAMSize"], found["totalRAMUsed"]),
        "server groups": _room(found.get("maxServerGroups", -1), found.get("totalServerGroupsUsed", 0)),
    }


def _neutron(cloud: Session) -> Rooms:
    path = f"/quotas/{cloud.project_id}/details.json"
    found: dict[str, Any] = cloud.get("network", path, allow=_SILENT).body.get("quota", {})
    return {
        name: _room(found[key]["limit"], found[key]["used"] + found[key].get("reserved", 0))
        for key, name in _NEUTRON.items()
        if key in found
    }


def _cinder(cloud: Session) -> Rooms:
    path = f"/os-quota-sets/{cloud.project_id}?usage=true"
    found: dict[str, Any] = cloud.get("block-storage", path, allow=_SILENT).body.get("quota_set", {})
    found.pop("id", None)
    all_rooms = {name: _room(quota["limit"], quota["in_use"] + quota["reserved"]) for name, quota in found.items()}
    chosen: dict[str, Room] = {name: all_rooms[name] for name in ("volumes", "gigabytes") if name in all_rooms}
    for name, room in all_rooms.items():
        what, _, kind = name.partition("_")
        if what in chosen and kind and room.limit is not None:
            chosen[f"{what} of {kind}"] = room
    return chosen


def _octavia(cloud: Session) -> Rooms:
    """Its quota tells the limit alone (Octavia API v2, GET /v2/lbaas/quotas/PROJECT), so what there is is counted."""
    if not cloud.offers("load-balancer"):
        return {}
    quota = cloud.get("load-balancer", f"/lbaas/quotas/{cloud.project_id}", allow=_SILENT).body.get("quota", {})
    limit = quota.get("load_balancer", quota.get("loadbalancer"))
    if limit is None or limit < 0:
        return {}
    there = cloud.get("load-balancer", "/lbaas/loadbalancers?fields=id", allow=_SILENT).body.get("loadbalancers", ())
    return {"load balancers": _room(limit, len(there))}


def _room(limit: int, used: int) -> Room:
    return Room(None if limit < 0 else limit, used)
