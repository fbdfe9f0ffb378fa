"""A project's Nova, Neutron and Cinder as the machine room sees them: refuses what it does not know."""

from __future__ import annotations

import itertools
import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

from hubfleet_sandbox.cloud import Cloud, CloudError

NETWORK = {"id": "net-users", "name": "auto_allocated_network", "tenant_id": "p1"}
SUBNET = {"id": "sub-users", "name": "users", "network_id": "net-users", "cidr": "10.1.0.0/24"}
_FLAVORS = {"m3.small": 2, "m3.quad": 4}


class FakeCloud(Cloud):
    """`quota`: cores, as in Nova. `no_room`: flavors that no host takes. `asked`: every request that changes
    something."""

    def __init__(self, volumes: dict[str, dict[str, str]] | None = None) -> None:
        super().__init__("http://none", "id", "secret")
        self.quota, self.no_room = 150, set[str]()
        self.servers: dict[str, dict[str, Any]] = {}
        self.neutron: dict[str, dict[str, dict[str, Any]]] = {"networks": {"net-users": NETWORK}}
        self.neutron["subnets"] = {"sub-users": SUBNET}
        self.volumes = volumes or {}
        self.status: dict[str, str] = {}
        self.asked: list[str] = []
        self._ids = itertools.count(1)

    def names(self, plural: str) -> list[str]:
        """Of all that Neutron has of a kind."""
        return sorted(item.get("name", "") for item in self.neutron.get(plural, {}).values())

    def offers(self, service_type: str) -> bool:
        return service_type in ("network", "block-storage", "compute")

    def request(self, service_type: str, method: str, path: str, json: Any = None) -> Any:
        if method != "GET":
            self.asked.append(f"{method} {path}")
        url = urlsplit(path)
        parts = url.path.strip("/").split("/")
        query = parse_qs(url.query)
        match service_type, parts:
            case "network", ["v2.0", *rest]:
                return self._network(method, rest, query, json)
            case "compute", _:
                return self._compute(method, parts, query, json)
            case "block-storage", ["volumes", *rest]:
                return self._volume(method, rest, json)
        raise AssertionError((service_type, method, path))

    def _network(self, method: str, parts: list[str], query: Any, body: Any) -> Any:
        items = self.neutron.setdefault(parts[0], {})
        key = parts[0].replace("-", "_")
        match method, parts[1:]:
            case "GET", []:
                wanted = {name: values[0] for name, values in query.items()}
                return {key: [item for item in items.values() if wanted.items() <= item.items()]}
            case "POST", []:
                return self._add(items, key, body)
            case "PUT", [router, "add_router_interface"]:
                owner = {"device_owner": "network:router_interface", "device_id": router}
                network = self.neutron["subnets"][body["subnet_id"]]["network_id"]
                self.neutron.setdefault("ports", {})[f"if-{router}"] = {
                    "id": f"if-{router}", "network_id": network, **owner,
                }  # fmt: skip
                return {}
            case "PUT", [_, "remove_router_interface"]:
                del self.neutron["ports"][body["port_id"]]
                return {}
            case "DELETE", [identity]:
                self._free(parts[0], identity)
                return self._take(items, identity)
        raise AssertionError((method, parts))

    def _add(self, items: dict[str, dict[str, Any]], key: str, body: Any) -> Any:
        singular = key.removesuffix("s")
        new = body[key] if key in body else [body[singular]]
        made = []
        for item in new:
            more = {"floating_ip_address": "203.0.113.5"} if singular == "floatingip" else {}
            more |= {"security_group_rules": []} if singular == "security_group" else {}
            made.append({**item, **more, "id": f"{singular}-{next(self._ids)}"})
            items[made[-1]["id"]] = made[-1]
            if singular == "security_group_rule":
                self.neutron["security-groups"][item["security_group_id"]]["security_group_rules"].append(made[-1])
        return {key: made} if key in body else {singular: made[0]}

    def _free(self, plural: str, identity: str) -> None:
        """As Neutron: what is in use cannot go, and with a network go its subnets."""
        ports = self.neutron.get("ports", {}).values()
        used = {"networks": "network_id", "routers": "device_id"}.get(plural, "")
        if any(port.get(used) == identity or identity in port.get("security_groups", ()) for port in ports):
            raise CloudError(f"{plural} {identity} is in use", 409)
        if plural == "networks":
            subnets = self.neutron["subnets"]
            self.neutron["subnets"] = {k: v for k, v in subnets.items() if v["network_id"] != identity}

    def _compute(self, method: str, parts: list[str], query: Any, body: Any) -> Any:
        match method, parts:
            case "GET", ["flavors"]:
                return {"flavors": [{"id": f"id-{name}", "name": name} for name in _FLAVORS]}
            case "GET", ["servers"]:
                found = [one for one in self.servers.values() if re.search(query["name"][0], one["name"])]
                states = query.get("status", ["ACTIVE", "ERROR", "BUILD"])
                return {"servers": [one for one in found if one["status"] in states]}
            case "GET", ["servers", identity]:
                return {"server": self.servers[identity]}
            case "POST", ["servers"]:
                return self._boot(body["server"])
            case "DELETE", ["servers", identity]:
                return self._take(self.servers, identity)
        raise AssertionError((method, parts))

    def _boot(self, server: dict[str, Any]) -> Any:
        flavor = server["flavorRef"].removeprefix("id-")
        used = sum(_FLAVORS[one["flavor"]] for one in self.servers.values())
        if used + _FLAVORS[flavor] > self.quota:
            words = (
                f"Quota exceeded for cores: Requested {_FLAVORS[flavor]}, but already used {used} of {self.quota} cores"
            )
            raise CloudError("POST /servers", 403, why=json.dumps({"forbidden": {"code": 403, "message": words}}))
        assert self.neutron["ports"][server["networks"][0]["port"]]
        made: dict[str, Any] = {"id": f"server-{next(self._ids)}", **server, "flavor": flavor, "status": "ACTIVE"}
        if flavor in self.no_room:
            made |= {"status": "ERROR", "fault": {"message": "No valid host was found."}}
        self.servers[made["id"]] = made
        return {"server": {"id": made["id"]}}

    def _volume(self, method: str, rest: list[str], json: Any) -> Any:
        match method, rest:
            case "GET", ["detail"]:
                keys = {key: self.status.get(key, "available") for key in self.volumes}
                return {
                    "volumes": [
                        {"id": key, "name": key, "metadata": self.volumes[key], "status": status}
                        for key, status in keys.items()
                    ]
                }
            case "POST", [identity, "action"]:
                self.status[identity] = json["os-reset_status"]["status"]
                return None
            case "DELETE", [identity]:
                return self._take(self.volumes, identity)
        raise AssertionError((method, rest))

    @staticmethod
    def _take(items: dict[str, Any], identity: str) -> None:
        if items.pop(identity, None) is None:
            raise CloudError(identity, 404)
