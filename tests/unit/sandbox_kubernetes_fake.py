"""A Kubernetes API in memory for tests of controllers: objects by path, versions, finalizers; no more."""

from __future__ import annotations

import copy
from typing import Any

from hubfleet_sandbox.cloud import CloudError
from hubfleet_sandbox.kubernetes.api import RefusedError

Object = dict[str, Any]


class FakeKubernetes:
    """Takes the place of `api.Client`. `objects` is what is there; `writes` counts what was written."""

    def __init__(self) -> None:
        self.objects: dict[str, Object] = {}
        self.writes = 0

    def put(self, path: str, item: Object) -> Object:
        """Have an object, as if somebody else had made or changed it."""
        self.writes += 1
        stored = copy.deepcopy(item)
        stored.setdefault("metadata", {})["resourceVersion"] = str(self.writes)
        self.objects[path] = stored
        return stored

    def list(self, path: str, **_: str) -> tuple[list[Object], str]:
        kind = path.rsplit("/", 1)[-1]
        found = {at: item for at, item in self.objects.items() if at.split("/")[-2] == kind}
        return copy.deepcopy(list(found.values())), str(self.writes)

    def apply(self, path: str, item: Object) -> Object:
        return self.put(path, item)

    def create(self, path: str, item: Object) -> Object:
        place = f"{path}/{item['metadata']['name']}"
        if place in self.objects:
            raise RefusedError(f"POST {path}: 409", 409, "AlreadyExists", "it is there")
        return self.put(place, item)

    def merge(self, path: str, patch: Object) -> Object | None:
        item = self.objects.get(path.removesuffix("/status"))
        if item is None:
            return None
        _merge(item, patch)
        path = path.removesuffix("/status")
        if item["metadata"].get("deletionTimestamp") and not item["metadata"].get("finalizers"):
            self.writes += 1
            return self.objects.pop(path)
        return self.put(path, item)

    def delete(self, path: str) -> None:
        self.writes += 1
        self.objects.pop(path, None)

    def close(self) -> None:
        pass


def _merge(item: Object, patch: Object) -> None:
    for key, value in patch.items():
        if value is None:
            item.pop(key, None)
        elif isinstance(value, dict):
            _merge(item.setdefault(key, {}), value)
        else:
            item[key] = value


class FakeCloud:
    """Takes the place of `cloud.Cloud`: Cinder's volumes and Neutron's floating IPs. Refuses what it does not know."""

    def __init__(self, services: tuple[str, ...] = ("block-storage", "network")) -> None:
        self.services, self.volumes, self.floating_ips = services, dict[str, Object](), dict[str, Object]()
        self.refusal: Exception | None = None
        self.addresses = (f"172.30.0.{number}" for number in range(140, 250))

    def offers(self, service_type: str) -> bool:
        return service_type in self.services

    def request(
        self, service_type: str, method: str, path: str, json: Any = None, *, version: str | None = None
    ) -> Any:
        if self.refusal and method == "POST":
            raise self.refusal
        where, _, query = path.partition("?")
        match service_type, method, where.split("/")[1:]:
            case "block-storage", "GET", ["volumes"]:
                return {"volumes": [one for one in self.volumes.values() if one["name"] == query.removeprefix("name=")]}
            case "block-storage", "POST", ["volumes"]:
                return {"volume": self._keep(self.volumes, {**json["volume"], "status": "creating"})}
            case "block-storage", "POST", ["attachments"]:
                volume = json["attachment"]["volume_uuid"]
                if self.volumes[volume]["status"] != "available":
                    raise CloudError(path, 400)
                return None
            case "block-storage", "POST", ["volumes", volume, "action"]:
                self.volumes[volume].update(json["os-reset_status"])
                return None
            case "block-storage", "DELETE", ["volumes", volume]:
                return self.volumes.pop(volume) and None
            case "network", "GET", ["v2.0", "networks"]:
                return {"networks": [{"id": "outside"}]}
            case "network", "GET", ["v2.0", "floatingips"]:
                return {"floatingips": [one for one in self.floating_ips.values() if _described(one) == query]}
            case "network", "POST", ["v2.0", "floatingips"]:
                address = {"floating_ip_address": next(self.addresses)}
                return {"floatingip": self._keep(self.floating_ips, json["floatingip"] | address)}
            case "network", "DELETE", ["v2.0", "floatingips", floating_ip]:
                return self.floating_ips.pop(floating_ip) and None
        raise AssertionError(f"the fake cloud does not know {service_type} {method} {path}")

    def _keep(self, among: dict[str, Object], item: Object) -> Object:
        own = f"id-{len(among)}"
        among[own] = {**item, "id": own}
        return among[own]


def _described(item: Object) -> str:
    from urllib.parse import quote

    return f"description={quote(item['description'])}"
